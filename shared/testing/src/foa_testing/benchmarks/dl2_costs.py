"""The costs of DL1 → DL2: the stock tool and ours side by side, from seconds of data to a run.

`python -m foa_testing.benchmarks.dl2_costs NIGHT DIRECTORY [N_EVENTS …]`, in the converter's
environment: NIGHT is a synthetic night; in DIRECTORY forests of the standard configuration's size
are trained once, and files are made.  The last line gives the ratios for the largest file that the
stock tool can hold in memory.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tables
from lstchain.io.io import dl1_params_lstcam_key, dl2_params_lstcam_key

from foa_testing.night.definition import LINES, RUNS, Layout
from foa_testing.night.showers import GAMMA, PROTON
from foa_testing.night.simulation import simulate_training, train

SIZES = (100_000, 500_000, 2_000_000, 9_500_000)
"""Events; the last are 20 minutes of the telescope's data at 7.9 kHz."""
N_TRAINING = {GAMMA: 50_000, PROTON: 4000}
"""Events per MC node: trees of some 30 000 tree nodes."""
LINE, RUN, SEED = LINES[0], RUNS[2], 1
BLOCK = 100_000
"""Events compared at a time."""
RTOL, ATOL = 1e-9, 1e-12
"""Tolerances where trees are summed in another order; offsets near zero need an absolute one."""
FORESTS = "forests"
"""Directory of our cache."""
MEASURE = """
import json, os, subprocess, sys, time
begun = time.perf_counter()
quiet = subprocess.DEVNULL
process = subprocess.Popen(sys.argv[1:], stdout=quiet, stderr=quiet)
_, status, used = os.wait4(process.pid, 0)
wall_s, cpu_s = time.perf_counter() - begun, used.ru_utime + used.ru_stime
print(json.dumps([status, wall_s, cpu_s, used.ru_maxrss // 1024]))
"""
"""Runs a command and prints its costs, in a small process.

Linux counts the memory of the process that starts a command as the command's.
"""
OURS = "from foa_dl2_converter.converter import StreamingConverter; StreamingConverter().run()"


@dataclass(frozen=True)
class Cost:
    """The costs of one process."""

    wall_s: float
    cpu_s: float
    memory_mib: int

    def __str__(self) -> str:
        return f"{self.wall_s:7.1f} s  {self.cpu_s:7.1f} CPU s  {self.memory_mib:6} MiB"


def measure(*command: str | Path, cwd: Path) -> Cost:
    """Run a command in a directory and return its costs.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    words = [sys.executable, "-I", "-S", "-c", MEASURE, *map(str, command)]
    answer = subprocess.run(words, cwd=cwd, capture_output=True, check=True).stdout
    status, *costs = json.loads(answer)
    if status:
        raise RuntimeError(f"{' '.join(map(str, command))} failed")
    return Cost(*costs)


def train_forests(layout: Layout) -> None:
    """Train forests of the standard configuration, unless they exist."""
    if not (layout.models(LINE) / "cls_gh.sav").exists():  # the one that is written last
        _say("training forests of the standard configuration, once: half an hour on two cores")
        simulate_training(layout, LINE, SEED, N_TRAINING)
        train(layout, LINE, SEED, n_trees=None)


def make_dl1(night: Layout, path: Path, n_events: int) -> Path:
    """Make a run of `n_events` by repeating one of the night's.

    Times and event numbers go on from one repetition to the next.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(night.dl1(RUN), path)
    with tables.open_file(path, "a") as file:
        table = file.get_node(dl1_params_lstcam_key)
        events = table.read()
        duration = events["dragon_time"][-1] - events["dragon_time"][0] + 1e-3
        n_ids = int(events["event_id"][-1])
        for repetition in range(1, -(-n_events // len(events))):
            later = events.copy()
            later["dragon_time"] += repetition * duration
            later["event_id"] += repetition * n_ids
            table.append(later)
        if table.nrows > n_events:
            table.remove_rows(n_events)
    return path


def assert_same(one: Path, other: Path) -> None:
    """Raise unless two DL2 files hold the same events.

    In one thread they are equal to the last bit; several threads of scikit-learn sum trees in the
    order in which they finish.
    """
    with tables.open_file(one) as first, tables.open_file(other) as second:
        pair = [file.get_node(dl2_params_lstcam_key) for file in (first, second)]
        for start in range(0, max(table.nrows for table in pair), BLOCK):
            events, expected = (table.read(start, start + BLOCK) for table in pair)
            for name in expected.dtype.names:
                _assert_same_values(events[name], expected[name], name)


def _assert_same_values(values: np.ndarray, expected: np.ndarray, name: str) -> None:
    """Raise unless two columns are equal; floats may differ by the tolerances."""
    rtol, atol = (RTOL, ATOL) if expected.dtype.kind == "f" else (0, 0)
    np.testing.assert_allclose(values, expected, rtol=rtol, atol=atol, err_msg=name)


def convert(layout: Layout, dl1: Path) -> tuple[Path, Cost]:
    """Convert DL1 → DL2 with ours; return the DL2 file and the costs."""
    dl2, cache = dl1.with_name("dl2.h5"), dl1.parent / FORESTS
    files = ("--dl1", dl1, "--dl2", dl2, "--cache", cache, "--overwrite")
    trained = ("--models", layout.models(LINE), "--configuration", layout.config(LINE))
    return dl2, measure(sys.executable, "-c", OURS, *files, *trained, cwd=dl1.parent)


def convert_with_stock(layout: Layout, dl1: Path) -> tuple[Path, Cost]:
    """Convert DL1 → DL2 with lstchain's tool; return the DL2 file and the costs."""
    directory = dl1.parent / "stock"
    shutil.rmtree(directory, ignore_errors=True)
    program = Path(sys.executable).with_name("lstchain_dl1_to_dl2")
    trained = ("-p", layout.models(LINE), "-c", layout.config(LINE))
    cost = measure(program, "-f", dl1, "-o", directory, *trained, cwd=dl1.parent)
    return directory / dl1.name.replace("dl1", "dl2", 1), cost


@dataclass
class Comparison:
    """Both tools on files of growing size."""

    layout: Layout
    stock_mib: float = 0
    """Memory per event of the stock tool's last conversion, in MiB."""
    summary: str = ""
    """Ratios of the last conversion by both."""

    def run(self, dl1: Path, n_events: int) -> None:
        """Convert a file with ours and, if it fits into memory, with the stock tool."""
        ours, of_ours = convert(self.layout, dl1)
        _say(f"{n_events} events\nours  {of_ours}")
        if (needed := self.stock_mib * n_events) > memory_mib():
            _say(f"stock would need some {needed:.0f} MiB, more than there is")
            return
        stock, of_stock = convert_with_stock(self.layout, dl1)
        assert_same(stock, ours)
        self.stock_mib = of_stock.memory_mib / n_events
        throughput = of_stock.wall_s / of_ours.wall_s
        memory = of_stock.memory_mib / of_ours.memory_mib
        ratios = f"throughput_ratio={throughput:.2f} memory_ratio={memory:.2f}"
        _say(f"stock {of_stock}  {ratios}")
        self.summary = f"{n_events} events, the most for which the stock tool fits:\n{ratios}"


def memory_mib() -> int:
    """Return the memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20


def main(night: Path, directory: Path, sizes: Sequence[int] = SIZES) -> None:
    """Print costs for every size, and the ratios for the largest that the stock tool can hold."""
    layout, observed = Layout(directory.resolve()), Layout(night)
    train_forests(layout)
    dl1 = directory.resolve() / "dl1_LST-1.Run00001.h5"
    shutil.rmtree(dl1.parent / FORESTS, ignore_errors=True)
    _, first = convert(layout, make_dl1(observed, dl1, 1000))
    _say(f"1000 events, and laying out the forests\nours  {first}")
    comparison = Comparison(layout)
    for n_events in sizes:
        comparison.run(make_dl1(observed, dl1, n_events), n_events)
    _say(comparison.summary)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(word) for word in sys.argv[3:]] or SIZES)
