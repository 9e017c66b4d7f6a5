"""A media process as far as a browser can tell: the console's socket, played by a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from protocol import tickets as protocol_tickets

PATIENCE_SECONDS = 60
BEAT_SECONDS = 5.0  # the contract's
VOICE_SDK = """
class Emitter {
  heard = {};
  on(name, listener) { (this.heard[name] ??= []).push(listener); }
  emit(name, ...facts) { for (const listener of this.heard[name] ?? []) listener(...facts); }
}
class Call extends Emitter {
  parameters = { CallSid: "CA9", From: "+61255509999" };
  customParameters = new Map([["call", "%s"], ["caller", "(02) 5550 9999"]]);
  muted = false;
  accept() { this.emit("accept", this); }
  disconnect() { this.emit("disconnect", this); }
  mute(muted) { this.muted = muted; this.emit("mute", muted); }
  isMuted() { return this.muted; }
}
class Device extends Emitter {
  constructor(token, options) { super(); globalThis.device = Object.assign(this, { options }); }
  dialled = null;
  async register() { this.emit("registered"); }
  async connect({ params }) { this.dialled = params.To; return new Call(); }
}
globalThis.Twilio = { Device };
globalThis.ring = () => globalThis.device.emit("incoming", new Call());
"""
"""As little of Twilio's Voice SDK as a page needs to be rung about one call: `ring()` rings."""


class Console:
    """One browser's socket, after its ticket was good."""

    def __init__(
        self, socket: web.WebSocketResponse, claims: protocol_tickets.ConsoleTicket, hello: dict[str, Any]
    ) -> None:
        self.claims = claims
        self.hello = hello
        """Its first message."""
        self.gone = asyncio.Event()
        self.asked: list[dict[str, Any]] = []
        """What the page has sent after its ticket."""
        self._socket = socket

    async def tell(self, kind: str, **facts: Any) -> None:
        """One transcript event."""
        await self._socket.send_json({"type": kind, **facts})

    async def say(self, call: str, words: str, **facts: Any) -> None:
        """One utterance of ``call``; a final of the caller's unless ``facts`` say otherwise."""
        spoken = {"id": words[:20], "speaker": "caller", "text": words, "final": True, "start_ms": 1000}
        spoken |= {"end_ms": 2000, "stable_words": 0, **facts}
        await self.tell("utterance", call=call, utterance=spoken)

    async def close(self, code: int = 1000) -> None:
        await self._socket.close(code=code)

    async def closed(self) -> None:
        """Wait until the browser has closed it."""
        await asyncio.wait_for(self.gone.wait(), PATIENCE_SECONDS)


class LiveMedia:
    """Accepts consoles as the contract says, and hands each to the test."""

    def __init__(self, secret: str, origin: str) -> None:
        self._secret = secret
        self._origin = origin
        self._consoles: asyncio.Queue[Console] = asyncio.Queue()
        self.refusing = False
        self.script = ""  # what stands at /voice-sdk.js

    @property
    def waiting(self) -> int:
        """How many consoles have arrived that nobody asked for yet."""
        return self._consoles.qsize()

    async def console(self, *calls: dict[str, Any]) -> Console:
        """The next console to arrive, told that ``calls`` are live."""
        arrived = await asyncio.wait_for(self._consoles.get(), PATIENCE_SECONDS)
        await arrived.tell("snapshot", calls=list(calls))
        return arrived

    async def accept(self, request: web.Request) -> web.StreamResponse:
        """The browser's handshake and its ticket."""
        if self.refusing or request.headers.get("Origin") != self._origin:
            return web.Response(status=503 if self.refusing else 403)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        said = await socket.receive_json(timeout=PATIENCE_SECONDS)
        claims = protocol_tickets.verify_console(self._secret, said["ticket"])
        arrived = Console(socket, claims, said)
        self._consoles.put_nowait(arrived)
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self._beat(arrived))
            async for message in socket:
                arrived.asked.append(message.json())
            beating.cancel()
        arrived.gone.set()
        return socket

    async def _beat(self, console: Console) -> None:
        with suppress(ConnectionError):
            while True:
                await asyncio.sleep(BEAT_SECONDS)
                await console.tell("beat")

    async def sdk(self, _: web.Request) -> web.Response:
        """The Voice SDK of this test."""
        return web.Response(text=self.script, content_type="text/javascript", status=200 if self.script else 404)


@asynccontextmanager
async def live_media(port: int, secret: str, origin: str) -> AsyncIterator[LiveMedia]:
    """A `LiveMedia` that listens on ``port`` of the loopback."""
    media = LiveMedia(secret, origin)
    app = web.Application()
    app.add_routes([web.get("/console", media.accept), web.get("/voice-sdk.js", media.sdk)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield media
    finally:
        await runner.cleanup()


def call_view(call: str, agent: str | None, **facts: Any) -> dict[str, Any]:
    """A live call as a snapshot shows it."""
    view = {"call": call, "agent": agent, "direction": "inbound", "started_at": "2026-11-20T03:00:00+00:00"}
    return view | {"state": "transcribing", "utterances": [], "gaps": []} | facts
