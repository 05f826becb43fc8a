"""The operator's command on a site of stub stages: the whole way, in one process."""

import importlib.metadata
import json
import signal
from dataclasses import replace

import pytest
import structlog
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from foa import __version__
from foa.cli.__main__ import make_app
from foa.errors import WorkFailed
from foa.intake.submission import submission
from foa.pipeline import JobService, Reader, job_services
from foa.service import embedded
from foa.service.assembly import executor_of
from foa.service.daemon import Daemon, serve
from foa.service.embedded import Embedded
from foa.site import read_site
from foa_stage.tree import RunTree
from foa_testing.fakes import factories, stub_site

REQUEST = "target: Crab\nnights: 2024-12-05\nruns: [1, 2, 3]\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A site with one request that was run: its second run has a corrupt file."""
    home = tmp_path_factory.mktemp("stubs")
    stub_site.make_local_site(home, {2: "bad"})
    (home / "request.yaml").write_text(REQUEST)
    return home


@pytest.fixture(scope="module")
def foa(home):
    """Types a command; returns what it printed."""
    runner, app = CliRunner(), make_app()

    def type_(*words, code=0):
        ended = runner.invoke(app, [*map(str, words), "--site", str(home / "site.yaml")])
        assert ended.exit_code == code, ended.output
        return ended.stdout if not code else ended.output

    yield type_
    structlog.reset_defaults()  # the command quiets the log of its own process


@pytest.fixture(scope="module")
def ran(foa, home):
    """What `foa run --json` said."""
    (said,) = json.loads(foa("run", home / "request.yaml", "--json"))
    return said


def test_a_request_is_run_to_its_end_though_a_run_fails(ran):
    states = {run["obs_id"]: run["stages"]["dl3-maker"] for run in ran["runs"]}
    assert states == {1: "done", 2: "skipped", 3: "done"}
    (failed,) = [run for run in ran["runs"] if run["reason"]]
    assert "truncated" in failed["reason"]
    assert ran["results"].endswith("002-final/results.json")


def test_it_is_listed_shown_and_explained(ran, foa):
    (row,) = json.loads(foa("list", "--json"))
    assert (row["request"], row["runs"], row["failed"], row["phase"]) == (
        *(ran["request"], 3, 1, "final"),
    )
    shown = foa("show", "crab")
    assert "Crab" in shown
    assert "truncated" in shown
    rows = json.loads(foa("why", "crab", "2", "--json"))
    assert any(row["what"] == "dl2-converter" for row in rows)


def test_run_again_it_submits_nothing(ran, foa, home):
    tree = RunTree(home / "tree")
    before = {attempt.name for work in tree.works() for attempt in work.attempts()}
    said = foa("run", home / "request.yaml")
    assert "everything was done already" in said
    assert {attempt.name for work in tree.works() for attempt in work.attempts()} == before


def test_retry_does_the_failed_run_again_and_nothing_else(ran, foa, home):
    tree = RunTree(home / "tree")
    before = {attempt.name for work in tree.works() for attempt in work.attempts()}
    foa("retry", "crab", "2")
    after = {attempt.name for work in tree.works() for attempt in work.attempts()}
    (new,) = after - before
    assert new.startswith("foa-dl2-converter-")
    assert new.endswith("-2")


def test_a_request_that_fails_says_so_wherever_it_is_looked_at(ran, foa, home):
    name = '"x [/b] \\e[31m"'
    (home / "failing.yaml").write_text(
        f"target: {{name: {name}, ra: 1, dec: 2}}\nnights: 20241205\n"  # stubs need run numbers
    )
    said = foa("run", home / "failing.yaml", code=1)
    assert "failed: selector: FAILED" in said
    for command in ("show", "why"):
        assert "selector: FAILED" in foa(command, "x-b", code=1)
    listed = foa("list")
    assert "failed: selector: FAILED" in listed.splitlines()[0]
    assert "x [/b]" in listed
    everything = said + listed + foa("log", "x-b")
    assert "TypeError" in everything
    assert "\x1b" not in everything


def test_a_paused_request_is_not_at_its_end_and_says_who_paused_it(ran, foa, home):
    foa("pause", "crab", "--why", "dome closed")
    said = foa("run", home / "request.yaml", code=1)
    (line,) = [line for line in said.splitlines() if "paused by" in line]
    assert line.startswith(f"{ran['request']} paused by ")
    assert line.endswith(": dome closed")
    assert "done already" not in said
    said = foa("run", home / "request.yaml", "--json", code=1)
    (described,) = json.loads(said[said.index("[\n {") :])  # the table is on stderr
    (pause,) = described["paused"]
    assert pause.endswith(": dome closed")
    foa("resume", "crab")
    assert "everything was done already" in foa("run", home / "request.yaml")


def test_the_pause_of_a_service_holds_a_request_too(ran, foa, home):
    foa("pause", "--service", "analyzer", "--why", "new models")
    assert ": new models" in foa("run", home / "request.yaml", code=1)
    foa("resume", "--service", "analyzer")
    foa("run", home / "request.yaml")


def test_logs_name_the_attempts(ran, foa):
    assert "=== dl2-converter: " in foa("log", "crab", "1")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("show", "vela"), "no request begins with 'vela'"),
        (("why", "crab", "9"), "run 9 does not belong"),
        (("log", "crab", "9"), "no job of"),
        (("veto", "crab", "9"), "run 9 does not belong to crab-20241205-{id}: 1, 2, 3"),
        (("retry", "crab", "9"), "run 9 does not belong to crab-20241205-{id}: 1, 2, 3"),
        (("submit", "{request}"), "names no broker"),
        (("dlq", "ls", "selector"), "names no broker"),
        (("bus", "apply"), "names no broker"),
        (("bus", "users"), "names no broker"),
        (("serve", "nobody"), "no service 'nobody' is installed"),
        (("serve", "selector"), "names no broker"),
        (("run", "none.yaml"), "none.yaml"),
    ],
)
def test_what_is_wrong_is_one_clear_error(ran, foa, home, words, complaint):
    said = foa(*(word.format(request=home / "request.yaml") for word in words), code=2)
    assert complaint.format(id=ran["request"].split("-")[-1]) in " ".join(said.split())
    assert "Traceback" not in said


def test_a_check_names_what_is_missing(foa):
    rows = {row["what"]: row["ok"] for row in json.loads(foa("check", "--json", code=1))}
    assert rows["run tree"]
    assert rows["stage selector"]
    assert not rows["archive dl1"]


def test_a_tree_that_cannot_be_written_is_named(foa, home, tmp_path):
    (tmp_path / "site.yaml").write_text(
        (home / "site.yaml").read_text().replace(f"{home}/tree", "/proc/tree")
    )
    runner = CliRunner()
    words = ["run", str(home / "request.yaml"), "--site", str(tmp_path / "site.yaml")]
    ended = runner.invoke(make_app(), words)
    assert ended.exit_code == 3
    assert "run tree /proc" in ended.output


def test_the_version_is_that_of_all_distributions(repository):
    ended = CliRunner().invoke(make_app(), ["--version"])
    assert ended.stdout == f"foa {__version__}\n"
    ours = ("foa", "foa-stage", "foa-testing", *(f"foa-{one.name}" for one in job_services()))
    assert {importlib.metadata.version(name) for name in ours} == {__version__}
    assert f"version: {__version__}" in (repository / "CITATION.cff").read_text()


def test_commands_of_other_distributions_are_there():
    assert "synth" in CliRunner().invoke(make_app(), ["--help"]).stdout


def test_a_missing_environment_ends_before_anything_is_run(home, tmp_path):
    site = read_site(home / "site.yaml").model_copy(update={"environments": tmp_path})
    with pytest.raises(Exception, match="make env"):
        Embedded(site)
    assert executor_of(site, job_services()[0]).running() == []


def test_a_daemon_needs_a_broker(home):
    service = job_services()[0]
    with pytest.raises(Exception, match="names no broker"):
        Daemon(service, read_site(home / "site.yaml"), CollectorRegistry())
    with pytest.raises(Exception, match="names no broker"):
        serve(service, home / "site.yaml", "127.0.0.1:0")


def test_a_reader_is_run_with_the_site_and_needs_no_broker(home):
    shown = []

    def show(site_file, stopping):
        shown.append((site_file, stopping.is_set()))

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    serve(Reader(name="page", title="", show=show), home / "site.yaml", "127.0.0.1:0")
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert shown == [(home / "site.yaml", False)]


def test_a_directory_of_dl3_files_is_analysed_by_the_stage_that_makes_results(foa, tmp_path):
    said = foa("analyze", tmp_path, "--target", "83.63,22.01")
    assert "report: " in said
    (results,) = [json.loads(foa("analyze", tmp_path, "--target", "crab", "--json"))]
    assert (results["title"], results["target"]["name"]) == (tmp_path.name, "Crab")


def test_an_analysis_says_what_it_is_doing_and_puts_results_where_it_is_told(foa, home, tmp_path):
    program = home / "envs/analyzer/bin/foa-stage"
    plain = program.read_text()
    program.write_text(plain.replace("exec ", "echo 'all runs: sky map \x1b[0m'\nexec "))
    said = foa("analyze", tmp_path, "--target", "M1", "--output", tmp_path / "out")
    program.write_text(plain)
    assert f"report: {tmp_path}/out/report.html" in said
    assert json.loads((tmp_path / "out/results.json").read_text())["target"]["name"] == "Crab"
    refused = foa("analyze", tmp_path, "--target", "M1", "--output", tmp_path / "out", code=2)
    assert "out is not empty" in " ".join(refused.split())


def test_an_analysis_that_breaks_down_has_failed_and_says_what_the_stage_wrote(foa, home, tmp_path):
    program = home / "envs/analyzer/bin/foa-stage"
    plain = program.read_text()
    program.write_text("#!/bin/sh\necho 'step one'; echo 'no memory' >&2; exit 9\n")
    said = foa("analyze", tmp_path, "--target", "3C 279", code=1)
    program.write_text(plain)
    assert said.splitlines() == ["step one", "foa: the analysis broke down: no memory"]


def test_a_directory_that_does_not_exist_cannot_be_analysed(foa, tmp_path):
    said = foa("analyze", tmp_path / "none", "--target", "Crab", code=2)
    assert "none: no such directory" in " ".join(said.split())


@pytest.mark.parametrize("target", ["400,95", "nan,1", "1,2,3", "x,y", "Crabb"])
def test_a_target_that_is_none_is_one_clear_error(foa, tmp_path, target):
    assert "Traceback" not in foa("analyze", tmp_path, "--target", target, code=2)


def test_a_manifest_that_a_service_rejects_fails_what_was_asked_for(home):
    site = read_site(home / "site.yaml")
    foreign = factories.make_request(archive=factories.make_archive(home / "elsewhere"))
    with pytest.raises(WorkFailed, match="selector cannot go on"):
        Embedded(site).run([submission(foreign, RunTree(site.tree))])


def test_a_bug_in_a_plan_is_no_clear_error_but_a_bug(home, monkeypatch):
    def buggy(manifest, tree):
        raise KeyError("bug")

    services = [replace(one, plan=buggy) for one in job_services() if one.name == "selector"]
    monkeypatch.setattr(embedded, "job_services", lambda: services)
    monkeypatch.setattr(JobService, "package", "foa_selector")
    site = read_site(home / "site.yaml")
    request = stub_site.make_request(home / "site.yaml", "Vela", [1])
    with pytest.raises(KeyError, match="bug"):
        Embedded(site).run([submission(request, RunTree(site.tree))])
