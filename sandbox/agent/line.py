"""An agent's softphone: a Device of the emulated Voice SDK without a browser around it, for one call at a time.

It has no microphone. Its texts are those of `sandbox.twilio.browser.signalling`; what the call sounds like is not
listened to.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

_PAUSE_SECONDS = 0.5
_RENEWED_SECONDS = 60.0  # before the token ends

Token = Callable[[], Awaitable[str]]
"""Returns a fresh access token, however long it takes."""


class Line:
    """The softphone at the emulated Twilio at ``url``. ``on_change`` is called when anything here has changed."""

    def __init__(self, http: aiohttp.ClientSession, url: str, token: Token, on_change: Callable[[], None]) -> None:
        self.is_registered = False
        self.room: str | None = None
        """The call that it is in, or about to be in."""
        self.since = time.monotonic()
        """When `room` last changed."""
        self._http = http
        self._url = url
        self._token = token
        self._on_change = on_change
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._ids = itertools.count(1)
        self._id = ""  # ours of the call, until Twilio has named it
        self._call = ""  # Twilio's name of it

    async def run(self) -> None:
        """Be registered until cancelled, however often the connection is lost."""
        while True:
            try:
                token = await self._token()
                async with self._http.ws_connect(f"{self._url}/signal", heartbeat=20) as socket:
                    await self._serve(socket, token)
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            finally:
                self._lose()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def join(self, room: str) -> None:
        """Call the room of the call ``room``, leaving any other. Without a connection, nothing happens."""
        await self.leave()
        if self._socket is not None:
            self._id, self.room, self.since = f"call{next(self._ids)}", room, time.monotonic()
            await self._send({"type": "connect", "id": self._id, "params": {"room": room}, "microphone": False})

    async def leave(self) -> None:
        """Hang up, if there is a call."""
        if self._call:
            await self._send({"type": "hangup", "call": self._call})
        self._let_go()

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse, token: str) -> None:
        self._socket = socket
        await self._send({"type": "hello", "token": token})
        async with asyncio.TaskGroup() as tasks:
            renewing: asyncio.Task[None] | None = None
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue  # sound
                signal = json.loads(message.data)
                if signal["type"] == "ready":
                    if renewing is not None:
                        renewing.cancel()
                    renewing = tasks.create_task(self._renew(signal["ttl"]))
                    await self._send({"type": "register"})
                else:
                    self._take(signal)
            if renewing is not None:
                renewing.cancel()

    async def _renew(self, ttl: float) -> None:
        await asyncio.sleep(max(0.0, ttl - _RENEWED_SECONDS))
        await self._send({"type": "token", "token": await self._token()})

    def _take(self, signal: Mapping[str, Any]) -> None:
        match signal["type"]:
            case "registered":
                self.is_registered = True
            case "ringing" if signal["id"] == self._id:
                self._call = signal["call"]
            case "disconnect" if signal["call"] in (self._call, self._id):
                self._let_go()
        self._on_change()

    async def _send(self, signal: Mapping[str, Any]) -> None:
        if self._socket is not None:
            await self._socket.send_json(signal)

    def _let_go(self) -> None:
        if self.room is not None:
            self.since = time.monotonic()
        """When `room` last changed."""
        self.room, self._call, self._id = None, "", ""

    def _lose(self) -> None:
        self._socket, self.is_registered = None, False
        self._let_go()
        self._on_change()
