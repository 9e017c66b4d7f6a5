"""A call from its first ring to its last callback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest_asyncio
from aiohttp import web

from sandbox.twilio.emulator import Behaviour, Twilio
from sandbox.twilio.faults import CallbackFaults
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.verbs import Event
from tests.kit.vendors.twilio_customer import (
    MOBILE,
    NUMBER,
    SECONDS,
    Asked,
    Customer,
    codes,
    markup,
    tones,
    town,
)

Town = tuple[Twilio, Customer]


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Town]:
    async with town() as both:
        yield both


async def ended(leg: Leg) -> Leg:
    async with asyncio.timeout(SECONDS):
        await leg.over.wait()
    return leg


async def test_a_call_asks_the_voice_url_with_everything_twilio_tells(place: Town) -> None:
    emulator, customer = place
    leg = emulator.place_call(from_=MOBILE)
    form = await customer.until_asked("/voice")
    assert form == {
        "AccountSid": f"AC{'1' * 32}", "ApiVersion": "2010-04-01", "CallSid": leg.sid, "CallStatus": "ringing",
        "Direction": "inbound", "From": MOBILE, "Caller": MOBILE, "To": NUMBER, "Called": NUMBER,
        "FromCity": "", "FromState": "", "FromZip": "", "FromCountry": "AU",
        "ToCity": "", "ToState": "", "ToZip": "", "ToCountry": "AU", "CallToken": form["CallToken"],
    }  # fmt: skip
    headers = customer.asked[0].headers
    assert headers["User-Agent"].startswith("TwilioProxy")
    assert headers["I-Twilio-Idempotency-Token"]


async def test_a_document_that_ends_ends_the_call(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "<Say>Hello</Say><Pause length='2'/>")
    leg = emulator.place_call()
    status = await customer.until_asked("/status")
    assert (status["CallSid"], status["CallStatus"]) == (leg.sid, "completed")
    assert int(status["CallDuration"]) >= 3  # 5 letters, 2 seconds, rounded up
    assert (int(status["Duration"]) >= 1, status["SequenceNumber"]) == (True, "0")
    assert status["CallbackSource"] == "call-progress-events"
    assert abs(parsedate_to_datetime(status["Timestamp"]) - datetime.now(UTC)).total_seconds() < 60
    assert codes(emulator) == []


async def test_redirects_are_relative_to_the_document(place: Town) -> None:
    emulator, customer = place
    emulator.exchange.set_number(NUMBER, voice_url=f"{customer.url}/a/voice")
    customer.says("/a/voice", "<Redirect method='GET'>../b?x=1</Redirect><Say>Never</Say>")
    customer.says("/b", "<Hangup/>")
    leg = await ended(emulator.place_call())
    assert [(asked.path, asked.method) for asked in customer.asked[:2]] == [("/a/voice", "POST"), ("/b", "GET")]
    assert customer.of("/b")[0]["x"] == "1"
    assert leg.status == "completed"


async def test_a_rejected_call_is_never_answered(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "<Reject reason='busy'/>")
    leg = await ended(emulator.place_call())
    assert (leg.status, leg.answered, leg.seconds()) == ("busy", False, 0)


async def test_an_application_error_is_said_and_recorded(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", lambda _: web.Response(status=500))
    leg = await ended(emulator.place_call())
    assert (leg.status, codes(emulator)) == ("completed", [11200])
    assert emulator.exchange.alerts[0].call == leg.sid
    assert emulator.exchange.alerts[0].url == f"{customer.url}/voice"


async def test_what_is_no_twiml_is_an_application_error(place: Town) -> None:
    emulator, customer = place
    wrong = {
        12300: web.json_response({}),
        12100: web.Response(text="<Response>", content_type="text/xml"),
        11750: web.Response(text=" " * 70_000, content_type="text/xml"),
    }
    for code, answer in wrong.items():
        customer.says("/voice", lambda _, answer=answer: answer)  # type: ignore[misc]
        await ended(emulator.place_call())
        assert codes(emulator)[-1] == code


async def test_the_fallback_is_asked_when_the_voice_url_fails(place: Town) -> None:
    emulator, customer = place
    emulator.exchange.set_number(NUMBER, voice_fallback_url=f"{customer.url}/fallback")
    customer.says("/voice", lambda _: web.Response(status=502))
    customer.says("/fallback", "<Say>Please call again</Say>")
    leg = await ended(emulator.place_call())
    form = await customer.until_asked("/fallback")
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("11200", f"{customer.url}/voice")
    assert leg.status == "completed"


async def test_the_fallback_is_asked_at_any_document_and_by_its_own_method(place: Town) -> None:
    emulator, customer = place
    emulator.exchange.set_number(NUMBER, voice_fallback_url=f"{customer.url}/fallback", voice_fallback_method="GET")
    customer.says("/voice", "<Redirect>/next</Redirect>")
    customer.says("/next", lambda _: web.Response(status=502))
    customer.says("/fallback", "<Hangup/>")
    await ended(emulator.place_call())
    form = await customer.until_asked("/fallback")
    assert (form["ErrorCode"], form["ErrorUrl"]) == ("11200", f"{customer.url}/next")


async def test_a_slow_or_absent_application_is_given_up() -> None:
    silent = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent, town(webhook_seconds=0.2) as (emulator, _):
        for voice_url in (f"http://127.0.0.1:{port}/voice", "http://127.0.0.1:1/voice"):
            emulator.exchange.set_number(NUMBER, voice_url=voice_url)
            await ended(emulator.place_call())
        assert codes(emulator) == [11205, 11205]


async def test_what_the_schema_does_not_know_is_skipped_with_a_warning(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "<Sing>La</Sing><Say volume='11'>Hello</Say>")
    leg = await ended(emulator.place_call())
    assert (leg.status, leg.answered) == ("completed", True)
    assert [alert.text for alert in emulator.exchange.alerts] == [
        "Invalid content was found starting with element 'Sing'",
        "Attribute 'volume' is not allowed to appear in element 'Say'",
    ]


async def test_a_pause_comes_before_picking_up(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "<Pause length='600'/>")
    leg = emulator.place_call(hang_up_after=1)
    await customer.until_asked("/voice")
    assert not leg.answered
    assert (await ended(leg)).status == "no-answer"


async def test_a_caller_loses_patience(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "<Say>Please wait</Say><Pause length='600'/>")
    leg = await ended(emulator.place_call(hang_up_after=40))  # simulated seconds: it is answered long before
    assert leg.status == "completed"


async def test_a_caller_who_has_said_everything_hangs_up(place: Town) -> None:
    emulator, customer = place
    customer.says("/voice", "<Say>Hello</Say><Pause length='600'/>")
    (said,) = tones(1.5)
    leg = await ended(emulator.place_call(caller_audio=said, speak_on="answer"))
    assert (leg.status, leg.seconds() >= 2) == ("completed", True)


async def test_repeated_and_reordered_callbacks_share_their_token() -> None:
    async with town(callback_faults=CallbackFaults(doubled=1.0, jumbled=True), seed=1) as (emulator, customer):
        emulator.exchange.behaviours["client:bob"] = Behaviour(after=0)
        customer.says("/voice", _dial_bob(customer))
        emulator.exchange.arrivals.append(lambda leg: leg.watchers.append(_hang_up_once_answered))
        emulator.place_call()
        await customer.until(lambda: len(customer.of("/leg")) == 8)
        numbers = [form["SequenceNumber"] for form in customer.of("/leg")]
        assert numbers[::2] == numbers[1::2]
        assert sorted(numbers[::2]) == ["0", "1", "2", "3"]
        assert numbers[::2] != ["0", "1", "2", "3"]
        tokens = [asked.headers["I-Twilio-Idempotency-Token"] for asked in customer.asked if asked.path == "/leg"]
        assert tokens[::2] == tokens[1::2]
        assert len(set(tokens)) == 4


def _hang_up_once_answered(leg: Leg, event: Event) -> None:
    if leg.parent is not None and event == "answered":
        leg.parent.hang_up()


def _dial_bob(customer: Customer) -> str:
    return (
        f"<Dial><Client statusCallback='{customer.url}/leg' "
        "statusCallbackEvent='initiated ringing answered completed'>bob</Client></Dial>"
    )


async def test_a_callback_that_fails_is_a_warning_only() -> None:
    async with town() as (emulator, customer):
        customer.says("/status", lambda _: web.Response(status=500))
        customer.says("/voice", "<Hangup/>")
        await ended(emulator.place_call())
    assert codes(emulator) == [15003]  # the last callbacks go out before the emulator closes


async def test_redirects_of_http_drop_the_form(place: Town) -> None:
    emulator, customer = place

    def moved(_: Asked) -> web.Response:
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    customer.says("/voice", moved)
    customer.says("/elsewhere", lambda asked: markup("<Hangup/>") if not asked.form else web.Response(status=500))
    leg = await ended(emulator.place_call())
    assert (leg.status, codes(emulator)) == ("completed", [])


async def test_a_fragment_steers_the_connection_only(place: Town) -> None:
    emulator, customer = place
    emulator.exchange.set_number(NUMBER, voice_url=f"{customer.url}/voice#e=sydney")
    emulator.place_call()
    assert await customer.until_asked("/voice")


async def test_closing_the_emulator_hangs_everybody_up() -> None:
    async with town() as (emulator, customer):
        customer.says("/voice", "<Say>Hello</Say><Pause length='600'/>")
        leg = emulator.place_call()
        await customer.until_asked("/voice")
    assert leg.over.is_set()
