"""What may be dialled, and how numbers are shown."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.dialling import WITHHELD, DiallingError, dialled, shown


@pytest.mark.parametrize(
    ("typed", "e164"),
    [
        ("0412 345 678", "+61412345678"),
        ("(02) 9374 4000", "+61293744000"),
        ("+61 2 9374 4000", "+61293744000"),
        ("13 11 14", "+61131114"),
        ("1800 800 123", "+611800800123"),
        ("0011 44 20 7946 0958", "+442079460958"),
    ],
)
def test_numbers_are_dialled_as_australians_write_them(typed: str, e164: str) -> None:
    assert dialled(typed) == e164


@pytest.mark.parametrize("typed", ["000", " 0 0 0 ", "112", "106", "0001", "911", "999"])
def test_emergency_numbers_are_refused_with_advice(typed: str) -> None:
    with pytest.raises(DiallingError, match="Emergency"):
        dialled(typed)


@pytest.mark.parametrize("typed", ["1900 123 456", "190 212 3456", "+611902123456", "+1 900 555 1234"])
def test_premium_numbers_are_refused(typed: str) -> None:
    with pytest.raises(DiallingError, match="Premium"):
        dialled(typed)


@pytest.mark.parametrize(
    "typed", ["", "0", "12345", "+61000", "client:61412345678", "sip:61412345678@x", "1" * 33, "٠٤١٢٣٤٥٦٧٨"]
)
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(DiallingError, match="not a phone number"):
        dialled(typed)


@given(st.text(max_size=40) | st.text("0123456789+ ()", max_size=20))
def test_any_text_is_a_valid_number_or_a_refusal(typed: str) -> None:
    try:
        number = dialled(typed)
    except DiallingError:
        return
    assert phonenumbers.is_valid_number(phonenumbers.parse(number))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("+61293744000", "(02) 9374 4000"),
        ("+61412345678", "0412 345 678"),
        ("+442079460958", "+44 20 7946 0958"),
        ("anonymous", WITHHELD),
        ("+266696687", WITHHELD),
        ("client:someone", "client:someone"),
    ],
)
def test_numbers_are_shown_as_people_read_them(number: str, text: str) -> None:
    assert shown(number) == text


@given(st.text(max_size=40))
def test_showing_never_fails(number: str) -> None:
    assert isinstance(shown(number), str)
