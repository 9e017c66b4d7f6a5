"""Whole calls in rooms, with the emulated Twilio: who is in the room and what the rows say."""

from __future__ import annotations

from uuid import UUID

from db.queries.contacts.blocked_numbers import BlockedNumbers
from db.queries.contacts.contacts import Contacts
from db.queries.phone.conferences import Conferences
from tests.kit.web.room_town import CALLER, OUTSIDE, RoomTown, commanded
from tests.kit.web.site import Browser
from web.conferences.machine.room import agent_label


async def test_a_caller_waits_in_a_room_and_is_answered(town: RoomTown) -> None:
    call, customer, agent = await town.talking(town.cast.bob)
    row = await town.row(call)
    assert (row.agent_id, row.answered_at is not None) == (town.cast.bob.id, True)
    assert town.is_in(customer)
    assert town.is_in(agent)
    customer.hang_up()
    await town.until_room(call, lambda room: room.is_over)
    await town.ended(agent)
    assert (await town.row(call)).outcome == "answered"


async def test_hold_and_resume_are_shown_when_true(town: RoomTown, bob: Browser) -> None:
    call, customer, _ = await town.talking(town.cast.bob)
    assert await commanded(bob, call, "hold") == (200, {})
    await town.until_room(call, lambda room: room.held)
    participant = town.participant(customer)
    assert participant is not None
    assert participant.held
    assert (await town.row(call)).on_hold
    assert (await commanded(bob, call, "resume"))[0] == 200
    await town.until_room(call, lambda room: not room.held)
    assert not participant.held


async def test_hanging_up_ends_every_leg(town: RoomTown, bob: Browser) -> None:
    call, customer, agent = await town.talking(town.cast.bob)
    assert (await commanded(bob, call, "hang-up"))[0] == 200
    await town.ended(customer)
    await town.ended(agent)
    assert (await town.row(call)).outcome == "answered"


async def test_an_agent_whose_softphone_dies_leaves_a_customer_who_is_rung_again(
    town: RoomTown, bob: Browser
) -> None:
    call, customer, agent = await town.talking(town.cast.bob)
    agent.hang_up()
    room = await town.until_room(call, lambda room: room.phase == "alone")
    assert (room.rings, room.returning_to) == (True, town.cast.bob.id)
    assert not customer.over.is_set()
    assert (await commanded(bob, call, "rejoin"))[0] == 200
    town.joins(call, town.cast.bob)
    await town.until_room(call, lambda room: room.phase == "talking")


async def test_a_blind_transfer_to_a_colleague(town: RoomTown, bob: Browser) -> None:
    call, customer, agent = await town.talking(town.cast.bob)
    to = {"member": str(town.cast.dana.id)}
    assert (await commanded(bob, call, "transfer", {"kind": "blind", "to": to}))[0] == 200
    await town.ended(agent)
    assert not customer.over.is_set()
    await town.claim(call, town.cast.dana)
    town.joins(call, town.cast.dana)
    room = await town.until_room(call, lambda room: room.transfer is None and not room.held and bool(room.agents))
    assert (room.phase, room.agent) == ("talking", town.cast.dana.id)


async def test_a_warm_transfer_to_a_number(town: RoomTown, bob: Browser) -> None:
    call, customer, agent = await town.talking(town.cast.bob)
    assert (await commanded(bob, call, "transfer", {"kind": "warm", "to": {"number": OUTSIDE}}))[0] == 200
    room = await town.until_room(
        call, lambda room: room.transfer is not None and room.transfer.state == "consulting" and room.held
    )
    assert (await commanded(bob, call, "complete"))[0] == 200
    await town.ended(agent)
    await town.until_room(call, lambda room: not room.held and room.transfer is None)
    third = next(leg for leg in town.twilio.exchange.legs.values() if leg.to == OUTSIDE)
    third.hang_up()
    await town.ended(customer)
    room = await town.until_room(call, lambda room: room.is_over)
    assert room.agent is None


async def test_calling_out(town: RoomTown, bob: Browser) -> None:
    call = UUID(await _begin(bob))
    agent = town.joins(call, town.cast.bob)
    room = await town.until_room(call, lambda room: room.phase == "talking")
    row = await town.row(call)
    assert (row.call_sid, row.direction, row.answered_at is not None) == (room.customer.call_sid, "outbound", True)
    leg = town.twilio.exchange.legs[room.customer.call_sid]
    leg.hang_up()
    await town.ended(agent)
    await town.until_room(call, lambda room: room.is_over)
    assert (await town.row(call)).outcome == "answered"


async def test_one_call_at_a_time(town: RoomTown, bob: Browser) -> None:
    await _begin(bob)
    answer = await bob.post("/phone/calls", json={"to": CALLER})
    assert (answer.status, (await answer.json())["code"]) == (409, "busy")


async def _begin(browser: Browser) -> str:
    answer = await browser.post("/phone/calls", json={"to": CALLER})
    assert answer.status == 200, await answer.text()
    return str((await answer.json())["call"])


async def test_only_who_has_claimed_gets_into_the_room(town: RoomTown) -> None:
    customer = await town.caller()
    call = await town.call_of(customer.sid)
    stranger = town.joins(call, town.cast.dana)
    foreigner = town.joins(call, town.cast.charlie)
    await town.ended(stranger)
    await town.ended(foreigner)
    room = await town.room(call)
    assert (room.phase, room.legs) == ("waiting", ())
    assert town.labelled(agent_label(town.cast.dana.id)) is None


async def test_who_is_not_to_be_transcribed_talks_without_words(town: RoomTown) -> None:
    async with town.database.begin() as session:
        contacts = Contacts(session, town.cast.a.id)
        await contacts.keep({CALLER: "Erin Example"}, {CALLER: {"do_not_transcribe": True}})
    call, customer, _ = await town.talking(town.cast.bob)
    row = await town.row(call)
    assert row.opted_out_at is not None
    assert row.transcription is None
    customer.hang_up()
    await town.until_room(call, lambda room: room.is_over)
    row = await town.row(call)
    assert (row.outcome, row.transcription) == ("answered", None)


async def test_who_is_not_to_be_called_is_not(town: RoomTown, bob: Browser) -> None:
    async with town.database.begin() as session:
        contacts = Contacts(session, town.cast.a.id)
        await contacts.keep({CALLER: "Erin Example"}, {CALLER: {"do_not_call": True}})
    answer = await bob.post("/phone/calls", json={"to": CALLER})
    assert (answer.status, (await answer.json())["code"]) == (409, "opted out")
    checked = await bob.post("/voice/check", data={"number": CALLER})
    assert (await checked.json())["refused"] == "opted out"


async def test_a_blocked_caller_gets_no_room(town: RoomTown) -> None:
    async with town.database.begin() as session:
        await BlockedNumbers(session, town.cast.a.id).add(CALLER, town.cast.bob.id)
    customer = town.twilio.place_call(from_=CALLER, to=town.cast.number.e164, caller_audio=b"")
    await town.ended(customer)
    assert not customer.answered
    call = await town.call_of(customer.sid)
    async with town.database.begin() as session:
        assert await Conferences(session, town.cast.a.id).get(call) is None
    assert (await town.row(call)).outcome == "blocked"
