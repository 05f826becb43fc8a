"""Real Crab data of MAGIC and H.E.S.S. give the values their sources give."""

import json

import pytest

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def reference(realdata):
    return json.loads((realdata / "reference_values.json").read_text())


def analyze(operator, store, target, profile):
    said = operator.type(
        "analyze", store, "--target", target, "--profile", profile, "--json"
    ).stdout
    return json.loads(said)["findings"]["all"]


def agrees(parameter, value, error):
    """Within 2 σ or 5 %."""
    return abs(parameter["value"] - value) < max(2 * error, 0.05 * abs(value))


def test_magic_with_energy_dependent_cuts(operator, realdata, reference):
    expected = reference["magic_rad_max"]["baseline"]["n_off_regions_3"]
    spectrum = analyze(operator, realdata / "magic-rad-max/data", "83.63,22.01", "quick-look")[
        "spectrum"
    ]
    counts = spectrum["counts"]
    assert (counts["n_on"], counts["n_off"]) == (expected["n_on"], expected["n_off"])
    assert counts["significance"] == pytest.approx(expected["lima"], abs=0.01)
    (parameters,) = (
        model["parameters"] for model in spectrum["models"] if model["name"] == "log-parabola"
    )
    assert agrees(parameters["amplitude"], expected["amplitude_1TeV"], expected["err"])
    assert agrees(parameters["alpha"], expected["alpha_idx"], expected["alpha_err"])
    assert agrees(parameters["beta"], expected["beta"], expected["beta_err"])


def test_hess_with_full_enclosure_irfs_and_their_own_background(
    operator, realdata, reference, repository
):
    expected = reference["hess_crab"]["baseline_1d_pl"]
    published = reference["hess_crab"]["reference_1d_pl"]
    profile = repository / "tests/data/hess.yaml"
    findings = analyze(operator, realdata / "hess-crab", "83.6333,22.0144", profile)
    counts = findings["spectrum"]["counts"]
    assert (counts["n_on"], counts["n_off"]) == (expected["n_on"], expected["n_off"])
    assert counts["significance"] == pytest.approx(expected["lima"], abs=0.01)
    (model,) = (model for model in findings["spectrum"]["models"] if model["name"] == "power-law")
    index, amplitude = model["parameters"]["index"], model["parameters"]["amplitude"]
    assert agrees(index, published["index"], published["index_err"])
    assert amplitude["value"] == pytest.approx(expected["amplitude_1TeV"], rel=0.05)
    at_reference = amplitude["value"] * 1.45 ** -index["value"]
    assert at_reference == pytest.approx(published["amplitude_1.45TeV"], rel=0.05)
    assert findings["sky_map"]["background"].startswith("IRF background")
    assert 0.9 < findings["sky_map"]["off_width"] < 1.15
