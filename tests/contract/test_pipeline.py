"""The pipeline is stated once, in the services' declarations: everything else follows from them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from foa.pipeline import find_service, installed_services, job_services
from foa.pipeline.installed import before
from foa.site import read_site
from foa_stage.manifests import KINDS, SAID, kind_of

FOLDERS = Path(__file__).parents[2] / "services"
NAMES = {path.parent.name for path in FOLDERS.glob("*/pyproject.toml")}


def test_all_services_are_installed_under_the_names_of_their_folders():
    assert {service.name for service in installed_services()} == NAMES
    assert {"selector", "dl2-converter", "irf-builder", "dl3-maker", "analyzer"} <= NAMES


def test_services_are_in_the_order_in_which_work_reaches_them():
    names = [service.name for service in installed_services()]
    for service in installed_services():
        for needed in before(service, installed_services()):
            assert names.index(needed.name) < names.index(service.name)


def test_every_kind_is_announced_by_a_service_or_said_by_people():
    announced = {kind for service in installed_services() for kind in service.said_kinds}
    assert announced == KINDS.keys() - set(map(kind_of, SAID))


@pytest.mark.parametrize("site", ["demo", "lst-it"])
def test_a_site_gives_resources_to_services_only(repository, site):
    assert read_site(repository / f"deploy/sites/{site}.yaml").resources.keys() <= NAMES


@pytest.mark.parametrize("service", job_services(), ids=lambda service: service.name)
def test_every_service_has_a_stage_a_stub_and_a_title(repository, service):
    package = repository / f"services/{service.name}/src/{service.package}"
    assert (package / "stage.py").exists()
    assert (package / "stub.py").exists()
    assert service.title


def test_services_do_not_know_each_other():
    packages = [service.package for service in job_services()]
    graph = grimp.build_graph(*packages)
    for package in packages:
        others = set(packages) - {package}
        imported = {
            name.partition(".")[0]
            for module in graph.find_descendants(package) | {package}
            for name in graph.find_modules_directly_imported_by(module)
        }
        assert not imported & others


SIXTH = """
import json, runpy, sys
from pathlib import Path
import yaml
from foa.bus.rabbitmq.asyncapi import describe
from foa.bus.rabbitmq.definitions import make_definitions
from foa.bus.rabbitmq.topology import topology
from foa.cli.timing import times_table
from foa.intake.submission import submission
from foa.pipeline import consumers, installed_services, job_services, publishers, unconsumed_kinds
from foa.service.embedded import Embedded
from foa.service.events import JobEnded
from foa.site import read_site
from foa_testing.fakes import factories, stub_site

home, dashboards = Path(sys.argv[1]), sys.argv[2]
site = read_site(stub_site.make_local_site(home))
ended = []
embedded = Embedded(site, ended.append)
request = stub_site.make_request(home / "site.yaml", "Crab", [1, 2])
embedded.run([submission(request, embedded.tree)])
jobs = [event for event in ended if isinstance(event, JobEnded)]
runpy.run_path(dashboards)["write"](home)
definitions = make_definitions("foa", publishers(), home / "passwords")
print(json.dumps({
    "services": [service.name for service in installed_services()],
    "unconsumed": unconsumed_kinds(),
    "bindings": topology(consumers(), unconsumed_kinds())["bindings"],
    "users": [user["name"] for user in definitions["users"]],
    "asyncapi": list(describe(
        {one.name: (one.heard_kinds, one.said_kinds) for one in installed_services()}
    )["operations"]),
    "dashboard": (home / "foa-services.json").read_text(),
    "stages": [job.stage for job in jobs],
    "times": [row for row in times_table(jobs, 1.0).columns[0].cells],
    "counted": [
        work.last_report().facts for work in embedded.tree.works() if work.stage == "counter"
    ],
}))
"""


@pytest.fixture(scope="module")
def with_a_sixth(repository, tmp_path_factory):
    """What the programs say in an environment in which one more service is installed."""
    home = tmp_path_factory.mktemp("sixth")
    uv, source = repository / "build/uv/bin/uv", repository / "tests/services/counter"
    offline = ["--quiet", "--no-deps", "--no-build-isolation", "--python", sys.executable]
    install = [uv, "pip", "install", *offline, "--target", home / "site", source]
    subprocess.run(install, check=True, cwd=home)
    environment = os.environ | {"PYTHONPATH": str(home / "site")}
    script = [sys.executable, "-c", SIXTH, home, repository / "deploy/grafana/dashboards.py"]
    ended = subprocess.run(
        script, env=environment, capture_output=True, text=True, check=False, cwd=repository
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


def test_a_sixth_service_is_found_by_being_installed(with_a_sixth):
    assert set(with_a_sixth["services"]) == NAMES | {"counter"}
    assert with_a_sixth["services"].index("counter") > with_a_sixth["services"].index("analyzer")


def test_a_sixth_service_has_its_queue_its_user_and_its_messages(with_a_sixth):
    binding = {"source": "foa", "routing_key": "analysis.ready", "destination": "foa.counter"}
    assert binding in with_a_sixth["bindings"]
    assert "analysis.ready" not in with_a_sixth["unconsumed"]
    assert "counter" in with_a_sixth["users"]
    assert "counter hears analysis.ready" in with_a_sixth["asyncapi"]


def test_a_sixth_service_has_its_row_in_the_dashboard(with_a_sixth):
    assert 'service=\\"counter\\"' in with_a_sixth["dashboard"]


def test_a_sixth_service_does_its_work(with_a_sixth):
    assert with_a_sixth["counted"]
    assert all(facts == {"products": 1} for facts in with_a_sixth["counted"])
    assert {"counter", "analyzer"} <= set(with_a_sixth["stages"])
    assert "counter" in with_a_sixth["times"]


def test_an_unknown_service_is_refused_by_name():
    with pytest.raises(Exception, match="no service 'counter' is installed: "):
        find_service("counter")
