"""Figures are files without a display."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from foa_analyzer.figures import draw_quality, save
from foa_analyzer.request import AnalysedRun
from foa_stage.manifests import Criterion


@pytest.fixture
def path(tmp_path):
    return tmp_path / "figure.png"


def make_run(obs_id, *values):
    criteria = tuple(
        Criterion(name=f"criterion_{k}", passed=value and value > 0, value=value, limit="above 0")
        for k, value in enumerate(values)
    )
    return AnalysedRun(obs_id=obs_id, criteria=criteria)


def test_no_display_is_needed(path):
    assert mpl.get_backend().lower() == "agg"


def test_a_written_figure_is_closed(path):
    save(plt.figure(), path)
    assert path.stat().st_size > 0
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "runs",
    [
        [AnalysedRun(obs_id=1)],
        [make_run(1, 1.0, None, -1.0)],
        [make_run(1, 1.0, 2.0, -1.0, 4.0, 5.0), make_run(2, -1.0, 2.0)],
    ],
)
def test_quality_is_drawn_whatever_was_measured(runs, path):
    draw_quality(runs, path)
    assert path.stat().st_size > 1000
