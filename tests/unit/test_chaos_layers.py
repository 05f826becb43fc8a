"""Faults inside a daemon's process: they are on while a file says so, and only then."""

import json
import socket
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from foa_testing.chaos.proxy import Proxy
from foa_testing.fakes import stub_site
from foa_testing.fakes.stub_stages import main as run_stub

PROGRAM = """
import os, sys, time
from pathlib import Path
from foa_stage.tree import Report
from foa_testing.chaos import layers
faults, tree = Path(sys.argv[1]), Path(sys.argv[2])
real = time.time
switches = layers.Switches(faults)
layers.step_clock(switches)
layers.coarsen_times(switches)
layers.age_listings(switches, tree)
layers.delay_reports(switches, Report)
def turn(name, value):
    (faults / name).write_text(str(value))
"""


@pytest.fixture
def disturbed(tmp_path):
    """Run lines of Python in a disturbed process; they print what is returned."""

    def run(lines):
        for name in ("faults", "tree"):
            (tmp_path / name).mkdir()
        command = [sys.executable, "-c", PROGRAM + lines, tmp_path / "faults", tmp_path / "tree"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    return run


def test_a_clock_is_off_while_a_file_says_so(disturbed):
    lines = """
print(abs(time.time() - real()) < 60)
turn("clock", -3600)
print(round(time.time() - real(), -2))
(faults / "clock").unlink()
print(abs(time.time() - real()) < 60)
"""
    assert disturbed(lines) == ["True", "-3600.0", "True"]


def test_files_that_are_renamed_get_times_of_whole_seconds(disturbed):
    lines = """
def write(name):
    (tree / ".draft").write_text("a")
    os.utime(tree / ".draft", ns=(10**18 + 7, 10**18 + 7))
    (tree / ".draft").replace(tree / name)
    print((tree / name).stat().st_mtime_ns - 10**18)
write("fine")
turn("coarse", 1)
write("coarse")
"""
    assert disturbed(lines) == ["7", "0"]


def test_what_others_do_is_seen_late_and_ones_own_doings_at_once(disturbed):
    lines = """
import subprocess
turn("stale", 1000)
def names():
    return "+".join(sorted(path.name for path in tree.glob("*"))) or "none"
print(names())
subprocess.run(["touch", tree / "of-another"], check=True)
print(names())
(tree / "link").symlink_to("x")
print(names())
subprocess.run(["touch", tree / "late"], check=True)
print(len(os.listdir(tree)))
(faults / "stale").unlink()
print(names())
"""
    everything = "late+link+of-another"
    assert disturbed(lines) == ["none", "none", "link+of-another", "2", everything]


def test_a_new_report_is_seen_late_and_an_old_one_at_once(disturbed):
    lines = """
path = tree / "report.json"
path.write_text('{"outcome": "done", "exit_code": 0}')
def is_seen():
    print(Report.read(tree) is not None)
is_seen()
turn("late", 1000)
is_seen()
os.utime(path, (0, 0))
is_seen()
"""
    assert disturbed(lines) == ["True", "False", "True"]


@pytest.fixture
def proxied():
    """A server that repeats what it hears, behind a proxy."""
    server = socket.create_server(("127.0.0.1", 0))

    def repeat(connection):
        with connection, suppress(ConnectionError):
            while heard := connection.recv(100):
                connection.sendall(heard)

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=repeat, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    proxy = Proxy(port, server.getsockname()[1])
    proxy.start()
    yield proxy
    proxy.stop()
    server.shutdown(socket.SHUT_RDWR)
    server.close()


def test_a_network_passes_on_refuses_and_comes_back(proxied):
    address = ("127.0.0.1", proxied.port)
    with socket.create_connection(address) as client:
        client.sendall(b"first")
        assert client.recv(100) == b"first"
        proxied.refuse()
        with pytest.raises(ConnectionError):
            socket.create_connection(address)
        assert client.recv(100) == b""
    proxied.restore()
    with socket.create_connection(address) as client:
        client.sendall(b"again")
        assert client.recv(100) == b"again"


def test_a_silent_network_passes_everything_on_when_it_is_restored(proxied):
    with socket.create_connection(("127.0.0.1", proxied.port)) as client:
        proxied.fall_silent()
        client.sendall(b"late")
        client.settimeout(0.2)  # nothing says that nothing will come
        with pytest.raises(TimeoutError):
            client.recv(100)
        client.settimeout(None)
        proxied.restore()
        assert client.recv(100) == b"late"


def test_a_stub_stage_notes_its_executions_if_it_is_told_where(tmp_path, monkeypatch):
    stub_site.make_local_site(tmp_path, {90: "bad"}, trace=tmp_path / "trace")
    program = (tmp_path / "envs/dl2-converter/bin/foa-stage").read_text().split()
    stub, settings = program[-3:-1]
    work = tmp_path / "work/dl2-converter/key"
    (work / "attempt-1").mkdir(parents=True)
    monkeypatch.chdir(work / "attempt-1")
    noted = []
    for fate, code in (("fine", 0), ("bad", 3)):
        request = {"dl1": {"path": f"dl1_Crab_1_{fate}.h5"}}
        (work / "request.json").write_text(json.dumps(request))
        ran = [sys.executable, "-IS", run_stub.__code__.co_filename, stub, settings]
        ended = subprocess.Popen([*ran, work / "request.json"])
        assert ended.wait() == code
        noted += [f"start dl2-converter/key attempt-1 {ended.pid}"]
        noted += [f"end dl2-converter/key attempt-1 {ended.pid} {'failed' if code else 'done'}"]
    assert (tmp_path / "trace").read_text().splitlines() == noted
