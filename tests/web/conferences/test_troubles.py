"""Twilio is down, slow, or tells nothing in time: the page shows what is true, and the customer is never lost."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db.engine import Database
from sandbox.twilio.faults import CallbackFaults
from sandbox.twilio.rest.registry import RestFault
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import CALLER, OUTSIDE, RoomTown, commanded, room_town
from tests.kit.web.site import Browser
from web.conferences.machine.events import BeginTransfer, Tick
from web.conferences.machine.room import Target
from web.config import Settings

PARTICIPANT = r"/Participants/"


async def test_while_twilio_is_down_a_hold_is_wanted_but_not_shown(town: RoomTown, bob: Browser) -> None:
    call, customer, _ = await town.talking(town.cast.bob)
    town.twilio.registry.faults.append(RestFault("POST", PARTICIPANT, times=2))
    assert (await commanded(bob, call, "hold"))[0] == 200
    room = await town.until_room(call, lambda room: any(each.why for each in room.attempts.values()))
    participant = town.participant(customer)
    assert participant is not None
    assert (room.customer.held_wanted, room.held, participant.held) == (True, False, False)
    assert not (await town.row(call)).on_hold
    await town.until_room(call, lambda room: room.held)
    assert participant.held


async def test_a_hold_whose_answer_was_lost_is_shown_once_it_is_known(town: RoomTown, bob: Browser) -> None:
    call, customer, _ = await town.talking(town.cast.bob)
    town.twilio.registry.faults.append(RestFault("POST", PARTICIPANT, "answer lost"))
    assert (await commanded(bob, call, "hold"))[0] == 200
    await town.until_room(call, lambda room: room.held)
    participant = town.participant(customer)
    assert participant is not None
    assert participant.held


async def test_a_transfer_that_twilio_refuses_to_hold_for_keeps_the_agent_with_the_customer(
    town: RoomTown, bob: Browser
) -> None:
    call, customer, agent = await town.talking(town.cast.bob)
    town.twilio.registry.faults.append(RestFault("POST", PARTICIPANT, times=3))
    to = {"member": str(town.cast.dana.id)}
    assert (await commanded(bob, call, "transfer", {"kind": "blind", "to": to}))[0] == 200
    room = await town.until_room(call, lambda room: any(each.why for each in room.attempts.values()))
    assert [leg.member for leg in room.agents] == [town.cast.bob.id]
    assert town.is_in(agent)
    assert (await commanded(bob, call, "cancel"))[0] == 200
    await town.until_room(call, lambda room: not room.attempts)
    assert town.is_in(agent)
    assert town.is_in(customer)


async def test_a_target_that_does_not_answer_gives_the_customer_back_then_an_apology(town: RoomTown) -> None:
    call, customer, agent = await town.talking(town.cast.bob)
    await town.happens(call, BeginTransfer(town.cast.bob.id, "blind", Target("member", town.cast.dana.id), 60.0))
    await town.ended(agent)
    await town.happens(call, Tick(), later=61)
    room = await town.until_room(call, lambda room: room.phase == "alone")
    assert (room.returning_to, room.rings, room.problem) == (town.cast.bob.id, True, "no_answer")
    await town.until_room(call, lambda room: not room.held)
    assert town.is_in(customer)
    await town.happens(call, Tick(), later=125)
    await town.until_room(call, lambda room: room.phase in ("elsewhere", "over"))
    await town.until(lambda: not town.is_in(customer))
    await town.ended(customer)
    row = await town.row(call)
    assert (row.outcome, row.agent_id) == ("answered", town.cast.bob.id)


async def test_a_call_out_whose_answer_was_lost_calls_once(town: RoomTown, bob: Browser) -> None:
    town.twilio.registry.faults.append(RestFault("POST", r"/Calls\.json$", "answer lost"))
    answer = await bob.post("/phone/calls", json={"to": OUTSIDE})
    call = UUID((await answer.json())["call"])
    town.joins(call, town.cast.bob)
    await town.until_room(call, lambda room: room.phase == "talking")
    assert len([leg for leg in town.twilio.exchange.legs.values() if leg.to == OUTSIDE]) == 1
    assert (await commanded(bob, call, "hang-up"))[0] == 200
    await town.until_room(call, lambda room: not any(leg.is_alive for leg in room.every))


async def test_twilio_is_asked_when_it_has_told_nothing(settings: Settings, database: Database, cast: Cast) -> None:
    faults = CallbackFaults(lost=1.0)
    async with room_town(settings, database, cast, callback_faults=faults) as town:
        leg = town.twilio.place_call(from_=CALLER, to=cast.number.e164, caller_audio=b"")
        await town.until(lambda: town.is_in(leg))
        await town.room_until(leg.sid, lambda room: room.rings)  # the waiting document was asked for
        call = await town.call_of(leg.sid)
        await town.claim(call, cast.bob)
        agent = town.joins(call, cast.bob)
        await town.until(lambda: town.is_in(agent))
        await town.quiet(call)
        await town.until_room(call, lambda room: room.phase == "talking")
        agent.hang_up()
        await town.until(lambda: not town.is_in(agent))
        await town.quiet(call)
        await town.until_room(call, lambda room: room.phase == "alone")
        leg.hang_up()
        await town.until_room(call, lambda room: room.is_over)


async def test_jumbled_doubled_and_late_callbacks(settings: Settings, database: Database, cast: Cast) -> None:
    faults = CallbackFaults(late=0.3, doubled=0.5, jumbled=True)
    async with room_town(settings, database, cast, callback_faults=faults) as town:
        browser = await Browser(town.site, database).sign_in(cast.bob)
        call, customer, agent = await town.talking(cast.bob)
        for _ in range(2):
            assert (await commanded(browser, call, "hold"))[0] == 200
            await town.until_room(call, lambda room: room.held)
            assert (await commanded(browser, call, "resume"))[0] == 200
            await town.until_room(call, lambda room: not room.held)
        assert (await commanded(browser, call, "hang-up"))[0] == 200
        await town.ended(customer)
        await town.ended(agent)
        await town.until_room(call, lambda room: room.is_over and not any(leg.is_alive for leg in room.every))
        await browser.http.close()


async def test_commands_for_what_is_not_ones_own_or_is_over(
    town: RoomTown, bob: Browser, database: Database, cast: Cast
) -> None:
    call, customer, _ = await town.talking(cast.bob)
    charlie = await Browser(town.site, database).sign_in(cast.charlie)
    dana = await Browser(town.site, database).sign_in(cast.dana)
    before = await town.room(call)
    for command in ("hold", "hang-up", "help", "rejoin"):
        assert (await commanded(charlie, call, command))[0] == 404
        status, body = await commanded(dana, call, command)
        assert (status, body["code"]) == (409, "not_in_call")
    assert (await commanded(bob, uuid4(), "hold"))[0] == 404
    assert (await commanded(bob, "nonsense", "hold"))[0] == 404
    assert (await town.room(call)).legs == before.legs
    customer.hang_up()
    await town.until_room(call, lambda room: room.is_over)
    status, body = await commanded(bob, call, "hold")
    assert (status, body["code"]) == (409, "over")
    for browser in (charlie, dana):
        await browser.http.close()


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ({}, 400),
        ({"member": "x"}, 400),
        ({"number": "000"}, 409),
        ({"number": "1900 123 456"}, 409),
        ({"member": "00000000-0000-0000-0000-000000000000"}, 404),
        ({"group": "00000000-0000-0000-0000-000000000000"}, 404),
    ],
)
async def test_targets_that_cannot_be(town: RoomTown, bob: Browser, to: dict[str, str], status: int) -> None:
    call, _, _ = await town.talking(town.cast.bob)
    assert (await commanded(bob, call, "transfer", {"kind": "warm", "to": to}))[0] == status
    room = await town.room(call)
    assert (room.transfer, room.customer.held_wanted) == (None, False)


async def test_a_caller_whose_room_can_not_be_written_stays_until_it_can(
    town: RoomTown, owners_database: Database
) -> None:
    async with owners_database.begin() as session:
        await session.execute(text("ALTER TABLE conferences ADD CONSTRAINT full_disk CHECK (false)"))
    customer = town.twilio.place_call(from_=CALLER, to=town.cast.number.e164, caller_audio=b"")
    await town.until(lambda: customer.answered)  # it is spoken to
    assert not town.is_in(customer)
    async with owners_database.begin() as session:
        await session.execute(text("ALTER TABLE conferences DROP CONSTRAINT full_disk"))
    await town.until(lambda: town.is_in(customer))
    assert [leg.sid for leg in town.twilio.exchange.legs.values()] == [customer.sid], "nobody was dialled"
