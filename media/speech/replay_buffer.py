"""Keep the audio that Transcribe has not acknowledged, so that nothing is lost with a connection. Pure.

A chunk is recorded, sent, and dropped once it is acknowledged on both channels: covered by a final result, or quiet
and old. After a lost connection `rewind` goes back to the oldest chunk without acknowledgement; a channel that has
its final result is muted up to there, so that no word is transcribed twice. The buffer is bounded: what is dropped
unsent is a gap, and so is what was sent to a lost connection. A call that waits long for its first connection keeps
its first words (who calls, and why) and its latest; the gap lies between.
"""

from __future__ import annotations

from collections import deque

from media.speech.audio import CHUNK, CHUNK_MS, RATE, SILENCE, Chunk, with_sound
from media.speech.gaps import Stretch, without

KEEP_MS = 30_000  # in the buffer at most
_QUIET_MS = 3_000  # after which a quiet channel is acknowledged: results arrive sooner
_LEAD_IN = 2  # chunks sent before the first speech: words begin softly


class ReplayBuffer:
    """One call's unacknowledged audio."""

    def __init__(self, keep_ms: int = KEEP_MS, first_ms: int = 0) -> None:
        self.keep_ms = keep_ms
        self.first_ms = first_ms  # of the oldest audio, which is never dropped unsent unless it is all there is
        self.lost: list[tuple[int, int]] = []  # ms of the call that were dropped unsent
        self._chunks: deque[Chunk] = deque()
        self._sent = 0  # how many of them were sent on the current connection
        self._acknowledged = [0, 0]
        self._open: list[int | None] = [None, None]  # where each channel's unfinished utterance began

    def record(self, chunk: Chunk) -> None:
        """Keep a chunk until it is acknowledged."""
        self._chunks.append(chunk)
        self._drop_acknowledged()

    def add_late(self, channel: int, start_ms: int, sound: bytes) -> list[Stretch]:
        """Add late audio to the chunks it belongs to. Return the stretches, in ms, that will not be transcribed.

        Those were sent without it, or are acknowledged on its channel and would be muted when they are sent again.
        """
        end_ms = start_ms + len(sound) // RATE
        missed = [(start_ms, end_ms)]
        for index in range(self._sent, len(self._chunks)):
            chunk = self._chunks[index]
            at, to = max(start_ms, chunk.start_ms, self._acknowledged[channel]), min(end_ms, chunk.end_ms)
            if at < to:
                piece = sound[(at - start_ms) * RATE : (to - start_ms) * RATE]
                self._chunks[index] = with_sound(chunk, channel, at - chunk.start_ms, piece)
                missed = without(missed, at, to)
        return missed

    def next(self) -> tuple[Chunk, tuple[bytes, bytes]] | None:
        """Return the next chunk to send and its two tracks, muted where acknowledged; None if all are sent."""
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
        """Whether the next chunk pushes the oldest out."""
        return len(self._chunks) * CHUNK_MS >= self.keep_ms

    @property
    def begins_ms(self) -> int:
        """Where the buffer begins, in ms of the call; 0 if it is empty."""
        return self._chunks[0].start_ms if self._chunks else 0

    def on_result(self, channel: int, start_ms: int, end_ms: int, final: bool) -> None:
        """Handle a result of ``channel``: a final one acknowledges the channel's audio up to its end."""
        if final:
            self._acknowledged[channel] = max(self._acknowledged[channel], end_ms)
            self._open[channel] = None
        elif self._open[channel] is None:
            self._open[channel] = start_ms
        self._drop_acknowledged()

    def rewind(self) -> None:
        """Send unacknowledged audio again, from its first speech on: the connection is lost."""
        self._sent = 0
        self._open = [None, None]
        unacknowledged = (
            index
            for index, chunk in enumerate(self._chunks)
            if self._is_unacknowledged(chunk, 0) or self._is_unacknowledged(chunk, 1)
        )
        for _ in range(max(0, next(unacknowledged, len(self._chunks)) - _LEAD_IN)):
            self._chunks.popleft()

    def has_speech(self, since_ms: int) -> bool:
        """Return whether anybody spoke since ``since_ms``, as far as the buffer reaches."""
        return any(any(chunk.loud) for chunk in self._chunks if chunk.start_ms >= since_ms)

    def take_lost(self) -> list[tuple[int, int]]:
        """Return the stretches lost since the last call, joined where they touch."""
        lost, self.lost = self.lost, []
        return lost

    def clear(self) -> None:
        """Drop everything without noting a loss."""
        self._chunks.clear()
        self.lost.clear()
        self._sent = 0

    def close(self) -> None:
        """Drop everything, and note what was not sent as lost: nothing more will be transcribed."""
        for chunk in list(self._chunks)[self._sent :]:
            self._note_lost(chunk)
        self._chunks.clear()
        self._sent = 0

    def _is_unacknowledged(self, chunk: Chunk, channel: int) -> bool:
        return chunk.loud[channel] and chunk.end_ms > self._acknowledged[channel]

    def _drop_acknowledged(self) -> None:
        newest = self._chunks[-1].end_ms if self._chunks else 0
        while self._chunks and self._sent and self._is_acknowledged(self._chunks[0], newest):
            self._drop_oldest()
        while len(self._chunks) * CHUNK_MS > self.keep_ms:
            if self._sent:
                self._drop_oldest()
            else:
                self._make_room()

    def _make_room(self) -> None:
        place = self.first_ms // CHUNK_MS if self.first_ms < self.keep_ms else 0
        self._note_lost(self._chunks[place])
        del self._chunks[place]

    def _drop_oldest(self) -> None:
        self._chunks.popleft()
        self._sent = max(0, self._sent - 1)

    def _is_acknowledged(self, chunk: Chunk, newest_ms: int) -> bool:
        return self._is_channel_acknowledged(chunk, 0, newest_ms) and self._is_channel_acknowledged(
            chunk, 1, newest_ms
        )

    def _is_channel_acknowledged(self, chunk: Chunk, channel: int, newest_ms: int) -> bool:
        if chunk.end_ms <= self._acknowledged[channel]:
            return True
        begun = self._open[channel]
        if begun is not None and begun < chunk.end_ms:
            return False
        return not chunk.loud[channel] and newest_ms - chunk.end_ms >= _QUIET_MS

    def _note_lost(self, chunk: Chunk) -> None:
        """Note a gap, unless its words are known: those of one speaker, while the other was quiet."""
        if chunk.end_ms <= max(self._acknowledged) and not (
            self._is_unacknowledged(chunk, 0) or self._is_unacknowledged(chunk, 1)
        ):
            return
        if self.lost and self.lost[-1][1] == chunk.start_ms:
            self.lost[-1] = (self.lost[-1][0], chunk.end_ms)
        else:
            self.lost.append((chunk.start_ms, chunk.end_ms))

    def _muted(self, chunk: Chunk, channel: int) -> bytes:
        track = chunk.tracks[channel]
        muted = min((self._acknowledged[channel] - chunk.start_ms) * RATE, CHUNK)
        return track if muted <= 0 else SILENCE * muted + track[muted:]
