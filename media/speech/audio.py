"""Mu-law to PCM, and two tracks laid on one timeline by timestamp, cut into 100 ms chunks. Pure.

Units: positions on the timeline are in samples from the start of the stream, 8 to the millisecond; mu-law is one byte
a sample. Twilio numbers each track's frames by ``timestamp`` (ms from the start of the stream); frames may be lost,
late, doubled or out of order, a track may be silent, missing, or begin late. What came is put where it belongs;
where nothing came there is silence.

When is a chunk cut? As soon as both tracks have reached its end. A track that lags is waited for, but only while it
is expected: after `_PATIENCE` it counts as absent and the other goes on alone, until it is heard again. Frames that
come too late are counted, and teach us patience, up to `_MOST_PATIENCE`; what they bring is `overdue`: whoever keeps
the chunks may still lay it where it belongs. What is lost lies in `gaps`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from media.speech.gaps import Gaps, Stretch, within, without

RATE = 8  # samples a millisecond, of each track
CHUNK_MS = 100
CHUNK = CHUNK_MS * RATE  # samples of each track; Transcribe asks for 50 to 200 ms
SILENCE = b"\xff"  # mu-law zero

_SNAP = 10 * RATE  # frames this near to the end of what came before simply follow it
_REORDER = 100 * RATE  # a hole is waited for this long: its frames may only be late
_PATIENCE = 200 * RATE
_MOST_PATIENCE = 1000 * RATE
_JUMP = 1000 * RATE  # a hole longer than this is not filled with silence but skipped
_MOST_OWED = 64  # stretches of each track that are remembered as cut without their sound
_MOST_OVERDUE = 4096  # frames; what comes beyond them before they are taken is lost
_LOUD_SAMPLES = 40  # this many samples above the threshold in 100 ms are sound
_LOUD = 400  # of 32 124: a whisper on a telephone; line noise lies below


def _decode(code: int) -> int:
    """One mu-law code to linear PCM16, after ITU-T G.711."""
    code = ~code & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << (code >> 4 & 0x07)) - 0x84
    return -magnitude if code & 0x80 else magnitude


PCM = np.array([_decode(code) for code in range(256)], dtype="<i2")
_QUIET_CODES = bytes(code for code in range(256) if abs(int(PCM[code])) < _LOUD)
_SILENT_CHUNK = SILENCE * CHUNK


@dataclass(frozen=True, slots=True)
class Chunk:
    """100 ms of a call: ``start_ms`` on the call's clock, and each track's mu-law (`CHUNK` bytes)."""

    start_ms: int
    tracks: tuple[bytes, bytes]
    loud: tuple[bool, bool]

    @property
    def end_ms(self) -> int:
        return self.start_ms + CHUNK_MS


def with_sound(chunk: Chunk, track: int, at_ms: int, sound: bytes) -> Chunk:
    """``chunk`` with ``sound`` laid into one of its tracks, ``at_ms`` after its start."""
    before, at = chunk.tracks[track], at_ms * RATE
    laid = before[:at] + sound + before[at + len(sound) :]
    tracks, loud = list(chunk.tracks), list(chunk.loud)
    tracks[track], loud[track] = laid, is_loud(laid)
    return Chunk(chunk.start_ms, (tracks[0], tracks[1]), (loud[0], loud[1]))


def silent_chunk(start_ms: int) -> Chunk:
    """A chunk in which nobody speaks."""
    return Chunk(start_ms, (_SILENT_CHUNK, _SILENT_CHUNK), (False, False))


def is_loud(track: bytes) -> bool:
    """Whether there is sound in 100 ms of mu-law, rather than line noise."""
    return len(track.translate(None, _QUIET_CODES)) >= _LOUD_SAMPLES


def to_pcm(tracks: tuple[bytes, bytes]) -> bytes:
    """Two tracks of mu-law to one interleaved PCM16 buffer, little-endian: channel 0 is the first track."""
    codes = bytearray(2 * len(tracks[0]))
    codes[0::2], codes[1::2] = tracks
    pcm: NDArray[np.int16] = PCM.take(np.frombuffer(codes, dtype=np.uint8))
    return pcm.tobytes()


class _Track:
    """One track's sound not yet cut, from the timeline's position on, and the holes noticed in it.

    All stretches are in samples of the stream.
    """

    __slots__ = ("absent", "holes", "owed", "padded", "sound")

    def __init__(self) -> None:
        self.sound = bytearray()
        self.holes: list[Stretch] = []  # where nothing came yet
        self.padded: list[Stretch] = []  # cut before anything came behind it: why, the track's next frame shows
        self.owed: list[Stretch] = []  # cut as silence; it may still come late
        self.absent = False

    def lay(self, at: int, payload: bytes, position: int) -> None:
        """Put ``payload`` at ``at`` samples after ``position``, the timeline's cut; not simply behind what came."""
        end = len(self.sound)
        if at > end:
            self.holes.append((position + end, position + at))
            self.sound += SILENCE * (at - end) + payload
        else:
            self.sound[at : at + len(payload)] = payload
            if self.holes:
                self.holes = without(self.holes, position + at, position + at + len(payload))

    def is_whole(self, position: int) -> bool:
        """Whether all of the next chunk has come."""
        return len(self.sound) >= CHUNK and not (self.holes and self.holes[0][0] < position + CHUNK)

    def cut(self, position: int) -> bytes:
        """The next chunk, with silence where nothing came."""
        chunk = bytes(self.sound[:CHUNK])
        del self.sound[:CHUNK]
        if len(chunk) == CHUNK:
            return chunk
        self._pad(position + len(chunk), position + CHUNK)
        return chunk.ljust(CHUNK, SILENCE)

    def overdue(self, start: int, end: int) -> list[Stretch]:
        """What of this was cut as silence, and has come now: each stretch once, however often it comes."""
        found = within([*self.padded, *self.owed, *self.holes], start, end)
        self.padded, self.owed, self.holes = (
            without(stretches, start, end) for stretches in (self.padded, self.owed, self.holes)
        )
        return found

    def owe(self, start: int, end: int) -> None:
        """Remember what was cut as silence."""
        self.owed.append((start, end))
        del self.owed[:-_MOST_OWED]

    def _pad(self, start: int, end: int) -> None:
        if self.padded and self.padded[-1][1] == start:
            start = self.padded.pop()[0]
        self.padded.append((start, end))
        del self.padded[:-_MOST_OWED]


class Timeline:
    """One stream's two tracks on one clock. ``offset_ms`` is where the stream begins on the call's clock.

    ``gaps`` gathers what was lost on the way, in ms of the call; ``late`` counts frames that came after their chunk.
    """

    def __init__(self, offset_ms: int = 0) -> None:
        self.gaps = Gaps()
        self.late = 0
        self._offset_ms = offset_ms
        self._position = 0  # samples of the stream already cut
        self._tracks = (_Track(), _Track())
        self._patience = _PATIENCE
        self._missing = 0  # sequence numbers that have not come
        self._first_sequence = self._next_sequence = 0
        self._leap: int | None = None  # samples: a jump that the next frame has to confirm
        self._ready: list[Chunk] = []  # cut at a jump, not handed out yet
        self._overdue: list[tuple[int, int, bytes]] = []  # track, ms of the call, sound

    def add(self, track: int, timestamp_ms: int, payload: bytes, sequence: int = 0) -> bool:
        """Lay one frame of track 0 (inbound) or 1 (outbound). True: it is worth asking `cut` until it has no more."""
        if sequence == self._next_sequence:
            self._next_sequence += 1
        else:
            self._count(sequence)
        lane = self._tracks[track]
        at = timestamp_ms * RATE - self._position
        if -_SNAP <= at - len(lane.sound) <= _SNAP:  # nearly every frame follows the one before
            lane.sound += payload
            lane.absent = False
            if lane.padded:
                self._weigh(lane)
        else:
            self._lay(lane, at, payload)
        return len(lane.sound) >= CHUNK or bool(self._ready)

    def cut(self) -> Chunk | None:
        """The next chunk that is ready, or None."""
        if self._ready:
            return self._ready.pop(0)
        first, second = self._tracks
        have, other = len(first.sound), len(second.sound)
        if have < CHUNK and other < CHUNK:
            return None
        if self._is_due(first, other) and self._is_due(second, have):
            return self._cut()
        return None

    def flush(self) -> list[Chunk]:
        """What is left at the end of the stream, the last chunk filled up with silence."""
        chunks, self._ready = self._ready, []
        while any(track.sound for track in self._tracks):
            chunks.append(self._cut())
        for track in self._tracks:
            if track.padded:
                self._weigh(track)
        return chunks

    def take_overdue(self) -> list[tuple[int, int, bytes]]:
        """What came after its chunk was cut without it: track, ms of the call, sound."""
        overdue, self._overdue = self._overdue, []
        return overdue

    @property
    def now_ms(self) -> int:
        """The end of what has been cut, on the call's clock."""
        return self._offset_ms + self._position // RATE

    def _cut(self) -> Chunk:
        start_ms = self.now_ms
        tracks = (self._tracks[0].cut(self._position), self._tracks[1].cut(self._position))
        self._position += CHUNK
        if self._tracks[0].holes or self._tracks[1].holes:
            self._pass_holes()
        return Chunk(start_ms, tracks, (is_loud(tracks[0]), is_loud(tracks[1])))

    def _lay(self, lane: _Track, at: int, payload: bytes) -> None:
        """A frame that is late, early, doubled, or comes after a hole."""
        if at < 0:
            self._keep_overdue(lane, at, payload)
        if at + len(payload) <= 0:
            self._too_late(lane, -at)
            return
        if at - max(len(self._tracks[0].sound), len(self._tracks[1].sound)) > _JUMP:
            if not self._confirmed(at + self._position):
                return
            self._jump(at + self._position)
            at = 0
        if at < 0:
            payload, at = payload[-at:], 0
        lane.absent = False
        if lane.padded:
            self._weigh(lane)
        lane.lay(at, payload, self._position)

    def _is_due(self, track: _Track, lead: int) -> bool:
        """Whether ``track`` has its part of the next chunk, or is not waited for any longer."""
        if track.is_whole(self._position):
            return True
        if len(track.sound) >= CHUNK:
            return max(len(track.sound), lead) >= CHUNK + _REORDER
        if not track.absent and lead >= CHUNK + self._patience:
            track.absent = True
        return track.absent

    def _too_late(self, track: _Track, lateness: int) -> None:
        self.late += 1
        track.absent = False
        self._patience = min(max(self._patience, lateness + _SNAP), _MOST_PATIENCE)

    def _keep_overdue(self, lane: _Track, at: int, payload: bytes) -> None:
        """Some of ``payload`` lies before the cut; what of it was cut as silence is missing there."""
        start = self._position + at
        for begin, end in lane.overdue(start, min(start + len(payload), self._position)):
            if len(self._overdue) >= _MOST_OVERDUE:
                self._lose(lane, begin, end)
                continue
            sound = payload[begin - start : end - start]
            self._overdue.append((self._tracks.index(lane), self._offset_ms + begin // RATE, sound))

    def _weigh(self, lane: _Track) -> None:
        """``lane`` goes on, or ends, after it was cut as silence: was that sound lost, or was there none?"""
        padded, lane.padded = lane.padded, []
        for start, end in padded:
            lane.owe(start, end)
            if self._missing:
                self._lose(lane, start, end)

    def _confirmed(self, position: int) -> bool:
        """A frame far ahead counts only when another agrees: one broken timestamp must not cost a call."""
        before, self._leap = self._leap, position
        return before is not None and 0 <= position - before <= CHUNK

    def _jump(self, to: int) -> None:
        """Go on at ``to``: nothing came for longer than is worth filling with silence."""
        silent_from = self._position + max(len(track.sound) for track in self._tracks)
        self._ready = self.flush()
        for track in self._tracks:
            track.holes.clear()
        self._position = to
        self._leap = None
        if silent_from:  # a stream may begin with any timestamp
            for track in self._tracks:
                self._lose(track, silent_from, to)

    def _count(self, sequence: int) -> None:
        """Sequence numbers tell loss from silence: a hole in which none is missing was never sent."""
        if not self._next_sequence:
            self._first_sequence = sequence  # what was numbered before it was never missed
        elif sequence > self._next_sequence:
            self._missing += sequence - self._next_sequence
        elif self._first_sequence < sequence < self._next_sequence and self._missing:
            self._missing -= 1
        self._next_sequence = max(self._next_sequence, sequence + 1)

    def _pass_holes(self) -> None:
        """Leave holes behind us: their frames did not come, or were never sent."""
        passed = [[hole for hole in track.holes if hole[1] <= self._position] for track in self._tracks]
        for track, holes, others in zip(self._tracks, passed, passed[::-1], strict=True):
            for start, end in holes:
                track.holes.remove((start, end))
                track.owe(start, end)
                if self._missing or within(others, start, end):
                    self._lose(track, start, end)

    def _lose(self, lane: _Track, start: int, end: int) -> None:
        self.gaps.add(self._tracks.index(lane), self._offset_ms + start // RATE, self._offset_ms + end // RATE)
