"""Targets: names as people spell them, and positions."""

from importlib import resources

import pytest
import yaml

from foa.errors import FoaError
from foa.intake.targets import read_target
from foa_stage.manifests import Target

CRAB = Target(name="Crab", ra=83.6324, dec=22.0174)


@pytest.mark.parametrize(
    "name", ["Crab", " Crab", "CRAB NEBULA", "M1", "m 1", "Messier 1", "Taurus-A", "NGC1952"]
)
def test_a_target_is_found_by_all_of_its_names_however_they_are_written(name):
    assert read_target(name) == CRAB


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Mkn 421", "Mrk 421"),
        ("markarian421", "Mrk 421"),
        ("Mkn501", "Mrk 501"),
        ("NGC1275", "NGC 1275"),
        ("BL Lacertae", "BL Lac"),
        ("LSI+61303", "LS I +61 303"),
        ("1es1959+650", "1ES 1959+650"),
        ("OJ287", "OJ 287"),
        ("Sgr A*", "Galactic Centre"),
        ("Cassiopeia A", "Cas A"),
    ],
)
def test_other_names_lead_to_the_name_of_the_list(name, known):
    assert read_target(name).name == known


@pytest.mark.parametrize(
    "position",
    [
        "83.6331,22.0145",
        "83.6331 22.0145",
        " 83.6331 , +22.0145 ",
        "05 34 31.94 +22 00 52.2",
        "05:34:31.94 +22:00:52.2",
        "05h34m31.94s +22d00m52.2s",
        "05h34m31.94s, +22°00'52.2\"",
    ],
)
def test_a_position_may_be_decimal_or_sexagesimal(position):
    target = read_target(position)
    assert (target.ra, target.dec) == pytest.approx((83.63308, 22.0145), abs=1e-4)
    assert target.name == "83.6331+22.0145"


def test_a_southern_position_keeps_its_sign_below_one_degree():
    assert read_target("12 00 00 -00 30 00").dec == pytest.approx(-0.5)
    assert read_target("180 −0.5").dec == pytest.approx(-0.5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Crabb", "did you mean Crab"),
        ("Mkn 412", "did you mean Mrk 421"),
        ("PKS 1222+261", "did you mean PKS 1222"),
        ("nan,1", "unknown target"),
        ("400,95", "ra: must be less than 360"),
        ("1,2,3", "is no position"),
        ("25 00 00 +10 00 00", "is no position"),
        ("05 34 60.0 +22 00 52", "is no position"),
        ("", "unknown target"),
    ],
)
def test_what_is_no_target_says_so(text, words):
    with pytest.raises(FoaError) as error:
        read_target(text)
    assert words in str(error.value)


@pytest.mark.parametrize("text", ["OJ 387", "M 13", "Nowhere 7", "GRB 241205A"])
def test_names_that_merely_share_digits_are_not_suggested(text):
    with pytest.raises(FoaError) as error:
        read_target(text)
    assert "did you mean M" not in str(error.value)


def test_no_two_targets_of_the_list_share_a_name_or_a_position():
    content = resources.files("foa.intake").joinpath("targets.yaml").read_text()
    listed = yaml.safe_load(content)
    assert len({(entry["ra"], entry["dec"]) for entry in listed.values()}) == len(listed) > 60
    for name, entry in listed.items():
        for spelling in (name, *entry.get("also", ())):
            assert read_target(spelling).name == name
