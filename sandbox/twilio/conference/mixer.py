"""The sound of a conference: for each listener, in each 20 ms, the sum of what they hear.

Who hears what is kept with the tick it holds from, so that a frame fetched late is mixed as it sounded then. One
voice alone passes as it came, to the byte; silence is never decoded.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from sandbox.audio import mulaw, voice
from sandbox.audio.clock import TICKS_PER_SECOND
from sandbox.audio.voice import SILENCE

Source = Callable[[int], str]  # a tick to the frame that sounds then
Routes = Mapping[str, tuple[Source, ...]]  # by the listener's CallSid

KEPT = 5 * TICKS_PER_SECOND  # ticks for which a listener may come to fetch a frame


class Mixer:
    """One conference's."""

    def __init__(self) -> None:
        self._routes: list[tuple[int, Routes]] = []  # each from its tick on, oldest first

    def route(self, tick: int, routes: Routes) -> None:
        """Let everybody hear by ``routes`` from ``tick`` on."""
        while len(self._routes) > 1 and self._routes[1][0] < tick - KEPT:
            del self._routes[0]
        self._routes.append((tick, routes))

    def frame(self, listener: str, tick: int) -> str:
        """Return what ``listener`` hears at ``tick``, base64 mu-law."""
        for since, routes in reversed(self._routes):
            if since <= tick:
                return mixed([frame for source in routes.get(listener, ()) if (frame := source(tick)) != SILENCE])
        return SILENCE


class Ear:
    """What one listener hears of a conference."""

    def __init__(self, mixer: Mixer, listener: str) -> None:
        self._mixer = mixer
        self._listener = listener

    def frame(self, tick: int) -> str:
        """Return the base64 payload for ``tick``."""
        return self._mixer.frame(self._listener, tick)


def mixed(frames: list[str]) -> str:
    """Return the sum of ``frames``, none of which is silent."""
    if not frames:
        return SILENCE
    if len(frames) == 1:
        return frames[0]
    return base64.b64encode(mulaw.mixed(*map(voice.codes, frames))).decode()
