"""Contacts of the release before, with all that is kept of them, are there after the migration that merges people."""

from __future__ import annotations

from sqlalchemy import text

from db import migrate
from db.engine import Database
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.contacts.contacts import Contacts
from db.queries.contacts.people import People
from tests.kit.web.cast import Cast

HOME, MOBILE = "+61293744000", "+61412345678"
_ROWS = text("SELECT id, number_hash, do_not_call, do_not_transcribe, created_at FROM contacts ORDER BY id")


async def test_no_contact_is_lost_on_the_way_there_and_back(
    owners_database: Database, database: Database, cast: Cast
) -> None:
    async with database.begin() as session:
        await Contacts(session, cast.a.id).keep({HOME: "Mia", MOBILE: "Mia M."}, {HOME: {"do_not_call": True}})
    await migrate.downgrade(owners_database, "0024")
    async with owners_database.begin() as session:
        before = (await session.execute(_ROWS)).all()
    await migrate.upgrade(owners_database)
    async with owners_database.begin() as session:
        assert (await session.execute(_ROWS)).all() == before
        contacts = Contacts(session, cast.a.id)
        cards = await contacts.cards([HOME, MOBILE])
        assert {number: (card.name, card.do_not_call) for number, card in cards.items()} == {
            HOME: ("Mia", True),
            MOBILE: ("Mia M.", False),
        }
        people = await contacts.page(None, after=None, limit=3)
        assert {each.id for each in people} == {row.id for row in before}
        await ContactNotes(session, cast.a.id).add(people[0].id, cast.bob.id, "has a dog")
        await People(session, cast.a.id).merge(people[0], people[1], "Mia Moore")
    await migrate.downgrade(owners_database, "0024")  # each number is a contact again, as it was last called
    async with owners_database.begin() as session:
        rows = (await session.execute(_ROWS)).all()
        assert [(row.id, row.number_hash, row.do_not_call) for row in rows] == [
            (row.id, row.number_hash, True) for row in before
        ]
    await migrate.upgrade(owners_database)
