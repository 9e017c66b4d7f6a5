"""Status callbacks that are late, doubled, jumbled or lost; those of conferences among them."""

from __future__ import annotations

import asyncio

from aiohttp import web

from sandbox.twilio.faults import CallbackFaults
from tests.kit.vendors.twilio_customer import codes
from tests.kit.vendors.twilio_room import Meeting, meeting

LATE = 0.3  # seconds
STORY = ["participant-join", "participant-join", "conference-start", "participant-mute", "participant-unmute"]


async def story(place: Meeting) -> None:
    """Five events of one conference, as fast as they come."""
    for who in ("customer", "agent"):
        await place.join(who, waitUrl="")
    for muted in (True, False):
        place.room.mute(place.present("agent"), muted)


def numbers(place: Meeting) -> list[int]:
    """The events' numbers in the order they came."""
    return [int(form["SequenceNumber"]) for form in place.customer.of("/room")]


async def test_faithful_they_come_once_and_in_order() -> None:
    async with meeting() as place:
        await story(place)
        await place.told("participant-unmute")
        assert numbers(place) == [1, 2, 3, 4, 5]
        assert [form["StatusCallbackEvent"] for form in place.events()] == STORY


async def test_jumbled_and_doubled_they_all_come_and_share_their_token() -> None:
    async with meeting(callback_faults=CallbackFaults(doubled=1.0, jumbled=True), seed=3) as place:
        await story(place)
        await place.customer.until(lambda: len(numbers(place)) == 10)
        assert numbers(place)[::2] == numbers(place)[1::2]
        assert sorted(set(numbers(place))) == [1, 2, 3, 4, 5]
        assert numbers(place)[::2] != [1, 2, 3, 4, 5]
        tokens = [each.headers["I-Twilio-Idempotency-Token"] for each in place.customer.asked if each.path == "/room"]
        assert (tokens[::2], len(set(tokens))) == (tokens[1::2], 5)


async def test_late_they_come_after_what_they_tell_of() -> None:
    async with meeting() as place:
        for who in ("customer", "agent"):
            await place.join(who, waitUrl="")
        await place.told("conference-start")
        place.emulator.exchange.callbacks.faults = CallbackFaults(late=LATE)
        now = asyncio.get_running_loop().time
        began = now()
        for muted in (True, False):
            place.room.mute(place.present("agent"), muted)
        await place.told("participant-unmute")
        assert now() - began >= LATE  # a slow machine only makes it later
        assert numbers(place) == [1, 2, 3, 4, 5]


async def test_lost_they_leave_a_hole_in_the_numbers() -> None:
    async with meeting() as place:
        await place.join("customer", waitUrl="")
        place.emulator.exchange.callbacks.faults = CallbackFaults(lost=1.0)
        await place.join("agent", waitUrl="")
        place.emulator.exchange.callbacks.faults = CallbackFaults()
        place.room.mute(place.present("agent"), True)
        await place.told("participant-mute")
        assert numbers(place) == [1, 4]


async def test_an_answer_that_is_an_error_is_an_alert_of_its_own() -> None:
    async with meeting() as place:
        place.customer.says("/room", lambda _: web.Response(status=500))
        await place.join("customer", waitUrl="")
        await place.told("participant-join")
    assert set(codes(place.emulator)) == {16011}
