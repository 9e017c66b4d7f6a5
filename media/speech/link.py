"""One connection to Transcribe, as a call sees it: where its audio lies on the call's clock.

A connection's own clock starts at 0, runs on through silence of our making, and knows nothing of holes in the call.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from media.speech.audio import CHUNK_MS, silent_chunk, to_pcm
from media.speech.eventstream import TranscribeError
from media.speech.transcribe import Transcriber

_MOST_TURNS = 256
_SILENCE = to_pcm(silent_chunk(0).tracks)


class Clock:
    """Where a connection's audio lies on the call's clock. All in ms."""

    def __init__(self) -> None:
        self._sent = 0
        self._turns: list[tuple[int, int]] = []  # (of the connection, of the call): from here on they run alike

    def advance(self, call_ms: int | None, length_ms: int = CHUNK_MS) -> None:
        """``length_ms`` were sent that lie at ``call_ms``, or nowhere: silence of our own making."""
        if call_ms is not None and self.to_call(self._sent) != call_ms:
            self._turns.append((self._sent, call_ms))
            del self._turns[:-_MOST_TURNS]
        self._sent += length_ms

    def to_call(self, connection_ms: int) -> int:
        """The call's time of what was sent at ``connection_ms``."""
        at = bisect_right(self._turns, (connection_ms, 1 << 62)) - 1
        if at < 0:
            return -1 if not self._turns else self._turns[0][1]
        since, call_ms = self._turns[at]
        return call_ms + connection_ms - since

    @property
    def sent_ms(self) -> int:
        return self._sent


@dataclass(eq=False, slots=True)
class Link:
    """One connection to Transcribe and where its audio lies on the call's clock."""

    clock: Clock = field(default_factory=Clock)
    connection: Transcriber | None = None
    lasts_seconds: float = 0.0

    def join(self, connection: Transcriber) -> None:
        """It is open."""
        self.connection, self.lasts_seconds = connection, connection.lasts_seconds

    def send_silence(self, chunks: int) -> None:
        """Sound of our own making, which lies nowhere on the call's clock."""
        for _ in range(chunks):
            self.send(_SILENCE, None)

    def send(self, pcm: bytes, call_ms: int | None) -> None:
        if self.connection is not None:
            self.clock.advance(call_ms)
            self.connection.send(pcm)

    def end(self) -> None:
        if self.connection is not None:
            self.connection.end()

    def abort(self, why: TranscribeError | None = None) -> None:
        if self.connection is not None:
            self.connection.abort(why)

    async def closed(self) -> None:
        assert self.connection is not None
        await self.connection.closed()
