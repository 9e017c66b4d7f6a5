"""The block list: who is on it, by whom, and that it is one organisation's and encrypted."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest

from db.engine import Database, asyncpg_dsn
from db.models import Contact
from db.queries.contacts.blocked_numbers import BlockedNumbers, TooManyBlockedError
from db.queries.contacts.contacts import Contacts
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.phones import waiting_call
from tests.kit.web.site import Browser

Browsers = Callable[[], Browser]
MIA = "+61412345678"


async def _blocked(database: Database, cast: Cast) -> dict[str, str]:
    async with database.begin() as session:
        return {each.number: each.member.name for each in await BlockedNumbers(session, cast.a.id).all()}


async def _contact(database: Database, cast: Cast) -> Contact | None:
    async with database.begin() as session:
        return next(iter(await Contacts(session, cast.a.id).page(MIA, after=None, limit=1)), None)


async def test_a_number_is_blocked_once_and_let_through_again(
    browser: Browsers, cast: Cast, database: Database, owner_url: str
) -> None:
    sam = await browser().sign_in(cast.sam)
    for _ in range(2):
        assert (await sam.post("/blocked", data={"number": "0412 345 678"})).status == 303
    assert await _blocked(database, cast) == {MIA: cast.sam.name}
    assert len(await recorded(database, cast.a, "number.blocked")) == 1
    owner = await asyncpg.connect(asyncpg_dsn(owner_url))
    raw = b"".join(row["number"] for row in await owner.fetch("SELECT number FROM blocked_numbers"))
    await owner.close()
    assert b"412345678" not in raw
    charlie = await browser().sign_in(cast.charlie)
    assert (await charlie.page("/blocked")).data("blocked") == []
    (entry,) = (await sam.page("/blocked")).data("blocked")
    assert (await charlie.post(f"/blocked/{entry}/remove")).status == 404
    assert (await sam.post(f"/blocked/{entry}/remove")).status == 303
    assert await _blocked(database, cast) == {}
    assert len(await recorded(database, cast.a, "number.unblocked")) == 1


@pytest.mark.parametrize("number", ["", "12", "nobody"])
async def test_what_is_no_number_is_refused(browser: Browsers, cast: Cast, database: Database, number: str) -> None:
    sam = await browser().sign_in(cast.sam)
    assert (await sam.post("/blocked", data={"number": number})).status == 400
    assert await _blocked(database, cast) == {}


async def test_a_contact_and_the_customer_of_a_call_are_blocked(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    call = await waiting_call(database, cast.number, "+61293744000")
    hidden = await waiting_call(database, cast.number, "anonymous")
    async with database.begin() as session:
        contact = await Contacts(session, cast.a.id).add("Mia Moore", MIA)
    sam = await browser().sign_in(cast.sam)
    assert (await sam.post(f"/contacts/{contact.id}/block")).status == 303
    assert (await sam.page(f"/calls/{call}")).data("blocked") == []
    assert (await sam.post(f"/calls/{call}/block")).status == 303
    assert (await sam.page(f"/calls/{call}")).data("blocked") == ["yes"]
    assert (await sam.post(f"/calls/{hidden}/block")).status == 400
    assert set(await _blocked(database, cast)) == {MIA, "+61293744000"}


async def test_wishes_are_noted_from_a_call_and_from_a_contact(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    call = await waiting_call(database, cast.number, MIA)
    sam = await browser().sign_in(cast.sam)
    assert (await sam.post(f"/calls/{call}/flags", data={})).status == 303
    assert await _contact(database, cast) is None
    assert (await sam.post(f"/calls/{call}/flags", data={"do_not_transcribe": "yes"})).status == 303
    contact = await _contact(database, cast)
    assert contact is not None
    assert (contact.do_not_call, contact.do_not_transcribe) == (False, True)
    assert contact.name == "0412 345 678"
    assert (await sam.post(f"/contacts/{contact.id}/flags", data={"do_not_call": "yes"})).status == 303
    contact = await _contact(database, cast)
    assert contact is not None
    assert (contact.do_not_call, contact.do_not_transcribe) == (True, False)
    assert await recorded(database, cast.a, "contacts.flagged") == [{"contacts": 1}] * 2


async def test_the_list_has_an_end(cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        rows = BlockedNumbers(session, cast.a.id, most=1)
        assert await rows.add(MIA, cast.bob.id)
        assert not await rows.add(MIA, cast.bob.id)
        with pytest.raises(TooManyBlockedError):
            await rows.add("+61293744000", cast.bob.id)
