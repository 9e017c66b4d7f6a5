"""Rotation waits until every live process holds the new key: one that lacks it could not read what is written."""

from __future__ import annotations

import asyncpg
import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from db import rotate
from db.encryption import Keyring
from db.engine import Database, asyncpg_dsn, named
from db.queries.calls import Calls
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.contacts.contacts import Contacts
from db.queries.contacts.people import People
from db.queries.log.call_filter import CallFilter
from db.queries.log.call_log import CallLog
from db.queries.log.number_parts import Part
from db.rotate import KeyMissingError
from tests.kit.web.cast import Cast

NEW = Fernet.generate_key().decode()


async def _connected(url: str, keys: list[str], application: str) -> Database:
    database = Database(url, keys, application=application)
    async with database.begin() as session:
        await session.execute(text("SELECT 1"))
    return database


@pytest.mark.parametrize("application", ["bilby web", "bilby provisioning"])
async def test_it_refuses_while_a_live_process_lacks_the_new_key(
    owner_url: str, database_url: str, encryption_key: str, cast: Cast, application: str
) -> None:
    owners = Database(owner_url, [NEW, encryption_key], application="bilby rotate")
    behind = await _connected(database_url, [encryption_key], application)
    try:
        with pytest.raises(KeyMissingError, match=application):
            await rotate.rotate(owners)
        await behind.close()
        ahead = await _connected(database_url, [NEW, encryption_key], application)
        assert await rotate.rotate(owners) > 0
        await ahead.close()
    finally:
        await owners.close()


async def test_a_process_of_a_release_that_does_not_say_is_waited_for(
    owner_url: str, database_url: str, encryption_key: str
) -> None:
    owners = Database(owner_url, [encryption_key], application="bilby rotate")
    older = await asyncpg.connect(asyncpg_dsn(database_url), server_settings={"application_name": "bilby web"})
    try:
        with pytest.raises(KeyMissingError):
            await rotate.rotate(owners)
    finally:
        await older.close()
        await owners.close()


async def test_the_order_of_keys_does_not_matter(owner_url: str, database_url: str, encryption_key: str) -> None:
    owners = Database(owner_url, [NEW, encryption_key], application="bilby rotate")
    first_step = await _connected(database_url, [encryption_key, NEW], "bilby web")  # it reads both
    try:
        assert await rotate.rotate(owners) == 0
    finally:
        await first_step.close()
        await owners.close()


def test_what_a_process_says_fits_and_is_no_key(encryption_key: str) -> None:
    keys = [Fernet.generate_key().decode() for _ in range(5)]
    name = named("bilby provisioning", Keyring(keys))
    assert len(name) <= 63  # NAMEDATALEN - 1: PostgreSQL cuts off the rest
    assert not any(key[:6] in name for key in keys)


async def test_calls_are_found_by_parts_of_numbers_before_and_after(
    owner_url: str, database_url: str, encryption_key: str, cast: Cast
) -> None:
    before, both = Database(database_url, [encryption_key]), Database(owner_url, [NEW, encryption_key])
    async with before.begin() as session:
        ends = {"from_number": "+61412345678", "to_number": cast.number.e164, "customer": "+61412345678"}
        await Calls(session, cast.a.id).open("CA1", direction="inbound", **ends)  # type: ignore[arg-type]
    which = CallFilter(parts=(Part("prefix", "6141234"), Part("suffix", "345678")))
    after = Database(database_url, [NEW])
    try:
        found = []
        for rotated in (False, True):
            if rotated:
                await rotate.rotate(both)
            async with (after if rotated else both).begin() as session:
                log = CallLog(session, cast.a.id)
                found.append([call.call_sid for call in (await log.page(which)).calls])
        assert found == [["CA1"], ["CA1"]]
    finally:
        for each in (before, both, after):
            await each.close()


async def test_people_and_notes_are_read_under_the_new_key_alone(
    owner_url: str, database_url: str, encryption_key: str, cast: Cast
) -> None:
    before, both = Database(database_url, [encryption_key]), Database(owner_url, [NEW, encryption_key])
    async with before.begin() as session:
        contacts, people = Contacts(session, cast.a.id), People(session, cast.a.id)
        mia, other = await contacts.add("Mia", "+61412345678"), await contacts.add("Mia M.", "+61293744000")
        await ContactNotes(session, cast.a.id).add(other.id, cast.bob.id, "has a dog")
        await people.merge(mia, other, "Mia Moore")
    after = Database(database_url, [NEW])
    try:
        await rotate.rotate(both)
        async with after.begin() as session:
            card = (await Contacts(session, cast.a.id).cards(["+61293744000"]))["+61293744000"]
            (note,) = (await ContactNotes(session, cast.a.id).of([mia.id]))[mia.id]
            split = await People(session, cast.a.id).split(other.id)
        assert (card.name, card.person, note.text) == ("Mia Moore", mia.id, "has a dog")
        assert split is not None
        assert split.name == "Mia M."
    finally:
        for each in (before, both, after):
            await each.close()
