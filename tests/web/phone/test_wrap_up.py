"""What is said of a call after it: by whom, from which lists, and a note only where notes are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from db.engine import Database
from db.models import CallTag
from db.queries import retention
from db.queries.contacts.contacts import Contacts
from db.queries.phone.choices import Choices
from tests.kit.vendors.twilio_caller import CALLER, calls, stands
from tests.kit.web.cast import Cast
from tests.kit.web.phones import (
    JSON,
    beat,
    come_on,
    command,
    end_call,
    joins,
    page,
    standing_of,
    state_of,
    waiting_call,
)
from tests.kit.web.site import Browser, Site

Browsers = Callable[[], Browser]


@dataclass(frozen=True)
class Ended:
    """A call that Bob has had, and what he may say of it."""

    call: UUID
    bob: Browser
    choices: Mapping[str, UUID]

    @property
    def path(self) -> str:
        return f"/phone/calls/{self.call}/wrap-up"


@pytest_asyncio.fixture
async def ended(site: Site, browser: Browsers, database: Database, cast: Cast) -> Ended:
    async with database.begin() as session:
        rows = Choices(session, cast.a.id)
        await rows.set("outcome", ["Booked", "No sale"])
        await rows.set("tag", ["Complaint", "Urgent"])
        await rows.set("break", ["Lunch"])
        choices = {each.label: each.id for each in await rows.all()}
        await Choices(session, cast.b.id).set("outcome", ["Theirs"])
        (theirs,) = await Choices(session, cast.b.id).all()
    await come_on(database, cast.bob)
    call = await waiting_call(database, cast.number)
    bob = await browser().sign_in(cast.bob)
    await command(bob, f"/phone/calls/{call}/claim")
    await joins(site, cast.number, call, cast.bob)
    await end_call(site, database, cast.number, call)
    await beat(bob)
    return Ended(call, bob, choices | {"Theirs": theirs.id})


async def test_it_is_kept_and_replaced_and_ends_when_done(ended: Ended, database: Database, cast: Cast) -> None:
    assert await state_of(database, cast.bob) == "wrap_up"
    ids = ended.choices
    said: dict[str, Any] = {"outcome": str(ids["Booked"]), "tags": [str(ids["Urgent"])], "follow_up": True}
    await command(ended.bob, ended.path, **said)
    assert await state_of(database, cast.bob) == "wrap_up"
    (row,) = await calls(database)
    assert (row.outcome_choice_id, row.follow_up, row.note) == (ids["Booked"], True, None)
    assert row.wrapped_up_at is not None
    both = [str(ids["Urgent"]), str(ids["Complaint"]), str(ids["Urgent"])]
    await command(ended.bob, ended.path, outcome=None, tags=both, follow_up=False, note="  ", done=True)
    assert await state_of(database, cast.bob) == "available"
    (row,) = await calls(database)
    assert (row.outcome_choice_id, row.follow_up) == (None, False)
    async with database.begin() as session:
        assert await session.scalar(select(func.count()).select_from(CallTag)) == 2


async def test_the_page_offers_the_organisations_lists(ended: Ended, database: Database) -> None:
    del database
    async with page(ended.bob) as shown:
        await shown.sees(lambda state: state["wrap_up"] is not None)
    panel = shown.state["wrap_up"]
    assert panel["call"] == str(ended.call)
    assert [each["label"] for each in panel["outcomes"]] == ["Booked", "No sale"]
    assert [each["label"] for each in panel["tags"]] == ["Complaint", "Urgent"]
    assert (panel["notes"], panel["contact"]) == (False, True)


async def test_a_note_is_kept_only_where_notes_are_wanted(ended: Ended, database: Database, cast: Cast) -> None:
    await command(ended.bob, ended.path, 400, note="Rings back on Monday")
    (row,) = await calls(database)
    assert (row.note, row.wrapped_up_at) == (None, None)
    await stands(database, cast.a, notes_on=True)
    await command(ended.bob, ended.path, note="Rings back on Monday")
    (row,) = await calls(database)
    assert row.note == "Rings back on Monday"


async def test_a_name_is_kept_for_the_next_call(ended: Ended, database: Database, cast: Cast) -> None:
    await command(ended.bob, ended.path, contact=" Mia  Moore ")
    async with database.begin() as session:
        assert await Contacts(session, cast.a.id).named([CALLER]) == {CALLER: "Mia Moore"}
        assert await Contacts(session, cast.b.id).named([CALLER]) == {}


@pytest.mark.parametrize("wrong", ["Lunch", "Urgent", "Theirs"])
async def test_an_outcome_is_one_of_the_organisations_outcomes(ended: Ended, database: Database, wrong: str) -> None:
    await command(ended.bob, ended.path, 400, outcome=str(ended.choices[wrong]))
    await command(ended.bob, ended.path, 400, tags=[str(ended.choices["Booked"])])
    (row,) = await calls(database)
    assert row.wrapped_up_at is None


@pytest.mark.parametrize(
    "body", ["", "[]", '{"tags": "x"}', '{"outcome": "booked"}', '{"note": 5}', '{"note": "%s"}' % ("x" * 2001)]
)
async def test_bad_input_is_refused(ended: Ended, database: Database, body: str) -> None:
    answer = await ended.bob.post(ended.path, data=body, headers=JSON | {"Content-Type": "application/json"})
    assert answer.status == 400
    (row,) = await calls(database)
    assert row.wrapped_up_at is None


async def test_only_who_had_the_call_says_something_of_it(ended: Ended, browser: Browsers, cast: Cast) -> None:
    for member in (cast.dana, cast.alice, cast.charlie):
        await command(await browser().sign_in(member), ended.path, 404)


async def test_no_wrap_up_where_it_takes_no_time(ended: Ended, database: Database, cast: Cast) -> None:
    await command(ended.bob, ended.path, done=True)
    stored = await standing_of(database, cast.bob)
    assert stored.wrap_up_until is not None
    assert stored.wrap_up_until <= datetime.now(UTC) + timedelta(seconds=5)


async def test_it_is_deleted_with_its_call(ended: Ended, database: Database, cast: Cast) -> None:
    await stands(database, cast.a, notes_on=True)
    await command(ended.bob, ended.path, tags=[str(ended.choices["Urgent"])], note="Rings back on Monday")
    async with database.begin() as session:
        later = datetime.now(UTC) + timedelta(days=1)
        assert await retention.delete_calls(session, cast.a.id, later, 10) == 1
        assert await session.scalar(select(func.count()).select_from(CallTag)) == 0
