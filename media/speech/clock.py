"""Map a Transcribe connection's time to the call's time. Pure.

A connection's clock starts at 0 and counts the audio sent: it also advances for silence that we generate, and has no
holes where the call has.
"""

from __future__ import annotations

from bisect import bisect_right

from media.speech.audio import CHUNK_MS

_MAX_OFFSETS = 256


class CallClock:
    """Where a connection's audio lies on the call's clock. All times in ms."""

    def __init__(self) -> None:
        self._sent = 0
        self._offsets: list[tuple[int, int]] = []  # (of the connection, of the call): both advance alike from here

    def advance(self, call_ms: int | None, length_ms: int = CHUNK_MS) -> None:
        """Note that ``length_ms`` were sent that lie at ``call_ms``; None: silence that is not part of the call."""
        if call_ms is not None and self.to_call(self._sent) != call_ms:
            self._offsets.append((self._sent, call_ms))
            del self._offsets[:-_MAX_OFFSETS]
        self._sent += length_ms

    def to_call(self, connection_ms: int) -> int:
        """Return the call's time of what was sent at ``connection_ms``; -1 if nothing of the call was sent."""
        at = bisect_right(self._offsets, (connection_ms, 1 << 62)) - 1
        if at < 0:
            return -1 if not self._offsets else self._offsets[0][1]
        since, call_ms = self._offsets[at]
        return call_ms + connection_ms - since

    @property
    def sent_ms(self) -> int:
        return self._sent
