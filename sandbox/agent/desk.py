"""What a console's page asks of `web` for its member: sign-in, commands, tokens, the phone's event stream."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

_PAGE = {"Accept": "text/html"}
_CSRF = re.compile('name="csrf-token" content="([0-9a-f]+)"')
_SIGNED_OUT = (401, 403)
_ANSWER = aiohttp.ClientTimeout(total=8)
_STREAM = aiohttp.ClientTimeout(sock_connect=8, sock_read=12)  # a stream has a beat every five seconds

Invite = Callable[[], Awaitable[str]]
"""Returns a fresh sign-in link of the member's. Raise `DeskError` when there is none to be had."""


class DeskError(Exception):
    """`web` did not do what was asked: it is away, busy, or refuses. The text is its short name for the reason."""


class Desk:
    """One member's. ``http`` has the address of `web` and this member's cookies.

    Whoever is not signed in, or not any more, signs in by a fresh link first.
    """

    def __init__(self, http: aiohttp.ClientSession, invite: Invite) -> None:
        self._http = http
        self._invite = invite
        self._csrf = ""
        self._signing_in = asyncio.Lock()

    async def command(self, path: str, **body: Any) -> dict[str, Any]:
        """Send a command, and return its answer. Raise `DeskError`."""
        csrf = await self._signed_in()
        headers = {"X-CSRF-Token": csrf, "Accept": "application/json"}
        async with _asked(self._http.post(path, json=body, headers=headers, timeout=_ANSWER)) as answer:
            said = await _said(answer)
        self._check(answer, csrf)
        if answer.status >= 400:
            raise DeskError(str(said.get("code", answer.status)))
        return said

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the parts of the phone's state that changed, at first all of them. Raise `DeskError`."""
        csrf = await self._signed_in()
        async with _asked(self._http.get("/phone/events", timeout=_STREAM)) as answer:
            self._check(answer, csrf)
            if answer.content_type != "text/event-stream":
                raise DeskError(str(answer.status))
            event = ""
            async for line in answer.content:
                name, _, value = line.decode().strip().partition(": ")
                if (name, event) == ("data", "phone"):
                    yield json.loads(value)
                event = value if name == "event" else ""

    async def _signed_in(self) -> str:
        """Sign in if need be; return the page's CSRF token."""
        async with self._signing_in:
            if not self._csrf:
                self._csrf = await self._sign_in()
            return self._csrf

    async def _sign_in(self) -> str:
        link = await self._invite()
        headers = _PAGE | {"Origin": str(URL(link).origin())}
        pressed = self._http.post(link, headers=headers, allow_redirects=False, timeout=_ANSWER)
        async with _asked(pressed) as answer:
            await answer.read()
        async with _asked(self._http.get("/console", headers=_PAGE, timeout=_ANSWER)) as answer:
            found = _CSRF.search(await answer.text())
        if found is None:
            raise DeskError("not signed in")
        return found[1]

    def _check(self, answer: aiohttp.ClientResponse, csrf: str) -> None:
        """Forget the sign-in that ``answer`` says is over. Raise `DeskError`."""
        if answer.status in _SIGNED_OUT:
            if self._csrf == csrf:
                self._csrf = ""
            raise DeskError("signed out")


@asynccontextmanager
async def _asked(
    request: AbstractAsyncContextManager[aiohttp.ClientResponse],
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Yield the answer to ``request``; whatever breaks on the way is a `DeskError`."""
    try:
        async with request as answer:
            yield answer
    except (aiohttp.ClientError, TimeoutError) as error:
        raise DeskError(type(error).__name__) from error


async def _said(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    if answer.content_type != "application/json":
        await answer.read()
        return {}
    said = await answer.json()
    return said if isinstance(said, dict) else {}
