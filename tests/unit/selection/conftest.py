"""The selector's stage on one night of an archive in the making."""

import h5py
import numpy as np
import pytest
from astropy.table import Table

from foa_selector.archives import DL1_PARAMETERS
from foa_selector.plan import SelectionRequest
from foa_selector.stage import STAGE
from foa_stage.manifests import canonical_json
from foa_stage.runner import run_stage
from foa_stage.tree import RunTree
from foa_testing.fakes.factories import CRAB, GOOD_SUBRUN, make_archive, make_request

SUMMARY = {"elapsed_time": 1200.0, "num_flatfield": 100.0, "num_pedestals": 100.0}


class Night:
    """One night of an archive in the making; `write` writes its lists."""

    production = "20240918_v0.10.12_allsky_nsb_tuning_0.14"

    def __init__(self, root):
        self.root = root
        self.catalog, self.subruns, self.summaries = [], [], []
        self.types = {}

    def observe(
        self,
        obs_id,
        dec=CRAB.dec + 0.4,
        *,
        source="Crab",
        catalog=True,
        datacheck=True,
        kind="DATA",
    ):
        """Add a good run that points at this declination, and its DL1 file."""
        self.types[obs_id] = kind
        if catalog:
            self.catalog.append((obs_id, source, CRAB.ra, dec))
        if datacheck:
            self.subruns += [{"runnumber": obs_id, **GOOD_SUBRUN, "dec_tel": dec}] * 5
            self.summaries.append({"runnumber": obs_id, **SUMMARY})
        path = self.root / f"DL1/20241205/v0.10/tailcut84/dl1_LST-1.Run{obs_id:05d}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file[DL1_PARAMETERS] = np.zeros(3, dtype=[("event_id", int)])
        return path

    def write(self):
        rows = list(self.types.items()) or None
        summary = Table(rows=rows, names=["run_id", "run_type"], dtype=["int64", "str"])
        summary.write(self.root / "RunSummary_20241205.ecsv")
        names = ["run_id", "source_name", "source_ra", "source_dec"]
        types = ["int64", "str", "float64", "float64"]
        catalog = Table(rows=self.catalog or None, names=names, dtype=types)
        catalog.write(self.root / "RunCatalog_20241205.ecsv")
        with h5py.File(self.root / "DL1_datacheck_20241205.h5", "w") as file:
            file["cosmics_intensity_spectrum/table"] = rows_of(self.subruns, GOOD_SUBRUN)
            file["runsummary/table"] = rows_of(self.summaries, SUMMARY)


def rows_of(records, columns):
    dtype = [("runnumber", int), *((name, float) for name in columns)]
    return np.array([tuple(record.values()) for record in records], dtype=dtype)


@pytest.fixture
def night(tmp_path):
    root = tmp_path / "archive"
    line = root / f"models/{Night.production}/dec_2276"
    dl2 = root / f"mc/{Night.production}/dec_2276/node_a/dl2_node_a.h5"
    for path in (line / "cls_gh.sav", line / "lstchain.json", dl2):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)
    return Night(root)


@pytest.fixture
def select(night, tmp_path):
    """Let the stage answer a request; return its exit code and report."""

    def run(**changes):
        request = make_request(archive=make_archive(night.root)).model_copy(update=changes)
        work = RunTree(tmp_path / "tree").work("selector", "key")
        work.directory.mkdir(parents=True, exist_ok=True)
        work.request.write_bytes(canonical_json(SelectionRequest(request=request, inputs="0")))
        return run_stage(STAGE, work.request), work.last_report()

    return run
