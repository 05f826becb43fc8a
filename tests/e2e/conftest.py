"""The synthetic night, and requests run on it by the real command."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

REQUESTS = ("crab", "too")
GUEST = "games"
"""A user that every Debian has, without any rights."""


@dataclass(frozen=True)
class Operator:
    """Somebody who types `foa` with a run tree of their own."""

    repository: Path
    site: Path

    @property
    def tree(self) -> Path:
        return self.site.parent / "tree"

    def command(self, *arguments):
        foa = self.repository / "build/envs/operator/bin/foa"
        return [str(foa), *map(str, arguments), "--site", str(self.site)]

    def type(self, *arguments, check=True):
        ended = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False
        )
        assert not check or ended.returncode == 0, ended.stderr
        return ended

    def request(self, name):
        return self.repository / f"deploy/requests/{name}.yaml"

    def run(self, *names):
        """Run requests; what `foa run --json` says of each, with the content of its results."""
        said = json.loads(self.type("run", *map(self.request, names), "--json").stdout)
        return {
            name: told | {"content": json.loads(Path(told["results"]).read_text())}
            for name, told in zip(names, said, strict=True)
        }

    def attempts(self):
        """Every job ever submitted."""
        return {str(path.relative_to(self.tree)) for path in self.tree.glob("work/*/*/attempt-*")}


def assert_same(one, other):
    """Compare, but for the geomagnetic drift between two runs of lstchain (1e-6 an hour)."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_same(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same(*pair)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-4)
    else:
        assert one == other


@pytest.fixture(scope="session")
def same():
    return assert_same


@pytest.fixture(scope="session")
def night(repository):
    truth = repository / "build/night/truth.json"
    assert truth.exists(), "no synthetic night: `make night` makes it"
    return json.loads(truth.read_text())


@pytest.fixture(scope="session")
def hire(repository, night, tmp_path_factory):
    """A new operator with an empty run tree on the demo site."""

    def make(name):
        home = tmp_path_factory.mktemp(name)
        demo = repository / "deploy/sites/demo.yaml"
        site = yaml.safe_load(demo.read_text())
        for key in ("tree", "environments"):
            site[key] = str((demo.parent / site[key]).resolve())
        site["archive"] = {
            key: value if key == "production" else str(demo.parent / value)
            for key, value in site["archive"].items()
        }
        site["tree"] = str(home / "tree")
        (home / "site.yaml").write_text(yaml.safe_dump(site))
        return Operator(repository, home / "site.yaml")

    return make


@pytest.fixture(scope="session")
def operator(hire):
    return hire("night")


@pytest.fixture(scope="session")
def told(operator):
    """Both requests of the demo, run once."""
    return operator.run(*REQUESTS)


@pytest.fixture(scope="session")
def open_place():
    """A directory that every user of this host can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="foa-e2e-") as place:
        Path(place).chmod(0o755)
        yield Path(place)


@pytest.fixture(scope="session")
def stack(open_place, raise_stack):
    """Servers for as many jobs at a time as there are cores."""
    return raise_stack(open_place / "stack", base_port=28000, n_nodes=2, cpus=1, guests=(GUEST,))


@pytest.fixture(scope="session")
def as_guest():
    """What to put before a command that shall have no rights, even if root runs the tests."""
    return (
        () if os.getuid() else ("setpriv", f"--reuid={GUEST}", f"--regid={GUEST}", "--clear-groups")
    )
