"""A supervisor in a call, with the emulated Twilio: by whom they are heard, what is written down, and who may."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from db.engine import Database
from db.models import Leg as LegRow, Member, Organisation, WebhookEvent
from db.queries.audit import AuditFilter, AuditLog, details_of
from db.queries.integrations.webhooks import Webhooks
from sandbox.twilio.emulator import Leg
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import RoomTown
from tests.kit.web.site import Browser
from web.conferences.machine.room import Room, supervisor_label

JSON = {"Accept": "application/json"}


async def helped(browser: Browser, customer: Leg | str, command: str) -> tuple[int, Any]:
    sid = customer if isinstance(customer, str) else customer.sid
    answer = await browser.post(f"/helping/{sid}/{command}", json={}, headers=JSON)
    return answer.status, await answer.json()


async def audited(database: Database, cast: Cast) -> list[tuple[str, str, Any]]:
    """Who watched how, and whom; the oldest first."""
    async with database.begin() as session:
        entries = await AuditLog(session, cast.a.id).page(AuditFilter(action="watching"))
    return [
        (each.actor, each.action.removeprefix("watching."), details_of(each).get("agent"))
        for each in reversed(entries)
    ]


async def comes(town: RoomTown, sam: Browser, customer: Leg, mode: str = "listen") -> tuple[UUID, Leg]:
    """Let Sam come into the call; return it and Sam's leg, once all is as wished."""
    status, said = await helped(sam, customer, mode)
    assert status == 200, said
    call = UUID(said["call"])
    leg = town.joins(call, town.cast.sam)
    await town.until_room(call, lambda room: _is_settled(room, town.cast.sam))
    return call, leg


def _is_settled(room: Room, member: Member) -> bool:
    leg = room.leg(supervisor_label(member.id))
    return (
        leg is not None
        and leg.is_there
        and not leg.unsure
        and (leg.muted, leg.coach) == (leg.muted_wanted, leg.coach_wanted)
    )


def _heard_by(town: RoomTown, leg: Leg) -> str:
    participant = town.participant(leg)
    assert participant is not None
    coached = participant.coach if participant.coaching else "everybody"
    return "nobody" if participant.muted else coached


async def _until_heard(town: RoomTown, leg: Leg, by: str) -> None:
    await town.until(lambda: _heard_by(town, leg) == by)


async def test_listen_whisper_barge_and_back(town: RoomTown, sam: Browser, database: Database) -> None:
    _, customer, agent = await town.talking(town.cast.bob)
    call, leg = await comes(town, sam, customer)
    assert _heard_by(town, leg) == "nobody"
    for mode, heard in (("whisper", agent.sid), ("barge", "everybody"), ("whisper", agent.sid), ("listen", "nobody")):
        assert (await helped(sam, customer, mode))[0] == 200
        await town.until_room(call, lambda room: _is_settled(room, town.cast.sam))
        await _until_heard(town, leg, heard)
    assert (await helped(sam, customer, "stop"))[0] == 200
    await town.ended(leg)
    assert not customer.over.is_set()
    assert not agent.over.is_set()
    modes = ["listened", "whispered", "barged_in", "whispered", "listened"]
    assert await audited(database, town.cast) == [("Sam Singh", mode, "Bob Brown") for mode in modes]


async def test_taking_over_makes_the_call_theirs(town: RoomTown, sam: Browser, database: Database) -> None:
    async with database.begin() as session:
        await Webhooks(session, town.cast.a.id).add(
            url="https://hooks.example.com.au/", types=["call.transferred"], created_by=town.cast.alice.id
        )
    _, customer, agent = await town.talking(town.cast.bob)
    call, leg = await comes(town, sam, customer)
    assert (await helped(sam, customer, "take-over"))[0] == 200
    await town.ended(agent)
    room = await town.until_room(call, lambda room: room.agent == town.cast.sam.id)
    assert (room.phase, _heard_by(town, leg)) == ("talking", "everybody")
    async with database.begin() as session:
        row = await session.get(LegRow, leg.sid)
        events = (await session.scalars(select(WebhookEvent))).all()
    assert row is not None
    assert (row.role, row.member_id, row.call_id) == ("agent", town.cast.sam.id, call)
    assert [json.loads(each.body)["data"]["to_member_id"] for each in events] == [str(town.cast.sam.id)]
    assert ("Sam Singh", "took_over", "Bob Brown") in await audited(database, town.cast)
    leg.hang_up()
    await town.until_room(call, lambda room: room.phase == "alone")
    assert not customer.over.is_set()


async def test_ending_a_call_ends_every_leg(town: RoomTown, sam: Browser, database: Database) -> None:
    _, customer, agent = await town.talking(town.cast.bob)
    assert await helped(sam, customer, "end") == (200, {})
    await town.ended(customer)
    await town.ended(agent)
    assert await audited(database, town.cast) == [("Sam Singh", "ended_call", "Bob Brown")]
    assert (await helped(sam, customer, "end"))[0] == 409


async def test_a_transfer_mutes_first(town: RoomTown, sam: Browser) -> None:
    call, customer, agent = await town.talking(town.cast.bob)
    _, leg = await comes(town, sam, customer, "whisper")
    assert _heard_by(town, leg) == agent.sid
    bob = await Browser(town.site, town.database).sign_in(town.cast.bob)
    sent = {"kind": "blind", "to": {"member": str(town.cast.dana.id)}}
    assert (await bob.post(f"/phone/calls/{call}/transfer", json=sent, headers=JSON)).status == 200
    await town.ended(agent)
    assert _heard_by(town, leg) == "nobody"
    room = await town.room(call)
    assert [(each.mode, each.was_muted) for each in room.supervisors] == [("listen", True)]
    await bob.http.close()


@pytest.mark.parametrize("setting", ["off", "prompt", "tone", "words"])
async def test_they_are_announced_as_the_organisation_wishes(
    town: RoomTown, sam: Browser, database: Database, setting: str
) -> None:
    async with database.begin() as session:
        await session.execute(update(Organisation).values(listening=setting))
    _, customer, _ = await town.talking(town.cast.bob)
    status, said = await helped(sam, customer, "listen")
    if setting == "off":
        assert (status, said["code"]) == (409, "off")
        assert await audited(database, town.cast) == []
        return
    call = UUID(said["call"])
    leg = town.joins(call, town.cast.sam)
    room = await town.until_room(
        call, lambda room: setting != "words" or any(each.was_announced for each in room.supervisors)
    )
    await town.until(lambda: town.is_in(leg))
    participant = town.participant(leg)
    assert participant is not None
    assert participant.wanted.beep == ("onEnter" if setting == "tone" else "false")
    assert [each.was_announced for each in room.supervisors] == [setting == "words"]


@pytest.mark.parametrize("command", ["listen", "whisper", "barge", "take-over", "stop", "end"])
async def test_only_supervisors_of_the_organisation(town: RoomTown, database: Database, command: str) -> None:
    _, customer, _ = await town.talking(town.cast.bob)
    for member, status in ((town.cast.dana, 403), (town.cast.charlie, 404)):
        browser = await Browser(town.site, database).sign_in(member)
        assert (await helped(browser, customer, command))[0] == status
        await browser.http.close()
    stranger = Browser(town.site, database)
    assert (await helped(stranger, customer, command))[0] == 401
    await stranger.http.close()
    assert await audited(database, town.cast) == []
    assert not customer.over.is_set()


async def test_each_role_above_an_agent_may(town: RoomTown, database: Database) -> None:
    _, customer, _ = await town.talking(town.cast.bob)
    for member in (town.cast.sam, town.cast.alice):
        browser = await Browser(town.site, database).sign_in(member)
        assert (await helped(browser, customer, "listen"))[0] == 200
        await browser.http.close()


async def test_a_second_supervisor_may_listen_and_is_told_who_speaks(
    town: RoomTown, sam: Browser, database: Database
) -> None:
    _, customer, _ = await town.talking(town.cast.bob)
    await comes(town, sam, customer, "whisper")
    alice = await Browser(town.site, database).sign_in(town.cast.alice)
    assert (await helped(alice, customer, "listen"))[0] == 200
    status, said = await helped(alice, customer, "barge")
    assert (status, said["code"], said["by"]) == (409, "helped", "Sam Singh")
    await alice.http.close()


async def test_nobody_helps_in_their_own_call_or_beside_one(town: RoomTown, sam: Browser) -> None:
    _, own, _ = await town.talking(town.cast.sam)
    _, others, _ = await town.talking(town.cast.bob)
    assert (await helped(sam, own, "listen"))[1]["code"] == "own_call"
    assert (await helped(sam, others, "listen"))[1]["code"] == "busy"


async def test_only_who_has_been_let_in_joins_as_a_supervisor(town: RoomTown, sam: Browser) -> None:
    call, customer, _ = await town.talking(town.cast.bob)
    stranger = town.joins(call, town.cast.sam)
    await town.ended(stranger)
    assert town.labelled(supervisor_label(town.cast.sam.id)) is None
    await comes(town, sam, customer)


async def test_an_unknown_call_is_none(sam: Browser) -> None:
    assert (await helped(sam, "CA" + "0" * 32, "listen"))[0] == 404
    assert (await helped(sam, "nothing", "listen"))[0] == 404
