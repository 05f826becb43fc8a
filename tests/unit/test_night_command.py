"""`foa synth` makes the night where lstchain is installed."""

import pytest
import typer
import yaml

from foa.errors import FoaError
from foa_testing.night.command import synth


@pytest.fixture
def environments(tmp_path):
    return tmp_path / "envs"


@pytest.fixture
def site(repository, tmp_path, environments):
    """The demo's site with other environments."""
    content = yaml.safe_load((repository / "deploy/sites/demo.yaml").read_text())
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(content | {"environments": str(environments)}))
    return path


def test_the_night_is_made_in_the_converters_environment(site, environments, tmp_path):
    python = environments / "dl2-converter/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\nexit 7\n')
    python.chmod(0o755)
    with pytest.raises(typer.Exit) as ended:
        synth(tmp_path / "night", site, seed=5)
    assert ended.value.exit_code == 7
    words = (tmp_path / "words").read_text().split()
    assert words == ["-m", "foa_testing.night", str(tmp_path / "night"), "--seed", "5"]


def test_an_environment_that_is_missing_is_named(site, environments, tmp_path):
    with pytest.raises(FoaError, match=rf"{environments}/dl2-converter/bin/python.*make env"):
        synth(tmp_path / "night", site)


def test_a_site_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(FoaError, match=r"nowhere\.yaml"):
        synth(tmp_path / "night", tmp_path / "nowhere.yaml")
