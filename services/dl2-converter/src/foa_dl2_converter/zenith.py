"""Preparing forests for lstchain's interpolation in zenith, which calls each of them twice."""

from typing import Any

from foa_dl2_converter.forest import Forest

INPUTS = {
    "reg_energy": ("energy_regression_features", "energy_regression"),
    "cls_gh": ("particle_classification_features", "particle_classification"),
    "reg_disp_vector": ("disp_regression_features", "disp"),
    "reg_disp_norm": ("disp_regression_features", "disp"),
    "cls_disp_sign": ("disp_classification_features", "disp"),
}
"""Each forest's features in lstchain's configuration, and its switch of the interpolation."""
REPLACED = "alt_tel"
ALTITUDES = ["alt0", "alt1"]
"""Columns of the two altitudes that lstchain puts in place of the telescope's."""


def interpolating(
    forests: dict[str, Any], config: dict[str, Any], interpolated: dict[str, bool] | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the forests and the configuration with which both altitudes are evaluated at once.

    In the configuration the altitudes follow the features, so that a forest sees both of them
    in each call. Forests of scikit-learn stay as they are.
    """
    prepared, features = dict(forests), dict(config)
    for name, forest in forests.items():
        key, switch = INPUTS[name]
        if isinstance(forest, Forest) and interpolated and interpolated[switch]:
            prepared[name] = forest.interpolating(config[key].index(REPLACED))
            features[key] = [*config[key], *ALTITUDES]
    return prepared, features
