"""What the emulated browser SDK talks to: ``/voice-sdk.js`` and the WebSocket ``/signal``.

Texts are JSON objects with a ``type``. From the browser: ``hello {token}`` first, then ``register``, ``unregister``,
``token {token}``, ``connect {id, params, microphone}``, ``accept {call, microphone}`` (whether it has opened one),
``reject {call}``, ``hangup {call}``,
``mute {call, muted}``, ``digits {call, digits}``, ``reconnect {call, resumption}``. To the browser:
``ready {identity, ttl, edge, region}``, ``registered``, ``unregistered``,
``incoming {call, parameters, custom, resumption}``, ``ringing {id, call}``, ``accept {call, resumption}``,
``cancel {call}``, ``disconnect {call, code?, text?}``, ``warning {call, name, cleared}``,
``quality {quality}``, ``error {code, text, call?}``. (Twilio's own signalling is not
public.) A ``code`` is the gateway's (31205), of which the SDK makes its own (20104). A token that is refused, or that
expires, is answered with an error and nothing else: the connection stays, and the browser may send another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.twilio.browser import access_token
from sandbox.twilio.browser.access_token import Grant, TokenError
from sandbox.twilio.browser.connection import MAX_TEXT, Connection, has_microphone, signal_of
from sandbox.twilio.phone import interpreter
from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.softphones import CLIENT

HELLO_SECONDS = 10.0

routes = web.RouteTableDef()
SOUND_LINE = Path(__file__).with_name("sound_line.js")
_WORKLET = Path(__file__).with_name("sound_worklet.js")
_SDK = [
    SOUND_LINE,
    *(Path(__file__).with_name(f"voice_sdk{part}.js") for part in ("_events", "_call", "_audio", "_preflight", "")),
]
_FOREIGN = {"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "no-cache"}  # for pages of any origin


@routes.get("/voice-sdk.js")
async def sdk(_: web.Request) -> web.Response:
    """Return the emulated ``twilio.min.js``, for pages of any origin."""
    parts = "\n".join(part.read_text() for part in _SDK)
    return web.Response(
        text=f'(() => {{\n"use strict";\n{parts}}})();\n', content_type="text/javascript", headers=_FOREIGN
    )


@routes.get("/voice-sdk-worklet.js")
async def worklet(_: web.Request) -> web.Response:
    """Return the SDK's part in the audio thread. A page of another origin may load it only if CORS allows it."""
    headers = _FOREIGN | {"Access-Control-Allow-Origin": "*"}
    return web.Response(text=_WORKLET.read_text(), content_type="text/javascript", headers=headers)


@routes.get("/signal")
async def signal(request: web.Request) -> web.WebSocketResponse:
    """Serve one Device's connection, from hello to end."""
    socket = web.WebSocketResponse(max_msg_size=MAX_TEXT, heartbeat=20)
    await socket.prepare(request)
    exchange = request.app[EXCHANGE]
    exchange.sockets.add(socket)
    try:
        await _greet(exchange, socket)
    finally:
        exchange.sockets.discard(socket)
    return socket


async def _greet(exchange: Exchange, socket: web.WebSocketResponse) -> None:
    grant: Grant | None = None
    patience: float | None = HELLO_SECONDS
    while grant is None:
        try:
            async with asyncio.timeout(patience):
                hello = await _receive(socket)
        except TimeoutError:
            await socket.close()
            return
        if hello is None:
            return
        try:
            grant = _verified(exchange, hello.get("token"))
        except TokenError as error:
            await socket.send_json(_error(error.code, str(error)))
            patience = None  # it knows now, and may sleep before it comes with another one
    device = _DeviceConnection(exchange, socket, grant)
    await device.run(device.watch_expiry())


def _verified(exchange: Exchange, token: object) -> Grant:
    if exchange.softphones.refusal is not None:
        raise TokenError(exchange.softphones.refusal, "refused on purpose")
    return access_token.verify(exchange.settings, token)


async def _receive(socket: web.WebSocketResponse) -> dict[str, Any] | None:
    """Return the next signal; None at the end. What is no JSON object is an empty one."""
    received = await socket.receive()
    return signal_of(received.data) if received.type is WSMsgType.TEXT else None


class _DeviceConnection(Connection):
    """A Device that has shown a good token."""

    def __init__(self, exchange: Exchange, socket: web.WebSocketResponse, grant: Grant) -> None:
        super().__init__(exchange, socket, f"{CLIENT}{grant.identity}")
        self._grant = grant
        self._renewed = asyncio.Event()
        self.tell(self._ready())
        exchange.softphones.connect(self.device)

    async def watch_expiry(self) -> None:
        """Say when the token expires, and ring no more from then on until there is another one."""
        while True:
            if (remaining := self._grant.expires - time.time()) > 0:
                await asyncio.sleep(remaining)
                continue
            self.exchange.softphones.unregister(self.device)
            self.tell(_error(31205, "the token has expired"))
            self._renewed.clear()
            await self._renewed.wait()

    def _ready(self) -> dict[str, Any]:
        ttl = int(self._grant.expires - time.time())
        region = self.exchange.settings.region
        return {"type": "ready", "identity": self._grant.identity, "ttl": ttl, "edge": "sydney", "region": region}

    def obey(self, signal: Mapping[str, Any]) -> None:
        """Do what the browser asks for."""
        match signal.get("type"):
            case "register":
                self._register()
            case "unregister":
                self.exchange.softphones.unregister(self.device)
                self.tell({"type": "unregistered"})
            case "token":
                self._renew(signal.get("token"))
            case "connect":
                self._connect(str(signal.get("id", "")), signal.get("params"), microphone=has_microphone(signal))
            case "reconnect":
                self._resume(str(signal.get("call", "")), str(signal.get("resumption", "")))
            case _:
                super().obey(signal)

    def _register(self) -> None:
        if self._grant.expires <= time.time():
            self.tell(_error(31205, "the token has expired"))
            return
        if self._grant.incoming:
            self.exchange.softphones.register(self.device)
        self.tell({"type": "registered"})

    def _renew(self, token: object) -> None:
        try:
            grant = _verified(self.exchange, token)
        except TokenError as error:
            self.tell(_error(error.code, str(error)))
            return
        if grant.identity == self._grant.identity:
            self._grant = grant
            self._renewed.set()
            self.tell(self._ready())

    def _resume(self, call: str, resumption: str) -> None:
        leg = self.exchange.softphones.find(self.device.address, call, resumption)
        if leg is None or leg.over.is_set():
            self.tell({"type": "disconnect", "call": call, "code": 31005, "text": "there is no such call any more"})
        else:
            self.device.resume(leg)
            self.play(leg)

    def _connect(self, temporary: str, params: object, *, microphone: bool) -> None:
        exchange, grant = self.exchange, self._grant
        if grant.outgoing_app != exchange.settings.twiml_app_sid or not exchange.app_voice_url:
            self.tell(_error(31002, "Connection declined: no such TwiML App", temporary))
            self.tell({"type": "disconnect", "call": temporary})
            return
        given = params if isinstance(params, dict) else {}
        chosen = {str(k): str(v) for k, v in given.items()} | dict(grant.outgoing_params)
        leg = call_app(exchange, grant.identity, chosen)
        leg.speak_live(microphone=microphone)
        self.tell({"type": "ringing", "id": temporary, "call": leg.sid})
        self.device.hold(leg)
        self.play(leg)


def call_app(exchange: Exchange, identity: str, params: Mapping[str, str]) -> Leg:
    """Place a call from a Client: its TwiML App is asked what to do, with ``params`` that the browser chose."""
    settings = exchange.settings
    to = params.get("To", "")
    caller = f"{CLIENT}{identity}"
    leg = exchange.leg("inbound", caller, to, sound=exchange.sound_of(caller), customer=False, status="ringing")
    exchange.report_to(leg, settings.twiml_app_status_callback, "POST")
    chosen = {name: value for name, value in params.items() if name not in leg.form()}
    webhook = leg.webhook(exchange.app_voice_url, **chosen, ApplicationSid=settings.twiml_app_sid)
    exchange.spawn(interpreter.live(exchange, leg, webhook))
    return leg


def _error(code: int, text: str, call: str = "") -> dict[str, Any]:
    return {"type": "error", "code": code, "text": text} | ({"call": call} if call else {})
