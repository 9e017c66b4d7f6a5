"""The post office: takes every letter by SMTP, delivers none, shows them all on a page.

    async with post_office(smtp_port=8025, page_port=8026) as outbox:
        (await outbox.letter_to("ann@example.au")).links

Letters live in memory, the newest `_CAPACITY` of them, and are gone with the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import weakref
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import escape

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

_CAPACITY = 200
_LETTER_BYTES = 1_000_000
_URL = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)\]]")  # a full stop after it is the sentence's

_PAGE = """<!doctype html>
<html lang="en-AU"><head><meta charset="utf-8"><title>Outbox ({count})</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="5">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }}
article {{ border: 1px solid #8886; border-radius: .5rem; padding: 0 1rem; margin: 1rem 0; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }}
h2 {{ font-size: 1.1rem; margin-bottom: 0; }} small {{ color: #666; }}
:root {{ color-scheme: light dark; }}
</style></head><body><h1>Outbox</h1>
<p>Mail Bilby has sent, newest first. Nothing leaves this machine.</p>{letters}</body></html>"""

_LETTER = """<article><h2>{subject}</h2><small>to {to} at {at:%H:%M:%S} UTC</small><pre>{text}</pre></article>"""


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter as it was posted: its envelope's recipients, and its text as a reader would see it."""

    recipients: tuple[str, ...]
    subject: str
    text: str
    posted_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def links(self) -> list[str]:
        """Every URL in the text, in order."""
        return _URL.findall(self.text)


class Mailbox:
    """The newest letters, oldest first. At the bound the oldest is dropped."""

    def __init__(self) -> None:
        self.letters: deque[Letter] = deque(maxlen=_CAPACITY)
        self._posted = asyncio.Condition()

    async def post(self, letter: Letter) -> None:
        """Put a letter in and wake who waits for it."""
        async with self._posted:
            self.letters.append(letter)
            self._posted.notify_all()

    def discard(self, address: str) -> None:
        """Take out the letters to ``address``, so that the next one is a new one."""
        for letter in [each for each in self.letters if address in each.recipients]:
            self.letters.remove(letter)

    async def letter_to(self, address: str, seconds: float = 10.0, *, subject: str | None = None) -> Letter:
        """Wait for the newest letter to ``address``, about ``subject`` if given. Raise `TimeoutError`."""
        async with asyncio.timeout(seconds), self._posted:
            while (letter := self._newest(address, subject)) is None:
                await self._posted.wait()
            return letter

    def _newest(self, address: str, subject: str | None) -> Letter | None:
        wanted = (each for each in reversed(self.letters) if address in each.recipients)
        return next((each for each in wanted if subject in (None, each.subject)), None)


_OUTBOX = web.AppKey("outbox", Mailbox)


@contextlib.asynccontextmanager
async def post_office(
    *, host: str = "127.0.0.1", smtp_port: int = 8025, page_port: int = 8026, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Mailbox]:
    """Take letters on ``smtp_port`` and show them on ``page_port``. Raise `OSError` when a port is taken.

    With ``tls`` it offers STARTTLS, and takes letters from nobody who does not use it.
    """
    outbox = Mailbox()
    async with _smtp(outbox, host, smtp_port, tls), _page(outbox, host, page_port):
        yield outbox


class _Slot:
    """Where aiosmtpd hands a letter over (its name for the method)."""

    def __init__(self, outbox: Mailbox) -> None:
        self._outbox = outbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        await self._outbox.post(_read(envelope.rcpt_tos, envelope.original_content or b""))
        return "250 Posted"


def _read(recipients: list[str], content: bytes) -> Letter:
    """Return a letter from what SMTP carried; text is preferred to HTML, as the page shows text."""
    parsed = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
    body = parsed.get_body(("plain", "html"))
    text = "\n".join(body.get_content().splitlines()) if body is not None else ""
    return Letter(tuple(recipients), str(parsed["subject"] or "(no subject)"), text.strip())


@contextlib.asynccontextmanager
async def _smtp(outbox: Mailbox, host: str, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    """Return aiosmtpd's protocol in this loop; its own Controller would start a thread and a second loop."""
    loop = asyncio.get_running_loop()
    connections: weakref.WeakSet[SMTP] = weakref.WeakSet()

    def connect() -> SMTP:
        connection = SMTP(
            _Slot(outbox),
            loop=loop,
            hostname=host,
            data_size_limit=_LETTER_BYTES,
            enable_SMTPUTF8=True,
            tls_context=tls,
            require_starttls=tls is not None,
        )
        connections.add(connection)
        return connection

    server = await loop.create_server(connect, host, port)
    try:
        yield
    finally:
        server.close()
        for connection in list(connections):
            if connection.transport is not None:
                connection.transport.close()


@contextlib.asynccontextmanager
async def _page(outbox: Mailbox, host: str, port: int) -> AsyncIterator[None]:
    application = web.Application()
    application[_OUTBOX] = outbox
    application.router.add_get("/", _show)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


async def _show(request: web.Request) -> web.Response:
    outbox = request.app[_OUTBOX]
    letters = "".join(map(_render, reversed(outbox.letters))) or "<p>None yet.</p>"
    page = _PAGE.format(count=len(outbox.letters), letters=letters)
    return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})


def _render(letter: Letter) -> str:
    return _LETTER.format(
        subject=escape(letter.subject),
        to=escape(", ".join(letter.recipients)),
        at=letter.posted_at,
        text=_linked(letter.text),
    )


def _linked(text: str) -> str:
    """Return the text as HTML, each URL in it to click; all else escaped."""
    parts, end = [], 0
    for url in _URL.finditer(text):
        target = escape(url.group())
        parts += [escape(text[end : url.start()]), f'<a href="{target}">{target}</a>']
        end = url.end()
    return "".join([*parts, escape(text[end:])])
