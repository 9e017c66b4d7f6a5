"""Notes about contacts: for keys that may read or write them, and only where the organisation keeps notes."""

from __future__ import annotations

from uuid import UUID

import pytest
import pytest_asyncio

from db.engine import Database
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.contacts.contacts import Contacts
from tests.kit.integrations.program import Program, issue, program
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.contacts.notes import LONGEST

MIA = "+61412345678"


async def _keep_notes(database: Database, cast: Cast, *, is_on: bool) -> None:
    async with database.begin() as session:
        (await session.merge(cast.a)).notes_on = is_on


@pytest_asyncio.fixture
async def mia(database: Database, cast: Cast) -> str:
    """Mia's contact, of an organisation that keeps notes."""
    await _keep_notes(database, cast, is_on=True)
    async with database.begin() as session:
        return str((await Contacts(session, cast.a.id).add("Mia Moore", MIA)).id)


async def test_written_found_changed_and_removed(crm: Program, cast: Cast, mia: str) -> None:
    sent = {"contact": mia, "text": " has a dog "}
    written = await crm.ask("POST", "/contact-notes", json=sent, headers={"Idempotency-Key": "one"})
    assert written.status == 201
    assert (written.body["contact"], written.body["text"]) == (mia, "has a dog")
    assert (written.body["author"], written.body["changed_at"]) == (str(cast.alice.id), None)
    await crm.ask("POST", "/contact-notes", json=sent, headers={"Idempotency-Key": "one"})
    assert (await crm.get("/contact-notes", contact=mia)).body["data"] == [written.body]
    path = f"/contact-notes/{written.body['id']}"
    changed = await crm.ask("PATCH", path, json={"text": "has two dogs"})
    assert (changed.body["text"], changed.body["written_at"]) == ("has two dogs", written.body["written_at"])
    assert changed.body["changed_at"] is not None
    assert (await crm.get(path)).body == changed.body
    assert [(await crm.ask("DELETE", path)).status for _ in range(2)] == [204, 404]


async def test_page_by_page_and_of_one_organisation(crm: Program, database: Database, cast: Cast, mia: str) -> None:
    async with database.begin() as session:
        notes = ContactNotes(session, cast.a.id)
        for number in range(5):
            await notes.add(UUID(mia), cast.bob.id, f"{number}")
        theirs = await Contacts(session, cast.b.id).add("Mia", MIA)
        foreign = await ContactNotes(session, cast.b.id).add(theirs.id, cast.charlie.id, "b")
    found, cursor = [], ""
    while cursor is not None:
        got = (await crm.get("/contact-notes", limit="2", **({"cursor": cursor} if cursor else {}))).body
        found += [each["text"] for each in got["data"]]
        cursor = got["next_cursor"]
    assert found == ["4", "3", "2", "1", "0"]
    assert (await crm.get("/contact-notes", contact=str(theirs.id))).body["data"] == []
    assert (await crm.get(f"/contact-notes/{foreign}")).status == 404
    assert (await crm.ask("PATCH", f"/contact-notes/{foreign}", json={"text": "x"})).status == 404
    assert (await crm.ask("POST", "/contact-notes", json={"contact": str(theirs.id), "text": "x"})).status == 400


@pytest.mark.parametrize("text", ["", "\u200b", "x" * (LONGEST + 1)])
async def test_what_is_no_note_is_refused(crm: Program, mia: str, text: str) -> None:
    got = await crm.ask("POST", "/contact-notes", json={"contact": mia, "text": text})
    assert (got.status, got.code) == (400, "invalid")


async def test_none_where_the_organisation_keeps_none(crm: Program, database: Database, cast: Cast, mia: str) -> None:
    written = (await crm.ask("POST", "/contact-notes", json={"contact": mia, "text": "x"})).body
    await _keep_notes(database, cast, is_on=False)
    assert (await crm.get("/contact-notes")).body["data"] == []
    path = f"/contact-notes/{written['id']}"
    assert (await crm.get(path)).status == 404
    sent = {"contact": mia, "text": "y"}
    assert (await crm.ask("POST", "/contact-notes", json=sent)).code == "conflict"
    assert (await crm.ask("PATCH", path, json={"text": "y"})).code == "conflict"
    assert (await crm.ask("DELETE", path)).status == 204


async def test_who_may_read_contacts_may_not_read_notes(site: Site, database: Database, cast: Cast, mia: str) -> None:
    issued = await issue(database, cast.alice, scopes=["contacts:read", "contacts:write"])
    async with program(site.url, issued.token) as reader:
        assert (await reader.get("/contact-notes")).status == 403
        sent = {"contact": mia, "text": "x"}
        assert (await reader.ask("POST", "/contact-notes", json=sent)).status == 403
        assert "text" not in (await reader.get(f"/contacts/{mia}")).body
