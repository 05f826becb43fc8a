"""Whatever the size of the chunks, the DL2 file is the stock tool's, event by event and bit by bit."""

import json
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import tables
from ctapipe.core import run_tool
from foa.testing.night.definition import LINES, RUNS, Layout
from foa.testing.night.dl1 import write_dl1
from foa_dl2_converter.converter import Refused, StreamingConverter
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lstchain.io.io import dl1_params_lstcam_key, dl2_params_lstcam_key
from lstchain.tools.lstchain_dl1_to_dl2 import DL1ToDL2Tool

N_EVENTS = 100


@pytest.fixture(scope="module")
def night(repository):
    return Layout(repository / "build/night")


@pytest.fixture(scope="module")
def models(night):
    return night.models(LINES[1])


@pytest.fixture(scope="module")
def configuration(night):
    return night.config(LINES[1])


@pytest.fixture(scope="module")
def events(night):
    return pd.read_hdf(night.dl1(RUNS[0]), key=dl1_params_lstcam_key).head(N_EVENTS)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("forests")


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def ours(directory, models, configuration, cache):
    def convert(dl1, chunk=1 << 16, configuration=configuration):
        dl2 = directory / "ours/dl2.h5"
        dl2.parent.mkdir(exist_ok=True)
        dl2.write_text("left by an attempt that was killed")
        arguments = {"dl1": dl1, "dl2": dl2, "models": models, "configuration": configuration, "cache": cache,
                     "chunk_events": chunk, "threads": 2}  # fmt: skip
        words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
        run_tool(StreamingConverter(), argv=[*words, "--overwrite"], cwd=directory, raises=True)
        return dl2

    return convert


@pytest.fixture(scope="module")
def stock(directory, models, configuration):
    def convert(dl1):
        words = ["-f", dl1, "-p", models, "-o", directory / "stock", "-c", configuration]
        with joblib.parallel_config(backend="sequential"):
            run_tool(DL1ToDL2Tool(), argv=[str(word) for word in words], cwd=directory, raises=True)
        return directory / "stock" / dl1.name.replace("dl1", "dl2", 1)

    return convert


def content(path):
    """Every table with its attributes, but for the provenance, which names the program."""
    with warnings.catch_warnings(), tables.open_file(path) as file:
        warnings.simplefilter("ignore")
        return {
            node._v_pathname: (node.dtype, node.read().tobytes(), str({k: node.attrs[k] for k in node.attrs._f_list()}))
            for node in file.walk_nodes("/", "Table")
        }


def write(path, events):
    write_dl1(path, events, list(events.columns))
    return path


def without_pointing(events):
    broken = events.copy()
    broken.iloc[[0, 5, 6, 7, -1], [broken.columns.get_loc(name) for name in ("alt_tel", "az_tel")]] = np.nan
    return broken


FILES = {
    "as it comes": lambda events: events,
    "some events without pointing": without_pointing,
    "out of order and without pointing": lambda events: without_pointing(events).sample(frac=1, random_state=1),
    "some events that the filters drop": lambda events: events.assign(
        width=np.where(np.arange(len(events)) % 3, events.width, np.nan)
    ),
    "one event": lambda events: events.head(1),
}


@pytest.fixture(scope="module", params=FILES)
def converted(request, stock, events, directory):
    """A file, and what the stock tool makes of it."""
    number = list(FILES).index(request.param)
    dl1 = write(directory / f"dl1_LST-1.Run{number:05d}.h5", FILES[request.param](events))
    return dl1, content(stock(dl1))


@settings(max_examples=6, deadline=None)
@given(chunk=st.integers(1, N_EVENTS))
@example(chunk=1)
@example(chunk=N_EVENTS - 1)
def test_whatever_the_chunks_the_file_is_that_of_the_stock_tool(ours, converted, chunk):
    dl1, expected = converted
    assert dl2_params_lstcam_key in expected
    assert content(ours(dl1, chunk)) == expected


@pytest.mark.realdata
@pytest.mark.parametrize("run", ["02008", "04192"])
def test_real_files_of_the_telescope_go_through_as_through_the_stock_tool(ours, stock, realdata, run):
    dl1 = realdata / f"lst1-real-dl1/dl1_LST-1.Run{run}.0000.h5"
    expected = content(stock(dl1))
    assert content(ours(dl1)) == content(ours(dl1, 5)) == expected


def test_the_provenance_names_inputs_and_models(ours, events, tmp_path, models):
    with tables.open_file(ours(write(tmp_path / "dl1_LST-1.Run00001.h5", events))) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = [node._v_pathname for node in file.walk_nodes("/")]
    assert "/provenance/dl1_to_dl2" in names


def test_no_file_is_written_when_no_event_is_left(ours, events, tmp_path):
    dl1 = write(tmp_path / "dl1_LST-1.Run00001.h5", events.assign(intensity=np.nan, log_intensity=np.nan))
    assert not ours(dl1).exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"source_dependent": True}, "source_dependent"), ({"lh_fit_config": {"sigma_s": 1}}, "lh_fit_config")],
)
def test_what_is_not_supported_is_refused(ours, events, tmp_path, configuration, change, complaint):
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(json.loads(configuration.read_text()) | change))
    with pytest.raises(Refused, match=complaint):
        ours(write(tmp_path / "dl1_LST-1.Run00001.h5", events), configuration=changed)
