"""Text of documents and people, as the terminal shows it."""

import json

import pytest

from foa.cli.output import (
    literal,
    make_console,
    print_error,
    print_json,
    print_line,
    print_rows,
    printable,
)

HOSTILE = "x [/b] [red]\x1b[31m\x07\r\x9b2J\u202e\udc80\0"
"""Markup, colours, bell, carriage return, another escape, reversed text, half a character."""


@pytest.fixture
def printed(capsys):
    """What a call printed, with whatever a terminal would act upon."""

    def call(function, *arguments, **options):
        function(*arguments, **options)
        out, err = capsys.readouterr()
        return out + err

    return call


def assert_harmless(text):
    assert "x [/b] [red]\\x1b[31m" in text
    assert set(text) & set("\x1b\x07\r\x9b\u202e\udc80\0") == set()


def test_text_of_others_is_shown_as_it_is_by_everything_that_prints(printed):
    console = make_console()
    assert_harmless(printed(print_line, console, HOSTILE))
    assert_harmless(printed(print_line, console, HOSTILE, style="red"))
    assert_harmless(printed(print_rows, [{"request": HOSTILE}], as_json=False))
    assert_harmless(printed(print_error, HOSTILE))


def test_json_is_exact_and_in_ascii(printed):
    said = printed(print_json, {"name": HOSTILE})
    assert said.isascii()
    assert json.loads(said) == {"name": HOSTILE}


def test_letters_of_all_languages_and_line_breaks_are_printable():
    text = "θ² < 0.04 deg², Núñez, 月\n\tσ\u00a0= 5"
    assert printable(text) == text
    assert literal(text).plain == text


def test_an_error_is_one_line(printed):
    assert printed(print_error, "first\n  second") == "foa: first second\n"


def test_numbers_are_short_in_tables_and_whole_in_json(printed):
    rows = [{"value": 0.123456789, "count": 20003, "absent": None}]
    table = printed(print_rows, rows, as_json=False)
    assert "0.1235" in table
    assert "20003" in table
    assert "None" not in table
    assert json.loads(printed(print_rows, rows, as_json=True)) == rows
    assert printed(print_rows, [], as_json=False) == "nothing\n"
