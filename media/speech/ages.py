"""How old a call's sound is when it goes to Transcribe, and when its words come: measured, and told to consoles."""

from __future__ import annotations

from collections.abc import Callable

from media.live.transcript import Event, Latency
from media.metrics import CHUNK_LATENCY, RESULT_LATENCY
from media.speech.audio import Chunk

TELL_SECONDS = 1.0
_SAMPLED_MS = 1000  # one chunk of so much is measured: Prometheus's lock costs more than the sum


class Ages:
    """Of one call. At most one is told in `TELL_SECONDS`."""

    def __init__(self, call: str, publish: Callable[[Event], None]) -> None:
        self._call = call
        self._publish = publish
        self._told_at = 0.0

    def sent(self, chunk: Chunk, age_seconds: float) -> None:
        """``chunk`` has gone to Transcribe, so long after it was heard: hardly any time, or that of an outage."""
        if not chunk.start_ms % _SAMPLED_MS:
            CHUNK_LATENCY.observe(age_seconds)

    def note(self, age_ms: float, now: float, *, live: bool) -> None:
        """Words have come at ``now`` for sound that old. What is caught up after a call is not ``live``."""
        if age_ms >= 0 and live:
            RESULT_LATENCY.observe(age_ms / 1000)
        if now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            self._publish(Latency(self._call, max(0, round(age_ms))))
