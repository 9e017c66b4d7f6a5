"""What a call has said and Transcribe has not settled yet, so that nothing is lost when a connection to it is. Pure.

A chunk is recorded, sent, and forgotten once it is settled on both channels: covered by a final, or quiet and old.
After a broken connection `rewind` puts the tape back to the oldest unsettled chunk; a channel that had its final
already is muted up to there, so that no word is heard twice. The tape is bounded: what falls off its end unsent is
a gap, and so is what was sent to a connection that is gone. Who waits long for a first connection keeps the call's
first words, who calls and why, and its latest; the gap lies between.
"""

from __future__ import annotations

from collections import deque

from media.speech.audio import CHUNK, CHUNK_MS, RATE, SILENCE, Chunk, with_sound
from media.speech.gaps import Stretch, without

KEEP_MS = 30_000  # on the tape at most
OPENING_KEEP_MS = 10_000  # the same of a call that waits for its first connection
OPENING_FIRST_MS = 5_000  # of which so much is the call's beginning
_QUIET_MS = 3_000  # a quiet channel is settled after this: words come within it
_LEAD_IN = 2  # chunks before the first sound: words begin softly


class ReplayBuffer:
    """One call's unsettled sound."""

    def __init__(self, keep_ms: int = KEEP_MS, first_ms: int = 0) -> None:
        self.keep_ms = keep_ms
        self.first_ms = first_ms  # of the oldest that never fall off, as long as they are fewer than all
        self.lost: list[tuple[int, int]] = []  # ms of the call that fell off unsent: for a gap
        self._chunks: deque[Chunk] = deque()
        self._sent = 0  # how many of them the present connection was given
        self._settled = [0, 0]
        self._open: list[int | None] = [None, None]  # where each channel's unfinished utterance began

    def record(self, chunk: Chunk) -> None:
        """Keep a chunk until it is settled."""
        self._chunks.append(chunk)
        self._forget()

    def lay(self, channel: int, start_ms: int, sound: bytes) -> list[Stretch]:
        """Lay sound that came late into the chunks it belongs to; return the stretches, in ms, that nobody will hear.

        Those were sent without it, or are settled on its channel and would be muted when they are sent again.
        """
        end_ms = start_ms + len(sound) // RATE
        missed = [(start_ms, end_ms)]
        for index in range(self._sent, len(self._chunks)):
            chunk = self._chunks[index]
            at, to = max(start_ms, chunk.start_ms, self._settled[channel]), min(end_ms, chunk.end_ms)
            if at < to:
                piece = sound[(at - start_ms) * RATE : (to - start_ms) * RATE]
                self._chunks[index] = with_sound(chunk, channel, at - chunk.start_ms, piece)
                missed = without(missed, at, to)
        return missed

    def next(self) -> tuple[Chunk, tuple[bytes, bytes]] | None:
        """The next chunk to send and its two tracks, muted where already settled; None if all are sent."""
        if self._sent == len(self._chunks):
            return None
        chunk = self._chunks[self._sent]
        self._sent += 1
        return chunk, (self._muted(chunk, 0), self._muted(chunk, 1))

    @property
    def unsent_ms(self) -> int:
        return (len(self._chunks) - self._sent) * CHUNK_MS

    @property
    def is_full(self) -> bool:
        """Whether the next chunk pushes the oldest off."""
        return len(self._chunks) * CHUNK_MS >= self.keep_ms

    @property
    def begins_ms(self) -> int:
        """Where it begins, on the call's clock; 0 if it is empty."""
        return self._chunks[0].start_ms if self._chunks else 0

    def hear(self, channel: int, start_ms: int, end_ms: int, final: bool) -> None:
        """A result of ``channel`` came: final ones settle the channel up to their end."""
        if final:
            self._settled[channel] = max(self._settled[channel], end_ms)
            self._open[channel] = None
        elif self._open[channel] is None:
            self._open[channel] = start_ms
        self._forget()

    def rewind(self) -> None:
        """A connection is gone: send again what is not settled, from the first sound of it on."""
        self._sent = 0
        self._open = [None, None]
        owed = (index for index, chunk in enumerate(self._chunks) if self._owed(chunk, 0) or self._owed(chunk, 1))
        for _ in range(max(0, next(owed, len(self._chunks)) - _LEAD_IN)):
            self._chunks.popleft()

    def has_speech(self, since_ms: int) -> bool:
        """Whether anybody spoke since, as far as the tape reaches: is Transcribe's silence strange?"""
        return any(any(chunk.loud) for chunk in self._chunks if chunk.start_ms >= since_ms)

    def take_lost(self) -> list[tuple[int, int]]:
        """The stretches lost since last asked, joined where they touch."""
        lost, self.lost = self.lost, []
        return lost

    def forget(self) -> None:
        """Drop everything, as if nothing had been said."""
        self._chunks.clear()
        self.lost.clear()
        self._sent = 0

    def give_up(self) -> None:
        """Nobody will transcribe what is on the tape: all of it that was not sent is lost."""
        for chunk in list(self._chunks)[self._sent :]:
            self._lose(chunk)
        self._chunks.clear()
        self._sent = 0

    def _owed(self, chunk: Chunk, channel: int) -> bool:
        return chunk.loud[channel] and chunk.end_ms > self._settled[channel]

    def _forget(self) -> None:
        newest = self._chunks[-1].end_ms if self._chunks else 0
        while self._chunks and self._sent and self._is_settled(self._chunks[0], newest):
            self._drop()
        while len(self._chunks) * CHUNK_MS > self.keep_ms:
            if self._sent:
                self._drop()
            else:
                self._make_room()

    def _make_room(self) -> None:
        place = self.first_ms // CHUNK_MS if self.first_ms < self.keep_ms else 0
        self._lose(self._chunks[place])
        del self._chunks[place]

    def _drop(self) -> None:
        self._chunks.popleft()
        self._sent = max(0, self._sent - 1)

    def _is_settled(self, chunk: Chunk, newest_ms: int) -> bool:
        return self._channel_settled(chunk, 0, newest_ms) and self._channel_settled(chunk, 1, newest_ms)

    def _channel_settled(self, chunk: Chunk, channel: int, newest_ms: int) -> bool:
        if chunk.end_ms <= self._settled[channel]:
            return True
        begun = self._open[channel]
        if begun is not None and begun < chunk.end_ms:
            return False
        return not chunk.loud[channel] and newest_ms - chunk.end_ms >= _QUIET_MS

    def _lose(self, chunk: Chunk) -> None:
        """Note a gap, unless the words of it are known: those of one speaker, where the other was quiet."""
        if chunk.end_ms <= max(self._settled) and not (self._owed(chunk, 0) or self._owed(chunk, 1)):
            return
        if self.lost and self.lost[-1][1] == chunk.start_ms:
            self.lost[-1] = (self.lost[-1][0], chunk.end_ms)
        else:
            self.lost.append((chunk.start_ms, chunk.end_ms))

    def _muted(self, chunk: Chunk, channel: int) -> bytes:
        track = chunk.tracks[channel]
        muted = min((self._settled[channel] - chunk.start_ms) * RATE, CHUNK)
        return track if muted <= 0 else SILENCE * muted + track[muted:]
