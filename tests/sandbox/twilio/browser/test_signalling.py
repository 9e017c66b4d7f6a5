"""The browser SDK's other end: tokens, registration, ringing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import jwt
import pytest
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant

from sandbox.audio import voice
from sandbox.twilio.browser import access_token
from sandbox.twilio.browser.access_token import TokenError
from sandbox.twilio.emulator import Behaviour, Twilio, TwilioSettings
from tests.kit.raw_http import cut
from tests.kit.vendors.twilio_customer import MOBILE, NUMBER, SECONDS, Customer, town

Town = tuple[Twilio, Customer]


def token(settings: TwilioSettings, identity: str = "bob", **changes: Any) -> str:
    """A token as the product's own library makes it."""
    known: dict[str, Any] = {
        "account": settings.account_sid,
        "key": settings.api_key_sid,
        "secret": settings.api_key_secret,
    }
    known |= {"region": settings.region, "ttl": 3600} | changes
    grant = VoiceGrant(
        outgoing_application_sid=changes.get("app", settings.twiml_app_sid),
        incoming_allow=changes.get("incoming", True),
        outgoing_application_params={"organisation": "acacia"},
    )
    made = AccessToken(
        known["account"], known["key"], known["secret"], grants=[grant], identity=identity, ttl=known["ttl"],
        region=known["region"],
    )  # fmt: skip
    return str(made.to_jwt())


class Browser:
    """A Device without a browser around it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.sound: list[bytes] = []  # that came so far

    async def says(self, kind: str, **more: Any) -> None:
        await self._socket.send_str(json.dumps({"type": kind, **more}))

    async def hears(self, kind: str) -> Mapping[str, Any]:
        """The next signal, which must be ``kind``."""
        async with asyncio.timeout(SECONDS):
            while (received := await self._socket.receive()).type is aiohttp.WSMsgType.BINARY:
                self.sound.append(received.data)
        signal: dict[str, Any] = json.loads(received.data)
        assert signal["type"] == kind, signal
        return signal

    async def speaks(self, *frames: bytes) -> None:
        """Say 20 ms after 20 ms."""
        for frame in frames:
            await self._socket.send_bytes(frame)

    async def listens(self, wanted: bytes) -> None:
        """Wait until ``wanted`` sounds."""
        async with asyncio.timeout(SECONDS):
            while (received := await self._socket.receive()).data != wanted:
                assert received.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), received

    def breaks(self) -> None:
        """Lose the connection, as a network does: without a word."""
        cut(self._socket)


@asynccontextmanager
async def connected(emulator: Twilio) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{emulator.url}/signal") as socket:
        yield Browser(socket)


@asynccontextmanager
async def registered(emulator: Twilio, identity: str = "bob") -> AsyncIterator[Browser]:
    async with connected(emulator) as browser:
        await browser.says("hello", token=token(emulator.exchange.settings, identity))
        ready = await browser.hears("ready")
        assert (ready["identity"], ready["edge"], ready["region"]) == (identity, "sydney", "au1")
        assert 3590 < ready["ttl"] <= 3600
        await browser.says("register")
        await browser.hears("registered")
        yield browser


async def test_a_registered_device_rings_and_answers(place: Town) -> None:
    emulator, customer = place
    async with registered(emulator) as bob:
        leg = emulator.place_call(from_=MOBILE)
        offer = await bob.hears("incoming")
        assert offer["custom"] == {"caller": "+61"}
        assert (offer["parameters"]["From"], offer["parameters"]["To"]) == (MOBILE, "client:bob")
        assert offer["parameters"]["CallSid"] != leg.sid
        await bob.says("accept", call=offer["call"])
        await bob.hears("accept")
        await bob.says("mute", call=offer["call"], muted=True)
        await bob.says("digits", call=offer["call"], digits="12#")
        await bob.says("hangup", call=offer["call"])
        await bob.hears("disconnect")
    done = await customer.until_asked("/done")
    assert (done["DialCallStatus"], done["DialCallSid"]) == ("completed", offer["call"])
    agent = emulator.exchange.legs[offer["call"]]
    assert (agent.voice.muted, agent.digits) == (True, "12#")


async def test_all_devices_ring_and_the_first_to_accept_has_the_call(place: Town) -> None:
    emulator, _ = place
    async with registered(emulator) as desk, registered(emulator) as home:
        emulator.place_call()
        offer = await desk.hears("incoming")
        await home.hears("incoming")
        await home.says("accept", call=offer["call"])
        await home.hears("accept")
        await desk.hears("cancel")
        await desk.says("accept", call=offer["call"])
        await desk.says("hangup", call=offer["call"])
        await desk.says("unregister")
        await desk.hears("unregistered")  # neither had any effect
        assert not emulator.exchange.legs[offer["call"]].over.is_set()


async def test_a_rejected_call_is_busy_and_an_abandoned_one_cancelled(place: Town) -> None:
    emulator, customer = place
    async with registered(emulator) as bob:
        emulator.place_call()
        await bob.says("reject", call=(await bob.hears("incoming"))["call"])
        assert (await customer.until_asked("/done"))["DialCallStatus"] == "busy"
        leg = emulator.place_call()
        await bob.hears("incoming")
        leg.hang_up()
        await bob.hears("cancel")


async def test_a_browser_that_goes_away_hangs_up(place: Town) -> None:
    emulator, customer = place
    async with registered(emulator) as bob:
        emulator.place_call()
        await bob.says("accept", call=(await bob.hears("incoming"))["call"])
        await bob.hears("accept")
    assert (await customer.until_asked("/done"))["DialCallStatus"] == "completed"
    assert not emulator.exchange.softphones.registered("client:bob")


async def test_a_device_calls_out_through_its_app(place: Town) -> None:
    emulator, customer = place
    customer.says("/app", f"<Dial answerOnBridge='true' callerId='{NUMBER}'><Number>{MOBILE}</Number></Dial>")
    async with registered(emulator) as bob:
        await bob.says("connect", id="TJ1", params={"To": MOBILE, "CallSid": "CAforged", "note": "x"})
        ringing = await bob.hears("ringing")
        assert ringing["id"] == "TJ1"
        await bob.hears("accept")
        form = await customer.until_asked("/app")
        assert (form["From"], form["To"], form["Direction"]) == ("client:bob", MOBILE, "inbound")
        assert (form["CallSid"], form["note"]) == (ringing["call"], "x")
        assert form["organisation"] == "acacia"  # from the token, not from the browser
        assert form["ApplicationSid"] == emulator.exchange.settings.twiml_app_sid
        await bob.says("hangup", call=ringing["call"])
        await bob.hears("disconnect")
    assert (await customer.until_asked("/status", CallSid=ringing["call"]))["CallStatus"] == "completed"


async def test_a_client_that_calls_a_number_needs_a_caller_id(place: Town) -> None:
    emulator, customer = place
    customer.says("/app", f"<Dial action='{customer.url}/done'><Number>{MOBILE}</Number></Dial>")
    async with registered(emulator) as bob:
        await bob.says("connect", id="TJ1", params={"To": MOBILE})
        await bob.hears("ringing")
        done = await customer.until_asked("/done")
    assert (done["DialCallStatus"], done["ErrorCode"]) == ("failed", "13214")
    assert "callerId must be provided" in done["ErrorMessage"]


async def test_a_token_without_the_app_calls_nobody(place: Town) -> None:
    emulator, _ = place
    async with connected(emulator) as bob:
        await bob.says("hello", token=token(emulator.exchange.settings, app=None, incoming=False))
        await bob.hears("ready")
        await bob.says("register")
        await bob.hears("registered")
        assert not emulator.exchange.softphones.registered("client:bob")
        await bob.says("connect", id="TJ1", params={})
        assert (await bob.hears("error"))["code"] == 31002
        assert (await bob.hears("disconnect"))["call"] == "TJ1"


async def test_a_bad_token_is_refused_until_a_good_one_comes(place: Town) -> None:
    emulator, _ = place
    async with connected(emulator) as bob:
        await bob.says("hello", token="x")
        assert (await bob.hears("error"))["code"] == 31204
        await bob.says("register")
        assert (await bob.hears("error"))["code"] == 31204
        assert not emulator.exchange.softphones.registered("client:bob")
        await bob.says("token", token=token(emulator.exchange.settings))
        await bob.hears("ready")


async def test_every_token_can_be_refused_on_purpose(place: Town) -> None:
    emulator, _ = place
    emulator.exchange.softphones.refusal = 31203
    async with connected(emulator) as bob:
        await bob.says("hello", token=token(emulator.exchange.settings))
        assert (await bob.hears("error"))["code"] == 31203


async def test_an_answered_call_outlives_its_connection(place: Town) -> None:
    emulator, customer = place
    async with registered(emulator) as bob:
        emulator.place_call()
        offer = await bob.hears("incoming")
        await bob.says("accept", call=offer["call"])
        resumption = (await bob.hears("accept"))["resumption"]
        assert resumption == offer["resumption"]
        bob.breaks()
    async with registered(emulator) as bob:
        await bob.says("reconnect", call=offer["call"], resumption="guessed")
        assert (await bob.hears("disconnect"))["code"] == 31005
        await bob.says("reconnect", call=offer["call"], resumption=resumption)
        assert (await bob.hears("accept"))["call"] == offer["call"]
        await bob.says("hangup", call=offer["call"])
        await bob.hears("disconnect")
    assert (await customer.until_asked("/done"))["DialCallStatus"] == "completed"


async def test_a_token_that_runs_out_unregisters_until_a_new_one_comes(place: Town) -> None:
    emulator, _ = place
    settings = emulator.exchange.settings
    async with connected(emulator) as bob:
        await bob.says("hello", token=token(settings, ttl=1))
        await bob.hears("ready")
        await bob.says("register")
        await bob.hears("registered")
        assert (await bob.hears("error"))["code"] == 31205
        assert not emulator.exchange.softphones.registered("client:bob")
        await bob.says("register")
        assert (await bob.hears("error"))["code"] == 31205
        await bob.says("token", token=token(settings))
        await bob.hears("ready")
        await bob.says("register")
        await bob.hears("registered")


async def test_noise_is_ignored(place: Town) -> None:
    async with registered(place[0]) as bob:
        for kind in ("accept", "reject", "hangup", "mute", "digits", "sing"):
            await bob.says(kind, call="CA0")
        await bob._socket.send_str("[1]")
        await bob._socket.send_str("{")
        await bob.says("token", token="x")
        assert (await bob.hears("error"))["code"] == 31204
        await bob.says("unregister")
        await bob.hears("unregistered")


def forged(settings: TwilioSettings, **changes: Any) -> str:
    """A token with other claims than the library would write; ``header`` changes its header."""
    header = {"cty": "twilio-fpa;v=1", "twr": settings.region} | changes.pop("header", {})
    claims = {
        "iss": settings.api_key_sid,
        "sub": settings.account_sid,
        "exp": time.time() + 60,
        "grants": {"identity": "bob", "voice": {}},
    } | changes
    return jwt.encode(claims, settings.api_key_secret, headers=header)


def test_what_a_token_must_be() -> None:
    settings = TwilioSettings(
        account_sid="AC1", auth_token="t", api_key_sid="SK1", api_key_secret="s" * 32, twiml_app_sid="AP1"
    )
    grant = access_token.verify(settings, token(settings))
    assert (grant.identity, grant.incoming, grant.outgoing_app) == ("bob", True, "AP1")
    assert access_token.verify(settings, forged(settings)).outgoing_app == ""
    refused: list[tuple[int, object]] = [
        (31204, None),
        (31204, "a.b.c"),
        (31202, token(settings, secret="x" * 32)),
        (31204, token(settings, account="AC2")),
        (31204, token(settings, key="SK2")),
        (31204, token(settings, region=None)),
        (31204, token(settings, region="ie1")),
        (31204, forged(settings, header={"cty": "JWT"})),
        (31204, forged(settings, grants={"identity": "bob"})),
        (31204, forged(settings, grants={"voice": {}})),
        (31204, forged(settings, grants=[])),
        (31105, token(settings, identity="6f1c0a1e-0000-4000-8000-000000000000")),
        (31105, token(settings, identity="b" * 122)),
        (31105, token(settings, identity="bob brown")),
        (31204, forged(settings, exp=None)),
        (31205, forged(settings, exp=time.time() - 1)),
        (31207, forged(settings, exp=time.time() + 90_000)),
    ]
    for code, given in refused:
        with pytest.raises(TokenError) as caught:
            access_token.verify(settings, given)
        assert caught.value.code == code


async def test_a_browser_speaks_and_hears_the_other_side() -> None:
    hello, bye = bytes([0x20]) * 160, bytes([0x30]) * 160
    async with town(speed=1.0) as (emulator, customer), connected(emulator) as browser:
        customer.says("/voice", f"<Start><Stream url='{customer.media_url}/s' track='both_tracks'/></Start>"
                      "<Dial><Client>bob</Client></Dial>")  # fmt: skip
        await browser.says("hello", token=token(emulator.exchange.settings))
        await browser.hears("ready")
        await browser.says("register")
        await browser.hears("registered")
        leg = emulator.place_call(caller_audio=hello * 200)
        offered = await browser.hears("incoming")
        await browser.says("accept", call=offered["call"], microphone=True)
        await browser.listens(hello)
        await browser.speaks(bye, bye)
        stream = await customer.until_streaming()
        await customer.until(lambda: stream.sound("outbound").count(bye) >= 2)
        assert stream.sound("inbound").count(hello) > 2
        await browser.says("mute", call=offered["call"], muted=True)
        await browser.says("digits", call=offered["call"], digits="5x")
        agent = emulator.exchange.legs[offered["call"]]
        await customer.until(lambda: agent.digits == "5" and max(stream.sound("outbound")[-800:]) < 0xFF)
        leg.hang_up()


@pytest.mark.parametrize(
    ("agent_audio", "microphone", "source"),
    [
        (None, True, "microphone"),  # the demo call: the agent's recording only stands in
        (None, False, "recording"),
        (bytes([0x40]) * 8000, True, "recording"),  # a recording that was asked for
        (b"", True, "microphone"),
        (b"", False, "nobody"),
    ],
)
async def test_who_speaks_for_the_agent(
    place: Town, agent_audio: bytes | None, microphone: bool, source: str
) -> None:
    emulator, _ = place
    async with connected(emulator) as browser:
        await browser.says("hello", token=token(emulator.exchange.settings))
        await browser.hears("ready")
        await browser.says("register")
        await browser.hears("registered")
        emulator.place_call(caller_audio=None if agent_audio is None else b"", agent_audio=agent_audio)
        offered = await browser.hears("incoming")
        await browser.says("accept", call=offered["call"], microphone=microphone)
        await browser.hears("accept")
        agent = emulator.exchange.legs[offered["call"]]
        assert agent.voice.source == source


async def test_a_browser_that_calls_out_hears_the_ringing() -> None:
    async with town(speed=1.0, tones=True) as (emulator, customer), connected(emulator) as browser:
        customer.says("/app", f"<Dial answerOnBridge='true' callerId='{NUMBER}'><Number>{MOBILE}</Number></Dial>")
        emulator.exchange.behaviours[MOBILE] = Behaviour("never")
        await browser.says("hello", token=token(emulator.exchange.settings))
        await browser.hears("ready")
        await browser.says("connect", id="TJ1", params={"To": MOBILE}, microphone=True)
        await browser.listens(voice.codes(voice.ringing()[0]))
