"""Where tests find things."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

DEAD = pytest.StashKey[list]()
"""Servers of the tests that did not live to their end."""
DISPLAY = (
    *("CI", "GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS", "NO_COLOR", "COLORTERM", "LINES"),
    *("TERMINAL_WIDTH", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "TYPER_USE_RICH"),
)
"""Variables by which typer and rich decide how a command writes."""
for profile, n_examples in (("foa", 250), ("thorough", 10_000)):
    settings.register_profile(
        profile,
        settings.get_profile("default"),
        max_examples=n_examples,
        deadline=None,
        derandomize=False,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
settings.load_profile("foa")


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden files instead of comparing with them",
    )


@pytest.fixture(scope="session")
def repository():
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def realdata(repository):
    """Real telescope data, not part of the project: FOA_REALDATA, or `shared/data` beside it."""
    place = Path(os.environ.get("FOA_REALDATA", repository.parent / "shared/data"))
    if not place.is_dir():
        pytest.skip(f"no real data at {place}: set FOA_REALDATA")
    return place


@pytest.fixture(scope="session")
def raise_stack(request, repository, tmp_path_factory):
    """Servers of the tests' own, until the tests are through."""
    # the stages' environments, whose tests read this file too, have no broker's client
    from foa_testing.stack.processes import SYSTEM_PROGRAMS
    from foa_testing.stack.whole import Stack, missing_programs

    stacks = []

    def start(root=None, **shape):
        os.environ["PATH"] += SYSTEM_PROGRAMS
        assert not missing_programs(), (
            f"{missing_programs()} are missing: run `make servers` as root"
        )
        stack = Stack(root or tmp_path_factory.mktemp("stack"), repository, **shape)
        stacks.append(stack)
        os.environ |= stack.slurm.environment
        stack.start()
        return stack

    yield start
    for stack in stacks:
        died = [name for name, lives in stack.status().items() if not lives]
        request.config.stash.setdefault(DEAD, []).extend((stack.root, name) for name in died)
        stack.stop()


def pytest_terminal_summary(terminalreporter, config):
    """Tell which servers did not live to the end of the tests: it explains many failures."""
    for root, name in config.stash.get(DEAD, []):
        terminalreporter.write_line(f"died before the end of the tests: {name}, see {root}")


@pytest.fixture(scope="session")
def plain_environment(tmp_path_factory):
    """The environment of a user without settings, at a terminal without colours."""
    home = tmp_path_factory.mktemp("home")
    plain = {"COLUMNS": "160", "TERM": "dumb", "HOME": home, "XDG_CONFIG_HOME": home}
    with pytest.MonkeyPatch.context() as patch:
        for name in (*DISPLAY, "FOA_SITE", "FOA_LISTEN", "PYTHONDEVMODE", "PYTHONIOENCODING"):
            patch.delenv(name, raising=False)
        for name, value in plain.items():
            patch.setenv(name, str(value))
        yield


@pytest.fixture
def golden(request):
    """Compare a text with a file of the repository, or write it there when told to."""

    def compare(path, text):
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.read_text() == text, f"{path} is not current: run pytest with --update-golden"

    return compare
