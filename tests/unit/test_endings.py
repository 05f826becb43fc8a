"""How the command ends: with an exit status of the table, and never with a traceback."""

import errno
import os
import resource
import subprocess
import sys

import pytest
import typer

from foa.bus import BusAway
from foa.bus.rabbitmq.definitions import ADMINISTRATOR
from foa.cli.endings import EPILOG, with_clear_errors
from foa.errors import ExitStatus, FoaError, Unavailable, WorkFailed
from foa_stage.manifests import ManifestRejected
from foa_testing.fakes import stub_site


@pytest.fixture
def end(capsys):
    """Let a command raise an error; return exit status and what it said."""

    def run(error):
        @with_clear_errors
        def command():
            raise error

        with pytest.raises(typer.Exit) as ended:
            command()
        return ended.value.exit_code, capsys.readouterr().err

    return run


@pytest.fixture
def home(tmp_path):
    """A site of stub stages with a broker that does not run, and a request."""
    stub_site.make_unreachable_site(tmp_path)
    (tmp_path / "request.yaml").write_text("target: Crab\nnights: 2024-12-05\nruns: [1]\n")
    return tmp_path


@pytest.fixture
def foa(home):
    """Type a command in a process of its own."""

    def type_(*words, **options):
        environment = os.environ | {"FOA_SITE": str(home / "site.yaml")}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.run(
            [sys.executable, "-m", "foa.cli", *map(str, words)],
            **(pipes | {"env": environment, "text": True, "check": False} | options),
        )

    return type_


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (FoaError("field x"), ExitStatus.BAD_INPUT, "foa: field x\n"),
        (ManifestRejected("no manifest"), ExitStatus.BAD_INPUT, "foa: no manifest\n"),
        (WorkFailed("no run"), ExitStatus.FAILED, "foa: no run\n"),
        (Unavailable("disk"), ExitStatus.UNAVAILABLE, "foa: disk\n"),
        (BusAway("broker"), ExitStatus.UNAVAILABLE, "foa: broker\n"),
        (KeyboardInterrupt(), ExitStatus.INTERRUPTED, "foa: interrupted\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/tree/x"),
            ExitStatus.UNAVAILABLE,
            "foa: /tree/x: No space left on device\n",
        ),
        (
            OSError(errno.EXDEV, "Cross-device link", "/a", None, "/b"),
            ExitStatus.UNAVAILABLE,
            "foa: /a → /b: Cross-device link\n",
        ),
        (OSError(errno.EIO, "Input/output error"), ExitStatus.UNAVAILABLE, "foa: Input/output"),
    ],
)
def test_an_error_is_one_line_and_an_exit_status(end, error, status, words):
    code, said = end(error)
    assert code == status
    assert said.startswith(words)
    assert said.count("\n") == 1


def test_a_bug_is_one_line_that_says_where(end):
    code, said = end(KeyError("x"))
    assert code == ExitStatus.FAILED
    assert said.count("\n") == 1
    assert "this is a bug: KeyError: 'x' (test_endings.py, line" in said


def test_in_development_mode_an_error_has_its_traceback(foa):
    ended = foa("show", "x", env=os.environ | {"FOA_SITE": "/none.yaml", "PYTHONDEVMODE": "1"})
    assert "Traceback" in ended.stderr
    assert "FoaError: /none.yaml: No such file" in ended.stderr


def test_the_table_of_exit_statuses_is_in_help_and_guide(foa, repository):
    guide = (repository / "deploy/docs/guide.md").read_text()
    shown = " ".join(foa("--help", env=os.environ | {"COLUMNS": "400"}).stdout.split())
    assert EPILOG in shown
    for status in ExitStatus:
        assert f"| {status.value} | {status.meaning} |" in guide


def test_whoever_reads_no_more_ends_the_command_in_silence(foa, home):
    (home / "tree").mkdir()
    read, write = os.pipe()
    os.close(read)
    ended = foa("list", stdout=write)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_full_disk_is_one_line_with_the_path(foa, home):
    def fill():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    ended = foa("run", home / "request.yaml", preexec_fn=fill)
    assert ended.returncode == ExitStatus.UNAVAILABLE
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("foa: ")]
    assert "File too large" in line
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("words", [("dlq", "ls", "selector"), ("bus", "apply")])
def test_a_broker_that_is_away_is_one_line(foa, home, words):
    (home / ADMINISTRATOR).write_text("secret")
    ended = foa(*words)
    assert ended.returncode == ExitStatus.UNAVAILABLE, ended.stderr
    assert ended.stderr.startswith("foa: the broker at 127.0.0.1:1: ")
    assert ended.stderr.count("\n") == 1


def test_passwords_that_cannot_be_written_are_named(foa, home):
    stub_site.change(home / "site.yaml", broker={"passwords": "/proc/passwords"})
    ended = foa("bus", "users")
    assert ended.returncode == ExitStatus.UNAVAILABLE, ended.stderr
    assert ended.stderr.startswith("foa: /proc/passwords")
    assert ended.stderr.count("\n") == 1


def test_parked_messages_of_a_service_that_does_not_exist_are_bad_input(foa):
    ended = foa("dlq", "ls", "nonsense")
    assert ended.returncode == ExitStatus.BAD_INPUT
    assert ended.stderr.startswith("foa: no service 'nonsense' is installed: selector")


def test_messages_are_dropped_after_asking_only(foa):
    ended = foa("dlq", "drop", "selector", stdin=subprocess.DEVNULL)
    assert ended.returncode == ExitStatus.BAD_INPUT
    assert "without a terminal, --yes is needed" in ended.stderr
    master, terminal = os.openpty()
    os.write(master, b"n\n")
    ended = foa("dlq", "drop", "selector", stdin=terminal)
    os.close(master)
    os.close(terminal)
    assert "Drop all parked messages of selector for good?" in ended.stdout + ended.stderr
    assert ended.returncode == ExitStatus.FAILED
    assert foa("dlq", "drop", "selector", "--yes").returncode != ExitStatus.FAILED


def test_characters_that_the_terminal_lacks_are_spelled(foa, home):
    (home / "tree").mkdir()
    environment = os.environ | {"FOA_SITE": str(home / "site.yaml"), "PYTHONIOENCODING": "ascii"}
    ended = foa("show", "Núñez", env=environment)
    assert ended.returncode == ExitStatus.BAD_INPUT
    assert "N\\xfa\\xf1ez" in ended.stderr
