"""LSTOSA's rule for production, NSB level and declination line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foa_selector.model_choice import (
    choose_line,
    choose_nsb_level,
    line_declination,
    parse_nsb_rate,
    parse_picture_threshold,
)

NORTH = ("dec_2276", "dec_3476", "dec_4822", "dec_6166", "dec_6676", "dec_931")
LINES = (*NORTH, "dec_min_413", "dec_min_1802", "dec_min_2924")
LEVELS = {
    level: f"nsb_tuning_{level}"
    for level in (0.0, 0.07, 0.14, 0.22, 0.38, 0.5, 0.81, 1.25, 1.76, 2.34)
}


@pytest.mark.parametrize(
    ("name", "dec"), [("dec_2276", 22.76), ("dec_min_413", -4.13), ("dec_931", 9.31)]
)
def test_names_of_lines_are_their_declinations(name, dec):
    assert line_declination(name) == dec


@pytest.mark.parametrize(
    ("dec", "line"),
    [
        (22.02, "dec_2276"),  # Crab
        (36.2, "dec_3476"),
        # between the lines around the site's latitude: the closest
        (25.0, "dec_2276"),
        (30.0, "dec_3476"),
        # dec_931 and dec_4822 are closer, but culminate farther from zenith than the pointing
        (12.0, "dec_2276"),
        (42.0, "dec_3476"),
        (8.0, "dec_931"),
        # dec_min_2924 culminates lower by a third of a degree
        (-28.9, "dec_min_1802"),
    ],
)
def test_the_closest_line_that_reaches_the_pointings_zeniths_is_chosen(dec, line):
    assert choose_line(LINES, dec) == line


@given(st.floats(-40, 80), st.sets(st.sampled_from(LINES), min_size=1))
def test_some_installed_line_is_always_chosen(dec, installed):
    assert choose_line(installed, dec) in installed


@pytest.mark.parametrize(
    ("rate", "threshold", "level"),
    [
        (0.2221, 8, 0.22),
        (0.30, 8, 0.22),
        (0.30, 10, 0.38),
        (3.0, 18, 2.34),
        (0.0, 8, 0.0),
        (0.6, 10, 0.5),
    ],
)
def test_the_closest_level_of_the_same_cleaning_is_chosen(rate, threshold, level):
    assert choose_nsb_level(LEVELS, rate, threshold) == level


def test_a_negative_nsb_rate_is_an_error():
    with pytest.raises(ValueError, match="negative"):
        choose_nsb_level(LEVELS, -0.1, 8)


def test_a_cleaning_without_models_is_an_error_that_names_what_there_is():
    with pytest.raises(ValueError, match=r"10 p\.e\. \(NSB levels installed: 0\.07\)"):
        choose_nsb_level({0.07: "p"}, 0.4, 10)


def test_the_rate_is_read_from_the_tailcuts_finders_log():
    log = "Median: 5.4\n\nAdditional NSB rate (over dark MC): 0.2221 p.e./ns\nfinished"
    assert parse_nsb_rate(log) == 0.2221
    with pytest.raises(ValueError, match="does not state"):
        parse_nsb_rate("Traceback")


@pytest.mark.parametrize(
    ("directory", "threshold"), [("tailcut84", 8), ("tailcut105", 10), ("tailcut189", 18)]
)
def test_the_cleaning_is_read_from_the_directory(directory, threshold):
    assert parse_picture_threshold(directory) == threshold


def test_a_directory_that_does_not_name_its_cleaning_is_an_error():
    with pytest.raises(ValueError, match="interleaved does not name its cleaning"):
        parse_picture_threshold("interleaved")


@pytest.mark.parametrize("name", ["dec_", "dec_min_", "ra_2276", "dec_2276_old"])
def test_another_name_is_no_line(name):
    with pytest.raises(ValueError, match=f"{name} is not the name of a declination line"):
        line_declination(name)
