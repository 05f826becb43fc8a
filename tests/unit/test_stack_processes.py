"""Servers of the tests start and stop for sure."""

import os
import subprocess
import sys
import time

import pytest

from foa_testing.stack.processes import StackError, pid_of, start_surely, stop

STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_server_that_ignores_its_stop_is_ended_by_force_and_gone_afterwards(tmp_path):
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", STUBBORN], **streams) as server:
        assert server.stdout.readline() == b"ready\n"
        pid_file = tmp_path / "server.pid"
        pid_file.write_text(f"{server.pid}")
        stop(pid_file, timeout_s=1.0)
        assert not pid_file.exists()
    assert server.returncode == -9


def test_a_process_that_has_the_number_of_an_ended_server_is_not_taken_for_it(tmp_path):
    pid_file = tmp_path / "server.pid"
    pid_file.write_text(f"{os.getpid()}")
    assert pid_of(pid_file) == os.getpid()
    before_this_process = time.time() - 24 * 3600
    os.utime(pid_file, (before_this_process, before_this_process))
    assert pid_of(pid_file) is None


def test_a_server_whose_port_is_not_free_at_once_is_started_again():
    answers = [StackError("no answer"), StackError("no answer"), None]

    def start_it():
        if answer := answers.pop(0):
            raise answer

    start_surely(start_it)
    assert not answers


def test_a_server_that_does_not_start_is_an_error_with_the_end_of_its_log(tmp_path):
    log = tmp_path / "server.log"
    log.write_text("fatal: address in use\n")

    def start_it():
        raise StackError("no answer")

    with pytest.raises(StackError, match="no answer\nfatal: address in use"):
        start_surely(start_it, log)
