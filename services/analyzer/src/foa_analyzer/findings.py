"""Everything that can be found in one set of runs. What cannot be computed does not stop the rest; it is said why."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from astropy.coordinates import SkyCoord
from astropy.table import Table
from foa.manifests import Analysis, Theta2Cuts
from gammapy.data import Observations

from foa_analyzer import figures, lightcurve, skymap, spectrum, theta2
from foa_analyzer.observations import livetime, open_store, reason_to_exclude
from foa_analyzer.request import AnalysedRun
from foa_analyzer.results import Findings, Theta2

log = logging.getLogger(__name__)


class Search:
    """One set of runs under analysis; its findings and files accumulate in `directory`."""

    def __init__(
        self, runs: list[AnalysedRun], store: Path | None, target: SkyCoord, choice: Analysis, directory: Path
    ) -> None:
        self.runs, self.target, self.choice, self.directory = runs, target, choice, directory
        self.observations = _open(store, runs)
        self.unavailable: dict[str, str] = {}
        self.excluded: dict[str, str] = {}
        self.found: dict[str, Any] = {}
        self.theta2: list[Theta2] = []
        self.figures: list[str] = []
        directory.mkdir(parents=True, exist_ok=True)

    def run(self) -> Findings:
        """Do every analysis that the data allow."""
        if any(run.dl2 for run in self.runs):
            for cuts in self.choice.theta2_dl2:
                with self._noting(f"theta2 DL2 {cuts.name}"):
                    self._keep_theta2(theta2.from_dl2(self.runs, self.target, cuts, self.choice.theta2_range_deg2))
        if self.observations is None:
            self.unavailable["DL3"] = "no run has DL3 data"
        else:
            self._run_dl3(self.observations)
        return Findings(
            obs_ids=self._obs_ids(), livetime_s=livetime(self.observations or []), theta2=tuple(self.theta2),
            unavailable=self.unavailable, excluded=self.excluded, figures=tuple(self.figures), **self.found,
        )  # fmt: skip

    def _obs_ids(self) -> tuple[int, ...]:
        if self.runs:
            return tuple(run.obs_id for run in self.runs)
        return tuple(int(observation.obs_id) for observation in self.observations or [])

    def _run_dl3(self, observations: Observations) -> None:
        with self._noting("theta2 DL3"):
            cuts: Theta2Cuts = self.choice.theta2_dl3
            self._keep_theta2(theta2.from_dl3(observations, self.target, cuts, self.choice.theta2_range_deg2))
        with self._noting("sky map"):
            self._make_maps(observations)
        with self._noting("spectrum"):
            self._measure_spectrum(observations)

    @contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        """Note a failure and go on."""
        try:
            yield
        except Exception as error:
            log.warning("%s: not available", name, exc_info=True)
            self.unavailable[name] = str(error) or type(error).__name__

    def _keep_theta2(self, found: Theta2) -> None:
        name = f"theta2-{found.level.lower()}-{found.name}"
        self.theta2.append(found)
        table = Table({"low": found.edges[:-1], "high": found.edges[1:], "on": found.on, "off": found.off})
        table.meta = {"cut_deg2": found.cut, **found.counts.model_dump()}
        table.write(self.directory / f"{name}.ecsv", overwrite=True)
        self._keep_figure(figures.draw_theta2(found, self.directory / f"{name}.png"))

    def _make_maps(self, observations: Observations) -> None:
        sky_map, maps = skymap.make_maps(observations, self.target, self.choice)
        self.found["sky_map"] = sky_map
        for name in ("counts", "background", "excess", "significance"):
            getattr(maps, name).write(self.directory / f"map-{name}.fits", overwrite=True)
        self._keep_figure(figures.draw_maps(maps, sky_map, self.directory / "maps.png"))

    def _measure_spectrum(self, observations: Observations) -> None:
        """Spectrum and, from the same data, light curves."""
        usable = self._usable(observations)
        datasets = spectrum.extract(usable, self.target, self.choice)
        found, points, model = spectrum.measure(usable, datasets, self.choice)
        self.found["spectrum"] = found
        points.to_table(sed_type="dnde", formatted=True).write(self.directory / "flux-points.ecsv", overwrite=True)
        self._keep_figure(
            figures.draw_spectrum(points, model if found.detected else None, self.directory / "spectrum.png")
        )
        with self._noting("light curve"):
            curves = []
            for per in ("run", "night"):
                curve, estimates = lightcurve.estimate(datasets, model, self.choice, per)
                curves.append(curve)
                table = estimates.to_table(sed_type="flux", format="lightcurve")
                table.write(self.directory / f"light-curve-{per}.ecsv", overwrite=True)
            self.found["light_curves"] = tuple(curves)
            self._keep_figure(figures.draw_light_curves(curves, self.directory / "light-curves.png"))

    def _usable(self, observations: Observations) -> Observations:
        """Observations whose IRFs hold for the target."""
        reasons = {o.obs_id: reason_to_exclude(o, self.target) for o in observations}
        self.excluded |= {str(obs_id): reason for obs_id, reason in reasons.items() if reason}
        return Observations([o for o in observations if not reasons[o.obs_id]])

    def _keep_figure(self, path: Path) -> None:
        self.figures.append(path.name)


def _open(store: Path | None, runs: list[AnalysedRun]) -> Observations | None:
    """The observations of these runs; of a foreign directory, all."""
    if store is None:
        return None
    observations = open_store(store)
    wanted = {run.obs_id for run in runs}
    chosen = [o for o in observations if not runs or int(o.obs_id) in wanted]
    return Observations(chosen) if chosen else None
