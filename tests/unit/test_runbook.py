"""The runbook speaks of commands and options that there are, and of no deletion by hand."""

import re
import shlex

import pytest
import typer

from foa.cli.__main__ import make_app

COMMAND = re.compile(r"`(foa [^`]+)`")


@pytest.fixture(scope="module")
def runbook(repository):
    return (repository / "deploy/docs/runbook.md").read_text()


@pytest.fixture(scope="module")
def foa():
    return typer.main.get_command(make_app())


def find_faults(command, words):
    """Say what is wrong with a command line: words are its subcommands, options and arguments."""
    while hasattr(command, "commands"):
        name, *words = words or [""]
        if name not in command.commands:
            return f"there is no command {name}"
        command = command.commands[name]
    options = {name: one for one in command.params for name in one.opts if name.startswith("-")}
    unknown = {word for word in words if word.startswith("-")} - options.keys()
    values = sum(not options[word].is_flag for word in words if word in options)
    arguments = sum(not word.startswith("-") for word in words) - values
    known = sum(one.param_type_name == "argument" for one in command.params)
    return f"unknown options {unknown}" if unknown else f"{arguments} words" * (arguments > known)


def test_every_command_of_the_runbook_is_one_of_foa(runbook, foa):
    lines = COMMAND.findall(runbook)
    assert len(lines) > 10
    faults = {line: find_faults(foa, shlex.split(line)[1:]) for line in lines}
    assert {line: fault for line, fault in faults.items() if fault} == {}


@pytest.mark.parametrize(
    "line", ["foa tidy", "foa dlq", "foa clean --all", "foa list crab", "foa why a 1 2"]
)
def test_other_commands_are_not(foa, line):
    assert find_faults(foa, shlex.split(line)[1:])


def test_a_full_disk_is_answered_by_clean_and_not_by_hand(runbook):
    chapter = runbook.partition("## FoaDiskFull")[2].partition("\n## ")[0]
    commands = COMMAND.findall(chapter)
    assert {"foa clean --dry-run", "foa clean"} <= set(commands)
    assert "rm -" not in runbook
