"""Convert mu-law to PCM, and put two tracks on one timeline by timestamp, cut into 100 ms chunks. Pure.

Units: positions on the timeline are in samples from the start of the stream, 8 a millisecond; mu-law has one byte a
sample. Twilio stamps each track's frames with ``timestamp`` (ms from the start of the stream). Frames may be lost,
late, duplicated or out of order; a track may be silent, absent, or begin late. Audio is put where it belongs, with
silence where none arrived.

A chunk is cut as soon as both tracks have reached its end. A track that lags is waited for as long as it is expected:
after `_PATIENCE` it counts as absent and the other continues alone, until the track is back. Frames that arrive too
late are counted and extend the patience, up to `_MAX_PATIENCE`. Their audio is `overdue`: it can still be added to
chunks that are not sent yet. What is lost is in `gaps`.
"""

from __future__ import annotations

import struct

from msgspec import Struct

from media.speech.gaps import Gaps, Stretch, within, without

RATE = 8  # samples a millisecond, of each track
CHUNK_MS = 100
CHUNK = CHUNK_MS * RATE  # samples of each track; Transcribe asks for 50 to 200 ms
SILENCE = b"\xff"  # mu-law zero

_SNAP = 10 * RATE  # a frame this near to the end of the audio before it is appended to it
_REORDER = 100 * RATE  # to wait for a hole's frames, which may be late
_PATIENCE = 200 * RATE
_MAX_PATIENCE = 1000 * RATE
_JUMP = 1000 * RATE  # a longer hole is skipped instead of filled with silence
_MAX_FILLED = 64  # stretches of each track remembered as filled with silence
_MAX_OVERDUE = 4096  # frames kept for `take_overdue`; more are lost
_LOUD_SAMPLES = 40  # samples above the threshold in 100 ms that count as speech
_LOUD = 400  # of 32 124: a whisper on a telephone; line noise lies below


def _decode(code: int) -> int:
    """Return the linear PCM16 of one mu-law code, after ITU-T G.711."""
    code = ~code & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << (code >> 4 & 0x07)) - 0x84
    return -magnitude if code & 0x80 else magnitude


PCM = tuple(_decode(code) for code in range(256))
_QUIET_CODES = bytes(code for code in range(256) if abs(PCM[code]) < _LOUD)
_PCM_BYTES = struct.pack("<256h", *PCM)
_LOW_BYTES, _HIGH_BYTES = _PCM_BYTES[0::2], _PCM_BYTES[1::2]  # of each code's sample, for `bytes.translate`
_SILENT_CHUNK = SILENCE * CHUNK


class Chunk(Struct, frozen=True, gc=False):  # gc: it refers to plain values only, so it needs no garbage collection
    """100 ms of a call: ``start_ms`` on the call's clock, and each track's mu-law (`CHUNK` bytes)."""

    start_ms: int
    tracks: tuple[bytes, bytes]
    loud: tuple[bool, bool]

    @property
    def end_ms(self) -> int:
        return self.start_ms + CHUNK_MS


def with_sound(chunk: Chunk, track: int, at_ms: int, sound: bytes) -> Chunk:
    """Return ``chunk`` with ``sound`` in one of its tracks, ``at_ms`` after its start."""
    before, at = chunk.tracks[track], at_ms * RATE
    laid = before[:at] + sound + before[at + len(sound) :]
    tracks, loud = list(chunk.tracks), list(chunk.loud)
    tracks[track], loud[track] = laid, is_loud(laid)
    return Chunk(chunk.start_ms, (tracks[0], tracks[1]), (loud[0], loud[1]))


def silent_chunk(start_ms: int) -> Chunk:
    """Return a chunk in which nobody speaks."""
    return Chunk(start_ms, (_SILENT_CHUNK, _SILENT_CHUNK), (False, False))


def is_loud(track: bytes) -> bool:
    """Return whether 100 ms of mu-law have speech rather than line noise."""
    return len(track.translate(None, _QUIET_CODES)) >= _LOUD_SAMPLES


def to_pcm(tracks: tuple[bytes, bytes]) -> bytes:
    """Return two mu-law tracks as interleaved little-endian PCM16; channel 0 is the first track."""
    first, second = tracks
    pcm = bytearray(4 * len(first))
    pcm[0::4], pcm[1::4] = first.translate(_LOW_BYTES), first.translate(_HIGH_BYTES)
    pcm[2::4], pcm[3::4] = second.translate(_LOW_BYTES), second.translate(_HIGH_BYTES)
    return bytes(pcm)


class _Track:
    """One track's audio that is not cut yet, from the timeline's position on, and the holes in it.

    All stretches are in samples of the stream.
    """

    __slots__ = ("absent", "filled", "holes", "padded", "sound")

    def __init__(self) -> None:
        self.sound = bytearray()
        self.holes: list[Stretch] = []  # where nothing has arrived yet
        self.padded: list[Stretch] = []  # filled with silence; the track's next frame shows whether it was lost
        self.filled: list[Stretch] = []  # filled with silence; its audio may still arrive late
        self.absent = False

    def lay(self, at: int, payload: bytes, position: int) -> None:
        """Put ``payload`` at ``at`` samples after ``position``, the timeline's cut."""
        end = len(self.sound)
        if at > end:
            self.holes.append((position + end, position + at))
            self.sound += SILENCE * (at - end) + payload
        else:
            self.sound[at : at + len(payload)] = payload
            if self.holes:
                self.holes = without(self.holes, position + at, position + at + len(payload))

    def is_whole(self, position: int) -> bool:
        """Return whether all of the next chunk has arrived."""
        return len(self.sound) >= CHUNK and not (self.holes and self.holes[0][0] < position + CHUNK)

    def cut(self, position: int) -> bytes:
        """Return the next chunk, with silence where nothing arrived."""
        chunk = bytes(self.sound[:CHUNK])
        del self.sound[:CHUNK]
        if len(chunk) == CHUNK:
            return chunk
        self._pad(position + len(chunk), position + CHUNK)
        return chunk.ljust(CHUNK, SILENCE)

    def overdue(self, start: int, end: int) -> list[Stretch]:
        """Return the parts of this stretch that were filled with silence, each of them once."""
        found = within([*self.padded, *self.filled, *self.holes], start, end)
        self.padded, self.filled, self.holes = (
            without(stretches, start, end) for stretches in (self.padded, self.filled, self.holes)
        )
        return found

    def note_filled(self, start: int, end: int) -> None:
        """Remember a stretch that was filled with silence."""
        self.filled.append((start, end))
        del self.filled[:-_MAX_FILLED]

    def _pad(self, start: int, end: int) -> None:
        if self.padded and self.padded[-1][1] == start:
            start = self.padded.pop()[0]
        self.padded.append((start, end))
        del self.padded[:-_MAX_FILLED]


class Timeline:
    """One stream's two tracks on one clock. ``offset_ms`` is where the stream begins on the call's clock.

    ``gaps`` collects lost audio, in ms of the call; ``late`` counts frames that arrived after their chunk was cut;
    who reads it may set it back to 0.
    """

    def __init__(self, offset_ms: int = 0) -> None:
        self.gaps = Gaps()
        self.late = 0
        self._offset_ms = offset_ms
        self._position = 0  # samples of the stream already cut
        self._tracks = (_Track(), _Track())
        self._patience = _PATIENCE
        self._missing = 0  # sequence numbers that have not arrived
        self._first_sequence = self._next_sequence = 0
        self._pending_jump: int | None = None  # samples: a jump that the next frame has to confirm
        self._ready: list[Chunk] = []  # cut at a jump, not handed out yet
        self._overdue: list[tuple[int, int, bytes]] = []  # track, ms of the call, sound

    def add(self, track: int, timestamp_ms: int, payload: bytes, sequence: int = 0) -> bool:
        """Add one frame of track 0 (inbound) or 1 (outbound). Return whether `cut` may have a chunk."""
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
                self._resolve_padding(lane)
        else:
            self._lay(lane, at, payload)
        return len(lane.sound) >= CHUNK or bool(self._ready)

    def cut(self) -> Chunk | None:
        """Return the next chunk that is ready, or None."""
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
        """Return the rest at the end of the stream, the last chunk filled up with silence."""
        chunks, self._ready = self._ready, []
        while any(track.sound for track in self._tracks):
            chunks.append(self._cut())
        for track in self._tracks:
            if track.padded:
                self._resolve_padding(track)
        return chunks

    def take_overdue(self) -> list[tuple[int, int, bytes]]:
        """Return audio that arrived after its chunk was cut: track, ms of the call, audio."""
        overdue, self._overdue = self._overdue, []
        return overdue

    @property
    def now_ms(self) -> int:
        """The end of what has been cut, on the call's clock."""
        return self._offset_ms + self._position // RATE

    @property
    def heard_ms(self) -> int:
        """The end of the audio that has arrived, on the call's clock."""
        return self._offset_ms + (self._position + max(len(track.sound) for track in self._tracks)) // RATE

    def _cut(self) -> Chunk:
        start_ms = self.now_ms
        tracks = (self._tracks[0].cut(self._position), self._tracks[1].cut(self._position))
        self._position += CHUNK
        if self._tracks[0].holes or self._tracks[1].holes:
            self._pass_holes()
        return Chunk(start_ms, tracks, (is_loud(tracks[0]), is_loud(tracks[1])))

    def _lay(self, lane: _Track, at: int, payload: bytes) -> None:
        """Place a frame that is late, early, duplicated, or follows a hole."""
        if at < 0:
            self._keep_overdue(lane, at, payload)
        if at + len(payload) <= 0:
            self._note_late(lane, -at)
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
            self._resolve_padding(lane)
        lane.lay(at, payload, self._position)

    def _is_due(self, track: _Track, lead: int) -> bool:
        """Return whether ``track`` has its part of the next chunk, or is no longer waited for."""
        if track.is_whole(self._position):
            return True
        if len(track.sound) >= CHUNK:
            return max(len(track.sound), lead) >= CHUNK + _REORDER
        if not track.absent and lead >= CHUNK + self._patience:
            track.absent = True
        return track.absent

    def _note_late(self, track: _Track, lateness: int) -> None:
        self.late += 1
        track.absent = False
        self._patience = min(max(self._patience, lateness + _SNAP), _MAX_PATIENCE)

    def _keep_overdue(self, lane: _Track, at: int, payload: bytes) -> None:
        """Keep the part of ``payload`` that belongs before the cut and was filled with silence there."""
        start = self._position + at
        for begin, end in lane.overdue(start, min(start + len(payload), self._position)):
            if len(self._overdue) >= _MAX_OVERDUE:
                self._lose(lane, begin, end)
                continue
            sound = payload[begin - start : end - start]
            self._overdue.append((self._tracks.index(lane), self._offset_ms + begin // RATE, sound))

    def _resolve_padding(self, lane: _Track) -> None:
        """Decide whether the silence filled into ``lane`` replaced lost audio.

        Only if sequence numbers are missing.
        """
        padded, lane.padded = lane.padded, []
        for start, end in padded:
            lane.note_filled(start, end)
            if self._missing:
                self._lose(lane, start, end)

    def _confirmed(self, position: int) -> bool:
        """Return whether a second frame agrees: one wrong timestamp must not move a whole call."""
        before, self._pending_jump = self._pending_jump, position
        return before is not None and 0 <= position - before <= CHUNK

    def _jump(self, to: int) -> None:
        """Continue at ``to``: nothing arrived for longer than is worth filling with silence."""
        silent_from = self._position + max(len(track.sound) for track in self._tracks)
        self._ready = self.flush()
        for track in self._tracks:
            track.holes.clear()
        self._position = to
        self._pending_jump = None
        if silent_from:  # a stream may begin with any timestamp
            for track in self._tracks:
                self._lose(track, silent_from, to)

    def _count(self, sequence: int) -> None:
        """Count missing sequence numbers: a hole without any was never sent, so nothing is lost."""
        if not self._next_sequence:
            self._first_sequence = sequence  # what was numbered before it was never missed
        elif sequence > self._next_sequence:
            self._missing += sequence - self._next_sequence
        elif self._first_sequence < sequence < self._next_sequence and self._missing:
            self._missing -= 1
        self._next_sequence = max(self._next_sequence, sequence + 1)

    def _pass_holes(self) -> None:
        """Note holes before the cut as lost if sequence numbers are missing, or if both tracks have the hole."""
        passed = [[hole for hole in track.holes if hole[1] <= self._position] for track in self._tracks]
        for track, holes, others in zip(self._tracks, passed, passed[::-1], strict=True):
            for start, end in holes:
                track.holes.remove((start, end))
                track.note_filled(start, end)
                if self._missing or within(others, start, end):
                    self._lose(track, start, end)

    def _lose(self, lane: _Track, start: int, end: int) -> None:
        self.gaps.add(self._tracks.index(lane), self._offset_ms + start // RATE, self._offset_ms + end // RATE)
