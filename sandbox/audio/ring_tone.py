"""What a caller in Australia hears while the other side's phone rings."""

from __future__ import annotations

import numpy as np

from sandbox.audio.sound_file import Sound, faded

BURST_SECONDS = 0.4
_PITCHES = (413.0, 438.0)  # Hz, sounded together: 0.4 s on, 0.2 s off, 0.4 s on, 2 s off (ITU-T E.180)
_FADE_SECONDS = 0.01


def ring_tone(rate: int, peak: float) -> Sound:
    """Return one turn of the tone, of ``rate`` samples a second, at most as loud as ``peak`` (1: full scale)."""
    at = np.arange(int(BURST_SECONDS * rate)) / rate
    low, high = (np.sin(2 * np.pi * pitch * at) for pitch in _PITCHES)
    burst = faded((low + high) / 2 * peak, int(_FADE_SECONDS * rate))
    return np.concatenate([burst, np.zeros(int(0.2 * rate)), burst, np.zeros(2 * rate)])
