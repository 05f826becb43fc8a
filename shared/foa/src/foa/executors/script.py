"""The script that a batch scheduler starts for a job: it executes an attempt once."""

import shlex
from collections.abc import Sequence

SCRIPT_NAME = "job.sh"
"""File in a job's directory that holds the script; written before the first submission."""
CLAIM_NAME = "claim"
"""Symbolic link in a job's directory to `ID/HOST/PROCESS` of the job that executes the attempt."""
STARTED_AGAIN = 75
"""Exit code of a job that has been started before: a scheduler that loses its state forgets that it
ended.  EX_TEMPFAIL of sysexits.h."""
WITHOUT_ARGUMENTS = """\
# The arguments are the stage and its request: nothing of a manifest ever enters this text."""


def make_script(id_variable: str, arguments: Sequence[str] = ()) -> str:
    """Return a bash script that executes its arguments, unless another job of the attempt does.

    It starts in the job's directory. Making a symbolic link is atomic on network file systems too;
    its target is read back, since a server may repeat a call whose answer was lost.

    Parameters
    ----------
    id_variable
        Name of the variable that holds the scheduler's id of the job.
    arguments
        Arguments to write, quoted, into the script, for a scheduler that passes none.
    """
    head = f"set -- {shlex.join(arguments)}" if arguments else WITHOUT_ARGUMENTS
    return f"""\
#!/bin/bash
{head}
[[ -e ../report.json || -e conclusion.json ]] && exit 0  # the attempt has ended
this=${id_variable}/$HOSTNAME/$$
trouble=$(ln -sT "$this" {CLAIM_NAME} 2>&1)
case $(readlink {CLAIM_NAME}) in
    "$this") ;;
    "") echo "$trouble" >&2; exit 1 ;;
    ${id_variable}/*) echo "started before: $(readlink {CLAIM_NAME})" >&2; exit {STARTED_AGAIN} ;;
    *) exit 0 ;;  # another job of the attempt executes it
esac
exec "$@"
"""
