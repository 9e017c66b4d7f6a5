"""Whether Transcribe can be reached from here: what the last opening showed or, where none is recent, a look.

The look asks the endpoint for nothing (a plain ``GET /``, whose answer may be any) and sees to it that there are
credentials. It opens no stream, which would cost money and a slot; whether AWS takes the key, a call shows first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol
from urllib.parse import urlsplit

from media.eventstream import Result, TranscribeError
from media.transcribe import Connection

LOOK_SECONDS = 30.0
_ANSWER_SECONDS = 5.0
_LONGEST_ANSWER = 1024  # bytes of it that are read


class Transcribe(Protocol):
    """What is reached for."""

    @property
    def endpoint(self) -> str: ...
    async def open(self, on_result: Callable[[Result], None]) -> Connection: ...
    async def check_credentials(self) -> None: ...


class Reach:
    """Opens connections, and remembers how that went."""

    def __init__(self, transcribe: Transcribe) -> None:
        self.trouble: str | None = None
        """The kind of error that was last; empty: all is well; None: not known yet."""
        self._transcribe = transcribe
        self._opened_at = -LOOK_SECONDS

    async def open(self, on_result: Callable[[Result], None]) -> Connection:
        """As `media.transcribe.Transcribe.open`."""
        try:
            connection = await self._transcribe.open(on_result)
        except TranscribeError as error:
            self._note(error.kind)
            raise
        self._note("")
        return connection

    async def run(self) -> None:
        """Look every `LOOK_SECONDS` if nothing was opened meanwhile, until cancelled."""
        while True:
            if time.monotonic() - self._opened_at >= LOOK_SECONDS:
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look now."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._transcribe.check_credentials()
                answer = await _greet(self._transcribe.endpoint)
            self.trouble = "" if answer.startswith(b"HTTP/1.1 ") else "NoAnswer"
        except TimeoutError:
            self.trouble = "Timeout"
        except TranscribeError as error:
            self.trouble = error.kind
        except OSError as error:
            self.trouble = type(error).__name__

    def _note(self, trouble: str) -> None:
        self.trouble, self._opened_at = trouble, time.monotonic()


async def _greet(endpoint: str) -> bytes:
    """The beginning of what the endpoint answers to a request for nothing."""
    url = urlsplit(endpoint)
    secure = url.scheme == "wss"
    reader, writer = await asyncio.open_connection(url.hostname, url.port or (443 if secure else 80), ssl=secure)
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        return await reader.read(_LONGEST_ANSWER)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
