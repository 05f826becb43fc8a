"""Documents of every released version are read, shown, resent and removed by today's code."""

import json
import shutil
from pathlib import Path

import pytest
import structlog

from foa.bus import MemoryBroker
from foa.cli import inspection, listing
from foa.cli.results import tables_of
from foa.intake.request_files import read_profile, read_request
from foa.intake.submission import submission
from foa.service.outbox import Outbox
from foa.site import read_site
from foa_analyzer.tables import read_results
from foa_stage.jobs import JobState
from foa_stage.manifests import (
    KINDS,
    SAID,
    Request,
    RequestSubmitted,
    Setting,
    digest,
    kind_of,
    read_manifest,
    read_message,
)
from foa_stage.tree import RunTree, Work

VERSIONS = sorted(path for path in (Path(__file__).parents[1] / "data/versions").iterdir())


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def version(request, tmp_path):
    """A copy of the documents of a version."""
    return Path(shutil.copytree(request.param, tmp_path / request.param.name, symlinks=True))


@pytest.fixture
def tree(version):
    return RunTree(version / "tree")


def manifest_files(tree):
    """Every manifest of the tree's requests."""
    return sorted(tree.root.glob("requests/*/manifests/**/*.json"))


WORDS = {kind_of(kind) for kind in SAID if kind is not RequestSubmitted}
"""Kinds that version 3 brought."""
BEFORE_WORDS = ("1", "2")


def test_every_kind_of_manifest_is_there(version, tree):
    files = [*manifest_files(tree), *tree.root.glob("holds/manifests/*/*.json")]
    found = {read_message(path.read_bytes()).kind for path in files}
    assert found == set(KINDS) - (WORDS if version.name in BEFORE_WORDS else set())


def test_every_manifest_keeps_the_name_of_its_file(tree):
    for path in manifest_files(tree):
        manifest = read_manifest(path.read_bytes())
        assert path.name.split(".")[-2] == manifest.id
        assert path.relative_to(tree.root / "requests").parts[0] == manifest.request.id


def test_every_request_keeps_the_name_of_its_directory(tree):
    for request_id in tree.request_ids():
        assert tree.request(request_id).id == request_id


def test_requests_are_listed_and_shown(tree, capsys):
    rows = listing.list_requests(tree)
    assert [row["target"] for row in rows] == ["ToO-241205"] * 2
    assert {row["phase"] for row in rows} >= {"failed"}
    assert not any("unreadable" in row["phase"] for row in rows)
    complete = next(row["request"] for row in rows if row["runs"] == 2)
    assert {row["run"] for row in inspection.explain(tree, complete, None)} == {20001, 20002}
    failed = next(row["request"] for row in rows if row["runs"] == 1)
    inspection.show(tree, failed, as_json=False)
    assert "20001" in capsys.readouterr().out


def test_what_is_in_an_outbox_is_sent_and_removed(tree):
    broker, heard = MemoryBroker({"dl2-converter": ("run.selected",)}), []
    listener = broker.connect("dl2-converter")
    listener.subscribe(heard.append)
    mailbox = tree.outbox("selector")
    (manifest,) = mailbox.all()
    Outbox(mailbox, broker.connect("selector"), structlog.get_logger()).send()
    assert listener.deliver()
    assert [one.id for one in heard] == [manifest.id]
    assert len(mailbox) == 0


def test_what_is_pending_is_answered_and_removed(tree):
    mailbox = tree.pending("dl2-converter")
    (manifest,) = mailbox.all()
    mailbox.remove(manifest)
    assert len(mailbox) == 0


def test_a_manifest_recorded_again_stays_one(tree):
    before = manifest_files(tree)
    for path in before:
        if "analysis.ready" not in path.name:
            tree.record(read_manifest(path.read_bytes()))
    assert manifest_files(tree) == before


def test_the_endings_of_attempts_are_read(tree):
    (work,) = tree.works()
    (attempt,) = work.attempts()
    assert attempt.resources().excluded_hosts == ("cp3",)
    assert (attempt.death().state, attempt.death().host) == (JobState.NODE_FAIL, "cp3")


def test_reports_are_read(version):
    report = Work.at(version / "work").last_report()
    assert report.outcome == "done"
    assert report.resources is not None


def test_what_failed_is_done_again_by_a_retry(version, tree):
    (work,) = tree.works()
    failed = json.loads((version / "work/report.json").read_bytes()) | {"outcome": "failed"}
    (work.directory / "report.json").write_text(json.dumps(failed | {"products": []}))
    work.retry("a")
    assert work.last_report() is None


def test_results_are_read_and_shown(version):
    content = (version / "results.json").read_bytes()
    assert {run.obs_id for run in read_results(content).failed_runs} == {20101, 20108}
    shown = [cell for table in tables_of(content) for row in table.rows for cell in row]
    assert any("18.9" in cell for cell in shown)


def test_site_profile_and_request_files_are_read(version):
    site = read_site(version / "site.yaml")
    assert site.execution.kind == "local"
    assert read_profile("profile.yaml", version).analysis.energy_range_tev == (0.1, 40)
    assert read_request(version / "request-file.yaml", site).target.name == "Crab"


def test_a_request_file_asks_for_the_recorded_request_after_an_upgrade(tree):
    recorded = tree.request(tree.request_ids()[0])
    asked_again = Request.model_validate(recorded.model_dump(exclude={"id"}))
    assert submission(asked_again, tree).request.id == recorded.id


def with_one_field_fewer(content):
    """The document as a version wrote it whose profile had no `max_threshold_pe` yet."""
    content = json.loads(json.dumps(content))
    request = content.get("request", content)
    del request["profile"]["selection"]["max_threshold_pe"]
    return content


def test_a_model_that_gains_a_field_renames_nothing(tree):
    for path in manifest_files(tree):
        old = with_one_field_fewer(json.loads(path.read_bytes()))
        manifest = read_manifest(json.dumps(old).encode())
        identity = old.get("id") or digest(old)
        assert manifest.id == identity
        of_request = old["request"].get("id") or Request.identify(old["request"])
        assert manifest.request.id == of_request
        mailbox = tree.outbox("test")
        mailbox.put(manifest)
        (sent,) = mailbox.all()
        mailbox.remove(sent)
        assert (sent.id, len(mailbox)) == (identity, 0)


def test_a_tree_written_before_a_field_was_added_is_resumed(tree):
    (request_id,) = [one for one in tree.request_ids() if tree.request(one).obs_ids is None]
    path = tree.request_directory(request_id) / "request.json"
    old = with_one_field_fewer(json.loads(path.read_bytes()))
    identity = old.get("id") or Request.identify(old)
    path.parent.rename(path.parents[1] / identity)
    (path.parents[1] / identity / "request.json").write_text(json.dumps(old))
    request = tree.request(identity)
    assert request.id == identity
    asked_again = Request.model_validate(request.model_dump(exclude={"id"}))
    assert submission(asked_again, tree).request.id == identity
    assert identity in {row["request"] for row in listing.list_requests(tree)}


def test_a_document_that_cannot_be_read_is_one_row_that_says_so(tree, capsys):
    first, second = tree.request_ids()
    path = tree.request_directory(first) / "request.json"
    path.write_text(path.read_text().replace('"ra"', '"right_ascension"'))
    broken = next((tree.request_directory(second) / "manifests").rglob("run.*.json"))
    broken.write_text('{"schema_version": 99}')
    rows = {row["request"]: row for row in listing.list_requests(tree)}
    assert rows[first]["phase"] == "unreadable"
    assert rows[first]["reason"].startswith("target.ra")
    assert rows[second]["target"] == "ToO-241205"  # documents are read by `foa show`
    inspection.show(tree, second, as_json=False)
    assert f"cannot be read: {broken.name}" in capsys.readouterr().out


def test_settings_that_json_cannot_hold_are_refused():
    class Example(Setting):
        limit: float

    with pytest.raises(ValueError, match="finite"):
        Example(limit=float("inf"))
