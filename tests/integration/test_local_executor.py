"""The local executor with real processes: limits are kept, jobs outlive whoever started them."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from foa.executors import Job
from foa.executors.local.executor import LocalExecutor
from foa.executors.local.session import LEADER_NAME, kill_survivors, record_leader
from foa_stage.jobs import Completed, Died, JobState, Resources
from foa_testing.stack.processes import wait_until

ROOMY = Resources(memory_mib=500, time_limit_s=60)


@pytest.fixture
def job(tmp_path):
    def make(code, name="foa-test-1", resources=ROOMY, priority=0):
        return Job(name, (sys.executable, "-c", code), tmp_path / name, resources, priority)

    return make


def wait_for_endings(executor, n=1, limit=60):
    ended, deadline = [], time.monotonic() + limit
    while len(ended) < n and time.monotonic() < deadline:
        ended += executor.endings()
        time.sleep(0.05)
    return ended


def processes_with(text):
    """Processes in whose command line this text stands."""
    processes = psutil.process_iter(["cmdline"])
    return [p for p in processes if text in " ".join(p.info["cmdline"] or [])]


def supervisor_of(job):
    """Wait until the process of a job runs; return the one that supervises it."""

    def supervisors():
        return [one for one in processes_with(str(job.directory)) if one.children()]

    wait_until(supervisors)
    (supervisor,) = supervisors()
    return supervisor


def is_alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_job_that_ends_with_0_has_completed(job):
    executor = LocalExecutor(1)
    executor.submit(job("print('hello')"))
    (ending,) = wait_for_endings(executor)
    assert isinstance(ending, Completed)
    assert ending.name == "foa-test-1"
    assert (job("").directory / "out").read_text() == "hello\n"


def test_the_exit_code_and_stderr_of_a_failure_are_kept(job):
    executor = LocalExecutor(1)
    executor.submit(job("import sys; sys.exit('no such run')"))
    (ending,) = wait_for_endings(executor)
    assert (ending.state, ending.exit_code) == (JobState.FAILED, 1)
    assert "no such run" in (job("").directory / "err").read_text()


def test_a_job_over_its_memory_is_killed_for_that(job):
    executor = LocalExecutor(1)
    executor.submit(
        job(
            "import time; x = bytearray(300 << 20); time.sleep(60)",
            resources=Resources(memory_mib=100, time_limit_s=60),
        )
    )
    (ending,) = wait_for_endings(executor)
    assert ending.state is JobState.OUT_OF_MEMORY
    assert ending.peak_memory_mib > 100


def test_memory_of_children_counts(job):
    greedy = "import time; x = bytearray(300 << 20); time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {greedy!r}])"
    executor = LocalExecutor(1)
    executor.submit(job(code, resources=Resources(memory_mib=150, time_limit_s=60)))
    assert wait_for_endings(executor)[0].state is JobState.OUT_OF_MEMORY


def test_a_job_over_its_time_is_killed_with_its_children(job, tmp_path):
    sleeper = ("python3", "-c", "import time; time.sleep(61)", str(tmp_path))
    code = f"import subprocess; subprocess.run({sleeper})"
    executor = LocalExecutor(1)
    executor.submit(job(code, resources=Resources(memory_mib=100, time_limit_s=1)))
    assert wait_for_endings(executor)[0].state is JobState.TIMEOUT
    wait_until(lambda: not processes_with(str(tmp_path)))


def test_no_more_jobs_run_than_there_are_slots(job):
    executor = LocalExecutor(2)
    for k in range(5):
        executor.submit(job("import time; time.sleep(0.5)", name=f"foa-test-{k}"))
    assert len(executor.running()) == 2
    assert len(wait_for_endings(executor, 5)) == 5


def test_the_highest_priority_goes_first(job):
    executor = LocalExecutor(1)
    executor.submit(job("pass", name="foa-first-1"))
    executor.submit(job("pass", name="foa-low-1", priority=1))
    executor.submit(job("pass", name="foa-high-1", priority=2))
    names = [ending.name for ending in wait_for_endings(executor, 3)]
    assert names == ["foa-first-1", "foa-high-1", "foa-low-1"]


def test_a_job_is_found_again_by_another_executor(job):
    LocalExecutor(1).submit(job("import time; time.sleep(1)"))
    wait_until((job("").directory / "started").exists)
    executor = LocalExecutor(1)
    executor.submit(job("raise SystemExit('must not run')"))
    (ending,) = wait_for_endings(executor)
    assert isinstance(ending, Completed)


def test_an_ending_nobody_saw_is_reported_to_the_next_executor(job):
    first = LocalExecutor(1)
    first.submit(job("pass"))
    wait_until((job("").directory / "ending.json").exists)
    executor = LocalExecutor(1)
    executor.submit(job("raise SystemExit('must not run')"))
    assert isinstance(wait_for_endings(executor)[0], Completed)


def test_a_job_goes_on_when_its_starter_is_killed(job, tmp_path):
    target = job("import time; time.sleep(1.5); open('done', 'w')")
    starter = f"""
import time
from pathlib import Path
from foa.executors import Job
from foa.executors.local.executor import LocalExecutor
from foa_stage.jobs import Resources
resources = Resources(memory_mib=500, time_limit_s=60)
directory = Path({str(target.directory)!r})
LocalExecutor(1).submit(Job({target.name!r}, {target.command!r}, directory, resources))
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", starter], cwd=tmp_path)
    wait_until((target.directory / "started").exists)
    process.send_signal(signal.SIGKILL)
    process.wait()
    executor = LocalExecutor(1)
    executor.submit(target)
    assert isinstance(wait_for_endings(executor)[0], Completed)
    assert (tmp_path / "done").exists()


def test_a_job_whose_supervisor_was_killed_is_lost_and_stopped(job):
    executor = LocalExecutor(1)
    executor.submit(job("import time; time.sleep(62.5)"))
    supervisor = supervisor_of(job(""))
    children = supervisor.children()
    supervisor.kill()
    (ending,) = wait_for_endings(executor)
    assert isinstance(ending, Died)
    assert ending.state is JobState.LOST
    wait_until(lambda: not any(map(is_alive, children)))


def test_a_job_that_cannot_be_started_waits_says_why_and_is_tried_again(job):
    waiting = job("pass")
    (waiting.directory / "lock").mkdir(parents=True)  # where its supervisor needs a file
    executor = LocalExecutor(1, first_pause_s=0.1)
    executor.submit(waiting)
    assert executor.endings() == []
    assert "supervisor" in (waiting.directory / "waiting").read_text()
    (waiting.directory / "lock").rmdir()
    assert isinstance(wait_for_endings(executor)[0], Completed)
    assert not (waiting.directory / "waiting").exists()


def test_a_job_whose_files_cannot_be_written_holds_up_no_other(job):
    bad, good = job("pass", name="foa-bad-1"), job("pass", name="foa-good-1")
    bad.directory.touch()  # a file where a directory should be
    executor = LocalExecutor(1, first_pause_s=0.1)
    executor.submit(bad)
    executor.submit(good)
    assert [ending.name for ending in wait_for_endings(executor)] == [good.name]
    bad.directory.unlink()
    assert [ending.name for ending in wait_for_endings(executor)] == [bad.name]


def test_a_job_stopped_by_a_person_is_cancelled(job):
    executor = LocalExecutor(1)
    executor.submit(job("import os, signal; os.kill(os.getpid(), signal.SIGTERM)"))
    assert wait_for_endings(executor)[0].state is JobState.CANCELLED


def test_a_supervisor_loads_no_more_than_it_needs():
    code = "import sys, foa.executors.local.supervisor; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    heavy = {"foa.executors.batch", "foa.site", "httpx", "pika", "structlog", "yaml"}
    assert not heavy & set(loaded)


def test_what_a_job_started_is_gone_before_the_job_is_lost(job):
    """The next attempt must not find a process of the last one beside it."""
    code = "import subprocess, time; subprocess.Popen(['sleep', '63.25']); time.sleep(63.5)"
    executor = LocalExecutor(1)
    executor.submit(job(code))
    wait_until(lambda: processes_with("sleep 63.25"))
    supervisor_of(job("")).kill()
    (ending,) = wait_for_endings(executor)
    assert ending.state is JobState.LOST
    assert not any(map(is_alive, processes_with("63.25")))


@pytest.fixture
def stranger(tmp_path):
    """A session that is not the job's; returns its leader as the job's directory would tell it."""
    process = subprocess.Popen(["sleep", "64.25"], start_new_session=True)
    record_leader(tmp_path, process.pid)
    yield json.loads((tmp_path / LEADER_NAME).read_text())
    process.kill()
    process.wait()


@pytest.mark.parametrize("change", [{"start": 0}, {"boot": "another"}])
def test_another_session_that_has_got_the_jobs_number_is_left_alone(stranger, change, tmp_path):
    (tmp_path / LEADER_NAME).write_text(json.dumps(stranger | change))
    assert not kill_survivors(tmp_path)
    assert is_alive(psutil.Process(stranger["pid"]))


def test_a_lock_is_looked_at_as_network_file_systems_allow(job, monkeypatch):
    """NFS refuses an exclusive lock to whoever only reads the file, with EBADF."""
    flock = fcntl.flock

    def flock_of_nfs(file, operation):
        if operation & fcntl.LOCK_EX and not file.writable():
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock_of_nfs)
    executor = LocalExecutor(1)
    executor.submit(job("import time; time.sleep(65)"))
    supervisor = supervisor_of(job(""))
    assert executor.endings() == []
    supervisor.kill()
    assert wait_for_endings(executor)[0].state is JobState.LOST


def test_an_ending_that_cannot_be_read_now_is_read_later(job):
    executor = LocalExecutor(1)
    executor.submit(job("pass"))
    ending = job("").directory / "ending.json"
    wait_until(ending.exists)
    ending.rename(ending.with_suffix(".away"))
    ending.mkdir()  # reading it raises OSError
    assert executor.endings() == []
    ending.rmdir()
    ending.with_suffix(".away").rename(ending)
    assert isinstance(wait_for_endings(executor)[0], Completed)
