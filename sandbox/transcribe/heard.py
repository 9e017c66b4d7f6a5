"""What was heard in a stream, for whoever placed the call: none of it is Transcribe's, see ``GET /sandbox/heard``.

Nothing in a stream says which call it belongs to, so each channel keeps how its sound began: that is found again in
the sound that was played.
"""

from __future__ import annotations

import base64
from collections import deque
from typing import Any

import numpy as np

from sandbox.audio import mulaw
from sandbox.recognition.recogniser import Result

PATH = "/sandbox/heard"
_BEGINNING = mulaw.RATE // 25  # samples: 40 ms
_KEPT = 500  # finals of a channel


class HeardChannel:
    """One channel of a stream: how its sound begins (mu-law, empty until it does), and its finals."""

    def __init__(self, rate: int) -> None:
        self.beginning = b""
        self._rate = rate
        self._finals: deque[tuple[float, str]] = deque(maxlen=_KEPT)

    def listen(self, pcm: bytes) -> None:
        """Take the next sound."""
        if len(self.beginning) < _BEGINNING and self._rate == mulaw.RATE:
            codes = mulaw.encode(np.frombuffer(pcm, dtype="<i2"))
            self.beginning += codes if self.beginning else codes.lstrip(mulaw.SILENCE)
            self.beginning = self.beginning[:_BEGINNING]

    def note(self, result: Result) -> None:
        """Take a result; only finals are kept."""
        if result.final:
            self._finals.append((result.start, " ".join(word.text for word in result.words)))

    def as_json(self) -> dict[str, Any]:
        """``beginning`` in base64, ``said``: each final with the second at which it ``start``s."""
        said = [{"start": round(start, 3), "text": text} for start, text in self._finals]
        return {"beginning": base64.b64encode(self.beginning).decode(), "said": said}


def is_in(beginning: bytes, track: bytes) -> bool:
    """Return whether a channel that begins like that may be ``track`` (mu-law), or begin within it."""
    return len(beginning) == _BEGINNING and beginning in track.replace(b"\x7f", mulaw.SILENCE)  # two codes of zero
