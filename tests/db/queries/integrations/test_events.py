"""Events are written with what they tell of, only if somebody wants them, and never with a word in them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from db.call_progress import CallReport, LegReport
from db.engine import Database
from db.models import WebhookDelivery, WebhookEvent
from db.queries import members
from db.queries.calls import Calls
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.contacts.contacts import Contacts
from db.queries.contacts.people import People
from db.queries.integrations.events import CallEventType, EventType
from db.queries.integrations.webhooks import Webhooks
from db.queries.members import Members
from db.queries.numbers import Numbers
from db.queries.phone.choices import Choices
from db.queries.phone.conferences import Conferences
from db.queries.phone.wrap_ups import WrapUp, WrapUps
from tests.kit.web.cast import Cast
from web.integrations.webhooks import TYPES

NOW = datetime(2026, 11, 29, 4, 30, tzinfo=UTC)
CANARY = "quokkas dance"


async def _want(database: Database, cast: Cast, *types: EventType) -> None:
    async with database.begin() as session:
        await Webhooks(session, cast.a.id).add(
            url="https://example.com.au/", types=types or TYPES, created_by=cast.alice.id
        )


async def _told(database: Database) -> list[tuple[str, Any]]:
    async with database.begin() as session:
        found = (await session.scalars(select(WebhookEvent).order_by(WebhookEvent.at))).all()
        assert len((await session.scalars(select(WebhookDelivery))).all()) == len(found)
    return [(each.type, json.loads(each.body)["data"]) for each in found]


async def _call(database: Database, cast: Cast, *, answered: bool) -> None:
    """A call with every event that its row can tell of, each report twice."""
    async with database.begin() as session:
        calls = Calls(session, cast.a.id)
        for _ in range(2):
            call = await calls.open(
                "CA1", direction="inbound", from_number="+61412345678", to_number=cast.number.e164
            )
        if answered:
            for _ in range(2):
                await calls.report("CA1", LegReport("in-progress", NOW, member_id=cast.bob.id))
                await calls.set_hold("CA1", on_hold=True, at=NOW)
            await calls.set_hold("CA1", on_hold=False, at=datetime.now(UTC))
        for _ in range(2):
            await calls.report("CA1", CallReport("completed", NOW, 60))
        if answered:
            said = WrapUp(note=CANARY, follow_up=True)
            await Choices(session, cast.a.id).set("outcome", ["Booked"])
            await WrapUps(session, cast.a.id).store(call, said, NOW)


async def test_no_event_tells_what_a_contact_is_called_or_what_was_noted_of_them(
    database: Database, cast: Cast
) -> None:
    await _want(database, cast)
    async with database.begin() as session:
        mia = await Contacts(session, cast.a.id).add(f"Mia {CANARY}", "+61412345678", {"do_not_call": True})
        other = await Contacts(session, cast.a.id).add(f"Ola {CANARY}", "+61293744000")
        await ContactNotes(session, cast.a.id).add(mia.id, cast.bob.id, f"likes to see {CANARY}")
        await People(session, cast.a.id).merge(mia, other, f"Mia {CANARY}")
    await _call(database, cast, answered=True)
    told = await _told(database)
    assert told
    assert CANARY not in str(told)


async def test_nobody_wants_to_know(database: Database, cast: Cast) -> None:
    await _call(database, cast, answered=True)
    await _want(database, cast, "call.missed")
    async with database.begin() as session:
        await Numbers(session, cast.a.id).rename(cast.number.id, "Bookings")
    assert await _told(database) == []


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        (True, ["call.started", "call.answered", "call.held", "call.resumed", "call.ended", "call.outcome"]),
        (False, ["call.started", "call.ended", "call.missed"]),
    ],
)
async def test_a_call_from_its_beginning_to_its_end(
    database: Database, cast: Cast, answered: bool, expected: list[CallEventType]
) -> None:
    await _want(database, cast)
    await _call(database, cast, answered=answered)
    told = await _told(database)
    assert [kind for kind, _ in told] == expected
    assert len({data["call"]["id"] for _, data in told}) == 1
    assert all(set(data) == {"call"} for _, data in told)
    by_kind = dict(told)
    assert by_kind["call.started"]["call"]["state"] == "ringing"
    assert by_kind["call.ended"]["call"]["state"] == "ended"
    if answered:
        assert by_kind["call.answered"]["call"]["member_id"] == str(cast.bob.id)
        assert [by_kind[f"call.{kind}"]["call"]["on_hold"] for kind in ("held", "resumed")] == [True, False]
        assert by_kind["call.outcome"]["call"]["follow_up"] is True
    assert CANARY.split()[0] not in json.dumps(told)


async def test_numbers_and_members(database: Database, cast: Cast) -> None:
    await _want(database, cast)
    async with database.begin() as session:
        numbers, team = Numbers(session, cast.a.id), Members(session, cast.a.id)
        number = await numbers.add(e164="+61255501299", twilio_sid=None)
        await numbers.rename(number.id, "Bookings")
        for _ in range(2):
            await numbers.release(number.id)
        eve = await team.add(email="eve@acacia.example", name="Eve", role="agent", invited=True)
        for _ in range(2):
            await members.accept(session, eve.id)
        await team.set_role(eve.id, "supervisor")
        for _ in range(2):
            await team.remove(eve.id)
    told = await _told(database)
    assert [kind for kind, _ in told] == [
        *("number.added", "number.changed", "number.released"),
        *("member.invited", "member.joined", "member.changed", "member.removed"),
    ]
    by_kind = dict(told)
    assert by_kind["number.changed"]["number"]["label"] == "Bookings"
    assert by_kind["member.invited"]["member"]["joined_at"] is None
    assert by_kind["member.joined"]["member"]["joined_at"] is not None
    assert by_kind["member.changed"]["member"]["role"] == "supervisor"


async def test_a_transfer_says_to_whom(database: Database, cast: Cast) -> None:
    await _want(database, cast, "call.transferred")
    await _call(database, cast, answered=True)
    async with database.begin() as session:
        call = await Calls(session, cast.a.id).get("CA1")
        assert call is not None
        await Conferences(session, cast.a.id).note_transfer(call.id, cast.dana.id)
    ((_, data),) = await _told(database)
    assert data["to_member_id"] == str(cast.dana.id)


async def test_what_is_undone_is_not_told(database: Database, cast: Cast) -> None:
    await _want(database, cast)
    async with database.begin() as session:
        await Numbers(session, cast.a.id).rename(cast.number.id, "Bookings")
        await session.rollback()
    assert await _told(database) == []


async def test_nobody_is_told_of_anothers(database: Database, cast: Cast) -> None:
    await _want(database, cast)
    async with database.begin() as session:
        await Numbers(session, cast.b.id).rename(cast.number_b.id, "Bookings")
    assert await _told(database) == []
