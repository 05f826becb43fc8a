"""What the synthetic night contains: declination lines, nodes, observed runs, and what is wrong with some of them."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PRODUCTION = "20240918_v0.10.12_allsky_nsb_tuning_0.14"
NSB_RATE = 0.1503
"""Additional night-sky background in p.e./ns over the dark MC: lstchain_find_tailcuts finds it per run."""

CRAB = (83.6324, 22.0174)
ZETA_TAURI = (84.4112, 21.1425)
"""1.1° from the Crab: a run on this star has the Crab in view, but far outside the wobble offset."""
TOO = (60.0, 36.2)
WOBBLE_OFFSET_DEG = 0.4


class Defect(StrEnum):
    """What is wrong with a run; its value names the criterion of the selector that must notice."""

    NONE = "none"
    CLOUDS = "cosmics_rate"
    NO_INTERLEAVED = "interleaved"
    UNSTABLE_POINTING = "pointing_stability"
    ZENITH = "zenith"
    OTHER_TARGET = "sky_region"
    TRUNCATED = "truncated"


@dataclass(frozen=True)
class Node:
    """A pointing of the MC, in degrees."""

    zenith: float
    azimuth: float

    @property
    def name(self) -> str:
        """As in the names of the AllSky productions."""
        return f"node_theta_{self.zenith:.3f}_az_{self.azimuth:.3f}_"


@dataclass(frozen=True)
class DeclinationLine:
    """Nodes the Random Forests of one line are trained at, and nodes its IRFs are made for."""

    name: str
    training: tuple[Node, ...]
    testing: tuple[Node, ...]


_HULL = (Node(10.0, 102.199), Node(14.984, 355.158), Node(43.197, 262.712))
"""Their (cos zenith, sin of the angle to the geomagnetic field) surround both tracks east and west of the meridian."""

LINES = (
    DeclinationLine(
        "dec_2276",
        (Node(6.0, 180.0), Node(16.087, 108.090), Node(16.087, 251.910), Node(30.390, 93.640), Node(30.390, 266.360),
         Node(44.927, 85.716), Node(44.927, 274.284)),
        (*_HULL, Node(14.984, 175.158), Node(23.630, 100.758)),
    ),
    DeclinationLine(
        "dec_3476",
        (Node(7.093, 31.090), Node(7.093, 328.910), Node(19.807, 66.706), Node(19.807, 293.294), Node(34.367, 69.537),
         Node(48.911, 292.603)),
        _HULL,
    ),
)  # fmt: skip
"""Pointings of the low-zenith part of two lines of the AllSky productions (lstmcpipe, 20240918)."""


@dataclass(frozen=True)
class Run:
    """One observed run. Angles in degrees, durations in s, `start` in UTC, flux in units of the Crab's."""

    obs_id: int
    night: str
    start: str
    source: str
    position: tuple[float, float]
    position_angle: float
    flux_crab: float
    duration: float = 180.0
    light_yield: float = 1.0
    defect: Defect = Defect.NONE

    @property
    def directory_night(self) -> str:
        """The night as directories spell it."""
        return self.night.replace("-", "")


FIRST, SECOND = "2024-12-05", "2024-12-07"
RUNS = (
    Run(20001, FIRST, "2024-12-05T22:48:00", "ToO-241205", TOO, 90, 0, 120),
    Run(20002, FIRST, "2024-12-05T22:56:00", "ToO-241205", TOO, 270, 0, 120),
    Run(20003, FIRST, "2024-12-06T00:05:00", "Crab", CRAB, 90, 1),
    Run(20004, FIRST, "2024-12-06T00:30:00", "Crab", CRAB, 270, 1),
    Run(20005, FIRST, "2024-12-06T03:10:00", "Crab", CRAB, 90, 1, 60, 0.6, Defect.CLOUDS),
    Run(20101, SECOND, "2024-12-07T22:00:00", "Crab", CRAB, 90, 1, 60, defect=Defect.ZENITH),
    Run(20102, SECOND, "2024-12-08T00:10:00", "Crab", CRAB, 90, 1),
    Run(20103, SECOND, "2024-12-08T03:00:00", "Crab", CRAB, 270, 1),
    Run(20104, SECOND, "2024-12-08T03:30:00", "Crab", CRAB, 90, 1),
    Run(20105, SECOND, "2024-12-08T03:40:00", "Crab", CRAB, 270, 1, 60, defect=Defect.NO_INTERLEAVED),
    Run(20106, SECOND, "2024-12-08T03:50:00", "Crab", CRAB, 90, 1, 60, defect=Defect.UNSTABLE_POINTING),
    Run(20107, SECOND, "2024-12-08T04:00:00", "Zeta Tauri", ZETA_TAURI, 90, 0, 60, defect=Defect.OTHER_TARGET),
    Run(20108, SECOND, "2024-12-08T04:10:00", "Crab", CRAB, 270, 1, 60, defect=Defect.TRUNCATED),
)


@dataclass(frozen=True)
class Layout:
    """Where everything lies below the night's directory, as at the telescope's computing centre."""

    root: Path

    def dl1(self, run: Run) -> Path:
        """Merged DL1 file of a run."""
        return self.root / f"DL1/{run.directory_night}/v0.10/tailcut84/dl1_LST-1.Run{run.obs_id:05d}.h5"

    def run_wise_datacheck(self, run: Run) -> Path:
        """Datacheck file of a run."""
        name = f"datacheck_dl1_LST-1.Run{run.obs_id:05d}.h5"
        return self.root / "DL1/datacheck_files" / run.directory_night / name

    def night_wise_datacheck(self, night: str) -> Path:
        """Datacheck file of a night (`YYYYMMDD`)."""
        return self.root / f"OSA/DL1DataCheck_LongTerm/night_wise/all/DL1_datacheck_{night}.h5"

    def training(self, line: DeclinationLine, particle: str) -> Path:
        """Merged training MC of one particle."""
        folder = self.root / f"mc/DL1/AllSky/{PRODUCTION}/TrainingDataset/{particle}/{line.name}"
        return folder / f"dl1_{PRODUCTION}_train_{line.name}_{particle}_merged.h5"

    def testing_dl1(self, node: Node) -> Path:
        """Test gammas of a node."""
        return self.root / f"mc/DL1/AllSky/{PRODUCTION}/TestingDataset/dl1_{PRODUCTION}_{node.name}_merged.h5"

    def testing_dl2(self, line: DeclinationLine, node: Node) -> Path:
        """Test gammas of a node, reconstructed with the forests of a line."""
        folder = self.root / f"mc/DL2/AllSky/{PRODUCTION}/TestingDataset/{line.name}/{node.name}"
        return folder / f"dl2_{PRODUCTION}_{node.name}_merged.h5"

    def models(self, line: DeclinationLine) -> Path:
        """Random Forests of a line, their configuration and training pointings."""
        return self.root / f"models/AllSky/{PRODUCTION}/{line.name}"

    def config(self, line: DeclinationLine) -> Path:
        """lstchain configuration of a line's forests."""
        return self.models(line) / "lstchain_config_2024-09-18.json"

    @property
    def truth(self) -> Path:
        """What was injected."""
        return self.root / "truth.json"
