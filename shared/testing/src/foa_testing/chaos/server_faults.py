"""Faults of servers and of the network to them."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from foa_testing.chaos.world import World
from foa_testing.stack.processes import StackError, pid_of, stop, wait_until

LIMIT = ("sacctmgr", "-i", "modify", "account", "foa", "set")
ADMINISTERED = {"nodes", "partition", "limit"}
"""What is changed in SLURM for a while: its servers must hear when it is changed back."""
Action = Callable[[], object]


def kill_broker(world: World, chance: Random) -> str:
    """Kill RabbitMQ, and start it again."""
    broker = world.stack.rabbitmq
    return _away(world, chance, "broker", partial(broker.stop, signal.SIGKILL), broker.start)


def hang_broker(world: World, chance: Random) -> str:
    """Stop RabbitMQ's process for a while."""
    return _hang(world, chance, "broker", world.stack.rabbitmq.pid_file)


def kill_slurmctld(world: World, chance: Random) -> str:
    """Kill SLURM's controller, which forgets what it has not saved, and start it again."""
    slurm = world.stack.slurm
    kill = partial(stop, slurm.pid_file("slurmctld"), signal.SIGKILL)
    return _away(world, chance, "slurmctld", kill, slurm.start_ctld)


def hang_slurmctld(world: World, chance: Random) -> str:
    """Stop the process of SLURM's controller for a while."""
    return _hang(world, chance, "slurmctld", world.stack.slurm.pid_file("slurmctld"))


def kill_slurmdbd(world: World, chance: Random) -> str:
    """Kill SLURM's accounting, and start it again."""
    slurm = world.stack.slurm
    kill = partial(stop, slurm.pid_file("slurmdbd"), signal.SIGKILL)
    return _away(world, chance, "slurmdbd", kill, slurm.start_dbd)


def kill_slurmd(world: World, chance: Random) -> str:
    """Kill the slurmd of a node, whose jobs go on, and start it again."""
    slurm, node = world.stack.slurm, chance.choice(world.stack.slurm.nodes)
    kill = partial(stop, slurm.pid_file(f"slurmd.{node}"), signal.SIGKILL)
    return _away(world, chance, node, kill, partial(slurm.start_node, node))


def set_node_down(world: World, chance: Random) -> str:
    """Set a node down, with all its jobs; it is resumed later, as any that is set aside."""
    node = chance.choice(world.stack.slurm.nodes)
    down = partial(_succeeds, world, *_update(f"nodename={node}"), "state=down", "reason=chaos")
    return _administer(world, chance, "nodes", node, down, lambda: None)


def drain_partition(world: World, chance: Random) -> str:
    """Let the partition take no jobs, or start none, for a while."""
    state, update = chance.choice(("drain", "down", "inactive")), _update("partitionname=main")
    close = partial(_succeeds, world, *update, f"state={state}")
    reopen = partial(_insist, world, *update, "state=up")
    return _administer(world, chance, "partition", state, close, reopen)


def limit_account(world: World, chance: Random) -> str:
    """Let the account have few jobs for a while."""
    most = chance.choice((0, 1, 5))
    limit = partial(_succeeds, world, *LIMIT, f"maxsubmitjobs={most}")
    unlimit = partial(_insist, world, *LIMIT, "maxsubmitjobs=-1")
    return _administer(world, chance, "limit", f"{most} jobs", limit, unlimit)


def cut_network(world: World, chance: Random, name: str) -> str:
    """Let the network to a server refuse connections, or pass nothing on, for a while."""
    proxy, is_silent = world.networks[name], chance.random() < 0.5
    begin = proxy.fall_silent if is_silent else proxy.refuse
    how = "silent" if is_silent else "refused"
    seconds = chance.choice((1.0, 8.0, 25.0))
    done = world.disturb(f"network of {name}", seconds, begin, proxy.restore)
    return f"{how} for {seconds:g} s" if done else ""


def _away(world: World, chance: Random, subject: str, kill: Action, start: Action) -> str:
    seconds = chance.choice((0.0, 3.0, 12.0))
    done = _is_free(world, subject) and world.disturb(subject, seconds, kill, start)
    return f"{subject}, dead for {seconds:g} s" if done else ""


def _hang(world: World, chance: Random, subject: str, pid_file: Path) -> str:
    seconds, pid = chance.choice((2.0, 12.0, 35.0)), pid_of(pid_file)
    if pid is None or not _is_free(world, subject):
        return ""
    stop_it, go_on = (partial(os.kill, pid, one) for one in (signal.SIGSTOP, signal.SIGCONT))
    done = world.disturb(subject, seconds, stop_it, go_on)
    return f"for {seconds:g} s" if done else ""


def _is_free(world: World, subject: str) -> bool:
    return not (subject.startswith("slurm") and world.disturbed & ADMINISTERED)


def _administer(
    world: World, chance: Random, subject: str, what: str, begin: Action, end: Action
) -> str:
    """Change something in SLURM for a while, if its servers can be told."""
    if world.disturbed & {"slurmctld", "slurmdbd"}:
        return ""
    seconds = chance.uniform(2, 20)
    return f"{what} for {seconds:.0f} s" if world.disturb(subject, seconds, begin, end) else ""


def _update(what: str) -> tuple[str, ...]:
    return "scontrol", "update", what


def _succeeds(world: World, *command: str) -> bool:
    """Tell whether SLURM takes a command."""
    try:
        world.stack.slurm.command(*command)
    except StackError:
        return False
    return True


def _insist(world: World, *command: str) -> None:
    """Repeat a command until SLURM takes it."""
    wait_until(partial(_succeeds, world, *command), " ".join(command), 180, interval_s=1)
