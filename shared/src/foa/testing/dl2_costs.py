"""What DL1 → DL2 costs: the stock tool and ours side by side, from a minute of data to half an hour.

`python -m foa.testing.dl2_costs NIGHT DIRECTORY`, in the converter's environment: a synthetic night, and where forests
of the standard configuration's size are trained once and files are made.
"""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tables
from lstchain.io.io import dl1_params_lstcam_key, dl2_params_lstcam_key

from foa.testing.night.definition import LINES, RUNS, Layout
from foa.testing.night.showers import GAMMA, PROTON
from foa.testing.night.simulation import simulate_training, train

SIZES = (100_000, 500_000, 2_000_000)
N_TRAINING = {GAMMA: 50_000, PROTON: 4000}
"""Per node: trees of some 30 000 nodes."""
LINE, RUN, SEED = LINES[0], RUNS[2], 1
BLOCK = 100_000
RTOL, ATOL = 1e-9, 1e-12
"""Where sums are added up in another order; offsets near zero have no relative precision."""
FORESTS = "forests"
"""Where ours keeps them."""
OURS = "from foa_dl2_converter.converter import StreamingConverter; StreamingConverter().run()"


@dataclass(frozen=True)
class Cost:
    """Of one process."""

    wall_s: float
    cpu_s: float
    memory_mib: int

    def __str__(self) -> str:
        return f"{self.wall_s:7.1f} s  {self.cpu_s:7.1f} CPU s  {self.memory_mib:6} MiB"


def measure(*command: str | Path, cwd: Path) -> Cost:
    """Run a command in a directory; what it costs.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(map(str, command))} failed")
    return Cost(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)


def train_forests(layout: Layout) -> None:
    """Forests of the standard configuration, unless they are there."""
    if not (layout.models(LINE) / "cls_gh.sav").exists():  # the last one
        sys.stdout.write("forests of the standard configuration are trained, once: half an hour on two cores\n")
        sys.stdout.flush()
        simulate_training(layout, LINE, SEED, N_TRAINING)
        train(layout, LINE, SEED, n_trees=None)


def make_dl1(night: Layout, path: Path, n_events: int) -> Path:
    """A run of `n_events`, of one of the night's again and again, with times and numbers that go on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(night.dl1(RUN), path)
    with tables.open_file(path, "a") as file:
        table = file.get_node(dl1_params_lstcam_key)
        events = table.read()
        duration = events["dragon_time"][-1] - events["dragon_time"][0] + 1e-3
        repetition = 1
        while table.nrows < n_events:
            later = events.copy()
            later["dragon_time"] += repetition * duration
            later["event_id"] += repetition * int(events["event_id"][-1])
            table.append(later)
            repetition += 1
        if table.nrows > n_events:
            table.remove_rows(n_events)
    return path


def assert_same(one: Path, other: Path) -> None:
    """Raise unless two DL2 files hold the same events.

    In one thread they are equal to the last bit; several threads of scikit-learn add trees up in the order they finish.
    """
    with tables.open_file(one) as first, tables.open_file(other) as second:
        a, b = (file.get_node(dl2_params_lstcam_key) for file in (first, second))
        for start in range(0, max(a.nrows, b.nrows), BLOCK):
            events, expected = (table.read(start, start + BLOCK) for table in (a, b))
            for name in expected.dtype.names:
                exact = expected[name].dtype.kind != "f"
                np.testing.assert_allclose(
                    events[name], expected[name], rtol=0 if exact else RTOL, atol=0 if exact else ATOL, err_msg=name
                )


def convert(layout: Layout, dl1: Path) -> tuple[Path, Cost]:
    """DL1 → DL2 with ours."""
    dl2 = dl1.with_name("dl2.h5")
    return dl2, measure(
        sys.executable, "-c", OURS, "--dl1", dl1, "--dl2", dl2, "--models", layout.models(LINE), "--configuration",
        layout.config(LINE), "--cache", dl1.parent / FORESTS, "--overwrite", cwd=dl1.parent,
    )  # fmt: skip


def convert_with_stock(layout: Layout, dl1: Path) -> tuple[Path, Cost]:
    """DL1 → DL2 with lstchain's."""
    directory = dl1.parent / "stock"
    shutil.rmtree(directory, ignore_errors=True)
    return directory / dl1.name.replace("dl1", "dl2", 1), measure(
        Path(sys.executable).with_name("lstchain_dl1_to_dl2"), "-f", dl1, "-p", layout.models(LINE), "-o", directory,
        "-c", layout.config(LINE), cwd=dl1.parent,
    )  # fmt: skip


def compare(layout: Layout, dl1: Path) -> str:
    """Convert with both, and say what each costs; returns the ratios."""
    ours, of_ours = convert(layout, dl1)
    stock, of_stock = convert_with_stock(layout, dl1)
    assert_same(stock, ours)
    throughput, memory = of_stock.wall_s / of_ours.wall_s, of_stock.memory_mib / of_ours.memory_mib
    ratios = f"throughput_ratio={throughput:.2f} memory_ratio={memory:.2f}"
    sys.stdout.write(f"stock {of_stock}\nours  {of_ours}  {ratios}\n")
    return ratios


def main(night: Path, directory: Path) -> None:
    """Costs and ratios for every size; the ratios of the largest last."""
    layout, observed = Layout(directory.resolve()), Layout(night)
    train_forests(layout)
    dl1 = directory.resolve() / "dl1_LST-1.Run00001.h5"
    shutil.rmtree(dl1.parent / FORESTS, ignore_errors=True)
    _, first = convert(layout, make_dl1(observed, dl1, 1000))
    sys.stdout.write(f"1000 events, and laying the forests out\nours  {first}\n")
    for n_events in SIZES:
        sys.stdout.write(f"{n_events} events\n")
        ratios = compare(layout, make_dl1(observed, dl1, n_events))
        sys.stdout.flush()
    sys.stdout.write(f"{ratios}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
