"""What Prometheus learns of a service, and how its health is asked for."""

import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from foa.bus import Delivered
from foa.errors import FoaError
from foa.executors.scheduler import Deferred, NoAnswer, Rejected, Submitted, Unsure
from foa.service.collectors import RequestCollector, WorkCollector
from foa.service.events import Announced, JobEnded, Planned
from foa.service.health import listen
from foa.service.metrics import Metrics
from foa_stage.jobs import Completed, Died, JobState, Resources
from foa_stage.tree import Attempt, Report, RunTree
from foa_testing.fakes import factories

ROOMY = Resources(memory_mib=1000, time_limit_s=60)


@pytest.fixture
def tree(tmp_path):
    return RunTree(tmp_path)


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def metrics(tree, registry):
    return Metrics(tree, registry)


def test_a_job_that_ended_tells_how_long_it_waited_ran_and_lay_unnoticed(metrics, registry):
    report = Report(outcome="done", exit_code=0, started=110, wall_s=20, peak_memory_mib=700)
    metrics.observe(JobEnded("s", (1,), ("r",), Completed("j"), ROOMY, 100, 131, report))
    assert registry.get_sample_value("foa_job_waiting_seconds_sum") == 10
    assert registry.get_sample_value("foa_job_running_seconds_sum") == 20
    assert registry.get_sample_value("foa_job_noticing_seconds_sum") == 1
    assert registry.get_sample_value("foa_job_memory_requested_mib_sum") == 1000
    assert registry.get_sample_value("foa_job_memory_used_mib_sum") == 700


def test_a_job_without_a_report_is_counted_by_its_death(metrics, registry):
    metrics.observe(JobEnded("s", (1,), ("r",), Died("j", JobState.TIMEOUT), ROOMY, 100, 131, None))
    assert registry.get_sample_value("foa_jobs_ended_total", {"state": "TIMEOUT"}) == 1
    assert registry.get_sample_value("foa_job_running_seconds_count") == 0


def test_results_tell_how_long_the_science_waited_for_them(metrics, registry, tree):
    selected = factories.run_selected()
    tree.record(selected)
    metrics.observe(Announced(factories.analysis_ready()))
    assert registry.get_sample_value("foa_results_seconds_count", {"phase": "final"}) == 1


def test_messages_and_plans_are_counted(metrics, registry):
    metrics.observe(Planned("run.selected", "submitted"))
    metrics.observe(Delivered("handled", 2, 0.5))
    labels = {"kind": "run.selected", "decision": "submitted"}
    assert registry.get_sample_value("foa_manifests_planned_total", labels) == 1
    assert registry.get_sample_value("foa_message_waiting_seconds_sum") == 2


def test_commands_of_slurm_are_counted_by_what_they_answered(metrics, registry):
    class Scripted:
        answers = iter([Submitted("1"), Rejected("a"), Deferred("b"), Unsure("no answer")])

        def submit(self, job):
            return next(self.answers)

        def queued(self, names):
            raise NoAnswer("away")

    client = metrics.meter(Scripted())
    for _ in range(4):
        client.submit(None)
    with pytest.raises(NoAnswer):
        client.queued(["a"])
    assert (
        registry.get_sample_value(
            "foa_scheduler_commands_total", {"command": "queued", "outcome": "no answer"}
        )
        == 1
    )
    for outcome in ("ok", "error", "deferred", "no answer"):
        labels = {"command": "submit", "outcome": outcome}
        assert registry.get_sample_value("foa_scheduler_commands_total", labels) == 1


def test_jobs_under_way_are_queued_until_their_output_exists(registry, tree):
    attempts = [Attempt(tree.work("dl2-converter", key), 1) for key in ("a", "b", "c")]
    for attempt in attempts:
        attempt.begin(ROOMY)
    (attempts[0].directory / "out").touch()
    tree.outbox("dl2-converter").put(factories.dl2_ready())
    registry.register(
        WorkCollector(tree, "dl2-converter", lambda: [attempt.work for attempt in attempts])
    )
    assert registry.get_sample_value("foa_jobs", {"state": "running"}) == 1
    assert registry.get_sample_value("foa_jobs", {"state": "queued"}) == 2
    assert registry.get_sample_value("foa_manifests_unsent") == 1


def test_a_request_shows_where_its_runs_stand(registry, tree):
    request_id = factories.make_request().id
    for manifest in (
        factories.request_submitted(),
        factories.run_selected(1, (1, 2, 3)),
        factories.run_selected(2, (1, 2, 3)),
        factories.run_failed(3, (1, 2, 3)),
        factories.dl2_ready(1, (1, 2, 3)),
    ):
        tree.record(manifest)
    attempt = Attempt(tree.work("dl2-converter", "a"), 1)
    attempt.begin(ROOMY)
    tree.link_work(factories.run_selected(2), attempt.work, per_run=True)
    registry.register(RequestCollector(tree))

    def runs(stage, state):
        labels = {"request": request_id, "stage": stage, "state": state}
        return registry.get_sample_value("foa_request_runs", labels)

    assert [runs("dl2-converter", state) for state in ("done", "queued", "failed")] == [1, 1, 1]
    assert runs("dl3-maker", "waiting") == 2
    labels = {"request": request_id, "phase": "reconstructing"}
    assert registry.get_sample_value("foa_request_phase", labels) == 1
    age = registry.get_sample_value("foa_request_unfinished_seconds", {"request": request_id})
    submitted = factories.request_submitted().said.when.timestamp()
    assert age == pytest.approx(time.time() - submitted, abs=60)


def test_a_request_is_finished_with_its_final_results_until_it_is_submitted_again(registry, tree):
    request = factories.make_request()
    tree.record(factories.request_submitted())
    results = factories.make_product(
        "results", Path(tree.root / "work/analyzer/a/products/results.json")
    )
    tree.record(factories.analysis_ready("final", results))
    registry.register(RequestCollector(tree))
    labels = {"request": request.id, "phase": "final"}
    assert registry.get_sample_value("foa_request_phase", labels) == 1
    assert (
        registry.get_sample_value("foa_request_unfinished_seconds", {"request": request.id}) is None
    )
    tree.record(factories.request_submitted(minute=1))
    assert (
        registry.get_sample_value("foa_request_unfinished_seconds", {"request": request.id})
        is not None
    )


def ask(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_health_says_what_is_wrong(metrics, registry):
    trouble = [""]
    with listen("127.0.0.1:0", registry, {"/ready": lambda: trouble[0]}) as port:
        assert ask(port, "/ready") == (200, "ok\n")
        trouble[0] = "the broker is away"
        assert ask(port, "/ready") == (503, "the broker is away\n")
        assert ask(port, "/nothing")[0] == 404
        assert "foa_broker_connected 0.0" in ask(port, "/metrics")[1]


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:x", "192.0.2.1:80"])
def test_an_address_that_cannot_be_listened_on_is_named(registry, address):
    with pytest.raises(FoaError, match=address), listen(address, registry, {}):
        pass
