"""Computed sounds, and the WAV files that they are written into: mono, 16 bit."""

from __future__ import annotations

import wave
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]
"""Samples between -1 and 1."""


def encoded(sound: Sound, rate: int) -> bytes:
    """Return ``sound`` of ``rate`` samples a second as a WAV file."""
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setparams((1, 2, rate, len(sound), "NONE", ""))
        written.writeframes(np.round(sound * 32767).astype("<i2").tobytes())
    return file.getvalue()


def faded(sound: Sound, steps: int) -> Sound:
    """Return ``sound`` with soft ends of ``steps`` samples, so that nothing clicks."""
    ramp = np.linspace(0.0, 1.0, steps)
    softened = sound.copy()
    softened[:steps] *= ramp
    softened[-steps:] *= ramp[::-1]
    return softened
