"""What the sign-up form says, and the sealed link: whole or nothing."""

from __future__ import annotations

import base64

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, strategies as st

from db import email_addresses
from db.email_addresses import AddressError
from web.people.sign_up_link import (
    FIELDS,
    LIFETIME_SECONDS,
    SignUp,
    problems,
    read_sign_up,
    seal,
    seats,
    unseal,
)

SECRET, NOW = "s" * 32, 1_800_000_000
NORA = SignUp("Numbat Nursery", "Nora North", "nora@numbat.example", 3)
TOKEN = seal(NORA, SECRET, NOW)
names = st.text(min_size=1, max_size=80)
sign_ups = st.builds(SignUp, names, names, st.emails(), st.integers(1, 500))


@given(sign_ups, st.integers(0, LIFETIME_SECONDS))
def test_what_was_sealed_comes_out(who: SignUp, age: int) -> None:
    token = seal(who, SECRET, NOW)
    for returned in (token, f"{token}=", f"{token}==", f"{token}).", f"{token[:70]}\r\n {token[70:]}"):
        assert unseal(returned, [SECRET], NOW + age) == who


@given(sign_ups)
def test_a_link_fits_into_a_request(who: SignUp) -> None:
    assert len(seal(who, SECRET, NOW)) < 4000


@given(st.integers(LIFETIME_SECONDS + 1, 10**9))
def test_a_link_runs_out(age: int) -> None:
    assert unseal(seal(NORA, SECRET, NOW), [SECRET], NOW + age) is None


def test_another_secret_opens_nothing() -> None:
    assert unseal(seal(NORA, SECRET, NOW), ["t" * 32], NOW) is None
    same = Fernet(base64.urlsafe_b64encode(SECRET.encode())).encrypt_at_time(b"{}", NOW).decode()
    assert unseal(same, [SECRET], NOW) is None  # the key is one of its own, derived


@given(st.integers(0, len(TOKEN.rstrip("=")) - 2), st.integers(1, 25))
def test_a_changed_link_opens_nothing(at: int, by: int) -> None:
    other = chr(ord("a") + (ord(TOKEN[at]) - ord("a") + by) % 26)
    assert other == TOKEN[at] or unseal(TOKEN[:at] + other + TOKEN[at + 1 :], [SECRET], NOW) is None


@given(st.text())
def test_any_text_is_a_link_or_none(text: str) -> None:
    assert unseal(text, [SECRET], NOW) is None


@given(st.fixed_dictionaries({name: st.text() for name in FIELDS}))
def test_any_form_has_problems_or_is_somebodys(typed: dict[str, str]) -> None:
    wrong = problems(typed)
    assert set(wrong) <= set(FIELDS)
    if not wrong:
        assert read_sign_up(typed).name == typed["name"]


@given(st.integers(-1000, 1000))
def test_seats_are_one_to_five_hundred(count: int) -> None:
    assert seats(str(count)) == (count if 1 <= count <= 500 else None)


@given(st.emails())
def test_an_address_is_no_sentence(email: str) -> None:
    for sentence in (f"Nora <{email}>", f"{email}, {email}"):
        with pytest.raises(AddressError):
            email_addresses.read(sentence)
