"""Options that several commands share: the site file, and what the shell completes."""

import os
import subprocess
import sys

import pytest

from foa.cli.options import complete_request, complete_service, site_file, tree_of
from foa.errors import FoaError, Unavailable
from foa_stage.tree import RunTree
from foa_testing.fakes import factories, stub_site


@pytest.fixture
def configured(tmp_path, monkeypatch):
    """Directories of a user: the configuration, and where the command is typed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.fixture
def site(tmp_path):
    return stub_site.make_local_site(tmp_path)


def make(path):
    path.parent.mkdir(parents=True)
    path.touch()


def test_the_site_file_is_the_given_one_the_users_or_the_demos(configured, tmp_path):
    with pytest.raises(FoaError) as error:
        site_file(None)
    for place in ("--site", "FOA_SITE", f"{tmp_path}/config/foa/site.yaml", "deploy/sites"):
        assert place in str(error.value)
    make(configured / "here/deploy/sites/demo.yaml")
    assert str(site_file(None)) == "deploy/sites/demo.yaml"
    make(configured / "config/foa/site.yaml")
    assert site_file(None) == configured / "config/foa/site.yaml"
    assert site_file(configured / "given.yaml") == configured / "given.yaml"


def test_a_tree_that_is_not_there_or_cannot_be_read_is_an_error(site, tmp_path):
    with pytest.raises(Unavailable, match=r"tree does not exist.*not mounted"):
        tree_of(site)
    (tmp_path / "tree").touch()
    with pytest.raises(NotADirectoryError):
        tree_of(site)


def test_requests_that_cannot_be_read_are_an_error(site, tmp_path):
    (tmp_path / "tree").mkdir()
    assert tree_of(site).request_ids() == []
    (tmp_path / "tree/requests").symlink_to("requests")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        tree_of(site)


def test_ids_of_requests_are_completed_the_newest_first(site, tmp_path):
    class Context:
        params = {"site": str(site)}

    assert complete_request(Context, "") == []
    for manifest in (factories.request_submitted(), factories.run_selected()):
        RunTree(tmp_path / "tree").record(manifest)
    assert complete_request(Context, "cr") == [factories.make_request().id]
    assert complete_request(Context, "vela") == []


def test_names_of_services_are_completed():
    assert complete_service("dl") == ["dl2-converter", "dl3-maker"]


def test_the_shell_is_told_what_completes_a_request(site, tmp_path):
    RunTree(tmp_path / "tree").record(factories.request_submitted())
    words = {"COMP_WORDS": f"foa show --site {site} cr", "COMP_CWORD": "4"}
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "from foa.cli.__main__ import make_app; make_app()(prog_name='foa')",
        ],
        env=os.environ | words | {"_FOA_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert factories.make_request().id in told.stdout
