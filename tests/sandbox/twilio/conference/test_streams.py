"""What a Media Stream on the customer's leg hears of a room, and when its frames come."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from sandbox.twilio.conference.participant import Music
from sandbox.twilio.phone.streams import CallStream
from tests.kit.vendors.twilio_customer import Heard
from tests.kit.vendors.twilio_room import Meeting, meeting, tones_in


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Meeting]:
    """A customer with a stream, and an agent."""
    async with meeting() as opened:
        stream = f"<Start><Stream url='{opened.customer.media_url}/s' track='both_tracks'/></Start>"
        await opened.join("customer", before=stream, startConferenceOnEnter="false", waitUrl="")
        await opened.join("agent", waitUrl="")
        await opened.speaking()
        yield opened


async def listen(place: Meeting, *expected: str) -> Heard:
    """The stream, once what the customer hears on it is ``expected``, and for a second more."""
    heard = await place.customer.until_streaming()
    await place.customer.until(lambda: latest(heard) == set(expected))
    frames = len(heard.media("outbound")) + 50
    await place.customer.until(lambda: len(heard.media("outbound")) > frames)
    return heard


def latest(heard: Heard) -> set[str]:
    """Whose tones are in the newest outbound frame."""
    frames = heard.media("outbound")
    return tones_in(frames[-1]["payload"]) if frames else set()


def tones(heard: Heard, track: str) -> set[str]:
    """Whose tones were ever on ``track``."""
    return {who for media in heard.media(track) for who in tones_in(media["payload"])}


async def test_inbound_is_the_customer_and_outbound_whoever_they_hear(place: Meeting) -> None:
    await listen(place, "agent")
    await place.join("second", waitUrl="")
    heard = await listen(place, "agent", "second")
    assert (tones(heard, "inbound"), tones(heard, "outbound")) == ({"customer"}, {"agent", "second"})


async def test_a_coach_is_never_on_the_customers_tracks(place: Meeting) -> None:
    await place.join("supervisor", waitUrl="", coach=place.legs["agent"].sid)
    await place.speaking()
    await listen(place, "agent")
    place.room.hold(place.present("customer"), Music(""))
    await listen(place)
    place.room.resume(place.present("customer"))
    heard = await listen(place, "agent")
    assert "supervisor" in place.heard()["agent"]
    assert (tones(heard, "inbound"), tones(heard, "outbound")) == ({"customer"}, {"agent"})


async def test_on_hold_it_hears_the_music_and_what_nobody_hears(place: Meeting) -> None:
    await listen(place, "agent")
    place.room.hold(place.present("customer"), Music(None))
    heard = await listen(place, "other")
    story = [tones_in(media["payload"]) for media in heard.media("outbound")]
    held = story[story.index({"other"}) :]
    assert (held, tones(heard, "inbound")) == ([{"other"}] * len(held), {"customer"})
    assert not heard.over.is_set()  # it stays through hold


def stream_of(place: Meeting) -> CallStream:
    (stream,) = place.legs["customer"].streams.values()
    return stream


async def test_at_a_document_boundary_frames_come_late(place: Meeting) -> None:
    await listen(place, "agent")
    leg, media, clock = place.legs["customer"], stream_of(place).media, place.emulator.exchange.clock
    place.customer.says("/elsewhere", "<Pause length='600'/>")
    before, now = media.held_until, clock.now()
    leg.redirect(leg.webhook(f"{place.customer.url}/elsewhere"))
    await place.customer.until_asked("/elsewhere")
    assert media.held_until > max(before, now)
    assert media.held_until <= clock.now() + 0.233


async def test_frames_that_are_held_back_all_come_at_once(place: Meeting) -> None:
    heard = await listen(place, "agent")
    media, clock = stream_of(place).media, place.emulator.exchange.clock
    media.hold_back(5)
    until = media.held_until
    await clock.sleep(1)  # what was under way arrives
    so_far = len(heard.texts)
    await place.customer.until(lambda: len(heard.texts) > so_far)
    assert clock.now() >= until
    numbers = [int(text["sequenceNumber"]) for text in heard.texts if "sequenceNumber" in text]
    assert numbers == list(range(1, len(numbers) + 1))
