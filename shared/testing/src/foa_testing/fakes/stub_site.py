"""A site of stub stages on the servers of a stack, and requests to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from foa.pipeline import installed_services, job_services
from foa.pipeline.progress import progress_of
from foa.site import read_site
from foa_stage.manifests import Request, Target
from foa_stage.tree import RunTree
from foa_testing.fakes import factories, stub_stages
from foa_testing.stack.daemons import Daemons
from foa_testing.stack.processes import wait_until
from foa_testing.stack.whole import Stack

RESOURCES = {"memory_mib": 200, "time_limit_s": 600}


def make_site(stack: Stack, home: Path, fates: dict[int, str] | None = None) -> Path:
    """Make a site of stub stages on the servers of a stack; return the path of its file."""
    return stack.write_site(make_local_site(home, fates), home)


def make_local_site(home: Path, fates: dict[int, str] | None = None, **of_stages: Any) -> Path:
    """Make a site of stub stages that run as processes of this host; return its file's path.

    `of_stages` are further settings of `stub_stages.install`.
    """
    (home / "archive").mkdir(parents=True, exist_ok=True)
    stub_stages.install(home / "envs", run_of(home / "archive"), fates, **of_stages)
    site = {
        "name": "stub",
        "tree": str(home / "tree"),
        "environments": str(home / "envs"),
        "archive": factories.make_archive(home / "archive").model_dump(),
        "resources": {service.name: RESOURCES for service in job_services()},
    }
    (home / "site.yaml").write_text(yaml.safe_dump(site))
    return home / "site.yaml"


def make_unreachable_site(home: Path) -> Path:
    """Make a local site whose broker does not run; return the path of its file."""
    broker = {"host": "127.0.0.1", "port": 1, "passwords": str(home)}
    return change(make_local_site(home), broker=broker)


def change(site: Path, **settings: Any) -> Path:
    """Set whole sections of a site file, or add them; return its path."""
    site.write_text(yaml.safe_dump(yaml.safe_load(site.read_text()) | settings))
    return site


def run_of(archive: Path) -> dict[str, Any]:
    """Return a run whose files lie in an archive."""
    run = factories.make_run()
    models = {"directory": archive / "models", "config": factories.make_stamp(f"{archive}/config")}
    node = run.nodes[0].model_copy(update={"dl2": factories.make_stamp(f"{archive}/mc")})
    changes = {
        "dl1": factories.make_stamp(str(archive / "dl1.h5")),
        "models": run.models.model_copy(update=models),
        "nodes": (node,),
    }
    return run.model_copy(update=changes).model_dump(mode="json")


def make_request(site: Path, name: str, obs_ids: Sequence[int]) -> Request:
    """Return a request for some runs."""
    target = Target(name=name, ra=83.63, dec=22.01)
    request = factories.make_request(target, read_site(site).archive)
    return request.model_copy(update={"obs_ids": tuple(obs_ids)})


def start_daemons(daemons: Daemons, replicas: int = 1) -> None:
    """Start so many of each service."""
    for service in installed_services():
        for number in range(1, replicas + 1):
            daemons.start(f"{service.name}-{number}", service.name)


def finish(tree: RunTree, requests: Sequence[Request], limit_s: float) -> None:
    """Wait until nothing more is to come of requests."""
    waiting = {request.id for request in requests}

    def all_finished() -> bool:
        finished = {one for one in waiting if progress_of(tree, one).finished}
        waiting.difference_update(finished)
        return not waiting

    wait_until(all_finished, "the end of all requests", limit_s, interval_s=0.5)
