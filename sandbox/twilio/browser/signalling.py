"""What the emulated browser SDK talks to: ``/voice-sdk.js`` and the WebSocket ``/signal``.

Texts are JSON objects with a ``type``. From the browser: ``hello {token}`` first, then ``register``, ``unregister``,
``token {token}``, ``connect {id, params}``, ``accept {call}``, ``reject {call}``, ``hangup {call}``,
``mute {call, muted}``, ``digits {call, digits}``, ``reconnect {call, resumption}``. To the browser:
``ready {identity, ttl, edge, region}``, ``registered``, ``unregistered``,
``incoming {call, parameters, custom, resumption}``, ``ringing {id, call}``, ``accept {call, resumption}``,
``cancel {call}``, ``disconnect {call, code?, text?}``, ``error {code, text, call?}``. (Twilio's own signalling is not
public.) A ``code`` is the gateway's (31205), of which the SDK makes its own (20104). A token that is refused, or that
expires, is answered with an error and nothing else: the connection stays, and the browser may send another.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.twilio.browser import access_token
from sandbox.twilio.browser.access_token import Grant, TokenError
from sandbox.twilio.phone import interpreter
from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.softphones import CLIENT, Softphone

HELLO_SECONDS = 10.0
MAX_TEXT = 64 * 1024  # bytes
OUTBOX = 256  # signals; a browser that reads none of so many has gone

routes = web.RouteTableDef()
_SDK = [Path(__file__).with_name(f"voice_sdk{part}.js") for part in ("_events", "_call", "")]


@routes.get("/voice-sdk.js")
async def sdk(_: web.Request) -> web.Response:
    """The emulated ``twilio.min.js``, for pages of any origin."""
    headers = {"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "no-cache"}
    parts = "\n".join(part.read_text() for part in _SDK)
    return web.Response(
        text=f'(() => {{\n"use strict";\n{parts}}})();\n', content_type="text/javascript", headers=headers
    )


@routes.get("/signal")
async def signal(request: web.Request) -> web.WebSocketResponse:
    """One Device's connection, from hello to end."""
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
    await _Connection(exchange, socket, grant).run()


def _verified(exchange: Exchange, token: object) -> Grant:
    if exchange.softphones.refusal is not None:
        raise TokenError(exchange.softphones.refusal, "refused on purpose")
    return access_token.verify(exchange.settings, token)


async def _receive(socket: web.WebSocketResponse) -> dict[str, Any] | None:
    """The next signal; None at the end. What is no JSON object is an empty one."""
    received = await socket.receive()
    return _signal(received.data) if received.type is WSMsgType.TEXT else None


def _signal(text: str) -> dict[str, Any]:
    try:
        signal = json.loads(text)
    except ValueError:
        return {}
    return signal if isinstance(signal, dict) else {}


class _Connection:
    """A Device that has shown a good token."""

    def __init__(self, exchange: Exchange, socket: web.WebSocketResponse, grant: Grant) -> None:
        self._exchange = exchange
        self._socket = socket
        self._grant = grant
        self._outbox: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(OUTBOX)
        self._renewed = asyncio.Event()
        self._device = Softphone(grant.identity, self._tell)
        self._goodbye = False  # whether the browser itself ended the connection

    async def run(self) -> None:
        """Serve the browser until it goes."""
        self._tell(self._ready())
        try:
            async with asyncio.TaskGroup() as group:
                beside = [group.create_task(self._send()), group.create_task(self._watch_expiry())]
                while (received := await self._socket.receive()).type is WSMsgType.TEXT:
                    self._obey(_signal(received.data))
                self._goodbye = received.type is WSMsgType.CLOSE  # by the browser; else the connection broke
                for task in beside:
                    task.cancel()
        finally:
            self._leave()

    def _leave(self) -> None:
        """Let go of the calls of a browser that said goodbye; keep those of one whose connection broke."""
        softphones = self._exchange.softphones
        softphones.unregister(self._device)
        if self._goodbye or self._device.is_free:
            self._device.leave()
        else:
            self._exchange.spawn(softphones.keep(self._device))

    def _tell(self, signal: Mapping[str, Any]) -> None:
        if self._outbox.full():
            self._exchange.spawn(_close(self._socket))
        else:
            self._outbox.put_nowait(signal)

    async def _send(self) -> None:
        while True:
            signal = await self._outbox.get()
            try:
                await self._socket.send_json(signal)
            except ConnectionError:
                return  # the reading side sees the end

    async def _watch_expiry(self) -> None:
        while True:
            if (remaining := self._grant.expires - time.time()) > 0:
                await asyncio.sleep(remaining)
                continue
            self._exchange.softphones.unregister(self._device)
            self._tell(_error(31205, "the token has expired"))
            self._renewed.clear()
            await self._renewed.wait()

    def _ready(self) -> dict[str, Any]:
        ttl = int(self._grant.expires - time.time())
        region = self._exchange.settings.region
        return {"type": "ready", "identity": self._grant.identity, "ttl": ttl, "edge": "sydney", "region": region}

    def _obey(self, signal: Mapping[str, Any]) -> None:
        call = str(signal.get("call", ""))
        match signal.get("type"):
            case "register":
                self._register()
            case "unregister":
                self._exchange.softphones.unregister(self._device)
                self._tell({"type": "unregistered"})
            case "token":
                self._renew(signal.get("token"))
            case "connect":
                self._connect(str(signal.get("id", "")), signal.get("params"))
            case "accept":
                self._device.accept(call)
            case "reconnect":
                self._resume(call, str(signal.get("resumption", "")))
            case "reject":
                self._device.reject(call)
            case "hangup" | "mute" | "digits" as what if (leg := self._device.taken(call)) is not None:
                _act(leg, what, signal)

    def _register(self) -> None:
        if self._grant.expires <= time.time():
            self._tell(_error(31205, "the token has expired"))
            return
        if self._grant.incoming:
            self._exchange.softphones.register(self._device)
        self._tell({"type": "registered"})

    def _renew(self, token: object) -> None:
        try:
            grant = _verified(self._exchange, token)
        except TokenError as error:
            self._tell(_error(error.code, str(error)))
            return
        if grant.identity == self._grant.identity:
            self._grant = grant
            self._renewed.set()
            self._tell(self._ready())

    def _resume(self, call: str, resumption: str) -> None:
        leg = self._exchange.softphones.find(self._device.address, call, resumption)
        if leg is None or leg.over.is_set():
            self._tell({"type": "disconnect", "call": call, "code": 31005, "text": "there is no such call any more"})
        else:
            self._device.resume(leg)

    def _connect(self, temporary: str, params: object) -> None:
        exchange, grant = self._exchange, self._grant
        if grant.outgoing_app != exchange.settings.twiml_app_sid or not exchange.app_voice_url:
            self._tell(_error(31002, "Connection declined: no such TwiML App", temporary))
            self._tell({"type": "disconnect", "call": temporary})
            return
        given = params if isinstance(params, dict) else {}
        chosen = {str(k): str(v) for k, v in given.items()} | dict(grant.outgoing_params)
        leg = call_app(exchange, grant.identity, chosen)
        self._tell({"type": "ringing", "id": temporary, "call": leg.sid})
        self._device.hold(leg)


def call_app(exchange: Exchange, identity: str, params: Mapping[str, str]) -> Leg:
    """A call from a Client: its TwiML App is asked what to do, with ``params`` that the browser chose."""
    settings = exchange.settings
    to = params.get("To", "")
    leg = exchange.leg(
        "inbound", f"{CLIENT}{identity}", to, sound=exchange.demo_sound(), customer=False, status="ringing"
    )
    exchange.report_to(leg, settings.twiml_app_status_callback, "POST")
    chosen = {name: value for name, value in params.items() if name not in leg.form()}
    webhook = leg.webhook(exchange.app_voice_url, **chosen, ApplicationSid=settings.twiml_app_sid)
    exchange.spawn(interpreter.live(exchange, leg, webhook))
    return leg


def _act(leg: Leg, what: str, signal: Mapping[str, Any]) -> None:
    match what:
        case "hangup":
            leg.hang_up("canceled")
        case "mute":
            leg.voice.muted = bool(signal.get("muted"))
        case _:
            leg.digits += str(signal.get("digits", ""))


def _error(code: int, text: str, call: str = "") -> dict[str, Any]:
    return {"type": "error", "code": code, "text": text} | ({"call": call} if call else {})


async def _close(socket: web.WebSocketResponse) -> None:
    await socket.close()
