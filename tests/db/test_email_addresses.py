"""E-mail addresses: what is one, what is hidden in it, how it goes on an envelope, and which are the same."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import update

from db import email_addresses
from db.email_addresses import AddressError
from db.encryption import keyring_of
from db.engine import Database
from db.models import Member
from db.queries import members
from db.queries.members import Members
from tests.kit.web.cast import Cast

HIDDEN = (0xAD, 0x34F, 0x61C, 0x115F, 0x17B4, 0x180E, 0x200B, 0x200D, 0x200E, 0x202A, 0x202E, 0x2060, 0x2066, 0x3164)
MORE_HIDDEN = (0xFE0F, 0xFEFF, 0xFFA0, 0xFFF9, 0xE0041, 0x0, 0x7, 0x7F, 0x85, 0x2028, 0xD800, 0xE000, 0x378)


@pytest.mark.parametrize("number", [*HIDDEN, *MORE_HIDDEN], ids=hex)
@pytest.mark.parametrize("form", ["{}bob@acacia.example", "b{}ob@acacia.example", "bob@aca{}cia.example"])
def test_what_nobody_sees_is_refused_by_a_sentence_of_its_own(form: str, number: int) -> None:
    typed = form.format(chr(number))
    if typed != typed.strip():  # at an end, white space is left out
        assert email_addresses.read(typed).shown == typed.strip()
        return
    with pytest.raises(AddressError) as refused:
        email_addresses.read(typed)
    assert str(refused.value) == email_addresses.HIDDEN


@pytest.mark.parametrize(
    ("typed", "shown", "envelope"),
    [
        (" Bob@Acacia.Example\u00a0", "Bob@acacia.example", "Bob@acacia.example"),
        ("bob@b\u00fccher.example", "bob@b\u00fccher.example", "bob@xn--bcher-kva.example"),
        ("bob@bu\u0308cher.example", "bob@b\u00fccher.example", "bob@xn--bcher-kva.example"),
        ("bob@B\u00dcCHER.example", "bob@b\u00fccher.example", "bob@xn--bcher-kva.example"),
        ("bob@xn--bcher-kva.example", "bob@b\u00fccher.example", "bob@xn--bcher-kva.example"),
        ("\uff42\uff4f\uff42\uff20acacia\u3002example", "bob@acacia.example", "bob@acacia.example"),
        ("o\u0027brien+x@acacia.example", "o\u0027brien+x@acacia.example", "o\u0027brien+x@acacia.example"),
    ],
)
def test_an_address_is_read_and_mailed(typed: str, shown: str, envelope: str) -> None:
    found = email_addresses.read(typed)
    assert (found.shown, found.envelope, found.key) == (shown, envelope, envelope.lower())
    assert email_addresses.read(shown).key == found.key


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "",
            "bob",
            "bob@",
            "@acacia.example",
            "bob@acacia",
            "bob@localhost",
            "a@b@c.example",
            "b ob@acacia.example",
        ),
        *(
            "bob..x@acacia.example",
            "bob@-acacia.example",
            "bob@aca_cia.example",
            "bob@[192.0.2.1]",
            "<bob@acacia.example>",
        ),
        *(
            "bob@acacia.example.",
            "bob@acacia..example",
            "bob@xn--a.example\r\nBcc: x@y.example",
            "x" * 250 + "@a.example",
            "x" * 65 + "@a.example",
            "bob@192.0.2.1",
        ),
        "bob@\u00fc" + "x" * 63 + ".example",
    ],
)
def test_what_is_none_is_refused(typed: str) -> None:
    with pytest.raises(AddressError):
        email_addresses.read(typed)


def test_letters_that_no_mail_service_takes_are_named() -> None:
    with pytest.raises(AddressError) as refused:
        email_addresses.read("zo\u00eb@acacia.example")
    assert refused.value.args == (email_addresses.LETTERS,)
    assert email_addresses.read("zo\u00eb@acacia.example", plain=False).shown == "zo\u00eb@acacia.example"


@given(st.text())
def test_any_text_is_an_address_or_none_and_has_a_key(text: str) -> None:
    assert isinstance(email_addresses.key(text), str)
    try:
        found = email_addresses.read(text)
    except AddressError:
        return
    assert found.envelope.isascii()
    assert email_addresses.read(found.shown).key == found.key == email_addresses.key(found.envelope)


async def _stored_before(database: Database, member: Member, email: str) -> None:
    """``member``'s address as earlier code kept it: as typed, and found by its letters in lower case."""
    async with database.begin() as session:
        hashed = keyring_of(session).hash("email", email.strip().casefold())
        await session.execute(update(Member).where(Member.id == member.id).values(email=email, email_hash=hashed))


@pytest.mark.parametrize(
    "typed", ["bob@B\u00fccher.example", "BOB@xn--bcher-kva.example", "bob@bu\u0308cher.example"]
)
async def test_rows_of_before_are_found_under_every_spelling(database: Database, cast: Cast, typed: str) -> None:
    await _stored_before(database, cast.bob, "Bob@b\u00fccher.example")
    async with database.begin() as session:
        found = await members.by_email(session, typed)
    assert found is None if "xn--" in typed or "u\u0308" in typed else found is not None


async def test_two_domains_that_earlier_code_took_for_one_are_two(database: Database, cast: Cast) -> None:
    await _stored_before(database, cast.bob, "bob@strasse.example")
    async with database.begin() as session:
        assert await members.by_email(session, "bob@stra\u00dfe.example") is None
        await Members(session, cast.b.id).add(email="bob@stra\u00dfe.example", name="", role="agent")
