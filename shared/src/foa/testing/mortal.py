"""A daemon that is killed after one of its steps: `python -m foa.testing.mortal SERVICE STEP --site … --listen …`.

It is the daemon itself, with kill −9 built in: the first time it has done the step, it is gone.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from foa.bus.rabbitmq import RabbitBus
from foa.jobs.slurm.executor import SlurmExecutor
from foa.service import run_service
from foa.service.embedded import installed_services
from foa.tree import Attempt, Mailbox

STEPS: dict[str, tuple[type, str]] = {
    "told": (Mailbox, "put"),
    "intent-written": (Attempt, "begin"),
    "looked-up": (SlurmExecutor, "_look_up"),
    "submitted": (SlurmExecutor, "_hand_over"),
    "acknowledged": (RabbitBus, "_acknowledge"),
    "concluded": (Attempt, "conclude"),
    "published": (RabbitBus, "publish"),
    "marked": (Mailbox, "remove"),
}
"""What a service does with a manifest, in this order."""


def make_mortal(owner: type, method: str) -> None:
    """Let the process die when the method has been called."""
    original: Callable[..., Any] = getattr(owner, method)

    def last(*arguments: Any, **named: Any) -> None:
        original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, method, last)


if __name__ == "__main__":
    name, step = sys.argv[1:3]
    make_mortal(*STEPS[step])
    sys.argv[1:3] = ["serve"]
    run_service(next(service for service in installed_services() if service.name == name))
