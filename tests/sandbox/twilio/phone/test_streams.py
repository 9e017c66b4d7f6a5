"""Media Streams of a call: what the listener hears, what the status callback says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from http import HTTPStatus

import pytest
import pytest_asyncio

from media.speech.frames import Start, Stop, parse
from sandbox.twilio.browser.signalling import call_app
from sandbox.twilio.emulator import Behaviour, Faults, Leg, Twilio
from tests.kit.vendors.twilio_customer import (
    MOBILE,
    NUMBER,
    SECONDS,
    Customer,
    Heard,
    codes,
    tones,
    town,
)

Town = tuple[Twilio, Customer]


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Town]:
    async with town() as both:
        yield both


def stream(customer: Customer, path: str = "/stream", **attributes: str) -> str:
    """`<Start><Stream>` of both tracks, reporting to /stream-status."""
    known = {"url": customer.media_url + path, "track": "both_tracks", "name": "bilby"}
    known["statusCallback"] = f"{customer.url}/stream-status"
    written = " ".join(f"{name}='{value}'" for name, value in (known | attributes).items())
    return f"<Start><Stream {written}><Parameter name='ticket' value='abc'/></Stream></Start>"


async def heard(customer: Customer, times: int = 1) -> Heard:
    """The stream, once it is over."""
    stream = await customer.until_streaming(times)
    async with asyncio.timeout(SECONDS):
        await stream.over.wait()
    return stream


async def hang_up_after(customer: Customer, leg: Leg, texts: int = 10) -> None:
    """Hang up once so many texts of the stream have come, however long that takes."""
    listened = await customer.until_streaming()
    await customer.until(lambda: len(listened.texts) >= texts)
    leg.hang_up()


@pytest_asyncio.fixture
async def patient() -> AsyncIterator[Town]:
    """An agent who lets it ring until the stream has surely begun."""
    async with town(agent=Behaviour(after=10)) as both:
        yield both


async def test_the_listener_hears_the_caller_inbound_and_the_agent_outbound(patient: Town) -> None:
    emulator, customer = patient
    customer.says("/voice", f"{stream(customer)}<Dial answerOnBridge='true'><Client>bob</Client></Dial>")
    caller, agent = tones(1.5, 1)
    leg = emulator.place_call(from_=MOBILE, caller_audio=caller, agent_audio=agent)
    listened = await heard(customer)
    assert listened.texts[0] == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    sid = listened.start["streamSid"]
    assert listened.start == {
        "accountSid": f"AC{'1' * 32}", "streamSid": sid, "callSid": leg.sid, "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"ticket": "abc"},
    }  # fmt: skip
    assert listened.sound("inbound").strip(b"\xff") == caller
    assert listened.sound("outbound").strip(b"\xff") == agent
    # Both began at the moment of answer.
    assert listened.sound("inbound").index(caller) == listened.sound("outbound").index(agent)
    assert listened.texts[-1]["stop"] == {"accountSid": f"AC{'1' * 32}", "callSid": leg.sid}


async def test_frames_are_numbered_and_timed_as_twilio_does(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", f"{stream(customer)}<Say>Hello</Say><Pause length='60'/>")
    await hang_up_after(customer, emulator.place_call(), texts=60)
    listened = await heard(customer)
    texts = listened.texts[1:]
    assert [text["sequenceNumber"] for text in texts] == [str(n) for n in range(1, len(texts) + 1)]
    for track in ("inbound", "outbound"):
        media = listened.media(track)
        assert [one["chunk"] for one in media] == [str(n) for n in range(1, len(media) + 1)]
        assert [one["timestamp"] for one in media] == [str(20 * n) for n in range(len(media))]
        assert len(listened.sound(track)) == 160 * len(media)


async def test_the_products_own_parser_understands_every_frame(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", f"{stream(customer)}<Pause length='60'/>")
    await hang_up_after(customer, emulator.place_call())
    frames = [parse(json.dumps(text)) for text in (await heard(customer)).texts]
    assert isinstance(frames[1], Start)
    assert isinstance(frames[-1], Stop)


async def test_the_handshake_is_twilios(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", f"{stream(customer)}<Pause length='60'/>")
    await hang_up_after(customer, emulator.place_call())
    headers = {name.lower(): value for name, value in (await heard(customer)).headers.items()}
    assert "origin" not in headers
    assert "sec-websocket-extensions" not in headers
    assert headers["user-agent"] == "Twilio.TmeWs/1.0"


async def test_on_an_outgoing_call_the_agent_is_inbound(place: Town) -> None:
    emulator, customer = place
    customer.says("/app", f"{stream(customer)}<Dial callerId='{NUMBER}'><Number>{MOBILE}</Number></Dial>")
    leg = call_app(emulator.exchange, "bob", {"To": MOBILE})
    demo = emulator.exchange.demo_sound()
    listened = await customer.until_streaming()
    await customer.until(lambda: len(listened.media("inbound")) > 300)
    leg.hang_up()
    spoken = [media["payload"] for media in listened.media("inbound")]
    answer = [media["payload"] for media in listened.media("outbound")]
    begins = next(at for at, payload in enumerate(spoken) if payload == demo.agent[60])
    assert spoken[begins : begins + 50] == list(demo.agent[60:110])
    assert answer[begins : begins + 50] == list(demo.caller[60:110])


@pytest.mark.parametrize(("track", "tracks"), [("inbound_track", ["inbound"]), ("outbound_track", ["outbound"])])
async def test_only_the_tracks_asked_for_are_sent(place: Town, track: str, tracks: list[str]) -> None:
    emulator, customer = place
    customer.says("/voice", f"{stream(customer, track=track)}<Pause length='60'/>")
    await hang_up_after(customer, emulator.place_call())
    listened = await heard(customer)
    assert listened.start["tracks"] == tracks
    assert {text["media"]["track"] for text in listened.texts if text["event"] == "media"} == set(tracks)


async def test_the_status_callback_follows_the_stream(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", f"{stream(customer)}<Pause length='60'/>")
    leg = emulator.place_call()
    started = await customer.until_asked("/stream-status", StreamEvent="stream-started")
    assert (started["CallSid"], started["StreamName"]) == (leg.sid, "bilby")
    assert started["StreamSid"].startswith("MZ")
    assert started["Timestamp"].endswith("Z")
    leg.hang_up()
    assert await customer.until_asked("/stream-status", StreamEvent="stream-stopped")
    assert len(customer.of("/stream-status")) == 2


async def test_twiml_stops_a_stream_by_its_name(place: Town) -> None:
    emulator, customer = place
    customer.says(
        "/voice", f"{stream(customer)}<Pause length='1'/><Stop><Stream name='bilby'/></Stop><Pause length='60'/>"
    )
    leg = emulator.place_call()
    assert (await heard(customer)).texts[-1]["event"] == "stop"
    assert not leg.over.is_set()


@pytest.mark.parametrize("refusal", [HTTPStatus.FORBIDDEN, HTTPStatus.FOUND, HTTPStatus.SERVICE_UNAVAILABLE])
async def test_a_refused_handshake_is_an_error_and_the_call_goes_on(place: Town, refusal: HTTPStatus) -> None:
    emulator, customer = place
    customer.refuses = refusal
    customer.says("/voice", f"{stream(customer)}<Pause length='60'/>")
    leg = emulator.place_call()
    error = await customer.until_asked("/stream-status", StreamEvent="stream-error")
    assert error["StreamError"].startswith("31920")
    assert (codes(emulator), leg.over.is_set()) == ([31920], False)
    assert not any(live.live for live in leg.streams.values())


@pytest.mark.parametrize(("close", "expected"), [(4401, ["31921"]), (1011, ["31921"]), (1000, [])])
async def test_a_listener_that_closes_does_not_end_the_call(place: Town, close: int, expected: list[str]) -> None:
    emulator, customer = place
    customer.closes_with = close
    customer.says("/voice", f"{stream(customer)}<Pause length='60'/>")
    leg = emulator.place_call()
    assert await customer.until_asked("/stream-status", StreamEvent="stream-stopped")
    errors = [form["StreamError"] for form in customer.of("/stream-status") if "StreamError" in form]
    assert [error[:5] for error in errors] == expected
    assert not leg.over.is_set()


async def test_a_listener_that_vanishes_is_a_broken_pipe(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", f"{stream(customer)}<Pause length='60'/>")
    emulator.place_call()
    listened = await customer.until_streaming()
    assert listened.connection is not None
    listened.connection.transport.abort()
    error = await customer.until_asked("/stream-status", StreamEvent="stream-error")
    assert error["StreamError"].startswith("31903")


async def test_nobody_listening_is_refused(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", f"{stream(customer, url='ws://127.0.0.1:1/stream')}<Pause length='60'/>")
    emulator.place_call()
    error = await customer.until_asked("/stream-status", StreamEvent="stream-error")
    assert error["StreamError"].startswith("31902")


@pytest.mark.parametrize("url", ["http://127.0.0.1/stream", "ws://media.example.au/stream", "/stream", ""], ids=str)
async def test_only_wss_is_spoken_and_ws_on_loopback(place: Town, url: str) -> None:
    emulator, customer = place
    customer.says("/voice", f"{stream(customer, url=url)}<Redirect>{customer.url}/after</Redirect>")
    emulator.place_call()
    assert await customer.until_asked("/after")
    assert codes(emulator) == [31922]


async def test_a_query_string_is_lost_on_the_way(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", f"{stream(customer, '/stream?ticket=1')}<Pause length='60'/>")
    emulator.place_call()
    # The signature was for the whole URL, so a listener that looks at what arrives must refuse.
    error = await customer.until_asked("/stream-status", StreamEvent="stream-error")
    assert error["StreamError"].startswith("31920")


async def test_four_tracks_are_the_most(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "".join(stream(customer, name=name) for name in "abc") + "<Pause length='60'/>")
    leg = emulator.place_call()
    await customer.until_streaming(2)
    assert [live.wanted.name for live in leg.streams.values()] == ["a", "b"]
    assert codes(emulator) == [31900]


async def test_faults_come_as_ordered() -> None:
    faults = Faults(lose=0.3, omit_track="outbound", seed=7)
    async with town(faults=faults) as (emulator, customer):
        customer.says("/voice", f"{stream(customer)}<Pause length='60'/>")
        await hang_up_after(customer, emulator.place_call(), texts=60)
        listened = await heard(customer)
        assert listened.start["tracks"] == ["inbound", "outbound"]
        assert listened.media("outbound") == []
        sent = int(listened.texts[-1]["sequenceNumber"]) - 2
        assert 0 < len(listened.media("inbound")) < sent


async def test_a_dropped_connection_does_not_end_the_call() -> None:
    async with town() as (emulator, customer):
        emulator.exchange.behaviours["client:bob"] = Behaviour("never")
        customer.says("/voice", f"{stream(customer)}<Dial><Client>bob</Client></Dial>")
        leg = emulator.place_call(faults=Faults(drop_at=0.5))
        assert await customer.until_asked("/stream-status", StreamEvent="stream-error")
        assert not leg.over.is_set()
