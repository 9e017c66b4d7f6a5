"""What can go wrong on purpose and repeatably: between Twilio and a Media Streams listener, and with callbacks."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sandbox.audio.clock import TICKS_PER_SECOND

Track = Literal["inbound", "outbound"]


@dataclass(frozen=True, slots=True)
class Faults:
    """Rates are probabilities for each frame (0 to 1); times are seconds of the stream.

    Frames are numbered before they are lost, so that a listener can see the loss in ``sequenceNumber``.
    """

    lose: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    delay_by: float = 0.1  # how late a delayed frame comes
    reorder: float = 0.0  # a frame changes places with the one sent next
    stall_at: float | None = None  # nothing is sent from here …
    stall_for: float = 0.0  # … for this long, then everything at once
    drop_at: float | None = None  # the connection breaks here, without a closing handshake
    late_track: Track | None = None
    late_by: float = 0.0  # when the late track's first frame is
    omit_track: Track | None = None  # announced in `start`, but never heard
    seed: int = 0

    def silent(self, track: Track, at: float) -> bool:
        """Return whether ``track`` sends no frame at ``at`` seconds."""
        return track == self.omit_track or (track == self.late_track and at < self.late_by)

    def dropped(self, at: float) -> bool:
        """Return whether the connection is gone by ``at`` seconds."""
        return self.drop_at is not None and at >= self.drop_at


NONE = Faults()


@dataclass(frozen=True, slots=True)
class CallbackFaults:
    """What goes wrong with status callbacks. Rates are probabilities (0 to 1); ``late`` is in seconds of the wall.

    ``jumbled``: those of one call or conference that wait together go out in any order.
    """

    late: float = 0.0
    doubled: float = 0.0
    jumbled: bool = False
    lost: float = 0.0


FAITHFUL = CallbackFaults()


class Mangler:
    """Applies `Faults` to the frames of one stream, a tick at a time. Pure but for its memory."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._random = random.Random(faults.seed)
        self._held: list[tuple[int, str]] = []  # (the tick to send it at, frame)
        self._swapped: str | None = None

    def pass_on(self, frames: Iterable[str], tick: int) -> list[str]:
        """Return what is sent at ``tick`` (counted from the stream's beginning) when ``frames`` are due."""
        arriving = self._released(tick)
        for frame in frames:
            arriving += self._fate(frame, tick)
        if self._stalled(tick):
            self._held = [(tick, frame) for frame in arriving] + self._held
            return []
        return arriving

    def flush(self) -> list[str]:
        """Return what is still held, for the end of the stream."""
        rest = [frame for _, frame in self._held] + ([self._swapped] if self._swapped else [])
        self._held, self._swapped = [], None
        return rest

    def _released(self, tick: int) -> list[str]:
        due = [frame for at, frame in self._held if at <= tick]
        self._held = [(at, frame) for at, frame in self._held if at > tick]
        return due

    def _fate(self, frame: str, tick: int) -> list[str]:
        faults = self._faults
        if self._happens(faults.lose):
            return []
        if self._happens(faults.delay):
            self._held.append((tick + round(faults.delay_by * TICKS_PER_SECOND), frame))
            return []
        copies = [frame] * (2 if self._happens(faults.duplicate) else 1)
        return self._in_order(copies)

    def _in_order(self, copies: list[str]) -> list[str]:
        if self._swapped is not None:
            copies, self._swapped = [*copies, self._swapped], None
        elif self._happens(self._faults.reorder):
            self._swapped = copies.pop()
        return copies

    def _happens(self, rate: float) -> bool:
        return rate > 0 and self._random.random() < rate

    def _stalled(self, tick: int) -> bool:
        start = self._faults.stall_at
        if start is None:
            return False
        return start <= tick / TICKS_PER_SECOND < start + self._faults.stall_for
