"""A page that telephones: its WebSocket, the signals about its calls, and its sound.

Texts are JSON objects with a ``type``, see `sandbox.twilio.browser.signalling`. Binary messages are sound, 20 ms of
mu-law each (160 bytes): from the page what its microphone hears, to the page what the call in hand sounds like.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.audio import voice
from sandbox.audio.clock import TICKS_PER_SECOND
from sandbox.twilio.phone.exchange import Exchange
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.softphones import Softphone

MAX_TEXT = 64 * 1024  # bytes
OUTBOX = 256  # signals; a browser that reads none of so many has gone
_LATE = TICKS_PER_SECOND // 2  # ticks; sound that is later than that is left out


class Connection:
    """One page with a phone at ``address``. Who derives from it obeys more signals."""

    def __init__(self, exchange: Exchange, socket: web.WebSocketResponse, address: str) -> None:
        self.exchange = exchange
        self.device = Softphone(address, self.tell)
        self._socket = socket
        self._outbox: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(OUTBOX)
        self._goodbye = False  # whether the browser itself ended the connection

    async def run(self, *beside: Coroutine[Any, Any, None]) -> None:
        """Serve the page until it goes, with whatever else runs meanwhile."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work) for work in (self._send(), *beside)]
                while (received := await self._socket.receive()).type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    if received.type is WSMsgType.BINARY:
                        self.device.speak(received.data)
                    else:
                        self.obey(signal_of(received.data))
                self._goodbye = received.type is WSMsgType.CLOSE  # by the browser; else the connection broke
                for task in tasks:
                    task.cancel()
        finally:
            self._leave()

    def obey(self, signal: Mapping[str, Any]) -> None:
        """Do what a signal about a call asks for."""
        call = str(signal.get("call", ""))
        match signal.get("type"):
            case "accept" if (leg := self.device.accept(call, microphone=has_microphone(signal))) is not None:
                self.play(leg)
            case "reject":
                self.device.reject(call)
            case "hangup" | "mute" | "digits" as what if (leg := self.device.taken(call)) is not None:
                _act(leg, what, signal)

    def play(self, leg: Leg) -> None:
        """Send the page the sound of ``leg`` while it has it."""
        self.exchange.spawn(self._play(leg))

    def tell(self, signal: Mapping[str, Any]) -> None:
        """Send a signal. Never waits."""
        if self._outbox.full():
            self.exchange.spawn(_close(self._socket))
        else:
            self._outbox.put_nowait(signal)

    def _leave(self) -> None:
        """Let go of the calls of a browser that said goodbye; keep those of one whose connection broke."""
        softphones = self.exchange.softphones
        softphones.unregister(self.device)
        softphones.disconnect(self.device)
        if self._goodbye or self.device.is_free:
            self.device.leave()
        else:
            self.exchange.spawn(softphones.keep(self.device))

    async def _send(self) -> None:
        while True:
            signal = await self._outbox.get()
            try:
                await self._socket.send_json(signal)
            except ConnectionError:
                return  # the reading side sees the end

    async def _play(self, leg: Leg) -> None:
        clock = self.exchange.clock
        tick = clock.tick()
        while self.device.taken(leg.sid) is leg and not self._socket.closed:
            await clock.until(tick + 1)
            try:
                await self._socket.send_bytes(voice.codes(leg.heard(tick)))
            except ConnectionError:
                return
            tick = max(tick + 1, clock.tick() - _LATE)


def signal_of(text: str) -> dict[str, Any]:
    """Return the signal in ``text``; an empty one for what is no JSON object."""
    try:
        signal = json.loads(text)
    except ValueError:
        return {}
    return signal if isinstance(signal, dict) else {}


def has_microphone(signal: Mapping[str, Any]) -> bool:
    """Return whether the page that sent ``signal`` has opened a microphone."""
    return signal.get("microphone") is True


def _act(leg: Leg, what: str, signal: Mapping[str, Any]) -> None:
    match what:
        case "hangup":
            leg.hang_up("canceled")
        case "mute":
            leg.voice.muted = bool(signal.get("muted"))
        case _:
            leg.press("".join(digit for digit in str(signal.get("digits", "")) if digit in "0123456789*#w"))


async def _close(socket: web.WebSocketResponse) -> None:
    await socket.close()
