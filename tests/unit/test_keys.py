"""The key of a piece of work holds everything that determines its result, and nothing else."""

import shutil

import pytest
from pydantic import BaseModel

from foa import runtime
from foa.pipeline import job_services
from foa.runtime import Environment, source_directory
from foa_stage.jobs import JobSpec
from foa_stage.manifests import Interval, Profile
from foa_stage.tree import RunTree, product_of
from foa_testing.fakes import factories

SERVICES = {service.name: service for service in job_services()}


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """Copies of every package's sources, where the digest of the software is taken."""
    packages = ["foa_stage", "foa", *(service.package for service in job_services())]
    for package in packages:
        shutil.copytree(source_directory(package), tmp_path / package)
    monkeypatch.setattr(runtime, "source_directory", lambda package: tmp_path / package)
    (tmp_path / "lock.txt").write_text("numpy==2")
    return tmp_path


def software(copies):
    """The software of every service, as a new daemon would see it."""
    return {name: Environment(one, copies).software for name, one in SERVICES.items()}


def changed(copies, path, text="\n# changed\n"):
    """Names of the services whose software a changed file changes."""
    before = software(copies)
    with (copies / path).open("a") as file:
        file.write(text)
    after = software(copies)
    return {name for name in SERVICES if before[name] != after[name]}


@pytest.mark.parametrize(
    "path",
    [
        "foa_stage/event_filters.py",
        "foa_stage/runner.py",
        "foa_stage/manifests/run.py",
        "lock.txt",
    ],
)
def test_the_stage_library_and_the_lock_are_in_every_key(copies, path):
    assert changed(copies, path) == set(SERVICES)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("foa_analyzer/templates/report.html.j2", "analyzer"),
        ("foa_analyzer/spectrum.py", "analyzer"),
        ("foa_dl2_converter/walk.py", "dl2-converter"),
        ("foa_dl3_maker/stage.py", "dl3-maker"),
        ("foa_irf_builder/stage.py", "irf-builder"),
        ("foa_selector/quality.py", "selector"),
    ],
)
def test_a_service_has_its_whole_package_in_its_keys_and_in_no_others(copies, path, name):
    assert changed(copies, path) == {name}


def test_a_new_file_of_a_package_is_in_the_key(copies):
    before = software(copies)
    (copies / "foa_analyzer/templates/extra.j2").write_text("")
    assert software(copies)["analyzer"] != before["analyzer"]


@pytest.mark.parametrize("path", ["foa/cli/results.py", "foa/service/policy.py", "foa/site.py"])
def test_command_and_daemons_are_in_no_key(copies, path):
    assert changed(copies, path) == set()


def test_byte_code_is_in_no_key(copies):
    (copies / "foa_stage/__pycache__").mkdir(exist_ok=True)
    assert changed(copies, "foa_stage/__pycache__/x.pyc") == set()


def leaves(model, path=()):
    """Every setting of a profile, by its path."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel) and not isinstance(value, Interval):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def another(value):
    if isinstance(value, Interval):
        return Interval(low=value.low, high=value.high + 1)
    if isinstance(value, tuple):
        return (value[0], another(value[1])) if isinstance(value[0], float) else value[:1]
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, float) and value:
        return value / 2
    return 1 if value is None else value + 1


def with_another(model, path):
    name, *rest = path
    value = getattr(model, name)
    new = with_another(value, rest) if rest else another(value)
    return model.model_copy(update={name: new})


USERS = {
    "name": {"analyzer", "selector"},
    "version": {"analyzer", "selector"},
    "selection": {"selector"},
    "irf": {"irf-builder", "selector"},
    "dl3": {"dl3-maker", "irf-builder", "selector"},
    "analysis": {"analyzer", "selector"},
}
"""Services whose work depends on a part of the profile; the selector's names the whole request."""
KNOWN = {"dl2-converter", *(name for users in USERS.values() for name in users)}
ELSEWHERE = {("dl3", "max_node_distance"): {"dl3-maker", "selector"}}


def requests_to_stages(tree, profile):
    """What each stage is asked for a run, under a profile."""
    request = factories.make_request().model_copy(update={"profile": profile})
    asked = {}
    manifests = (
        factories.request_submitted(),
        factories.run_selected(),
        factories.dl2_ready(),
        factories.irf_ready(),
        factories.dl3_ready(dl3=product_of("dl3", tree.root / "dl3")),
    )
    for manifest in manifests:
        told = manifest.model_copy(update={"request": request})
        tree.record(told)
        for name, service in SERVICES.items():
            planned = service.plan(told, tree) if type(told) in service.consumes else None
            if isinstance(planned, JobSpec):
                asked[name] = planned.request.model_dump(mode="json", exclude={"title"})
    return asked


@pytest.mark.parametrize("path", list(leaves(Profile(name="p", version=1))), ids=".".join)
def test_every_setting_is_in_the_keys_of_the_stages_that_use_it(tmp_path, path):
    trees = [RunTree(tmp_path / name) for name in ("one", "two")]
    for tree in trees:
        tree.root.mkdir()
        (tmp_path / "dl3").write_text("")
        (tree.root / "dl3").symlink_to(tmp_path / "dl3")
    profile = Profile(name="p", version=1)
    one = requests_to_stages(trees[0], profile)
    two = requests_to_stages(trees[1], with_another(profile, path))
    expected = ELSEWHERE.get(path, USERS[path[0]])
    assert one.keys() == two.keys() >= KNOWN
    different = {name for name in KNOWN if strip(one[name]) != strip(two[name])}
    assert different == expected


def strip(content):
    """Without what differs between two trees: paths of products, identities."""
    if isinstance(content, dict):
        return {k: strip(v) for k, v in content.items() if k not in ("path", "id")}
    return [strip(v) for v in content] if isinstance(content, list) else content
