"""Notes about contacts: by whom, encrypted, shown where the contact is, changed by their author or an admin."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from db.engine import Database, asyncpg_dsn
from db.models import Call, Organisation
from db.queries.contacts.contact_notes import ContactNotes, TooManyNotesError
from db.queries.contacts.contacts import Contacts
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.phones import waiting_call
from tests.kit.web.site import Browser
from web.contacts.notes import LONGEST

Browsers = Callable[[], Browser]
MIA = "+61412345678"


@pytest_asyncio.fixture(autouse=True)
async def notes_on(database: Database, cast: Cast) -> None:
    """Both organisations keep notes."""
    for organisation in (cast.a, cast.b):
        await _keep_notes(database, organisation, is_on=True)


async def _keep_notes(database: Database, organisation: Organisation, *, is_on: bool) -> None:
    async with database.begin() as session:
        (await session.merge(organisation)).notes_on = is_on


async def _mia(database: Database, cast: Cast) -> UUID:
    async with database.begin() as session:
        return (await Contacts(session, cast.a.id).add("Mia Moore", MIA)).id


async def _texts(database: Database, contact: UUID, cast: Cast) -> list[tuple[str, str]]:
    async with database.begin() as session:
        notes = (await ContactNotes(session, cast.a.id).of([contact])).get(contact, [])
    return [(each.author, each.text) for each in notes]


async def _answered(database: Database, cast: Cast) -> UUID:
    """A call of Mia's that Bob took."""
    call_id = await waiting_call(database, cast.number, MIA)
    async with database.begin() as session:
        call = await session.get(Call, call_id)
        assert call is not None
        call.agent_id = cast.bob.id
    return call_id


async def test_several_are_written_encrypted_and_shown_newest_first(
    browser: Browsers, cast: Cast, database: Database, owner_url: str
) -> None:
    mia, sam = await _mia(database, cast), await browser().sign_in(cast.sam)
    for text in ("has a dog", " two\r\nlines\t "):
        assert (await sam.post(f"/contacts/{mia}/notes", data={"text": text})).status == 303
    assert await _texts(database, mia, cast) == [(cast.sam.name, "two\nlines"), (cast.sam.name, "has a dog")]
    assert len((await sam.page(f"/contacts/{mia}")).data("note")) == 2
    owner = await asyncpg.connect(asyncpg_dsn(owner_url))
    raw = b"".join(row["text"] for row in await owner.fetch("SELECT text FROM contact_notes"))
    await owner.close()
    assert b"dog" not in raw
    assert await recorded(database, cast.a, "note.added") == [{}, {}]


async def test_an_agent_notes_what_they_learn_in_their_own_calls(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    call = await _answered(database, cast)
    bob, dana = await browser().sign_in(cast.bob), await browser().sign_in(cast.dana)
    assert (await dana.post(f"/calls/{call}/notes", data={"text": "mine"})).status == 404
    assert (await bob.post(f"/calls/{call}/notes", data={"text": "rings back"})).status == 303
    page = await bob.page(f"/calls/{call}")
    (note,) = page.data("note")
    async with database.begin() as session:
        (contact,) = await Contacts(session, cast.a.id).page(MIA, after=None, limit=1)
    assert contact.name == "0412 345 678"
    assert (await bob.get(f"/contacts/{contact.id}")).status == 403
    back = await bob.post(f"/notes/{note}", data={"text": "rang back", "call": str(call)})
    assert back.headers["Location"] == f"/calls/{call}#customer"
    assert await _texts(database, contact.id, cast) == [(cast.bob.name, "rang back")]


async def test_only_the_author_and_admins_change_one(browser: Browsers, cast: Cast, database: Database) -> None:
    mia = await _mia(database, cast)
    async with database.begin() as session:
        note = await ContactNotes(session, cast.a.id).add(mia, cast.bob.id, "has a dog")
    sam, dana, charlie = [await browser().sign_in(each) for each in (cast.sam, cast.dana, cast.charlie)]
    for other, status in ((sam, 403), (dana, 403), (charlie, 404)):
        assert (await other.post(f"/notes/{note}", data={"text": "x"})).status == status
        assert (await other.post(f"/notes/{note}/remove")).status == status
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post(f"/notes/{note}", data={"text": "has two dogs"})).status == 303
    assert await _texts(database, mia, cast) == [(cast.bob.name, "has two dogs")]
    bob = await browser().sign_in(cast.bob)
    assert (await bob.post(f"/notes/{note}/remove")).status == 303
    assert await _texts(database, mia, cast) == []
    assert (await bob.post(f"/notes/{note}/remove")).status == 404


@pytest.mark.parametrize("text", ["", " \n ", "\u200b", "x" * (LONGEST + 1)])
async def test_what_is_no_note_is_refused(browser: Browsers, cast: Cast, database: Database, text: str) -> None:
    mia, sam = await _mia(database, cast), await browser().sign_in(cast.sam)
    assert (await sam.post(f"/contacts/{mia}/notes", data={"text": text})).status == 400
    assert await _texts(database, mia, cast) == []


async def test_the_longest_one_fits_whatever_a_browser_makes_of_its_lines(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    mia, sam = await _mia(database, cast), await browser().sign_in(cast.sam)
    text = "\n".join(["x" * 9] * (LONGEST // 10)) + "x"
    sent = text.replace("\n", "\r\n")
    assert (await sam.post(f"/contacts/{mia}/notes", data={"text": sent})).status == 303
    assert await _texts(database, mia, cast) == [(cast.sam.name, text)]


async def test_none_are_written_or_shown_where_the_organisation_keeps_none(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    mia, call = await _mia(database, cast), await _answered(database, cast)
    sam = await browser().sign_in(cast.sam)
    assert (await sam.post(f"/contacts/{mia}/notes", data={"text": "has a dog"})).status == 303
    (note,) = (await sam.page(f"/contacts/{mia}")).data("note")
    await _keep_notes(database, cast.a, is_on=False)
    for path in (f"/contacts/{mia}", f"/calls/{call}"):
        assert (await sam.page(path)).data("note") == []
        assert (await sam.post(f"{path}/notes", data={"text": "x"})).status == 400
    assert (await sam.post(f"/notes/{note}", data={"text": "x"})).status == 400
    assert (await sam.post(f"/notes/{note}/remove")).status == 303


async def test_there_are_so_many_about_one_person(cast: Cast, database: Database) -> None:
    mia = await _mia(database, cast)
    async with database.begin() as session:
        notes = ContactNotes(session, cast.a.id, most=1)
        await notes.add(mia, cast.bob.id, "one")
        with pytest.raises(TooManyNotesError):
            await notes.add(mia, cast.bob.id, "two")
