"""A run tree whose file system is not mounted is neither looked at nor written to."""

import pytest
import structlog
from typer.testing import CliRunner

from foa.cli.__main__ import make_app
from foa.errors import ExitStatus
from foa_testing.fakes import stub_site


@pytest.fixture
def home(tmp_path):
    """A site whose tree should lie on a file system of its own, and a request."""
    stub_site.change(stub_site.make_local_site(tmp_path), mount_point=str(tmp_path))
    (tmp_path / "request.yaml").write_text("target: Crab\nnights: 2024-12-05\nruns: [1]\n")
    yield tmp_path
    structlog.reset_defaults()  # the command quiets the log of its own process


@pytest.mark.parametrize(
    "words",
    [
        ("run", "{home}/request.yaml"),
        ("analyze", "{home}", "--target", "Crab"),
        ("pause", "--all"),
        ("cancel", "crab"),
        ("retry", "crab"),
        ("list",),
        ("clean", "--yes"),
    ],
)
def test_a_command_ends_before_it_makes_a_tree_elsewhere(home, words):
    words = [word.format(home=home) for word in words]
    ended = CliRunner().invoke(make_app(), [*words, "--site", str(home / "site.yaml")])
    assert ended.exit_code == ExitStatus.UNAVAILABLE
    said = f"run tree {home}/tree: not mounted: no file system at {home}"
    assert said in " ".join(ended.output.split())
    assert not (home / "tree").exists()
