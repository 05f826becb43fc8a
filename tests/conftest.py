"""Where tests find things."""

from pathlib import Path

import pytest


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write golden files instead of comparing with them")


@pytest.fixture(scope="session")
def repository():
    return Path(__file__).parents[1]


@pytest.fixture
def golden(request):
    """Compare a text with a file of the repository, or write it there when told to."""

    def compare(path, text):
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert path.read_text() == text, f"{path} is not current: run pytest with --update-golden"

    return compare
