"""The emulated REST API, asked by Twilio's own client."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from twilio.base.exceptions import TwilioRestException

from provisioning.twilio.client import connected
from sandbox.twilio.emulator import Behaviour, Leg, Number, Twilio
from tests.kit.vendors.twilio_customer import MOBILE, NUMBER, SECONDS, TOKEN, Customer, town

ACCOUNT = f"AC{'1' * 32}"
SPECIFICATION = Path(__file__).parents[2] / "specifications" / "twilio_api_v2010.json"

Town = tuple[Twilio, Customer]
Official = Any  # twilio.rest.Client, which is half typed


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Town]:
    async with town() as both:
        both[1].says("/voice", "<Say>Hello</Say><Pause length='600'/>")
        yield both


@pytest_asyncio.fixture
async def client(place: Town) -> AsyncIterator[Official]:
    async with connected(account=ACCOUNT, key=f"SK{'2' * 32}", secret="s" * 32, base=place[0].url) as official:
        yield official


async def raw(emulator: Twilio, path: str, method: str = "GET", **form: str) -> tuple[int, Any]:
    """Ask without a client in between: HTTP status and JSON."""
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)}
    url = f"{emulator.url}/2010-04-01/Accounts/{ACCOUNT}{path}"
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, data=form or None, headers=headers) as response,
    ):
        return response.status, await response.json()


async def answered(leg: Leg) -> Leg:
    happened = asyncio.Event()
    leg.watchers.append(lambda *_: happened.set())
    async with asyncio.timeout(SECONDS):
        while not leg.answered:
            happened.clear()
            await happened.wait()
    return leg


async def test_a_live_call_is_fetched_and_hung_up(place: Town, client: Official) -> None:
    leg = await answered(place[0].place_call(from_=MOBILE))
    call = await client.calls(leg.sid).fetch_async()
    assert (call.sid, call.status, call.direction) == (leg.sid, "in-progress", "inbound")
    assert (call._from, call.to) == (MOBILE, NUMBER)
    assert (call.duration, call.end_time, call.phone_number_sid) == (None, None, Number(NUMBER).sid)
    call = await client.calls(leg.sid).update_async(status="completed")
    assert (call.status, leg.over.is_set()) == ("completed", True)
    assert call.end_time is not None
    assert int(call.duration) >= 1


async def test_a_live_call_is_sent_elsewhere(place: Town, client: Official) -> None:
    emulator, customer = place
    leg = await answered(emulator.place_call())
    await client.calls(leg.sid).update_async(url=f"{customer.url}/elsewhere")
    form = await customer.until_asked("/elsewhere")
    assert (form["CallSid"], form["CallStatus"]) == (leg.sid, "in-progress")
    async with asyncio.timeout(SECONDS):
        await leg.over.wait()


async def test_twiml_by_value_interrupts_a_dial(place: Town, client: Official) -> None:
    emulator, customer = place
    emulator.exchange.behaviours["client:bob"] = Behaviour("never")
    customer.says("/voice", f"<Dial action='{customer.url}/done'><Client>bob</Client></Dial>")
    leg = await answered(emulator.place_call())
    await client.calls(leg.sid).update_async(twiml=f"<Response><Redirect>{customer.url}/next</Redirect></Response>")
    await customer.until_asked("/next")
    # Twilio asks the action of the broken <Dial> first, and does not obey the answer.
    assert [asked.path for asked in customer.asked][-2:] == ["/done", "/next"]


async def test_an_ended_call_can_not_be_changed(place: Town, client: Official) -> None:
    leg = await answered(place[0].place_call())
    leg.hang_up()
    for change in ({"status": "completed"}, {"twiml": "<Response/>"}):
        with pytest.raises(TwilioRestException) as caught:
            await client.calls(leg.sid).update_async(**change)
        assert (caught.value.status, caught.value.code) == (400, 21220)


async def test_a_url_wins_over_twiml_which_has_its_limit(place: Town, client: Official) -> None:
    customer = place[1]
    customer.says("/hello", "<Hangup/>")
    both = {"twiml": "<Response/>", "url": f"{customer.url}/hello"}
    await client.calls.create_async(to=MOBILE, from_=NUMBER, **both)
    assert await customer.until_asked("/hello")
    before = len(place[0].exchange.legs)
    for wrong in (
        {"twiml": " " * 4001},
        {"url": "hello"},
        {**both, "timeout": 0},
        {**both, "status_callback": "leg"},
    ):
        with pytest.raises(TwilioRestException) as caught:
            await client.calls.create_async(to=MOBILE, from_=NUMBER, **wrong)
        assert caught.value.status == 400
    assert len(place[0].exchange.legs) == before


async def test_a_call_is_made_and_followed(place: Town, client: Official) -> None:
    customer = place[1]
    customer.says("/hello", "<Say>Hello</Say>")
    events = ["initiated", "ringing", "answered", "completed"]
    call = await client.calls.create_async(
        to=MOBILE,
        from_=NUMBER,
        url=f"{customer.url}/hello",
        status_callback=f"{customer.url}/leg",
        status_callback_event=events,
    )
    assert (call.status, call.direction, call.to) == ("queued", "outbound-api", MOBILE)
    await customer.until_asked("/leg", CallStatus="completed")
    statuses = [form["CallStatus"] for form in customer.of("/leg")]
    assert statuses == ["initiated", "ringing", "in-progress", "completed"]
    assert (customer.of("/hello")[0]["CallSid"], customer.of("/hello")[0]["CallStatus"]) == (call.sid, "in-progress")


async def test_a_call_that_nobody_answers_times_out(place: Town, client: Official) -> None:
    emulator, customer = place
    emulator.exchange.behaviours[MOBILE] = Behaviour("never")
    status = f"{customer.url}/leg"
    await client.calls.create_async(to=MOBILE, from_=NUMBER, twiml="<Response/>", status_callback=status, timeout=2)
    assert (await customer.until_asked("/leg"))["CallStatus"] == "no-answer"


async def test_a_ringing_call_is_cancelled(place: Town, client: Official) -> None:
    emulator, customer = place
    emulator.exchange.behaviours[MOBILE] = Behaviour("never")
    call = await client.calls.create_async(to=MOBILE, from_=NUMBER, url=f"{customer.url}/hello")
    call = await client.calls(call.sid).update_async(status="canceled")
    assert call.status == "canceled"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"To": ""}, 21201),
        ({"From": ""}, 21213),
        ({"To": "0412"}, 21211),
        ({"From": MOBILE}, 21210),
        ({"Url": "ftp://x"}, 21205),
        ({"Url": None}, 21205),
    ],
)
async def test_a_wrong_call_is_refused_with_twilios_code(place: Town, wrong: dict[str, Any], code: int) -> None:
    fields = {"To": MOBILE, "From": NUMBER, "Url": "http://127.0.0.1:1/"} | wrong
    status, error = await raw(
        place[0], "/Calls.json", "POST", **{name: value for name, value in fields.items() if value is not None}
    )
    assert (status, error["code"], error["status"]) == (400, code, 400)
    assert error["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert set(error) == {"code", "message", "more_info", "status"}


async def test_calls_are_listed_and_filtered(place: Town, client: Official) -> None:
    emulator, customer = place
    customer.says("/voice", "<Dial><Client>bob</Client></Dial>")
    first = await answered(emulator.place_call(from_=MOBILE))
    second = await answered(emulator.place_call())
    first.hang_up()
    assert [call.sid for call in await client.calls.list_async(from_=MOBILE, to=NUMBER)] == [first.sid]
    children = await client.calls.list_async(parent_call_sid=second.sid)
    assert [(call.to, call.direction) for call in children] == [("client:bob", "outbound-dial")]
    assert first.sid in {call.sid for call in await client.calls.list_async(status="completed")}
    now = datetime.now(UTC)
    later, sooner = now + timedelta(hours=1), now - timedelta(hours=1)
    assert await client.calls.list_async(start_time_after=later) == []
    assert len(await client.calls.list_async(start_time_after=sooner, start_time_before=later)) == 4


async def test_the_client_walks_through_all_pages(place: Town, client: Official) -> None:
    emulator, _ = place
    legs = [emulator.place_call() for _ in range(7)]
    listed = [call.sid async for call in await client.calls.stream_async(page_size=3)]
    assert listed == [leg.sid for leg in reversed(legs)]


async def test_streams_start_and_stop_by_rest(place: Town, client: Official) -> None:
    emulator, customer = place
    leg = await answered(emulator.place_call())
    stream = await client.calls(leg.sid).streams.create_async(
        url=f"{customer.media_url}/again",
        name="second",
        track="both_tracks",
        status_callback=f"{customer.url}/stream-status",
        parameter1_name="ticket",
        parameter1_value="abc",
    )
    assert (stream.call_sid, stream.name, stream.status) == (leg.sid, "second", "in-progress")
    heard = await customer.until_streaming()
    assert (heard.start["streamSid"], heard.start["customParameters"]) == (stream.sid, {"ticket": "abc"})
    stopped = await client.calls(leg.sid).streams("second").update_async(status="stopped")
    assert (stopped.sid, stopped.status) == (stream.sid, "stopped")
    await customer.until_asked("/stream-status", StreamEvent="stream-stopped")
    assert heard.texts[-1]["event"] == "stop"
    assert not leg.over.is_set()


async def test_streams_that_can_not_be_are_refused(place: Town, client: Official) -> None:
    leg = await answered(place[0].place_call())
    wrong = {20001: {"Url": ""}, 31941: {"Url": "wss://x", "Track": "all"}, 31922: {"Url": "https://x"}}
    for code, fields in wrong.items():
        status, error = await raw(place[0], f"/Calls/{leg.sid}/Streams.json", "POST", **fields)
        assert (status, error["code"]) == (400, code)
    with pytest.raises(TwilioRestException) as refused:
        await client.calls(leg.sid).streams("nobody").update_async(status="stopped")
    assert (refused.value.status, refused.value.code) == (404, 20404)


async def test_the_account_and_its_app_and_numbers_are_shown(place: Town, client: Official) -> None:
    app = await client.applications(f"AP{'3' * 32}").fetch_async()
    assert app.voice_url == f"{place[1].url}/app"
    (number,) = await client.incoming_phone_numbers.list_async(phone_number=NUMBER)
    assert (number.voice_url, number.capabilities["voice"]) == (f"{place[1].url}/voice", True)
    assert (await client.incoming_phone_numbers(number.sid).fetch_async()).phone_number == NUMBER
    assert await client.incoming_phone_numbers.list_async(friendly_name="another") == []


async def test_what_is_not_there_is_20404(place: Town) -> None:
    missing = ("/Calls/CA0.json", "/Messages.json", "/IncomingPhoneNumbers/PN0.json", "/Applications/AP0.json")
    for path in missing:
        status, error = await raw(place[0], path)
        assert (status, error["code"]) == (404, 20404)
    assert (await raw(place[0], "/Calls.json", "DELETE"))[1]["code"] == 20004
    assert (await raw(place[0], "/Calls.json?PageSize=many"))[1]["code"] == 20001
    assert (await raw(place[0], "/Calls.json?StartTime=soon"))[1]["code"] == 20001


async def test_answers_match_twilios_openapi(place: Town) -> None:
    emulator, customer = place
    leg = await answered(emulator.place_call())
    calls = f"/Calls/{leg.sid}"
    form = {"Url": f"{customer.media_url}/s"}
    for schema, (_, body) in {
        "account": await raw(emulator, ".json"),
        "account.call": await raw(emulator, f"{calls}.json"),
        "account.call.stream": await raw(emulator, f"{calls}/Streams.json", "POST", **form),
        "account.incoming_phone_number": await raw(emulator, f"/IncomingPhoneNumbers/{Number(NUMBER).sid}.json"),
        "account.application": await raw(emulator, f"/Applications/AP{'3' * 32}.json"),
    }.items():
        assert _faults(schema, body) == []


def _faults(schema: str, body: dict[str, Any]) -> list[str]:
    """Where ``body`` differs from Twilio's schema: missing and unknown fields, wrong types, patterns, words."""
    schemas = json.loads(SPECIFICATION.read_text())["components"]["schemas"]
    properties = schemas[f"api.v2010.{schema}"]["properties"]
    faults = [f"{name} is missing or unknown" for name in properties.keys() ^ body.keys()]
    for name in properties.keys() & body.keys():
        rule = properties[name]
        rule = schemas[rule["$ref"].rpartition("/")[2]] | {"nullable": True} if "$ref" in rule else rule
        faults += [f"{name}: {body[name]!r}"] if not _fits(body[name], rule) else []
    return faults


def _fits(value: Any, rule: dict[str, Any]) -> bool:
    if value is None:
        return bool(rule.get("nullable"))
    kinds: dict[Any, type] = {"string": str, "object": dict, "boolean": bool, "integer": int}
    if not isinstance(value, kinds[rule["type"]]) or value not in (rule.get("enum") or [value]):
        return False
    if rule.get("format") == "date-time-rfc-2822":
        return parsedate_to_datetime(str(value)).tzinfo is not None
    # The specification's own examples have empty sids where there is none, whatever its patterns say.
    return value == "" or re.fullmatch(rule.get("pattern", "(?s).*").strip("^$"), str(value)) is not None
