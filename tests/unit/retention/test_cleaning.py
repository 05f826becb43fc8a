"""`foa clean` drops old products, after asking, and says what it freed."""

import json

import pytest
import structlog
import yaml
from typer.testing import CliRunner

from foa.cli.__main__ import make_app
from foa_stage.tree import RunTree
from foa_testing.fakes import factories, stub_site


@pytest.fixture
def foa(yard, tmp_path):
    """Types a command; returns its exit code and what it printed."""
    site = {
        "name": "yard",
        "tree": str(yard.tree.root),
        "environments": ".",
        "archive": factories.make_archive().model_dump(),
        "retention": {"products": {"dl2-converter": 30}},
    }
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))

    def type_(*words, answer=""):
        words = [*words, "--site", str(tmp_path / "site.yaml")]
        ended = CliRunner().invoke(make_app(), words, input=answer)
        return ended.exit_code, ended.stdout if not ended.exit_code else ended.output

    return type_


def test_a_dry_run_says_what_would_be_freed_by_kind_and_request(yard, foa):
    request_id = yard.ask("Crab", yard.make(content="x" * 2048))
    code, said = foa("clean", "--dry-run", "--json")
    assert code == 0
    group = {"kind": "dl2-converter", "requests": [request_id], "files": 1, "bytes": 2048}
    assert json.loads(said) == {"bytes": 2048, "files": 1, "groups": [group]}
    code, said = foa("clean", "--dry-run")
    assert "2.0 KiB would be freed, 1 files" in said
    assert request_id in said
    assert len(yard.found()) == 1


def test_it_asks_before_it_drops(yard, foa):
    yard.make()
    for answer in ("n\n", ""):
        code, _ = foa("clean", answer=answer)
        assert code == 1
        assert len(yard.found()) == 1
    code, said = foa("clean", answer="y\n")
    assert code == 0
    assert "6 B freed" in said
    assert yard.found() == []


def test_told_yes_it_does_not_ask_and_says_what_it_freed(yard, foa):
    yard.make()
    code, said = foa("clean", "--yes", "--json")
    assert (code, json.loads(said)["bytes"]) == (0, 6)
    code, said = foa("clean", "--yes", "--json")
    assert (code, json.loads(said)["files"]) == (0, 0)


def test_it_stops_when_so_much_is_free_and_complains_if_that_is_impossible(yard, foa):
    for key, days in (("a", 50), ("b", 70)):
        yard.make(key, days=days, content="x" * 2048)
    assert foa("clean", "--yes", "--free", "2KiB")[0] == 0
    assert yard.found_names() == {"a.h5"}
    assert foa("clean", "--yes", "--free", "1TB")[0] == 1
    assert yard.found_names() == set()
    assert foa("clean", "--free", "many")[0] == 2


def test_nothing_is_dropped_where_the_file_system_is_not_mounted(yard, foa, tmp_path):
    yard.make()
    with (tmp_path / "site.yaml").open("a") as site:
        site.write(f"mount_point: {tmp_path}\n")
    code, said = foa("clean", "--yes")
    assert code == 3
    assert "not mounted" in said
    assert len(yard.found()) == 1


def test_a_request_that_somebody_pinned_keeps_its_products(yard, foa):
    yard.ask("Crab", yard.make())
    assert foa("pin", "crab", "--why", "paper")[0] == 0
    assert json.loads(foa("clean", "--yes", "--json")[1])["files"] == 0
    assert foa("unpin", "crab")[0] == 0
    assert json.loads(foa("clean", "--yes", "--json")[1])["files"] == 1


def test_a_file_that_cannot_be_dropped_is_named(yard, foa, monkeypatch):
    work = yard.make()

    def refuse(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    code, said = foa("clean", "--yes")
    assert code == 3
    assert f"{work.products}/a.h5: Permission denied" in said


@pytest.fixture
def old(make_yard, tmp_path):
    """A site of stub stages, with a request that was run long ago: what types a command there."""
    days = {"products": {"dl2-converter": 30, "dl3-maker": 30, "irf-builder": 30, "analyzer": 30}}
    path = stub_site.change(stub_site.make_local_site(tmp_path), retention=days)
    (tmp_path / "request.yaml").write_text("target: Crab\nnights: 2024-12-05\nruns: [1, 2]\n")

    def type_(*words):
        ended = CliRunner().invoke(make_app(), [*words, "--site", str(path)])
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    type_("run", str(tmp_path / "request.yaml"))
    make_yard(tmp_path / "tree").age(tmp_path / "tree", 100)
    yield type_
    structlog.reset_defaults()  # the command quiets the log of its own process


def test_after_a_cleaning_requests_are_listed_shown_and_run_again_to_the_same_results(
    old, tmp_path
):
    tree = RunTree(tmp_path / "tree")
    (request_id,) = tree.request_ids()
    shown, results = old("show", "crab"), tree.newest_results(request_id)
    freed = json.loads(old("clean", "--yes", "--json"))
    assert {group["kind"] for group in freed["groups"]} == {
        *("dl2-converter", "dl3-maker", "irf-builder")
    }
    assert old("show", "crab") == shown
    assert request_id in old("list")
    said = json.loads(old("run", str(tmp_path / "request.yaml"), "--json"))
    assert said[0]["failure"] is None
    assert tree.newest_results(request_id) == results
    finals = [one for one in tree.result_versions(request_id) if one.name.endswith("final")]
    assert finals == [results]
    again = {work.stage for work in tree.works() if len(work.attempts()) == 2}
    assert again == {"dl2-converter", "dl3-maker", "irf-builder"}
