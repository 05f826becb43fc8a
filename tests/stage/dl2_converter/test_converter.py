"""For every size of the chunks, the DL2 file is the stock tool's, event by event and bit by bit."""

import json
import warnings

import joblib
import numpy as np
import pytest
import tables
from ctapipe.core import run_tool
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lstchain.io.io import dl2_params_lstcam_key
from lstchain.tools.lstchain_dl1_to_dl2 import DL1ToDL2Tool

from foa_dl2_converter.configuration import Refused
from foa_dl2_converter.converter import StreamingConverter
from foa_testing.night.dl1 import write_dl1

N_EVENTS = 100


@pytest.fixture(scope="module")
def events(observed):
    return observed.head(N_EVENTS)


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
        options = {
            "dl1": dl1,
            "dl2": dl2,
            "models": models,
            "configuration": configuration,
            "cache": cache,
            "chunk_events": chunk,
            "threads": 2,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        argv = [*words, "--overwrite"]
        run_tool(StreamingConverter(), argv=argv, cwd=directory, raises=True)
        return dl2

    return convert


@pytest.fixture(scope="module")
def stock(directory, models, configuration):
    def convert(dl1):
        words = ["-f", dl1, "-p", models, "-o", directory / "stock", "-c", configuration]
        argv = [str(word) for word in words]
        with joblib.parallel_config(backend="sequential"):
            run_tool(DL1ToDL2Tool(), argv=argv, cwd=directory, raises=True)
        return directory / "stock" / dl1.name.replace("dl1", "dl2", 1)

    return convert


def content(path):
    """Every table with its attributes, but for the provenance, which names the program."""
    with warnings.catch_warnings(), tables.open_file(path) as file:
        warnings.simplefilter("ignore")
        return {
            node._v_pathname: (node.dtype, node.read().tobytes(), attributes(node))
            for node in file.walk_nodes("/", "Table")
        }


def attributes(node):
    return str({name: node.attrs[name] for name in node.attrs._f_list()})


def write(path, events):
    write_dl1(path, events, list(events.columns))
    return path


def without_pointing(events):
    broken = events.copy()
    columns = [broken.columns.get_loc(name) for name in ("alt_tel", "az_tel")]
    broken.iloc[[0, 5, 6, 7, -1], columns] = np.nan
    return broken


def with_some_dropped(events):
    return events.assign(width=np.where(np.arange(len(events)) % 3, events.width, np.nan))


FILES = {
    "as it comes": lambda events: events,
    "some events without pointing": without_pointing,
    "out of order and without pointing": lambda events: without_pointing(events).sample(
        frac=1, random_state=1
    ),
    "some events that the filters drop": with_some_dropped,
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
def test_the_file_is_that_of_the_stock_tool_for_any_chunks(ours, converted, chunk):
    dl1, expected = converted
    assert dl2_params_lstcam_key in expected
    assert content(ours(dl1, chunk)) == expected


@pytest.mark.realdata
@pytest.mark.parametrize("run", ["02008", "04192"])
def test_real_files_are_converted_as_by_the_stock_tool(ours, stock, realdata, run):
    dl1 = realdata / f"lst1-real-dl1/dl1_LST-1.Run{run}.0000.h5"
    expected = content(stock(dl1))
    assert content(ours(dl1)) == content(ours(dl1, 5)) == expected


def test_the_provenance_names_inputs_and_models(ours, events, tmp_path, models):
    dl2 = ours(write(tmp_path / "dl1_LST-1.Run00001.h5", events))
    with tables.open_file(dl2) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = [node._v_pathname for node in file.walk_nodes("/")]
    assert "/provenance/dl1_to_dl2" in names


def test_no_file_is_written_when_no_event_is_left(ours, events, tmp_path):
    empty = events.assign(intensity=np.nan, log_intensity=np.nan)
    assert not ours(write(tmp_path / "dl1_LST-1.Run00001.h5", empty)).exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"source_dependent": True}, "source_dependent"),
        ({"lh_fit_config": {"sigma_s": 1}}, "lh_fit_config"),
    ],
)
def test_an_unsupported_configuration_is_refused(
    ours, events, tmp_path, configuration, change, complaint
):
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(json.loads(configuration.read_text()) | change))
    with pytest.raises(Refused, match=complaint):
        ours(write(tmp_path / "dl1_LST-1.Run00001.h5", events), configuration=changed)
