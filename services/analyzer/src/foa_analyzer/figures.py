"""Figures without a display, and the figure of the runs' quality.

The figure of a finding is drawn in the module of its step.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from foa_analyzer.request import AnalysedRun

mpl.use("Agg")  # whatever display the host has

DPI = 90
QUALITY_COLUMNS = 4


def save(figure: Figure, path: Path) -> None:
    """Write a figure and free its memory."""
    figure.tight_layout()
    figure.savefig(path, dpi=DPI)
    plt.close(figure)


def draw_quality(runs: Sequence[AnalysedRun], path: Path) -> None:
    """Draw every quality criterion of every run.

    A value is green where the criterion holds, red where it fails; the title states the limit.
    """
    measured = dict.fromkeys(c.name for run in runs for c in run.criteria if c.value is not None)
    rows = max(1, math.ceil(len(measured) / QUALITY_COLUMNS))
    size = (15, 2.6 * rows)
    figure, panels = plt.subplots(rows, QUALITY_COLUMNS, figsize=size, squeeze=False)
    for axes in panels.flat[len(measured) :]:
        axes.set_axis_off()
    for axes, name in zip(panels.flat, measured, strict=False):
        _draw_criterion(axes, name, runs)
    save(figure, path)


def _draw_criterion(axes: Axes, name: str, runs: Sequence[AnalysedRun]) -> None:
    limit = ""
    for run in runs:
        for criterion in run.criteria:
            if criterion.name == name and criterion.value is not None:
                limit = criterion.limit
                colour = "tab:red" if criterion.passed is False else "tab:green"
                axes.plot(str(run.obs_id), criterion.value, "o", color=colour)
    axes.set_title(f"{name.replace('_', ' ')}: {limit}", fontsize=10)
    axes.tick_params(axis="x", rotation=60, labelsize=8)
