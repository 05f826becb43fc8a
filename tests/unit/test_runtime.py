"""What a stage runs in: its command, and the digest that goes into every key."""

from dataclasses import replace

import pytest

from foa.errors import FoaError
from foa.pipeline import find_service
from foa.runtime import Environment, Image, outermost, runtime_of
from foa.site import Images, Site
from foa_testing.fakes import factories


@pytest.fixture
def site(tmp_path):
    for service in ("dl2-converter", "dl2-converter-v0.10"):
        (tmp_path / f"{service}.sif").write_text(service)
    images = Images(
        directory=tmp_path, public_key=tmp_path / "key.pub", productions={"2022": "v0.10"}
    )
    archive = factories.make_archive(tmp_path / "archive")
    (tmp_path / "archive").mkdir()
    return Site(
        name="test",
        tree=tmp_path / "tree",
        environments=tmp_path / "envs",
        images=images,
        archive=archive,
        resources={},
    )


CONVERTER = find_service("dl2-converter")


def install(site, production=None):
    return runtime_of(site, CONVERTER, production)


def test_an_image_sees_its_inputs_read_only_the_tree_and_nothing_else(site, tmp_path):
    command = install(site).command(
        tmp_path / "tree/work/a/b/request.json", tmp_path / "tree/work/a/b/attempt-1"
    )
    assert {"--containall", "--cleanenv", "--no-home"} <= set(command)
    binds = [word for word in command if word.startswith("--bind")]
    assert binds == [
        f"--bind={tmp_path}/archive:{tmp_path}/archive:ro",
        f"--bind={tmp_path}/tree:{tmp_path}/tree",
    ]
    assert command[-3:] == (
        "foa-stage",
        "foa_dl2_converter.stage",
        f"{tmp_path}/tree/work/a/b/request.json",
    )


def test_the_production_chooses_the_image(site, tmp_path):
    assert install(site, "20240918_v0.10.12_allsky_nsb_0.1").path == tmp_path / "dl2-converter.sif"
    old = install(site, "2022_allsky")
    assert old.path == tmp_path / "dl2-converter-v0.10.sif"
    assert old.software != install(site).software


def test_the_digest_of_an_image_is_that_of_its_content(site, tmp_path):
    before = install(site).software
    assert f"--env=FOA_IMAGE={before}" in install(site).command(tmp_path / "request.json", tmp_path)
    (tmp_path / "dl2-converter.sif").write_text("another")
    assert install(site).software != before


def test_an_image_or_environment_that_is_missing_is_named(site, tmp_path):
    with pytest.raises(FoaError, match=r"irf-builder\.sif"):
        runtime_of(site, find_service("irf-builder"))
    with pytest.raises(FoaError, match="make env"):
        install(site.model_copy(update={"images": None}))


def test_a_service_that_runs_beside_its_daemon_needs_no_image(site, tmp_path):
    directory = tmp_path / "envs/dl2-converter"
    directory.mkdir(parents=True)
    (directory / "lock.txt").write_text("")
    beside = replace(CONVERTER, on_daemon_host=True)
    assert isinstance(runtime_of(site, beside), Environment)


def test_of_directories_in_each_other_the_outermost_are_bound(tmp_path):
    paths = [tmp_path / "a", tmp_path / "a/b", tmp_path / "c"]
    assert outermost(paths) == [tmp_path / "a", tmp_path / "c"]


def test_nothing_is_bound_twice(tmp_path):
    image = Image(find_service("analyzer"), tmp_path / "analyzer.sif", tmp_path, (tmp_path,))
    image.path.touch()
    command = image.command(tmp_path / "request.json", tmp_path)
    assert [word for word in command if word.startswith("--bind")] == [
        f"--bind={tmp_path}:{tmp_path}"
    ]
