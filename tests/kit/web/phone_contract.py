"""The console with a phone whose server a test plays: the real page and scripts, and the phone's contract over HTTP.

The page is rendered from its template, with the headers that really go out. Behind ``/phone`` there is nothing but
what the test says: `PhoneServer.say` sends a part of the state to every event stream, `PhoneServer.commands` is what
pages have asked for, and `PhoneServer.refuse` lets the next command of a name fail. Twilio's SDK is played, too.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from playwright.async_api import Page

from db.base import Role
from web.config import Settings
from web.request.access import PERMISSIONS
from web.request.render import STATIC, environment
from web.request.static_files import files as static_files
from web.request.static_files.files import STATIC_FILES, files_in
from web.serving.security_headers import security_headers

ME = "11111111-1111-4111-8111-111111111111"
SDK = """
class Emitter {
  heard = {};
  on(name, listener) { (this.heard[name] ??= []).push(listener); return this; }
  once(name, listener) { return this.on(name, listener); }
  emit(name, ...facts) { for (const listener of this.heard[name] ?? []) listener(...facts); }
}
class Call extends Emitter {
  is = "connecting";
  muted = false;
  parameters = { CallSid: "CA9" };
  constructor(params) { super(); this.params = params; setTimeout(() => this.open(), 20); }
  status() { return this.is; }
  open() { if (this.is === "connecting") { this.is = "open"; this.emit("accept", this); } }
  disconnect() { if (this.is !== "closed") { this.is = "closed"; this.emit("disconnect", this); } }
  mute(muted) { this.muted = muted; this.emit("mute", muted); }
  isMuted() { return this.muted; }
  sendDigits(digits) { globalThis.pressed = (globalThis.pressed ?? "") + digits; }
}
class Device extends Emitter {
  audio = {
    outgoing() {}, isOutputSelectionSupported: true, used: [],
    async setInputDevice(id) { this.used.push(`microphone ${id}`); },
    async unsetInputDevice() { this.used.push("microphone released"); },
    speakerDevices: { set: async (id) => void this.audio.used.push(`ear ${id}`) },
  };
  calls = [];
  constructor(token, options) { super(); globalThis.device = Object.assign(this, { options }); }
  async register() { this.emit("registered"); }
  updateToken(token) { globalThis.renewed = token; }
  destroy() {}
  async connect({ params }) {
    if (globalThis.failJoin) throw Object.assign(new Error(), { code: globalThis.failJoin });
    return (globalThis.sdkCall = new Call(params));
  }
  static runPreflight(token, options) {
    const test = new Emitter();
    const report = { callQuality: "good", edge: options.edge, stats: { rtt: { average: 42.4 } }, warnings: [] };
    setTimeout(() => test.emit(...(globalThis.preflight ?? ["completed", report])), 20);
    test.stop = () => test.emit("failed");
    return test;
  }
}
globalThis.Twilio = { Device };
"""


def now() -> int:
    """Return the time in ms since 1970."""
    return int(time.time() * 1000)


_NO_WISHES = {"do_not_call": False, "do_not_transcribe": False}


def party(number: str | None = "0491 570 006", name: str | None = None, calls: int = 0) -> dict[str, Any]:
    """Return a PARTY of the contract, with ``calls`` earlier calls."""
    last = {"at": now() - 86_400_000, "outcome": "Answered"} if calls else None
    return {"number": number, "name": name, "calls": calls, "more_calls": False, "last": last, **_NO_WISHES}


def offer(call: str, **facts: Any) -> dict[str, Any]:
    """Return a call that rings for half a minute."""
    shape = {"call": call, "kind": "call", "caller": party(), "line": "Sales", "from": None, "returning": False}
    return shape | {"since": now(), "until": now() + 30_000} | facts


def customer(**facts: Any) -> dict[str, Any]:
    """Return the customer as a party of a call."""
    shape = {"label": "customer", "kind": "customer", "member": None, "name": "0491 570 006", "state": "joined"}
    return shape | {"muted": False} | facts


def agent(member: str = ME, name: str = "Bob Brown", **facts: Any) -> dict[str, Any]:
    """Return an agent as a party of a call."""
    label = f"agent-{member.replace('-', '')}"
    return {
        "label": label,
        "kind": "agent",
        "member": member,
        "name": name,
        "state": "joined",
        "muted": False,
    } | facts


def in_hand(call: str, **facts: Any) -> dict[str, Any]:
    """Return the call that the member has, talked on, as the state shows it."""
    return {
        "call": call,
        "call_sid": "CA" + "1" * 32,
        "phase": "talking",
        "direction": "inbound",
        "caller": party(),
        "line": "Sales",
        "since": now() - 70_000,
        "answered": now() - 65_000,
        "joined": True,
        "held": False,
        "held_since": None,
        "muted": False,
        "pending": [],
        "problem": None,
        "parties": [customer(), agent()],
        "transfer": None,
        "help": None,
        "words_stopped": False,
        "opted_out": False,
    } | facts


def helping(mode: str = "listen", **facts: Any) -> dict[str, Any]:
    """Return how the member is in Bob's call c1 as a supervisor."""
    shape = {"call": "c1", "call_sid": "CA" + "1" * 32, "caller": party(), "line": "Sales", "mode": mode}
    return shape | {"joined": True, "pending": False, "was_muted": False, "agent": "Bob Brown", "others": []} | facts


def presence(state: str = "available", **facts: Any) -> dict[str, Any]:
    """Return the member's own presence."""
    chosen = state if state in ("available", "break", "offline") else "available"
    shape = {"state": state, "chosen": chosen, "reason": None, "reason_id": None, "since": now() - 5_000}
    return shape | {"until": None, "console": None} | facts


def whole(**facts: Any) -> dict[str, Any]:
    """Return a whole state: an available member without a call."""
    return {
        "now": now(),
        "presence": presence(),
        "breaks": [{"id": "b1", "label": "Lunch"}, {"id": "b2", "label": "Training"}],
        "offers": [],
        "call": None,
        "wrap_up": None,
        "waiting": [],
        "waiting_total": 0,
        "team": [],
        "groups": [],
    } | facts


class PhoneServer:
    """What the phone of every page talks to."""

    def __init__(self, settings: Settings) -> None:
        self.state = whole()
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.beats: list[dict[str, Any]] = []
        self.leader = True
        self.is_silent = False  # event streams send nothing, not even that they live
        self.notification_numbers = False
        self.role: Role = "agent"
        self._settings = settings
        self._refusals: dict[str, tuple[int, dict[str, Any]]] = {}
        self._streams: set[web.StreamResponse] = set()
        self._came = asyncio.Event()

    async def say(self, **parts: Any) -> None:
        """Change the state, and tell every page."""
        self.state = self.state | parts | {"now": now()}
        await self._send("phone", {"now": now(), **parts})

    def refuse(self, command: str, status: int = 409, **said: Any) -> None:
        """Let the next command called so fail."""
        self._refusals[command] = (status, {"error": "No.", "code": "no"} | said)

    async def asked(self, name: str) -> dict[str, Any]:
        """Wait for the command ``name``, take it from `commands` and return what was sent."""
        async with asyncio.timeout(30):
            while True:
                for command in self.commands:
                    if command[0] == name:
                        self.commands.remove(command)
                        return command[1]
                self._came.clear()
                await self._came.wait()

    async def was_not_asked(self, page: Page) -> None:
        """Let ``page`` send one command more; assert that nothing else was sent that nobody has `asked` for."""
        await page.evaluate("fetch('/phone/fence', { method: 'POST', body: '{}' })")
        await self.asked("fence")
        assert self.commands == []

    async def beat(self, after: int | None = None) -> dict[str, Any]:
        """Wait for the console heartbeat that follows the first ``after``: the next one, unless told."""
        known = len(self.beats) if after is None else after
        async with asyncio.timeout(30):
            while len(self.beats) <= known:
                self._came.clear()
                await self._came.wait()
        return self.beats[known]

    @property
    def streams(self) -> int:
        """How many event streams are open."""
        return len(self._streams)

    async def cut(self) -> None:
        """End every event stream."""
        for stream in list(self._streams):
            self._streams.discard(stream)
            with suppress(ConnectionError):
                await stream.write_eof()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """The event stream of a page."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        self._streams.add(response)
        await response.write(b"retry: 100\n\n")
        if not self.is_silent:
            await response.write(_event("phone", self.state | {"now": now()}))
        try:
            while response in self._streams:
                await asyncio.sleep(0.3)
                if not self.is_silent:
                    await response.write(_event("beat", {"now": now()}))
        except (ConnectionError, asyncio.CancelledError):
            self._streams.discard(response)
        return response

    async def command(self, request: web.Request) -> web.Response:
        """Whatever a page asks for."""
        body = await request.json()
        name = request.match_info["name"]
        if name == "take-over":
            self.leader = True
        if name == "beat":
            self.beats.append(body)
        else:
            self.commands.append((name, body))
        self._came.set()
        if (refusal := self._refusals.pop(name, None)) is not None:
            return web.json_response(refusal[1], status=refusal[0])
        answers = {"beat": {"leader": self.leader}, "calls": {"call": "c-out"}}
        joins = name.endswith(("/listen", "/whisper", "/barge", "/take-over"))
        return web.json_response({"call": "c1"} if joins else answers.get(name, {}))

    async def page(self, request: web.Request) -> web.Response:
        """The console, or another page of ours."""
        files = request.app[STATIC_FILES]
        role = self.role
        viewer = SimpleNamespace(
            member_id=ME,
            role=role,
            name="Bob Brown",
            organisation="Acacia Clinic",
            available=True,
            may=lambda what: what in PERMISSIONS[role],
        )
        shared = {"viewer": viewer, "csrf_token": "c" * 64, "status": 200}
        shared["framed"] = request.headers.get("Sec-Fetch-Dest") == "iframe"
        here = environment(files)
        if request.path == "/console":
            text = here.get_template("console/console.html").render(
                signed_in_until=now() + 3_600_000,
                media_url=self._settings.media_public_url,
                voice_sdk_url="/voice-sdk.js",
                voice_sdk_integrity="",
                phone="rooms",
                notification_numbers=self.notification_numbers,
                test_calls=False,
                members=[],
                **shared,
            )
        else:
            text = here.get_template("base.html").render(here="calls", **shared)
            text = text.replace("<title>Bilby", "<title>Call log · Bilby").replace(
                "</main>", '<h1>Call log</h1><a id="more" href="/calls?page=2">More</a></main>'
            )
        headers = dict(security_headers(self._settings)) | {"Cache-Control": "no-store"}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _send(self, name: str, data: dict[str, Any]) -> None:
        for stream in list(self._streams):
            with suppress(ConnectionError):
                await stream.write(_event(name, data))


async def _nothing(_: web.Request) -> web.Response:
    return web.Response(text='<div class="recent-body" data-unseen="0"></div>', content_type="text/html")


async def _away(_: web.Request) -> web.Response:
    return web.json_response({}, status=503)


async def _checked(request: web.Request) -> web.Response:
    number = str((await request.post())["number"])
    return web.json_response({"number": number, "shown": number})


async def _token(_: web.Request) -> web.Response:
    return web.json_response({"token": "t", "identity": "i", "edge": "sydney"})


async def _sdk(_: web.Request) -> web.Response:
    return web.Response(text=SDK, content_type="text/javascript")


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


@asynccontextmanager
async def phone_server(settings: Settings, port: int) -> AsyncIterator[PhoneServer]:
    """A `PhoneServer` that listens on ``port`` of the loopback."""
    server = PhoneServer(settings)
    app = web.Application()
    app[STATIC_FILES] = files_in(STATIC)
    app.add_routes(static_files.routes)
    app.add_routes(
        [
            web.get("/phone/events", server.events),
            web.post("/phone/{name:.+}", server.command),
            web.post("/helping/{name:.+}", server.command),
            web.post("/voice/token", _token),
            web.post("/voice/check", _checked),
            web.get("/voice-sdk.js", _sdk),
            web.get("/console/recent", _nothing),
            web.post("/console/{_:.+}", _away),
            web.get("/{_:console|calls|audit}", server.page),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield server
    finally:
        await server.cut()
        await runner.cleanup()
