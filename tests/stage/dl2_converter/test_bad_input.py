"""DL1 files that cannot be converted end with one clear reason and the right exit code."""

import json

import numpy as np
import pandas as pd
import pytest
import tables
from foa.manifests import Models, canonical_json
from foa.testing.factories import make_stamp
from foa.testing.night.definition import LINES, RUNS, Layout
from foa.testing.night.dl1 import OBSERVED_COLUMNS, write_dl1
from foa_dl2_converter.plan import Dl2Request
from foa_dl2_converter.stage import main
from lstchain.io.io import dl1_params_lstcam_key


@pytest.fixture(scope="module")
def night(repository):
    return Layout(repository / "build/night")


@pytest.fixture(scope="module")
def events(night):
    return pd.read_hdf(night.dl1(RUNS[0]), key=dl1_params_lstcam_key).head(300)


@pytest.fixture
def convert(tmp_path, night):
    """Ask the stage to convert a file; its exit code and report."""

    def run(dl1):
        line = LINES[1]
        models = Models(
            production="p", line=line.name, nsb_rate=None, directory=str(night.models(line)), files=(),
            config=make_stamp(str(night.config(line))),
        )  # fmt: skip
        request = tmp_path / "work/dl2-converter/key/request.json"
        request.parent.mkdir(parents=True)
        request.write_bytes(canonical_json(Dl2Request(dl1=make_stamp(str(dl1)), models=models)))
        return main(request), json.loads((request.parent / "report.json").read_text())

    return run


@pytest.fixture
def dl1(tmp_path):
    def write(events, columns=OBSERVED_COLUMNS):
        path = tmp_path / "dl1_LST-1.Run00001.h5"
        write_dl1(path, events, columns)
        return path

    return write


def test_a_file_that_is_not_there(convert, tmp_path):
    code, report = convert(tmp_path / "dl1_LST-1.Run00001.h5")
    assert code == 3
    assert "dl1_LST-1.Run00001.h5" in report["reason"]


def test_a_file_that_is_no_hdf5(convert, tmp_path):
    path = tmp_path / "dl1_LST-1.Run00001.h5"
    path.write_text("nonsense")
    code, report = convert(path)
    assert code == 3
    assert "not a readable DL1 file" in report["reason"]


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_file_that_ends_too_early(convert, dl1, events, share):
    path = dl1(events)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    code, report = convert(path)
    assert code == 3
    assert path.name in report["reason"]


def test_a_file_with_a_damaged_block(convert, dl1, events):
    path = dl1(events)
    content = bytearray(path.read_bytes())
    with tables.open_file(path) as file:
        block = file.get_node(dl1_params_lstcam_key).chunk_info((0,))
    middle = block.offset + block.size // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)
    code, report = convert(path)
    assert code == 3
    assert path.name in report["reason"]


def test_a_file_without_any_valid_pointing(convert, dl1, events):
    code, report = convert(dl1(events.assign(alt_tel=np.nan, az_tel=np.nan)))
    assert code == 3
    assert "no event has a valid pointing" in report["reason"]


def test_a_file_without_a_column_the_models_need(convert, dl1, events):
    code, report = convert(dl1(events, [name for name in OBSERVED_COLUMNS if name != "skewness"]))
    assert code == 3
    assert "skewness" in report["reason"]


def test_a_file_of_which_no_event_is_left(convert, dl1, events):
    code, report = convert(dl1(events.assign(intensity=np.nan, log_intensity=np.nan)))
    assert code == 4
    assert "no event is left" in report["reason"]


def test_a_few_events_without_pointing_are_interpolated(convert, dl1, events):
    broken = events.copy()
    broken.loc[broken.index[5:8], ["alt_tel", "az_tel"]] = np.nan
    code, report = convert(dl1(broken))
    assert code == 0
    assert report["products"][0]["events"] > 100
