"""DL1 files that cannot be converted end with one clear reason and the right exit code."""

import json

import numpy as np
import pytest
import tables
from lstchain.io.io import dl1_params_lstcam_key

from foa_dl2_converter.plan import Dl2Request
from foa_dl2_converter.stage import STAGE
from foa_stage.jobs import ExitCode
from foa_stage.manifests import Models, canonical_json
from foa_stage.runner import run_stage
from foa_testing.fakes.factories import make_stamp
from foa_testing.night.dl1 import OBSERVED_COLUMNS, write_dl1


@pytest.fixture
def convert(tmp_path, models, configuration):
    """Let the stage convert a file; return its exit code and report."""

    def run(dl1, directory=models, config=configuration):
        chosen = Models(
            production="p",
            line=models.name,
            nsb_rate=None,
            directory=directory,
            files=(),
            config=make_stamp(str(config)),
        )
        path = tmp_path / "work/dl2-converter/key/request.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(canonical_json(Dl2Request(dl1=make_stamp(str(dl1)), models=chosen)))
        return run_stage(STAGE, path), json.loads((path.parent / "report.json").read_text())

    return run


@pytest.fixture
def dl1(tmp_path):
    def write(events, columns=OBSERVED_COLUMNS):
        path = tmp_path / "dl1_LST-1.Run00001.h5"
        write_dl1(path, events, columns)
        return path

    return write


def test_a_missing_file_is_bad_input(convert, tmp_path):
    code, report = convert(tmp_path / "dl1_LST-1.Run00001.h5")
    assert code == ExitCode.BAD_INPUT == 3
    assert "dl1_LST-1.Run00001.h5" in report["reason"]


def test_a_file_that_is_no_hdf5_is_bad_input(convert, tmp_path):
    path = tmp_path / "dl1_LST-1.Run00001.h5"
    path.write_text("nonsense")
    code, report = convert(path)
    assert code == ExitCode.BAD_INPUT
    assert "not a readable DL1 file" in report["reason"]


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_truncated_file_is_bad_input(convert, dl1, observed, share):
    path = dl1(observed)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    code, report = convert(path)
    assert code == ExitCode.BAD_INPUT
    assert path.name in report["reason"]


def test_a_file_with_a_damaged_block_is_bad_input(convert, dl1, observed):
    path = dl1(observed)
    content = bytearray(path.read_bytes())
    with tables.open_file(path) as file:
        block = file.get_node(dl1_params_lstcam_key).chunk_info((0,))
    middle = block.offset + block.size // 2
    content[middle : middle + 64] = bytes(64)
    path.write_bytes(content)
    code, report = convert(path)
    assert code == ExitCode.BAD_INPUT
    assert path.name in report["reason"]


def test_a_file_without_any_valid_pointing_is_bad_input(convert, dl1, observed):
    code, report = convert(dl1(observed.assign(alt_tel=np.nan, az_tel=np.nan)))
    assert code == ExitCode.BAD_INPUT
    assert "no event has a valid pointing" in report["reason"]


@pytest.mark.parametrize("column", ["skewness", "alt_tel"])
def test_a_file_without_a_column_the_models_need_is_bad_input(convert, dl1, observed, column):
    code, report = convert(dl1(observed, [name for name in OBSERVED_COLUMNS if name != column]))
    assert code == ExitCode.BAD_INPUT
    assert column in report["reason"]


def test_a_missing_model_is_bad_input(convert, dl1, observed, tmp_path):
    code, report = convert(dl1(observed), directory=tmp_path / "empty")
    assert code == ExitCode.BAD_INPUT
    assert str(tmp_path / "empty") in report["reason"]


def test_an_unsupported_configuration_is_a_bad_request(
    convert, dl1, observed, tmp_path, configuration
):
    changed = tmp_path / "changed.json"
    content = json.loads(configuration.read_text()) | {"source_dependent": True}
    changed.write_text(json.dumps(content))
    code, report = convert(dl1(observed), config=changed)
    assert code == ExitCode.BAD_REQUEST
    assert str(changed) in report["reason"]


def test_a_file_of_which_no_event_is_left_ends_with_its_own_code(convert, dl1, observed):
    code, report = convert(dl1(observed.assign(intensity=np.nan, log_intensity=np.nan)))
    assert code == ExitCode.NOTHING_LEFT == 4
    assert "no event is left" in report["reason"]


def test_a_few_events_without_pointing_are_interpolated(convert, dl1, observed):
    broken = observed.copy()
    broken.loc[broken.index[5:8], ["alt_tel", "az_tel"]] = np.nan
    code, report = convert(dl1(broken))
    assert code == ExitCode.DONE == 0
    assert report["products"][0]["events"] > 100


def test_forests_are_laid_out_in_the_trees_cache_once(convert, dl1, observed, tmp_path):
    code, report = convert(dl1(observed))
    assert code == ExitCode.DONE
    assert 0 < report["facts"]["effective_s"] <= report["facts"]["elapsed_s"]
    laid_out = sorted((tmp_path / "cache/forests").iterdir())
    assert len(laid_out) == 4
    assert {path.name for path in laid_out[0].iterdir()} >= {"nodes.npy", "facts.json"}
