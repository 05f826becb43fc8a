"""The table of faults: what can be done to a world, by name."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from foa_testing.chaos import layers, people_faults, server_faults
from foa_testing.chaos.trace import read_trace
from foa_testing.chaos.world import World

Do = Callable[[World, Random], str]
"""Does something to a world and describes it; empty if that is impossible now."""
SBATCH_ENDS = ("before", "during", "after")
PAUSES_S = (1.0, 5.0, 15.0, 75.0)
"""Of daemons; the longest is longer than the broker waits for a heartbeat."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault."""

    do: Do
    weight: int
    """How often it comes, relative to the others."""


def kill_daemon(world: World, chance: Random) -> str:
    """Kill a daemon; it comes back."""
    if not (living := world.crew.living):
        return ""
    name, dead_s = chance.choice(living), chance.choice((0.0, 1.0, 10.0))
    world.crew.kill(name, dead_s)
    return f"{name}, dead for {dead_s:g} s"


def kill_replicas(world: World, chance: Random) -> str:
    """Kill all daemons of a service."""
    service, dead_s = chance.choice(list(world.crew.services.values())), chance.uniform(0, 15)
    for name, its_service in world.crew.services.items():
        if its_service == service:
            world.crew.kill(name, dead_s)
    return f"{service}, dead for {dead_s:.0f} s"


def pause_daemon(world: World, chance: Random) -> str:
    """Stop a daemon's process for a while, as a host without processor time does."""
    if not (living := world.crew.living):
        return ""
    name, seconds = chance.choice(living), chance.choice(PAUSES_S)
    stop, go_on = (partial(world.crew.send, name, one) for one in (signal.SIGSTOP, signal.SIGCONT))
    done = world.disturb(f"pause of {name}", seconds, stop, go_on)
    return f"{name}, for {seconds:g} s" if done else ""


def kill_job(world: World, chance: Random) -> str:
    """Kill the process of a stage; of each piece of work once."""
    running = [one for one in read_trace(world.trace_lines()) if one.ended is None]
    mortal = [one for one in running if one.key not in world.killed and _is_stage(one.pid)]
    if not mortal:
        return ""
    victim = chance.choice(mortal)
    world.killed.add(victim.key)
    try:
        os.kill(victim.pid, signal.SIGKILL)
    except ProcessLookupError:
        return ""
    return victim.name


def _is_stage(pid: int) -> bool:
    try:
        return b"stub_stages" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def kill_sbatch(world: World, chance: Random) -> str:
    """Kill the next sbatch before, while or after it submits its job."""
    end = chance.choice(SBATCH_ENDS)
    if world.sbatch_switch.exists():
        return ""
    world.sbatch_switch.write_text(end)
    return f"{end} it submits"


def fill_disk(world: World, chance: Random) -> str:
    """Let nothing be written into the run tree for a while."""
    seconds = chance.uniform(1, 12)
    done = world.disturb("disk", seconds, world.disk.fill, world.disk.free)
    return f"for {seconds:.0f} s" if done else ""


def step_clock(world: World, chance: Random) -> str:
    """Set the clock of a daemon's host an hour forward or back."""
    seconds = chance.choice((-3600, 3600))
    return _switch(world, chance, layers.CLOCK, seconds, f"by {seconds} s ")


def coarsen_times(world: World, chance: Random) -> str:
    """Let the files of a daemon have times of whole seconds."""
    return _switch(world, chance, layers.COARSE, 1)


def age_listings(world: World, chance: Random) -> str:
    """Let a daemon see old listings of directories."""
    return _switch(world, chance, layers.STALE, chance.choice((3, 20)))


def delay_reports(world: World, chance: Random) -> str:
    """Let a daemon see reports late."""
    return _switch(world, chance, layers.LATE, chance.choice((3, 20)))


def _switch(world: World, chance: Random, name: str, value: float, how: str = "") -> str:
    """Switch a fault inside a daemon on for a while."""
    daemon, seconds = chance.choice(list(world.crew.services)), chance.uniform(2, 40)
    switch = world.crew.faults(daemon) / name
    turn_on, turn_off = partial(switch.write_text, f"{value}"), partial(switch.unlink, True)
    done = world.disturb(f"{name} of {daemon}", seconds, turn_on, turn_off)
    return f"{daemon} {how}for {seconds:.0f} s" if done else ""


FAULTS: dict[str, Fault] = {
    "kill-daemon": Fault(kill_daemon, 16),
    "kill-replicas": Fault(kill_replicas, 3),
    "pause-daemon": Fault(pause_daemon, 6),
    "kill-job": Fault(kill_job, 8),
    "kill-sbatch": Fault(kill_sbatch, 8),
    "kill-broker": Fault(server_faults.kill_broker, 1),
    "hang-broker": Fault(server_faults.hang_broker, 1),
    "kill-slurmctld": Fault(server_faults.kill_slurmctld, 2),
    "hang-slurmctld": Fault(server_faults.hang_slurmctld, 1),
    "kill-slurmdbd": Fault(server_faults.kill_slurmdbd, 2),
    "kill-slurmd": Fault(server_faults.kill_slurmd, 2),
    "node-down": Fault(server_faults.set_node_down, 1),
    "drain-partition": Fault(server_faults.drain_partition, 2),
    "limit-account": Fault(server_faults.limit_account, 2),
    "broker-away": Fault(partial(server_faults.cut_network, name="broker"), 3),
    "slurmctld-away": Fault(partial(server_faults.cut_network, name="slurmctld"), 3),
    "slurmdbd-away": Fault(partial(server_faults.cut_network, name="slurmdbd"), 2),
    "disk-full": Fault(fill_disk, 2),
    "clock-step": Fault(step_clock, 6),
    "coarse-times": Fault(coarsen_times, 4),
    "stale-listings": Fault(age_listings, 5),
    "late-reports": Fault(delay_reports, 4),
    "message-lost": Fault(people_faults.lose_message, 3),
    "message-repeated": Fault(people_faults.repeat_message, 10),
    "cancel": Fault(people_faults.cancel, 2),
    "pause": Fault(people_faults.pause_request, 3),
    "pause-service": Fault(people_faults.pause_service, 1),
    "retry": Fault(people_faults.retry, 3),
    "submit-again": Fault(people_faults.submit_again, 3),
}
"""All faults by name."""
