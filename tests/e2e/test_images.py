"""Stages and daemons from their Apptainer images: the same results, and nothing else is seen."""

import json
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from foa.pipeline import find_service, job_services
from foa.pipeline.progress import progress_of
from foa.runtime import runtime_of
from foa.site import read_site
from foa_stage.tree import RunTree

SERVICES = [service.name for service in job_services()]
IMAGES = [*SERVICES, "foa"]
SLURM_CLIENT = (
    "/usr/bin/sbatch",
    "/usr/bin/squeue",
    "/usr/bin/sacct",
    "/usr/bin/scancel",
    "/usr/lib/x86_64-linux-gnu/slurm-wlm",
)


@pytest.fixture(scope="module")
def images(repository):
    directory = repository / "build/images"
    missing = [name for name in IMAGES if not (directory / f"{name}.sif").exists()]
    assert not missing, f"no image of {missing}: `make images` makes them"
    return directory


@pytest.fixture(scope="module")
def shipped(stack, operator, images, repository, open_place):
    """An operator whose site runs the stages in images, where every user can read them."""
    home = open_place / "images"
    for name, source in (
        ("night", repository / "build/night"),
        ("sif", images),
        ("locks", repository / "deploy/locks"),
    ):
        shutil.copytree(
            source, home / name, ignore=shutil.ignore_patterns("stacks", "wheels", "key.pem")
        )
    demo = read_site(repository / "deploy/sites/demo.yaml").archive.model_dump(mode="json")
    archive = {
        key: value.replace(str(repository / "build"), str(home)) for key, value in demo.items()
    }
    settings = {
        "directory": home / "sif",
        "public_key": home / "sif/key.pub",
        "locks": home / "locks",
    }
    site = stack.write_site(
        repository / "deploy/sites/demo.yaml",
        home,
        archive=archive,
        images={key: str(path) for key, path in settings.items()},
    )
    shipped = replace(operator, site=site)
    shipped.tree.mkdir()
    shutil.chown(shipped.tree, stack.guests[0])
    return shipped


@pytest.fixture(scope="module")
def sent(stack, shipped, as_guest):
    """The request of the empty field, through daemons from an image, which may do nothing else."""
    home, broker = shipped.site.parent, stack.rabbitmq.root
    for path in (broker / "passwords", *(broker / "passwords").iterdir()):
        shutil.chown(path, stack.guests[0])
    configuration = Path(stack.slurm.environment["SLURM_CONF"])
    readable = [
        shipped.site,
        home / "sif",
        broker / "passwords",
        broker / "tls",
        configuration,
        *SLURM_CLIENT,
    ]
    sandbox = [
        "--userns",
        "--containall",
        "--cleanenv",
        "--no-home",
        f"--env=SLURM_CONF={configuration}",
        f"--bind={shipped.tree}:{shipped.tree}",
        *(f"--bind={path}:{path}:ro" for path in readable),
    ]
    daemons = stack.daemons(shipped.site)
    foa = [*as_guest, "apptainer", "--quiet", "run", *sandbox]
    for service in SERVICES:
        daemons.start(service, service, *foa, home / "sif/foa.sif", "serve", service)
    requests = f"--bind={shipped.repository}/deploy/requests"
    submit = ["submit", shipped.request("too"), "--site", shipped.site]
    request_id = subprocess.run(
        [*foa, requests, home / "sif/foa.sif", *submit], check=True, capture_output=True, text=True
    ).stdout.strip()
    deadline = time.monotonic() + 600
    while not progress_of(RunTree(shipped.tree), request_id).finished:
        assert time.monotonic() < deadline, [
            path.read_text()[-2000:] for path in (home / "daemons").glob("*.log")
        ]
        time.sleep(1)
    yield request_id
    daemons.stop_all()


def test_the_findings_are_those_of_the_environments(sent, shipped, told, same):
    shown = json.loads(shipped.type("show", sent, "--json").stdout)
    same(shown["results"]["findings"], told["too"]["content"]["findings"])


def test_every_report_says_which_image_made_it(sent, shipped):
    site = read_site(shipped.site)
    for link in RunTree(shipped.tree).linked_works(sent):
        image = runtime_of(site, find_service(link.stage)).software
        assert link.work.last_report().versions["image"] == image


def test_every_image_is_in_order(shipped):
    checks = json.loads(shipped.type("check", "--json", check=False).stdout)
    images = {check["what"]: check["ok"] for check in checks if check["what"].startswith("image")}
    assert images == {f"image {service}": True for service in SERVICES}


def test_an_image_that_was_tampered_with_is_found_out(shipped, images, tmp_path):
    site = yaml.safe_load(shipped.site.read_text())
    for path in images.glob("*.sif"):
        (tmp_path / path.name).symlink_to(path)
    content = bytearray((images / "selector.sif").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "selector.sif").unlink()
    (tmp_path / "selector.sif").write_bytes(content)
    site["images"] |= {"directory": str(tmp_path), "locks": None}
    changed = tmp_path / "site.yaml"
    changed.write_text(yaml.safe_dump(site))
    command = [
        shipped.repository / "build/envs/operator/bin/foa",
        "check",
        "--json",
        "--site",
        changed,
    ]
    checks = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    assert [check["what"] for check in checks if not check["ok"] and "image" in check["what"]] == [
        "image selector"
    ]


@pytest.mark.parametrize("name", IMAGES)
def test_the_tests_of_every_image_pass(shipped, as_guest, name):
    subprocess.run(
        [
            *as_guest,
            "apptainer",
            "--quiet",
            "test",
            "--userns",
            shipped.site.parent / f"sif/{name}.sif",
        ],
        check=True,
    )


@pytest.mark.parametrize(
    ("attempt", "complaint"),
    [
        ("touch {night}/RunSummary/new", "Read-only file system"),
        ("touch /opt/new", "Read-only file system"),
        ("cat {secret}", "No such file or directory"),
    ],
)
def test_a_stage_can_neither_write_outside_the_tree_nor_read_what_is_not_its_input(
    shipped, as_guest, tmp_path, attempt, complaint
):
    (tmp_path / "secret").write_text("of another user")
    runtime = runtime_of(read_site(shipped.site), find_service("selector"))
    command = runtime.command(shipped.tree / "r", shipped.tree)
    words = attempt.format(
        night=shipped.site.parent / "night/monitoring", secret=tmp_path / "secret"
    ).split()
    ended = subprocess.run(
        [*as_guest, *command[:-3], *words], capture_output=True, text=True, check=False
    )
    assert ended.returncode
    assert complaint in ended.stderr
