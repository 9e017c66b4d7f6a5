"""Tones that are no speech: ringing, keys and prompts, which a recogniser would take for words."""

from __future__ import annotations

import numpy as np

SECONDS = 0.09  # nobody holds the pitch of his voice for so long
_BINS = 8  # what two tones fill, seen through the window below
_SHARE = 0.998  # of the power; the most that speech reached was 0.996


def is_tone(sound: bytes) -> bool:
    """Return whether about `SECONDS` of 16-bit ``sound`` are one or two pure tones."""
    samples = np.frombuffer(sound, dtype="<i2") * np.hanning(len(sound) // 2)
    if len(samples) <= _BINS * 2:
        return False
    power = np.partition(np.abs(np.fft.rfft(samples)) ** 2, -_BINS)
    return bool(power[-_BINS:].sum() > _SHARE * power.sum())
