"""Track whether Transcribe can be reached: by the last opened connection or, if none is recent, by a probe.

A probe works like a call's opening, TLS and credentials included, but requests nothing: it opens no stream, which
would cost money and a slot. So a probe may succeed where opening fails (AWS refuses the key, or the quota is used
up): a failed opening counts until one succeeds, or for an hour.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from media.speech.eventstream import TranscribeError
from media.speech.transcribe import Connection, Hearing, OnEvent, Transcribe

PROBE_SECONDS = 30.0
FAILURE_SECONDS = 3600.0  # for which a failed opening outweighs a successful probe


class TranscribeHealth:
    """Open connections and remember the result. ``now`` is a clock in seconds."""

    def __init__(self, transcribe: Transcribe, now: Callable[[], float] = time.monotonic) -> None:
        self.last_error: str | None = None
        """The kind of the last error; empty: none; None: not known yet."""
        self._transcribe = transcribe
        self._now = now
        self._opened_at: float | None = None
        self._opening_failed = False

    async def open(self, on_event: OnEvent, hearing: Hearing) -> Connection:
        """Open a connection as `media.speech.transcribe.Transcribe.open` does."""
        try:
            connection = await self._transcribe.open(on_event, hearing)
        except TranscribeError as error:
            self._record(error.kind)
            raise
        self._record("")
        return connection

    async def run(self) -> None:
        """Probe every `PROBE_SECONDS` if nothing was opened meanwhile, until cancelled."""
        while True:
            if not self._opened_within(PROBE_SECONDS):
                await self.probe()
            await asyncio.sleep(PROBE_SECONDS)

    async def probe(self) -> None:
        """Probe now."""
        try:
            await self._transcribe.check_reachable()
        except TranscribeError as error:
            self.last_error = error.kind
            return
        if not (self._opening_failed and self._opened_within(FAILURE_SECONDS)):
            self.last_error = ""

    def _opened_within(self, seconds: float) -> bool:
        return self._opened_at is not None and self._now() - self._opened_at < seconds

    def _record(self, last_error: str) -> None:
        self.last_error, self._opened_at, self._opening_failed = last_error, self._now(), bool(last_error)
