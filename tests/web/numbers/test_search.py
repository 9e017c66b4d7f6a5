"""What is typed into the search becomes a question that Twilio takes, or a sentence; never an error further on."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import given, strategies as st

from sandbox.twilio.rest.numbers import pattern
from web.numbers.search import ANYWHERE, START, Search, is_same_number, label_of, local_number, typed
from web.request.errors import InvalidError


@given(st.text(max_size=80), st.text("0123456789*+ ()-", max_size=30), st.sampled_from([START, ANYWHERE, "x"]))
def test_twilio_takes_whatever_is_asked(locality: str, digits: str, where: str) -> None:
    search = typed({"locality": locality, "digits": digits, "where": where})
    try:
        wanted = search.number_search()
    except InvalidError:
        return
    pattern(wanted.contains)  # raises ValueError for what Twilio refuses
    assert len(wanted.locality) <= 60
    assert search.where == ANYWHERE or wanted.contains.startswith("+61")


@pytest.mark.parametrize(
    ("digits", "where", "contains"),
    [
        ("02 5550", START, "+6125550"),
        ("(03) 55", START, "+61355"),
        ("+61 2", START, "+612"),
        ("7", START, "+617"),
        ("77*7", ANYWHERE, "77*7"),
        ("5550 12", ANYWHERE, "555012"),
    ],
)
def test_digits_as_people_write_them(digits: str, where: str, contains: str) -> None:
    assert Search(digits=digits, where=where).number_search().contains == contains


@given(st.text("+0123456789 ", max_size=13) | st.from_regex(r"\+61[0-9]{9}\n?"))
def test_nothing_but_a_local_number_is_ordered(text: str) -> None:
    is_local = (
        len(text) == 12 and text[:3] == "+61" and text[3] in "2378" and text[3:].isascii() and text[3:].isdecimal()
    )
    with nullcontext() if is_local else pytest.raises(InvalidError):
        assert local_number(text) == text


@pytest.mark.parametrize("text", ["(02) 5550 1234", "0255501234", "+61255501234", "61 2 5550 1234"])
def test_a_number_is_the_same_however_it_is_written(text: str) -> None:
    assert is_same_number(text, "+61255501234")
    assert not is_same_number(text, "+61255501235")


def test_labels_are_tidied() -> None:
    assert label_of("  Front \t desk ") == "Front desk"
    assert label_of("") == ""
    assert label_of("\ufeffFront\u00a0de\u00adsk\u202e\x00") == "Front desk"
    with pytest.raises(InvalidError):
        label_of("x" * 61)


def test_digits_are_read_as_they_were_pasted() -> None:
    search = typed({"digits": "\u202a(02)\u00a05550\u201112\u202c", "locality": "\u200bSydney\u2003"})
    assert (search.locality, search.number_search().contains) == ("Sydney", "+6125550" + "12")
