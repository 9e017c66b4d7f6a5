"""Sound as it lies on a track: base64 frames of 20 ms of mu-law, and voices that begin at a tick.

Frames are encoded once, when a sound is loaded; whoever sends them only picks the next one.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import Protocol

import numpy as np

from sandbox.audio import mulaw
from sandbox.audio.clock import TICKS_PER_SECOND

FRAME_BYTES = mulaw.RATE // TICKS_PER_SECOND

Frames = tuple[str, ...]


class Sound(Protocol):
    """Whatever can be heard on a track."""

    def frame(self, tick: int) -> str:
        """Return the base64 payload for ``tick``."""


SILENCE = base64.b64encode(mulaw.SILENCE * FRAME_BYTES).decode()


def frames(ulaw: bytes) -> Frames:
    """Return ``ulaw`` (8 kHz) in frames of 20 ms, the last one filled up with silence."""
    cuts = range(0, len(ulaw), FRAME_BYTES)
    return tuple(_encoded(ulaw[cut : cut + FRAME_BYTES]) for cut in cuts)


def codes(frame: str) -> bytes:
    """Return the mu-law codes in a frame."""
    return base64.b64decode(frame)


def _encoded(ulaw: bytes) -> str:
    return base64.b64encode(ulaw.ljust(FRAME_BYTES, mulaw.SILENCE)).decode()


@cache
def ringing() -> Frames:
    """Return one Australian ringing cadence, three seconds: 400 and 450 Hz; 0.4 on, 0.2 off, 0.4 on, 2 off."""
    burst, gap = _tones(0.4, 400, 450), np.zeros(int(0.2 * mulaw.RATE), np.int16)
    pause = np.zeros(2 * mulaw.RATE, np.int16)
    return frames(mulaw.encode(np.concatenate([burst, gap, burst, pause])))


_ROWS, _COLUMNS, _KEYS = (697, 770, 852, 941), (1209, 1336, 1477), "123456789*0#"  # ITU-T Q.23


@cache
def key(digit: str) -> Frames:
    """Return the tone of a key of the pad, 160 ms, and 80 ms of silence; half a second of silence for ``w``."""
    if digit == "w":
        return (SILENCE,) * 25
    row, column = divmod(_KEYS.index(digit), 3)
    tone = _tones(0.16, _ROWS[row], _COLUMNS[column])
    return frames(mulaw.encode(np.concatenate([tone, np.zeros(int(0.08 * mulaw.RATE), np.int16)])))


@cache
def prompt() -> Frames:
    """Return a second of the tone that stands for a spoken prompt."""
    return frames(mulaw.encode(_tones(1.0, 300)))


@cache
def beep() -> Frames:
    """Return the tone that says somebody has come into a conference or left it."""
    return frames(mulaw.encode(_tones(0.2, 1400)))


@cache
def music() -> Frames:
    """Return four seconds that stand for hold music: a chord's notes, one after the other."""
    notes = (200, 250, 300, 400, 300, 250, 200, 250)  # Hz; a frame holds whole turns of each, so none clicks
    return frames(mulaw.encode(np.concatenate([_tones(0.5, note) for note in notes])))


def _tones(seconds: float, *hertz: float) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    time = np.arange(int(seconds * mulaw.RATE)) / mulaw.RATE
    mixed = sum(np.sin(2 * np.pi * pitch * time) for pitch in hertz)
    return np.asarray(3000 * mixed, np.int16)


class Voice:
    """Somebody or something that sounds on a track: silence until it begins, then its frames, then silence.

    A voice that ``repeats`` (ringing) never ends. ``source``: what it comes from, as people are told.
    """

    def __init__(self, spoken: Frames, *, repeats: bool = False) -> None:
        self.source = "recording" if spoken else "nobody"
        self._spoken = spoken
        self._repeats = repeats
        self.begins: int | None = None
        self.muted = False

    def begin(self, tick: int) -> None:
        """Speak from ``tick`` on. A voice begins once."""
        if self.begins is None:
            self.begins = tick

    @property
    def ends(self) -> int | None:
        """The tick after its last frame; None before it begins, if there is none, or if it repeats."""
        if self.begins is None or self._repeats or not self._spoken:
            return None
        return self.begins + len(self._spoken)

    def frame(self, tick: int) -> str:
        """Return the base64 payload for ``tick``."""
        if self.begins is None or self.muted or not self._spoken or tick < self.begins:
            return SILENCE
        at = tick - self.begins
        if self._repeats:
            at %= len(self._spoken)
        return self._spoken[at] if at < len(self._spoken) else SILENCE
