"""What may be dialled, and why the rest may not."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, strategies as st

from web.request.dialling import DiallingError, dialled


def refused(typed: str) -> str:
    """Why ``typed`` may not be dialled."""
    with pytest.raises(DiallingError) as caught:
        dialled(typed)
    return caught.value.reason


@pytest.mark.parametrize(
    ("typed", "e164"),
    [
        ("0412 345 678", "+61412345678"),
        ("(02) 9374 4000", "+61293744000"),
        ("+61 2 9374 4000", "+61293744000"),
        ("+61 (0)2 9374 4000", "+61293744000"),
        ("0011 64 9 374 4000", "+6493744000"),
        ("+61 8 9162 1234", "+61891621234"),  # the Cocos Islands
        ("\u202a0412 345 678\u202c", "+61412345678"),
        ("0412\u00a0345\u2007678", "+61412345678"),
        ("0412\u2011345\u2013678", "+61412345678"),
        ("\ufeff(02)\u200b 9374\u00ad4000\u2060", "+61293744000"),
        ("02\u22129374\u30004000", "+61293744000"),
        ("(+61) 412 345 678", "+61412345678"),
        ("tel:+61-412-345-678", "+61412345678"),
        ("0412\u3164345\u2043678", "+61412345678"),
    ],
)
def test_numbers_are_dialled_as_australians_write_and_paste_them(typed: str, e164: str) -> None:
    assert dialled(typed) == e164


@pytest.mark.parametrize("typed", ["000", " 0 0 0 ", "112", "106", "0001", "911", "999", "0\u20110\u200b0"])
def test_emergency_numbers_are_refused(typed: str) -> None:
    assert refused(typed) == "emergency"


@pytest.mark.parametrize("typed", ["1900 123 456", "190 212 3456", "+611902123456", "+19005551234", "+64 900 12345"])
def test_premium_numbers_are_refused(typed: str) -> None:
    assert refused(typed) == "premium"


@pytest.mark.parametrize("typed", ["13 11 14", "1300 123 456", "1800 800 123", "+611800800123", "+64 800 123456"])
def test_numbers_of_companies_can_not_be_reached(typed: str) -> None:
    assert refused(typed) == "unreachable"


@pytest.mark.parametrize(
    "typed", ["+8816 1234 5678", "+870 773 123 456", "0147 100 000", "0145 101 234", "+61 147 123 456"]
)
def test_satellites_are_refused(typed: str) -> None:
    assert refused(typed) == "satellite"


@pytest.mark.parametrize("typed", ["0011 44 20 7946 0958", "+1 212 555 0100", "+672 3 22 123", "+53 5 2345678"])
def test_other_countries_are_refused(typed: str) -> None:
    assert refused(typed) == "country"


def test_the_platform_may_allow_other_countries() -> None:
    assert dialled("+44 20 7946 0958", ["AU", "GB"]) == "+442079460958"
    with pytest.raises(DiallingError):
        dialled("+64 9 374 4000", ["AU", "GB"])


@pytest.mark.parametrize("country_code", [800, 808, 870, 878, 881, 882, 883, 888, 979])
@given(digits=st.text("0123456789", min_size=6, max_size=12))
def test_no_country_code_of_no_country_is_ever_dialled(country_code: int, digits: str) -> None:
    with pytest.raises(DiallingError):
        dialled(f"+{country_code}{digits}", phonenumbers.SUPPORTED_REGIONS)


@pytest.mark.parametrize(
    "typed", ["", "0", "12345", "+61000", "client:61412345678", "sip:61412345678@x", "1" * 41, "٠٤١٢٣٤٥٦٧٨"]
)
def test_what_is_no_number_is_refused(typed: str) -> None:
    assert refused(typed) == "invalid"


@given(st.text(max_size=40) | st.text("0123456789+ ()", max_size=20))
def test_any_text_is_a_valid_number_of_an_allowed_country_or_a_refusal(typed: str) -> None:
    try:
        number = dialled(typed)
    except DiallingError:
        return
    assert phonenumbers.is_valid_number(phonenumbers.parse(number))
    assert number.startswith(("+61", "+64"))
