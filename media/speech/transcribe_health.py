"""Whether Transcribe can be reached from here: what the last opening showed or, where none is recent, a look.

The look goes the way of a call's opening, TLS and credentials included, but asks the endpoint for nothing: it opens
no stream, which would cost money and a slot. So a look may succeed where an opening fails (AWS may refuse the key, or
the quota be used up): what a failed opening has shown holds until one succeeds, or for an hour.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from media.speech.eventstream import TranscribeError
from media.speech.transcribe import Connection, OnEvent

PROBE_SECONDS = 30.0
FAILURE_SECONDS = 3600.0  # for which a failed opening is believed rather than a look that succeeds


class Transcribe(Protocol):
    """What is reached for."""

    async def open(self, on_event: OnEvent) -> Connection: ...
    async def greet(self) -> None: ...


class TranscribeHealth:
    """Opens connections, and remembers how that went. ``now`` is a clock in seconds."""

    def __init__(self, transcribe: Transcribe, now: Callable[[], float] = time.monotonic) -> None:
        self.last_error: str | None = None
        """The kind of error that was last; empty: all is well; None: not known yet."""
        self._transcribe = transcribe
        self._now = now
        self._opened_at: float | None = None
        self._opening_failed = False

    async def open(self, on_event: OnEvent) -> Connection:
        """As `media.speech.transcribe.Transcribe.open`."""
        try:
            connection = await self._transcribe.open(on_event)
        except TranscribeError as error:
            self._record(error.kind)
            raise
        self._record("")
        return connection

    async def run(self) -> None:
        """Look every `PROBE_SECONDS` if nothing was opened meanwhile, until cancelled."""
        while True:
            if not self._opened_within(PROBE_SECONDS):
                await self.probe()
            await asyncio.sleep(PROBE_SECONDS)

    async def probe(self) -> None:
        """Look now."""
        try:
            await self._transcribe.greet()
        except TranscribeError as error:
            self.last_error = error.kind
            return
        if not (self._opening_failed and self._opened_within(FAILURE_SECONDS)):
            self.last_error = ""

    def _opened_within(self, seconds: float) -> bool:
        return self._opened_at is not None and self._now() - self._opened_at < seconds

    def _record(self, last_error: str) -> None:
        self.last_error, self._opened_at, self._opening_failed = last_error, self._now(), bool(last_error)
