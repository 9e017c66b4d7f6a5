"""How callers are shown: as people read numbers, and nothing as Twilio or a network spelled it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from web.request.callers import COLLEAGUE, UNKNOWN, WITHHELD, shown


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("+61293744000", "(02) 9374 4000"),
        ("+61412345678", "0412 345 678"),
        (" 61412345678", "0412 345 678"),
        ("+442079460958", "+44 20 7946 0958"),
        ("sip:+61412345678@203.0.113.7:5060;user=phone", "0412 345 678"),
        ("sips:0412345678@pbx.example.com.au", "0412 345 678"),
        ("sip:reception@pbx.example.com.au:5061;transport=tls", "reception@pbx.example.com.au"),
        ("SIP:pbx.example.com.au", "pbx.example.com.au"),
        ("client:reception_desk", "reception_desk"),
        ("client:" + "0a" * 16, COLLEAGUE),
        ("client:00000000-0000-4000-8000-000000000000", COLLEAGUE),
        ("tel:+61293744000", "(02) 9374 4000"),
        ("\u202a+61 2 9374\u00a04000\u202c", "(02) 9374 4000"),
        ("+61293744000;ext=5;phone-context=au", "(02) 9374 4000"),
        ("whatsapp:+61412345678", "0412 345 678"),
        ("sim:+61412345678", "0412 345 678"),
        ("messenger:kangaroo", "kangaroo"),
        ("Kangaroo Taxis", "Kangaroo Taxis"),
        ("+999999999999999999", UNKNOWN),
        ("131114", "13 11 14"),
    ],
)
def test_callers_are_shown_as_people_read_them(number: str, text: str) -> None:
    assert shown(number) == text


@pytest.mark.parametrize(
    "number",
    [
        "", " ", "anonymous", "Anonymous", "Restricted", "unavailable", "UNKNOWN", "Blocked", "private",
        "+266696687", "266696687", "+86282452253", "+7378742833", "+7378742883", "+2562533", "+8656696", "+464",
        "sip:anonymous@anonymous.invalid", "sip:Restricted@203.0.113.7", "sip:+266696687@203.0.113.7",
        "client:Anonymous",
    ],
)  # fmt: skip
def test_a_withheld_number_says_so_however_it_is_spelt(number: str) -> None:
    assert shown(number) == WITHHELD


@given(st.text(max_size=40) | st.text("+0123456789", max_size=20) | st.text("sip:cliente@;=%.+07", max_size=40))
def test_showing_never_fails_and_is_one_printable_line(number: str) -> None:
    for text in (number, f"sip:{number}", f"client:{number}"):
        assert shown(text)
        assert shown(text).isprintable()


@given(st.text("abcxyz0123456789+.;@:", max_size=30))
def test_no_scheme_is_shown(address: str) -> None:
    for scheme in ("sip:", "sips:", "client:", "tel:", "whatsapp:", "messenger:", "sim:"):
        assert not shown(f"{scheme}{address}").startswith(scheme)
