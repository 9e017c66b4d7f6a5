"""Somebody who speaks now, into a microphone or on a keypad: a voice whose frames come one by one."""

from __future__ import annotations

import base64

from sandbox.audio.clock import TICKS_PER_SECOND, Clock
from sandbox.audio.voice import FRAME_BYTES, SILENCE, Voice, key

_DELAY = 3  # ticks from a frame's arrival until it is heard, so that one that is late leaves no hole
_MOST_AHEAD = 12  # ticks; frames beyond come from a clock that is faster than ours
_KEPT = 2 * TICKS_PER_SECOND  # ticks for which whoever listens may come to fetch a frame


class LiveVoice(Voice):
    """What comes is heard a moment later, whether or not the voice has begun; it never ends by itself."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(())
        self.source = "microphone"
        self._clock = clock
        self._frames: dict[int, str] = {}  # by the tick at which it is heard
        self._keys: dict[int, str] = {}
        self._next = 0

    def add(self, codes: bytes) -> None:
        """Take the next 20 ms of mu-law. What is no frame, or far too early, is not heard."""
        now = self._clock.tick()
        at = max(self._next, now + _DELAY)
        if len(codes) != FRAME_BYTES or at > now + _MOST_AHEAD:
            return
        self._frames[at] = base64.b64encode(codes).decode()
        self._next = at + 1
        self._frames.pop(now - _KEPT, None)

    def press(self, digit: str) -> None:
        """Sound the tone of a key, in the place of what is said meanwhile."""
        first = max(self._clock.tick() + _DELAY, 1 + max(self._keys, default=0))
        self._keys = {tick: tone for tick, tone in self._keys.items() if tick >= self._clock.tick() - _KEPT}
        self._keys |= dict(enumerate(key(digit), first))

    def frame(self, tick: int) -> str:
        """Return the base64 payload for ``tick``."""
        if tick in self._keys:
            return self._keys[tick]
        return SILENCE if self.muted else self._frames.get(tick, SILENCE)
