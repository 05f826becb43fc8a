"""Settings that follow from lstchain's configuration of the forests."""

from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.table import Table
from ctapipe.instrument import SubarrayDescription
from ctapipe_io_lst import OPTICS


class Refused(Exception):
    """The configuration asks for something that is not supported; the message says what."""


def refuse(config: dict[str, Any]) -> None:
    """Refuse a configuration of which something would silently be dropped.

    Raises
    ------
    Refused
        If the analysis is source-dependent, or the likelihood fit's parameters are wanted.
    """
    remedy = "not supported: use lstchain_dl1_to_dl2"
    if config["source_dependent"]:
        raise Refused(f"source-dependent analysis (source_dependent) is {remedy}")
    if "lh_fit_config" in config:
        raise Refused(f"parameters of the likelihood fit (lh_fit_config) are {remedy}")


def interpolation(
    config: dict[str, Any], models: Path
) -> tuple[dict[str, bool] | None, Table | None]:
    """Return which predictions to interpolate in the cosine of zenith, and the training pointings.

    Both are None where nothing is interpolated; the pointings are None where the models lack
    their list.
    """
    settings = config.get("random_forest_zd_interpolation", {})
    wanted = {
        "energy_regression": settings.get("interpolate_energy", False),
        "particle_classification": settings.get("interpolate_gammaness", False),
        "disp": settings.get("interpolate_direction", False),
    }
    pointings = models / "training_dirs.ecsv"
    if not any(wanted.values()):
        return None, None
    return wanted, Table.read(pointings) if pointings.is_file() else None


def focal_length(dl1: Path, config: dict[str, Any]) -> u.Quantity:
    """Return the telescope's effective focal length; the standard one if the file's is unreadable.

    Subarrays of other versions of ctapipe cannot be read.
    """
    try:
        telescope = SubarrayDescription.from_hdf(dl1).tel[config.get("allowed_tels", [1])[0]]
        return telescope.optics.effective_focal_length
    except OSError:
        return OPTICS.effective_focal_length
