"""What an organisation says of itself: check digits, all fields of a bundle or none."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from web.organisation.details import Details, is_abn, problems, read_details, shown_abn
from web.request import geography
from web.request.typed import tidy

GOOD = {
    "name": "Acacia Clinic",
    "legal_name": "Acacia Clinic Pty Ltd",
    "abn": "51 824 753 556",
    "street": "12 Wattle Street",
    "locality": "Parramatta",
    "region": "nsw",
    "postcode": "2150",
}


def test_good_details_are_tidied_and_taken() -> None:
    details = read_details(GOOD | {"street": "  12\tWattle \x00 Street\r\n"})
    assert details == Details(
        "Acacia Clinic", "Acacia Clinic Pty Ltd", "51824753556", "12 Wattle Street", "Parramatta", "NSW", "2150"
    )
    assert details.is_complete
    assert problems(details) == {}


def test_the_business_may_be_left_out_but_not_half_of_it() -> None:
    assert problems(read_details({"name": "Acacia"})) == {}
    assert not read_details({"name": "Acacia"}).is_complete
    half = problems(read_details({"name": "Acacia", "street": "12 Wattle Street"}))
    assert set(half) == {"legal_name", "abn", "locality", "region", "postcode"}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", " ", "name"),
        ("name", "x" * 81, "80 characters"),
        ("legal_name", "x" * 161, "160 characters"),
        ("abn", "51824753557", "not an ABN"),
        ("abn", "5182475355", "not an ABN"),
        ("abn", "５１８２４７５３５５６", "not an ABN"),
        ("street", "PO Box 12", "no PO box"),
        ("street", "P.O. Box 12", "no PO box"),
        ("street", "Locked Bag 7", "no PO box"),
        ("region", "Bavaria", "state"),
        ("postcode", "215", "four digits"),
        ("postcode", "²¹⁵⁰", "four digits"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(field: str, value: str, words: str) -> None:
    found = problems(read_details(GOOD | {field: value}))
    assert list(found) == [field]
    assert words in found[field]


@pytest.mark.parametrize("abn", ["51824753556", "53004085616", "33102417032", "11000000948"])
def test_abns_of_the_register(abn: str) -> None:
    assert is_abn(abn)
    assert shown_abn(abn).replace(" ", "") == abn


@given(st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(place: int, shift: int) -> None:
    digits = [int(digit) for digit in "51824753556"]
    digits[place] = (digits[place] + shift) % 10
    assert not is_abn("".join(map(str, digits)))


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    clean = tidy(text)
    assert tidy(clean) == clean
    assert "\n" not in clean
    assert not is_abn(text) or len(text) == 11
    problems(read_details(dict.fromkeys(GOOD, text)))
    assert shown_abn(clean).replace(" ", "") == clean.replace(" ", "")


def test_changes_are_told_by_field() -> None:
    before = read_details({"name": "Acacia"})
    after = read_details({"name": "Acacia Clinic", "abn": "51824753556"})
    assert after.changes(before) == {"name": "Acacia → Acacia Clinic", "abn": "nothing → 51824753556"}
    assert after.changes(after) == {}


def test_a_zone_that_is_set_stays_a_choice() -> None:
    assert all(geography.is_zone(name) for name in geography.TIME_ZONES)
    assert geography.zone_choices("Europe/Berlin")["Europe/Berlin"] == "Europe/Berlin"
    assert not geography.is_zone("Europe/Berlin")
    assert not geography.is_zone("../etc/passwd")


def test_details_are_read_as_they_were_meant() -> None:
    typed = {
        "name": "\ufeffNumbat\u00a0Nurseries\u200b",
        "abn": "51\u2011824\u00a0753\u2013556",
        "postcode": "\u202a2000\u202c",
    }
    details = read_details(typed)
    assert (details.name, details.abn, details.postcode) == ("Numbat Nurseries", "51824753556", "2000")
