"""A daemon that is killed after one of its steps.

`python -m foa_testing.fakes.crashing_daemon SERVICE STEP --site … --listen …` is the daemon itself:
the first time it has done the step, it kills itself with SIGKILL.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from foa.bus.rabbitmq.connection import Connection
from foa.cli.__main__ import make_app
from foa.executors.batch.submissions import Submissions
from foa_stage.tree import Attempt, Mailbox

STEPS: dict[str, tuple[type, str]] = {
    "told": (Mailbox, "put"),
    "intent-written": (Attempt, "begin"),
    "script-written": (Submissions, "_write_script"),
    "submitted": (Submissions, "_hand_over"),
    "acknowledged": (Connection, "acknowledge"),
    "concluded": (Attempt, "record_ending"),
    "published": (Connection, "send"),
    "marked": (Mailbox, "remove"),
}
"""The steps of a service with a manifest, in this order: the method that does each."""


def crash_after(owner: type, method: str) -> None:
    """Let the process die when the method has been called."""
    original: Callable[..., Any] = getattr(owner, method)

    def last(*arguments: Any, **named: Any) -> None:
        original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, method, last)


if __name__ == "__main__":
    service, step = sys.argv[1:3]
    crash_after(*STEPS[step])
    sys.argv[1:3] = ["serve", service]
    make_app()()
