"""The synthetic night is defined so that each of its defects shows the chain's answer to it."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from foa.site import read_site
from foa_selector.quality import evaluate
from foa_stage.archive import find_files
from foa_stage.manifests import Selection
from foa_testing.fakes.factories import CRAB as CRAB_TARGET
from foa_testing.night.definition import CRAB, LINES, RUNS, Defect, Layout


@pytest.fixture
def archive(repository, tmp_path):
    """The archive of the demo's site, moved to an empty directory."""
    archive = read_site(repository / "deploy/sites/demo.yaml").archive
    night = str(repository / "build/night")
    moved = {
        name: template.replace(night, str(tmp_path))
        for name, template in archive.model_dump(mode="json").items()
    }
    return archive.model_copy(update=moved)


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_each_defect_is_that_of_one_run():
    defects = Counter(run.defect for run in RUNS if run.defect is not Defect.NONE)
    assert defects == Counter(set(Defect) - {Defect.NONE})


def test_each_defect_of_a_readable_file_names_a_criterion_of_the_selector():
    table = defaultdict(lambda: np.full(5, 0.5))
    criteria = Counter(c.name for c in evaluate(table, table, CRAB_TARGET, Selection()))
    defects = set(Defect) - {Defect.NONE, Defect.TRUNCATED}
    assert {criteria[defect] for defect in defects} == {1}


def test_only_clouds_dim_the_light():
    assert [run.defect for run in RUNS if run.light_yield != 1] == [Defect.CLOUDS]


def test_only_the_crab_shines():
    assert {run.source.name for run in RUNS if run.source.flux_crab} == {CRAB.name}


def test_runs_are_numbered_in_the_order_of_time_and_do_not_overlap():
    assert [run.obs_id for run in RUNS] == sorted({run.obs_id for run in RUNS})
    for run, following in pairwise(RUNS):
        end = datetime.fromisoformat(run.start) + timedelta(seconds=run.duration)
        assert end < datetime.fromisoformat(following.start)


def test_a_run_belongs_to_the_night_that_began_before_noon():
    for run in RUNS:
        evening = datetime.fromisoformat(run.start) - timedelta(hours=12)
        assert run.night == f"{evening:%Y-%m-%d}"
        assert run.directory_night == f"{evening:%Y%m%d}"


def test_every_good_run_has_several_whole_subruns():
    assert min(run.n_subruns for run in RUNS) >= 6
    assert RUNS[0].n_subruns == 12


def test_nodes_are_spelled_as_in_the_productions():
    assert LINES[1].training[0].name == "node_theta_7.093_az_31.090_"


def test_both_lines_have_training_nodes_east_and_west():
    for line in LINES:
        east = [node.azimuth < 180 for node in line.training]
        assert 0 < sum(east) < len(line.training)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: str(run.obs_id))
def test_the_demo_site_finds_the_files_of_a_run(archive, tmp_path, run):
    dl1 = touch(Layout(tmp_path).dl1(run))
    assert find_files(archive.dl1, night=run.directory_night, obs_id=run.obs_id) == [dl1]


def test_the_demo_site_finds_datachecks_models_and_test_gammas(archive, tmp_path):
    layout, line = Layout(tmp_path), LINES[0]
    night = RUNS[0].directory_night
    datacheck = touch(layout.night_wise_datacheck(night))
    assert find_files(archive.datacheck, night=night) == [datacheck]
    config = touch(layout.config(line))
    assert find_files(f"{archive.models}/{archive.production}*/*/*") == [config]
    gammas = [touch(layout.testing_dl2(line, node)) for node in line.testing]
    assert set(find_files(archive.test_dl2, line=line.name)) == set(gammas)


def test_no_two_files_share_a_path(tmp_path):
    layout = Layout(tmp_path)
    paths = [method(run) for run in RUNS for method in (layout.dl1, layout.run_wise_datacheck)]
    paths += [layout.config(line) for line in LINES]
    paths += [layout.training(line, name) for line in LINES for name in ("Protons", "Gammas")]
    paths += [layout.testing_dl2(line, node) for line in LINES for node in line.testing]
    paths += {layout.testing_dl1(node) for line in LINES for node in line.testing}
    assert len(paths) == len(set(paths))
    assert all(path.is_relative_to(tmp_path) for path in paths)
