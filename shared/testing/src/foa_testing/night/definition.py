"""Contents of the synthetic night: declination lines, MC nodes, and runs with their defects."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PRODUCTION = "20240918_v0.10.12_allsky_nsb_tuning_0.14"
NSB_RATE = 0.1503
"""Night-sky background over the dark MC, in p.e./ns, as lstchain_find_tailcuts finds it."""
SUBRUN_S = 10.0
WOBBLE_OFFSET_DEG = 0.4
EAST, WEST = 90, 270
"""Position angles, in degrees, of the pointing seen from the source."""


@dataclass(frozen=True)
class Source:
    """A point source: ICRS position in degrees, flux in units of the Crab Nebula's."""

    name: str
    ra: float
    dec: float
    flux_crab: float


CRAB = Source("Crab", 83.6324, 22.0174, 1)
ZETA_TAURI = Source("Zeta Tauri", 84.4112, 21.1425, 0)
"""A star 1.1° from the Crab: its runs have the Crab in view, far outside the wobble offset."""
TOO = Source("ToO-241205", 60.0, 36.2, 0)


class Defect(StrEnum):
    """The defect of a run.

    The value is the criterion of the selector that fails because of it.  A run whose DL1 file is
    truncated fails before it is graded: the selector cannot open the file.
    """

    NONE = "none"
    CLOUDS = "cosmics_rate"
    NO_INTERLEAVED = "interleaved"
    UNSTABLE_POINTING = "pointing_stability"
    ZENITH = "zenith"
    OTHER_TARGET = "wobble_offset"
    TRUNCATED = "truncated"


@dataclass(frozen=True)
class Node:
    """A pointing of the MC, in degrees."""

    zenith: float
    azimuth: float

    @property
    def name(self) -> str:
        """Return the node's name in the AllSky productions."""
        return f"node_theta_{self.zenith:.3f}_az_{self.azimuth:.3f}_"


@dataclass(frozen=True)
class DeclinationLine:
    """A line of the MC: nodes that its Random Forests are trained at, nodes of its IRFs."""

    name: str
    training: tuple[Node, ...]
    testing: tuple[Node, ...]


_HULL = (Node(10.0, 102.199), Node(14.984, 355.158), Node(43.197, 262.712))
"""Test nodes that surround both tracks, east and west of the meridian.

They do so in cos zenith and in the sine of the angle to the geomagnetic field, the coordinates in
which IRFs are interpolated.
"""

LINES = (
    DeclinationLine(
        "dec_2276",
        training=(
            Node(6.0, 180.0),
            Node(16.087, 108.090),
            Node(16.087, 251.910),
            Node(30.390, 93.640),
            Node(30.390, 266.360),
            Node(44.927, 85.716),
            Node(44.927, 274.284),
        ),
        testing=(*_HULL, Node(14.984, 175.158), Node(23.630, 100.758)),
    ),
    DeclinationLine(
        "dec_3476",
        training=(
            Node(7.093, 31.090),
            Node(7.093, 328.910),
            Node(19.807, 66.706),
            Node(19.807, 293.294),
            Node(34.367, 69.537),
            Node(48.911, 292.603),
        ),
        testing=_HULL,
    ),
)
"""The low-zenith part of two lines of the AllSky productions (lstmcpipe, 20240918)."""


@dataclass(frozen=True)
class SyntheticRun:
    """One observed run: angles in degrees, duration in s, `start` in UTC."""

    obs_id: int
    night: str
    start: str
    source: Source
    position_angle: float
    """Direction of the pointing, seen from the source."""
    duration: float = 180.0
    defect: Defect = Defect.NONE
    light_yield: float = 1.0
    """Share of the Cherenkov light that clouds let through."""

    @property
    def directory_night(self) -> str:
        """Return the night as directories spell it: YYYYMMDD."""
        return self.night.replace("-", "")

    @property
    def n_subruns(self) -> int:
        """Return the number of complete subruns."""
        return int(self.duration // SUBRUN_S)


FIRST, SECOND = "2024-12-05", "2024-12-07"
RUNS = (
    SyntheticRun(20001, FIRST, "2024-12-05T22:48:00", TOO, EAST, 120),
    SyntheticRun(20002, FIRST, "2024-12-05T22:56:00", TOO, WEST, 120),
    SyntheticRun(20003, FIRST, "2024-12-06T00:05:00", CRAB, EAST),
    SyntheticRun(20004, FIRST, "2024-12-06T00:30:00", CRAB, WEST),
    SyntheticRun(20005, FIRST, "2024-12-06T03:10:00", CRAB, EAST, 60, Defect.CLOUDS, 0.6),
    SyntheticRun(20101, SECOND, "2024-12-07T22:00:00", CRAB, EAST, 60, Defect.ZENITH),
    SyntheticRun(20102, SECOND, "2024-12-08T00:10:00", CRAB, EAST),
    SyntheticRun(20103, SECOND, "2024-12-08T03:00:00", CRAB, WEST),
    SyntheticRun(20104, SECOND, "2024-12-08T03:30:00", CRAB, EAST),
    SyntheticRun(20105, SECOND, "2024-12-08T03:40:00", CRAB, WEST, 60, Defect.NO_INTERLEAVED),
    SyntheticRun(20106, SECOND, "2024-12-08T03:50:00", CRAB, EAST, 60, Defect.UNSTABLE_POINTING),
    SyntheticRun(20107, SECOND, "2024-12-08T04:00:00", ZETA_TAURI, EAST, 60, Defect.OTHER_TARGET),
    SyntheticRun(20108, SECOND, "2024-12-08T04:10:00", CRAB, WEST, 60, Defect.TRUNCATED),
)


@dataclass(frozen=True)
class Layout:
    """Paths below the night's directory, arranged as at the telescope's computing centre."""

    root: Path

    def dl1(self, run: SyntheticRun) -> Path:
        """Return the merged DL1 file of a run."""
        directory = self.root / "DL1" / run.directory_night / "v0.10/tailcut84"
        return directory / f"dl1_LST-1.Run{run.obs_id:05d}.h5"

    def run_wise_datacheck(self, run: SyntheticRun) -> Path:
        """Return the datacheck file of a run."""
        name = f"datacheck_dl1_LST-1.Run{run.obs_id:05d}.h5"
        return self.root / "DL1/datacheck_files" / run.directory_night / name

    def night_wise_datacheck(self, night: str) -> Path:
        """Return the datacheck file of a night (YYYYMMDD)."""
        return self.root / f"OSA/DL1DataCheck_LongTerm/night_wise/all/DL1_datacheck_{night}.h5"

    def training(self, line: DeclinationLine, particle: str) -> Path:
        """Return the merged training MC of one particle."""
        directory = self._mc("DL1") / "TrainingDataset" / particle / line.name
        return directory / f"dl1_{PRODUCTION}_train_{line.name}_{particle}_merged.h5"

    def testing_dl1(self, node: Node) -> Path:
        """Return the test gammas of a node."""
        return self._mc("DL1") / "TestingDataset" / f"dl1_{PRODUCTION}_{node.name}_merged.h5"

    def testing_dl2(self, line: DeclinationLine, node: Node) -> Path:
        """Return the test gammas of a node, reconstructed with the forests of a line."""
        directory = self._mc("DL2") / "TestingDataset" / line.name / node.name
        return directory / f"dl2_{PRODUCTION}_{node.name}_merged.h5"

    def models(self, line: DeclinationLine) -> Path:
        """Return the directory of a line's Random Forests, configuration and pointings."""
        return self.root / f"models/AllSky/{PRODUCTION}/{line.name}"

    def config(self, line: DeclinationLine) -> Path:
        """Return the lstchain configuration of a line's forests."""
        return self.models(line) / "lstchain_config_2024-09-18.json"

    @property
    def truth(self) -> Path:
        """Return the file that states what was injected; it is written last."""
        return self.root / "truth.json"

    def _mc(self, level: str) -> Path:
        return self.root / "mc" / level / "AllSky" / PRODUCTION
