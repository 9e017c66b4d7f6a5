"""Whatever a page or a mail adds to what is pasted, the field means what the person sees."""

from __future__ import annotations

import sys
import unicodedata
from uuid import uuid4

import pytest
from hypothesis import given, strategies as st

from web.request.typed import bare, digits_and_signs, in_order, tidy


def of_category(*categories: str) -> list[str]:
    return [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) in categories
    ]


def test_every_format_character_is_dropped() -> None:
    assert {tidy(f"Ka{each}ren") for each in of_category("Cf")} == {"Karen"}


def test_what_nobody_sees_is_no_name() -> None:
    blank = "\u115f\u1160\u3164\uffa0\u2800\u034f\u200b\ufeff\u00a0"
    assert tidy(blank) == ""
    assert digits_and_signs("0412\u3164345\u2800678") == "0412 345 678"


def test_every_white_space_parts_words_once() -> None:
    spaces = of_category("Zs", "Zl", "Zp") + list("\t\n\r\v\f\x85")
    assert {tidy(f" Karen{each}{each}Smith{each}") for each in spaces} == {"Karen Smith"}


def test_every_dash_parts_digits() -> None:
    dashes = [*of_category("Pd"), "\N{MINUS SIGN}", "\N{HYPHEN BULLET}"]
    assert {bare(f"51{each}824{each}753") for each in dashes} == {"51824753"}


def test_digits_of_other_scripts_stay_what_they_are() -> None:
    assert digits_and_signs("\uff10\uff14 \u00b2") == "\uff10\uff14 \u00b2"
    assert digits_and_signs("\u0660\u0664\u0661\u0662") == "\u0660\u0664\u0661\u0662"


@pytest.mark.parametrize("name", ["Zoë O’Brien-Smith", "Nguyễn Thị Hồng", "Tiwi Islands & Co. 🐾"])
def test_names_are_left_as_they_are(name: str) -> None:
    assert tidy(name) == name
    assert tidy(unicodedata.normalize("NFD", name)) == name


@given(st.text())
def test_what_is_tidy_is_printable_and_stays_so(text: str) -> None:
    assert tidy(text).isprintable()
    assert tidy(tidy(text)) == tidy(text)
    assert bare(bare(text)) == bare(text)


def test_places_are_an_order_and_without_one_nobody_is_in_it() -> None:
    first, last, absent = uuid4(), uuid4(), uuid4()
    fields = {"one": last, "two": first, "three": absent}
    assert in_order({"one": "12", "two": " 2\u200b", "three": "\u00a0"}, fields) == ((first, last), {})


@pytest.mark.parametrize("typed", ["0", "1000", "-1", "1.5", "\u0663", "two", "0000012345", "0" * 5 + "1" * 5000])
def test_places_that_are_no_whole_numbers_are_named(typed: str) -> None:
    places, wrong = in_order({"one": typed}, {"one": uuid4()})
    assert (places, list(wrong)) == ((), ["one"])
