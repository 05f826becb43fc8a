"""Daemons over real RabbitMQ and SLURM, with stub stages: nothing is lost or done twice."""

import signal
import sys
import time
from collections import Counter

import pytest

from foa.cli.checks import check_site
from foa.cli.submitting import publish
from foa.intake.submission import submission
from foa.pipeline import Source, installed_services
from foa.pipeline.progress import progress_of
from foa.service.daemon import serve
from foa.site import read_site
from foa_stage.manifests import RunFailed, RunSelected
from foa_stage.tree import RunTree
from foa_testing.benchmarks import throughput
from foa_testing.fakes import stub_site
from foa_testing.fakes.crashing_daemon import STEPS
from foa_testing.stack.processes import stop, wait_until

# across midnight sacct would forget the jobs of yesterday
SACCT = ("sacct", "-nXPD", "--starttime=now-1day", "--format=JobName%100,WorkDir%300")
SERVICES = [service.name for service in installed_services()]


class Crew:
    """Daemons at a site of stub stages, and what becomes of the requests they get."""

    def __init__(self, stack, home, fates=None):
        self.stack, self.site = stack, stub_site.make_site(stack, home, fates)
        self.tree = RunTree(home / "tree")
        self.daemons = stack.daemons(self.site)

    def submit(self, obs_ids, name="source"):
        request = stub_site.make_request(self.site, name, obs_ids)
        publish(read_site(self.site), [submission(request, self.tree)])
        return request

    def finish(self, *requests, limit=300):
        stub_site.finish(self.tree, requests, limit)

    def attempts(self):
        """Names of all jobs that anybody meant to submit."""
        return {attempt.name: attempt for work in self.tree.works() for attempt in work.attempts()}

    def daemons_that_log(self, text):
        """Names of the daemons whose logs hold a text."""
        logs = self.daemons.root.glob("*.log")
        return [log.stem for log in logs if text in log.read_text()]

    def accounted(self):
        """Count how often SLURM had each job of this tree since the tests began."""
        wait_until(lambda: not self.stack.slurm.command("squeue", "-h"), "the end of all jobs")
        rows = self.stack.slurm.command(*SACCT).splitlines()
        return Counter(
            name
            for name, directory in (row.split("|") for row in rows)
            if str(self.tree.root) in directory
        )

    def assert_once_each(self):
        # what was intended and not submitted before a kill may have become needless after it
        needed = {name for name, attempt in self.attempts().items() if attempt.ended}
        wait_until(lambda: self.accounted().keys() >= needed, "the accounting of all jobs")
        assert set(self.accounted().values()) == {1}
        assert self.accounted().keys() <= self.attempts().keys()

    def work_of(self, request, obs_id):
        for link in self.tree.linked_works(request.id):
            if (link.stage, link.obs_id) == ("dl2-converter", obs_id):
                return link.work
        return None


@pytest.fixture
def make_crew(stack, tmp_path):
    stack.rabbitmq.administration.purge()
    crews = []

    def make(fates=None, replicas=1):
        crews.append(Crew(stack, tmp_path, fates))
        if replicas:
            stub_site.start_daemons(crews[-1].daemons, replicas)
        return crews[-1]

    yield make
    for crew in crews:
        crew.daemons.stop_all()


def test_a_check_says_whether_scheduler_and_broker_take_what_they_get(make_crew, stack):
    site = read_site(make_crew(replicas=0).site)

    def verdicts(changed):
        return {
            check.what: check.ok
            for check in check_site(changed)
            if check.what in ("SLURM", "broker")
        }

    assert verdicts(site) == {"SLURM": True, "broker": True}
    elsewhere = site.model_copy(
        update={
            "execution": site.execution.model_copy(update={"account": "nobody"}),
            "broker": site.broker.model_copy(update={"port": 1}),
        }
    )
    assert verdicts(elsewhere) == {"SLURM": False, "broker": False}


@pytest.mark.parametrize("step", STEPS)
def test_each_daemon_killed_after_this_step_nothing_is_lost_and_no_job_submitted_twice(
    make_crew, step
):
    crew = make_crew(replicas=0)
    for service in SERVICES:
        crew.daemons.start(
            service,
            service,
            sys.executable,
            "-m",
            "foa_testing.fakes.crashing_daemon",
            service,
            step,
        )
    request, killed = crew.submit((1, 2)), set()

    def revive():
        for service in SERVICES:
            if service not in killed and not crew.daemons.lives(service):
                killed.add(service)
                crew.daemons.start(service, service)
        # the broker may confirm to one service what another has worked on already
        return killed == set(SERVICES) and progress_of(crew.tree, request.id).finished

    wait_until(revive, "the death of all and the end of the request", 120)
    assert progress_of(crew.tree, request.id).phase == "final"
    assert all(name.endswith("-1") for name in crew.attempts())
    crew.assert_once_each()


def test_a_broker_killed_at_work_and_missed_by_all_costs_time_only(make_crew, stack):
    crew = make_crew()
    requests = [crew.submit(range(1, 21), name) for name in ("one", "two")]
    wait_until(lambda: len(crew.attempts()) > 20, "half of the jobs")
    stack.rabbitmq.stop(signal.SIGKILL)
    pause = '"pause_s": 16.0'  # the sixth attempt of each failed
    wait_until(lambda: len(crew.daemons_that_log(pause)) == len(SERVICES), "long pauses", 120)
    assert all(crew.daemons.status().values())
    stack.rabbitmq.start()
    crew.finish(*requests)
    crew.assert_once_each()


def test_a_controller_that_is_away_costs_time_only(make_crew, stack):
    crew = make_crew()
    requests = [crew.submit(range(1, 21), name) for name in ("one", "two")]
    wait_until(lambda: len(crew.attempts()) > 20, "half of the jobs")
    before = len(crew.daemons_that_log('"no answer"'))
    stop(stack.slurm.pid_file("slurmctld"))
    wait_until(lambda: len(crew.daemons_that_log('"no answer"')) > before, "no answer", 120)
    stack.slurm.start_ctld()
    crew.finish(*requests)
    crew.assert_once_each()


FATES = {2: "bad", 3: "silent", 4: "hungry", 5: "slow", 6: "slow", 7: "slow"}


def test_every_job_gets_what_its_ending_asks_for_and_the_request_its_results(make_crew, stack):
    crew = make_crew(FATES)
    request = crew.submit(range(1, 8))

    def name_of(obs_id):
        return f"foa-dl2-converter-{crew.work_of(request, obs_id).key}-1"

    def job_of(obs_id):
        running = ("squeue", "-h", f"--name={name_of(obs_id)}", "--states=R", "-o", "%i %N")
        return stack.slurm.command(*running).split() or [None, None]

    wait_until(lambda: all(crew.work_of(request, obs_id) for obs_id in FATES), "all runs")
    wait_until(lambda: all(job_of(obs_id)[0] for obs_id in (5, 6, 7)), "three slow jobs")
    stack.slurm.cancel_at_work(name_of(5))
    _, node = job_of(6)
    overdue, _ = job_of(7)
    soon = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 2))
    stack.slurm.command("scontrol", "update", f"jobid={overdue}", f"endtime={soon}")
    wait_until(
        lambda: len(crew.work_of(request, 7).attempts()) == 2,
        "another attempt at the overdue run",
        120,
    )
    stack.slurm.command("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    crew.finish(request)
    stack.slurm.command("scontrol", "update", f"nodename={node}", "state=resume")

    failed = crew.tree.newest_per_run(request.id, RunFailed)
    assert failed.keys() == {2, 3, 5}
    assert "truncated" in failed[2].reason
    assert "missing or corrupt" in failed[3].reason
    assert "CANCELLED" in failed[5].reason
    again = {
        obs_id: crew.work_of(request, obs_id).attempts()[1].resources() for obs_id in (4, 6, 7)
    }
    assert again[4].memory_mib == 300
    assert again[6].excluded_hosts == (node,)
    assert again[7].time_limit_s == 900
    progress = progress_of(crew.tree, request.id)
    assert progress.phase == "final"
    assert [
        obs_id for obs_id, stages in progress.runs.items() if stages["dl3-maker"] == "done"
    ] == [1, 4, 6, 7]
    crew.assert_once_each()


def test_two_hundred_requests_over_two_replicas_all_end_and_no_job_is_done_twice(
    make_crew, stack, capsys
):
    crew = make_crew(replicas=2)
    requests = [
        stub_site.make_request(crew.site, f"source {number}", (number,)) for number in range(1, 201)
    ]
    flowed = throughput.run_requests(stack, crew.daemons, crew.site, requests, limit_s=600)
    with capsys.disabled():
        sys.stdout.write(f"\n200 requests: {flowed}\n")
    assert {progress_of(crew.tree, request.id).phase for request in requests} == {"final"}
    assert flowed.jobs == 200 * 4 + 1  # their runs have the same IRFs
    assert flowed.attempts == flowed.jobs
    crew.assert_once_each()


def test_a_source_publishes_what_it_sees_and_records_it(make_crew, stack):
    crew, seen = make_crew(replicas=0), []
    selected = stub_site.factories.run_selected()

    def watch(site_file, publish, stopping):
        publish(selected)
        seen.append((site_file, stopping.is_set()))
        # published before the broker is reached, it is sent when it is
        wait_until(lambda: not crew.tree.outbox("selector").all(), "an empty outbox")

    # under the name of a service that the broker knows
    source = Source(name="selector", title="", announces=(RunSelected,), watch=watch)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        serve(source, crew.site, "127.0.0.1:0")
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    heard = []
    listener = stack.rabbitmq.administration.connect("dl2-converter", "1")
    listener.subscribe(heard.append)
    listener.start()
    wait_until(lambda: listener.deliver(0.1) or bool(heard), "the manifest")
    listener.stop()
    assert heard == [selected]
    assert seen == [(crew.site, False)]
    assert crew.tree.manifests(selected.request.id, RunSelected) == [selected]
