"""What was heard in a stream, for whoever placed the call: none of it is Transcribe's, see ``GET /sandbox/heard``.

Nothing in a stream says which call it belongs to, so each channel keeps samples of its sound: those of a recording
are found again in it, whatever else sounded on the line.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from sandbox.audio import mulaw
from sandbox.recognition.recogniser import Result

PATH = "/sandbox/heard"
_SAMPLE = mulaw.RATE // 50  # codes: 20 ms
_APART = mulaw.RATE  # codes from one sample to the next
_SAMPLES = 60
_KEPT = 500  # finals of a channel


class HeardChannel:
    """One channel of a stream: samples of its sound (mu-law), and its finals."""

    def __init__(self, rate: int) -> None:
        self.samples: deque[bytes] = deque(maxlen=_SAMPLES)
        self._rate = rate
        self._since = _APART  # codes since the last sample
        self._finals: deque[tuple[float, str]] = deque(maxlen=_KEPT)

    def listen(self, pcm: bytes) -> None:
        """Take the next sound."""
        self._since += len(pcm) // 2
        if self._since < _APART or self._rate != mulaw.RATE:
            return
        codes = mulaw.encode(np.frombuffer(pcm[: 2 * _SAMPLE], dtype="<i2"))
        if len(codes) == _SAMPLE and codes.count(mulaw.SILENCE) < _SAMPLE // 4:  # silence is in every recording
            self.samples.append(codes)
            self._since = 0

    def note(self, result: Result) -> None:
        """Take a result; only finals are kept."""
        if result.final:
            self._finals.append((result.start, " ".join(word.text for word in result.words)))

    def as_json(self) -> dict[str, Any]:
        """Return ``samples`` in base64, ``said``: each final with the second at which it ``start``s."""
        said = [{"start": round(start, 3), "text": text} for start, text in self._finals]
        return {"samples": [base64.b64encode(sample).decode() for sample in self.samples], "said": said}


def is_of(track: bytes, samples: Sequence[str]) -> bool:
    """Return whether any of a channel's ``samples`` (base64) is a piece of the recording ``track`` (mu-law)."""
    normal = track.replace(b"\x7f", mulaw.SILENCE)  # two codes of zero
    return any(base64.b64decode(sample) in normal for sample in samples)
