"""Calls as programs see them: filtered, page by page, and without a word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.engine import Database
from db.models import Call, CallTag, Leg
from db.queries.calls import Calls
from db.queries.phone.choices import Choices
from tests.kit.integrations.program import Program
from tests.kit.web.cast import Cast

BEGAN = datetime(2026, 11, 2, 3, 4, 5, tzinfo=UTC)
MIA, NOAH = "+61412345678", "+61293744000"
CANARY = "quokkas dance"


async def _have_calls(database: Database, cast: Cast, count: int = 5) -> list[str]:
    """Calls a minute apart, newest first: from Mia to Bob, and every other one out to Noah by Dana."""
    async with database.begin() as session:
        calls = Calls(session, cast.a.id)
        found = []
        for each in range(count):
            out = each % 2 == 1
            call = await calls.open(
                f"CA{each:032d}",
                direction="outbound" if out else "inbound",
                from_number=cast.number.e164 if out else MIA,
                to_number=NOAH if out else cast.number.e164,
                agent_id=cast.dana.id if out else cast.bob.id,
                number_id=cast.number.id,
                customer=NOAH if out else MIA,
            )
            call.started_at = BEGAN + timedelta(minutes=each)
            call.note = CANARY
            found.append(str(call.id))
        return found[::-1]


def _ids(body: Any) -> list[str]:
    return [each["id"] for each in body["data"]]


async def test_newest_first_page_by_page(crm: Program, database: Database, cast: Cast) -> None:
    ids = await _have_calls(database, cast, 5)
    first = await crm.get("/calls", limit="2")
    assert _ids(first.body) == ids[:2]
    assert f"cursor={first.body['next_cursor']}" in first.headers["Link"]
    second = await crm.get("/calls", limit="2", cursor=first.body["next_cursor"])
    third = await crm.get("/calls", limit="2", cursor=second.body["next_cursor"])
    assert _ids(second.body) + _ids(third.body) == ids[2:]
    assert third.body["next_cursor"] is None
    assert "Link" not in third.headers


async def test_filters(crm: Program, database: Database, cast: Cast) -> None:
    ids = await _have_calls(database, cast, 5)
    inbound, outbound = ids[::2], ids[1::2]
    queries: list[tuple[dict[str, str], list[str]]] = [
        ({}, ids),
        ({"direction": "inbound"}, inbound),
        ({"member_id": str(cast.dana.id)}, outbound),
        ({"number_id": str(cast.number.id)}, ids),
        ({"number_id": str(cast.number_b.id)}, []),
        ({"customer": MIA}, inbound),
        ({"customer": NOAH, "direction": "inbound"}, []),
        ({"since": (BEGAN + timedelta(minutes=3)).isoformat()}, ids[:2]),
        ({"until": "2026-11-02T14:05:05+11:00"}, ids[4:]),
        ({"outcome": "missed"}, []),
    ]
    for query, expected in queries:
        assert _ids((await crm.get("/calls", **query)).body) == expected, query


async def test_what_is_seen_of_a_call(crm: Program, database: Database, cast: Cast) -> None:
    ids = await _have_calls(database, cast, 1)
    async with database.begin() as session:
        choices = Choices(session, cast.a.id)
        await choices.set("outcome", ["Booked"])
        await choices.set("tag", ["Late", "Angry"])
        booked, late, angry = [
            next(each for each in await choices.all() if each.label == label) for label in ("Booked", "Late", "Angry")
        ]
        call = await session.get(Call, ids[0])
        assert call is not None
        call.outcome_choice_id = booked.id
        for tag in (angry, late):
            session.add(CallTag(call_id=call.id, choice_id=tag.id, organisation_id=cast.a.id))
    got = await crm.get(f"/calls/{ids[0]}")
    assert got.body == {
        "id": ids[0],
        "direction": "inbound",
        "state": "ringing",
        "customer": MIA,
        "number_id": str(cast.number.id),
        "member_id": str(cast.bob.id),
        "started_at": "2026-11-02T03:04:05Z",
        "answered_at": None,
        "ended_at": None,
        "duration_s": None,
        "outcome": None,
        "reason": None,
        "on_hold": False,
        "outcome_id": str(booked.id),
        "tag_ids": [str(late.id), str(angry.id)],
        "follow_up": False,
    }
    assert [got.body] == (await crm.get("/calls")).body["data"]


async def test_a_withheld_number_stays_withheld(crm: Program, database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        await Calls(session, cast.a.id).open(
            "CA1", direction="inbound", from_number="+266696687", to_number=cast.number.e164
        )
    (call,) = (await crm.get("/calls")).body["data"]
    assert call["customer"] is None


async def test_no_word_of_an_agent_is_answered(crm: Program, database: Database, cast: Cast) -> None:
    ids = await _have_calls(database, cast)
    answers = [await crm.get("/calls"), await crm.get(f"/calls/{ids[0]}")]
    assert [each.status for each in answers] == [200, 200]
    assert not [each for each in answers if CANARY.split()[0] in str(each.body)]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "many"},
        {"since": "yesterday"},
        {"since": "2026-11-02T00:00:00"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"cursor": ""},
        {"cursor": "bm9uZQ"},
        {"cursor": "\u2603"},
        {"member_id": "bob"},
        {"direction": "sideways"},
        {"customer": "0412 345 678"},
        {"words": "all"},
    ],
)
async def test_what_makes_no_sense_is_refused(crm: Program, query: dict[str, str]) -> None:
    got = await crm.get("/calls", **query)
    assert (got.status, got.code) == (400, "invalid")


async def test_who_is_in_a_call_is_on_one(crm: Program, database: Database, cast: Cast) -> None:
    async def states() -> dict[str, str]:
        return {each["member_id"]: each["state"] for each in (await crm.get("/presence")).body["data"]}

    assert set((await states()).values()) == {"offline"}
    await _have_calls(database, cast, 1)
    async with database.begin() as session:
        call = (await Calls(session, cast.a.id).open_among([f"CA{0:032d}"]))[0]
        row = await Calls(session, cast.a.id).get(call)
        assert row is not None
        session.add(
            Leg(
                leg_sid="CA9",
                organisation_id=cast.a.id,
                call_id=row.id,
                member_id=cast.dana.id,
                status="in-progress",
                role="agent",
                joined_at=BEGAN,
            )
        )
    assert {member for member, state in (await states()).items() if state == "on_call"} == {str(cast.dana.id)}


async def test_what_an_organisation_has(crm: Program, database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        await Choices(session, cast.a.id).set("outcome", ["Booked", "Sold"])
        await Choices(session, cast.a.id).set("break", ["Lunch"])
    assert [each["e164"] for each in (await crm.get("/numbers")).body["data"]] == [cast.number.e164]
    members = (await crm.get("/members")).body["data"]
    assert sorted(each["role"] for each in members) == ["agent", "agent", "owner", "supervisor"]
    assert (await crm.get(f"/members/{cast.bob.id}")).body in members
    kinds = [each["kind"] for each in (await crm.get("/choices")).body["data"]]
    assert sorted(kinds) == ["break", "outcome", "outcome"]
    outcomes = (await crm.get("/choices", kind="outcome")).body["data"]
    assert [each["label"] for each in outcomes] == ["Booked", "Sold"]
