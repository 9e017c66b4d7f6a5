"""Who watches: a supervisor's console, over the public names, that comes back like a browser when it is cut off.

Whoever has to sign in again, and the agents who answer (`sandbox.agent`), ask for a link by mail.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from deploy.rehearsal.outside import MEDIA, WEB
from deploy.rehearsal.speech import Line
from sandbox.agent.desk import DeskError, Invite
from sandbox.mail import Mailbox

_PAUSE_SECONDS = 0.5
_SIGNED_OUT = (401, 403)
_ORIGIN = {"Origin": f"https://{WEB}"}
_PAGE = {"Accept": "text/html"}
_TIMEOUT = aiohttp.ClientTimeout(total=20)


@dataclass
class Watcher:
    """One supervisor. Keeps each line as it was shown last, and every gap, also of calls that have ended."""

    http: aiohttp.ClientSession
    post: Mailbox
    email: str
    csrf: str = ""
    utterances: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)  # by call, by id
    gaps: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    connections: int = 0
    sign_ins: int = 0
    """By mail, once the session was over."""
    _page: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def watch(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                ticket = await self._ticket()
                async with connect(
                    f"wss://{MEDIA}/console",
                    additional_headers=_ORIGIN,
                    ssl=ssl.create_default_context(),
                    proxy=None,
                    open_timeout=10,
                    max_size=None,  # like a browser: a snapshot holds every word of every call so far
                ) as socket:
                    await socket.send(json.dumps({"ticket": ticket}))
                    self.connections += 1
                    async for text in socket:
                        self._take(json.loads(text))
            except (OSError, TimeoutError, aiohttp.ClientError, WebSocketException, RuntimeError):
                pass
            await asyncio.sleep(_PAUSE_SECONDS)

    def lines(self, call: str) -> list[Line]:
        """Return the lines of ``call`` as they were shown last, in order: what a dead node began stays unfinished."""
        ordered = sorted(self.utterances.get(call, {}).values(), key=lambda one: one["start_ms"])
        return [Line(tuple(one["text"].split()), one["start_ms"], one["end_ms"]) for one in ordered]

    async def sign_in(self, link: str) -> None:
        """Open a sign-in ``link`` as a browser would. Raise RuntimeError if nobody is signed in then."""
        async with self.http.get(link, headers=_PAGE) as answer:
            page = await answer.text()
        if "csrf-token" not in page:  # it asks before it uses the link up
            fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
            async with self.http.post(link, data=fields, headers=_ORIGIN | _PAGE) as answer:
                await answer.read()
        if not await self._open_page():
            raise RuntimeError("the link signed nobody in")

    async def reload(self, seconds: float = 90) -> None:
        """Open the console's page again, as somebody does after lunch; sign in by mail if the session is over.

        Raise TimeoutError if neither works within ``seconds``.
        """
        async with asyncio.timeout(seconds):
            while True:
                try:
                    async with self._page:
                        if not await self._open_page():
                            await self._sign_in_by_mail()
                    return
                except (TimeoutError, aiohttp.ClientError, RuntimeError):
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _open_page(self) -> bool:
        """Open the console's page; return whether somebody is signed in. Raise `aiohttp.ClientError` on failure."""
        async with self.http.get("/console", headers=_PAGE) as answer:
            answer.raise_for_status()
            page = await answer.text()
        found = re.search('name="csrf-token" content="([0-9a-f]+)"', page)
        if found:
            self.csrf = found[1]
        return found is not None

    async def _ticket(self) -> str:
        async with self.http.post("/console/ticket", headers={"X-CSRF-Token": self.csrf}) as answer:
            if answer.status in _SIGNED_OUT:
                await self.reload()
            answer.raise_for_status()
            return str((await answer.json())["ticket"])

    async def _sign_in_by_mail(self) -> None:
        await self.sign_in(await _mailed_link(self.http, self.post, self.email))
        self.sign_ins += 1

    def _take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "snapshot":
                for call in event["calls"]:
                    self._take_call(call)
            case "call.started":
                self._take_call(event["call"])
            case "utterance":
                self.utterances.setdefault(event["call"], {})[event["utterance"]["id"]] = event["utterance"]
            case "gap":
                self._take_gap(event["call"], event["gap"])

    def _take_call(self, call: dict[str, Any]) -> None:
        for utterance in call["utterances"]:
            self.utterances.setdefault(call["call"], {})[utterance["id"]] = utterance
        for gap in call["gaps"]:
            self._take_gap(call["call"], gap)

    def _take_gap(self, call: str, gap: dict[str, Any]) -> None:
        self.gaps.setdefault(call, set()).add((gap["from_ms"], gap["to_ms"]))


def invited_by_mail(post: Mailbox, email: str) -> Invite:
    """Return what asks for a sign-in link to ``email``, whenever it is called."""

    async def invite() -> str:
        try:
            async with aiohttp.ClientSession(f"https://{WEB}", timeout=_TIMEOUT) as http:
                return await _mailed_link(http, post, email)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise DeskError(type(error).__name__) from error

    return invite


async def _mailed_link(http: aiohttp.ClientSession, post: Mailbox, email: str) -> str:
    """Ask for a link, as the page does once the session is over. Raise TimeoutError or `aiohttp.ClientError`."""
    post.discard(email)
    async with http.post("/sign-in", data={"email": email}, headers=_ORIGIN) as answer:
        answer.raise_for_status()
    letter = await post.letter_to(email)
    return next(link for link in letter.links if "/sign-in/" in link)


@asynccontextmanager
async def signed_in(link: str, post: Mailbox, email: str) -> AsyncIterator[Watcher]:
    """Sign in by ``link``, for as long as the block lasts; later by mail to ``email``, if need be."""
    async with aiohttp.ClientSession(f"https://{WEB}", timeout=_TIMEOUT) as http:
        watcher = Watcher(http, post, email)
        await watcher.sign_in(link)
        yield watcher
