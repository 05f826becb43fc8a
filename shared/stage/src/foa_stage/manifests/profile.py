"""The analysis profile: every physics choice, versioned, in one document.

Defaults of the selection are those of lstchain's data-quality notebook (July 2026), defaults of
IRFs and DL3 those of the AllSky productions' configuration (20250212_v0.10.17), theta² cuts those
of the explore_DL2 notebook.
"""

from typing import Self

from pydantic import Field, model_validator

from foa_stage.manifests.canonical import Setting


class Interval(Setting):
    """An open interval."""

    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"{self.low} is not below {self.high}")
        return self

    def __contains__(self, value: float) -> bool:
        """Tell whether low < value < high; never for NaN."""
        return self.low < value < self.high


class Selection(Setting):
    """Limits of run quality; None means no cut."""

    offset_deg: Interval = Interval(low=0.35, high=0.45)
    zenith_deg: Interval = Interval(low=0, high=75)
    max_pointing_spread_deg: float = 0.01
    max_nsb_std_pe: float | None = None
    min_fit_quality: float = -3
    max_periodogram: float | None = None
    index: Interval = Interval(low=-2.35, high=-2.1)
    min_rate_at_422_pe: float = 1.5
    steadiness_window: float = 0.15
    min_steadiness: float = 0.8
    max_threshold_pe: float | None = None
    search_radius_deg: float = Field(
        default=2.0, description="runs pointing farther from the target are not its runs"
    )


class Irf(Setting):
    """Choices for IRFs, which are point-like, with energy-dependent cuts."""

    gh_efficiency: float = Field(default=0.7, gt=0, lt=1)
    theta_containment: float = Field(default=0.7, gt=0, lt=1)
    min_events_per_energy_bin: int = 100
    max_gh_cut: float = 0.98
    theta_range_deg: tuple[float, float] = (0.1, 0.32)
    energy_range_tev: tuple[float, float] = (0.005, 500)
    n_energy_bins: int = 25


class Dl3(Setting):
    """Events of the DL3 files, and how far from the nodes a pointing may lie."""

    min_intensity_pe: float = 50
    max_node_distance: float = Field(
        default=0.05,
        description=(
            "of a pointing outside the nodes' hull from the nearest node, "
            "in (cos zenith, sin of the angle to the geomagnetic field)"
        ),
    )


class Theta2Cuts(Setting):
    """Global cuts of one theta² plot from DL2."""

    name: str
    min_gammaness: float
    min_intensity_pe: float
    energy_tev: Interval
    max_theta2_deg2: float
    n_off_regions: int


class Analysis(Setting):
    """High-level analysis."""

    theta2_dl2: tuple[Theta2Cuts, ...] = (
        Theta2Cuts(
            name="low-energy",
            min_gammaness=0.5,
            min_intensity_pe=50,
            energy_tev=Interval(low=0.0, high=0.2),
            max_theta2_deg2=0.04,
            n_off_regions=1,
        ),
        Theta2Cuts(
            name="high-energy",
            min_gammaness=0.95,
            min_intensity_pe=50,
            energy_tev=Interval(low=0.2, high=1e3),
            max_theta2_deg2=0.02,
            n_off_regions=3,
        ),
    )
    theta2_dl3: Theta2Cuts = Theta2Cuts(
        name="standard",
        min_gammaness=0,
        min_intensity_pe=0,
        energy_tev=Interval(low=0.1, high=1e3),
        max_theta2_deg2=0.04,
        n_off_regions=3,
    )
    """Gammaness and intensity are cut when the DL3 file is made."""
    theta2_range_deg2: float = 0.5
    energy_range_tev: tuple[float, float] = (0.05, 50)
    bins_per_decade: int = 5
    true_energy_range_tev: tuple[float, float] = (0.01, 100)
    true_bins_per_decade: int = 14
    n_off_regions: int = Field(
        default=3,
        ge=1,
        description="with point-like IRFs; they may touch at energies of the largest RAD_MAX",
    )
    reference_energy_tev: float = 1.0
    detection_significance: float = Field(
        default=5, description="below it the spectrum gives upper limits"
    )
    upper_limit_index: float = Field(
        default=2.5, description="photon index assumed for upper limits"
    )
    light_curve_range_tev: tuple[float, float] = (0.1, 50)
    map_width_deg: float = 4.0
    map_pixel_deg: float = 0.04
    map_energy_tev: float = Field(default=0.1, description="threshold of the sky maps")
    correlation_radius_deg: float = 0.1
    exclusion_radius_deg: float = Field(
        default=0.3, description="around the target, when background is estimated"
    )
    on_radius_deg: float = Field(
        default=0.11, description="of the on region with full-enclosure IRFs"
    )
    max_offset_deg: float = 2.0


class Profile(Setting):
    """A named, versioned set of physics choices."""

    name: str
    version: int = Field(ge=1)
    selection: Selection = Selection()
    irf: Irf = Irf()
    dl3: Dl3 = Dl3()
    analysis: Analysis = Analysis()
