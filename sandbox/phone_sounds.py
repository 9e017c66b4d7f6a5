"""Make the softphone's sounds again: ``python -m sandbox.phone_sounds``.

Writes one WAV file (mono, 16 bit, 16 kHz) into ``web/static/sounds`` for each sound that Twilio's Voice SDK has,
under the SDK's name for it, and ``ringback``: what a caller hears while the other side's phone rings. All of them are
computed here, from sine waves: they are the project's own, and nobody else's licence applies. They are committed;
only a change of this file needs a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sandbox.audio.ring_tone import ring_tone
from sandbox.audio.sound_file import Sound, encoded, faded

FOLDER = Path(__file__).parents[1] / "web" / "static" / "sounds"
RATE = 16_000  # samples a second
PEAK = 0.35  # of full scale: as loud as speech, not as an alarm
KEY_PEAK = 0.12
KEY_SECONDS = 0.12
FADE_SECONDS = 0.006  # at both ends, so that nothing clicks
RING_SECONDS = 3.2  # one turn of the ring tone; the SDK repeats it

# Overtones of a struck wooden bar (a marimba's): multiples of the pitch, their strength, how fast they fade (1/s).
_BAR = ((1.0, 1.0, 6.0), (4.0, 0.25, 14.0), (9.2, 0.06, 30.0))
_C5, _E5, _G5, _C6 = 523.25, 659.26, 783.99, 1046.50

# ITU-T Q.23: each key is a row's frequency and a column's, in Hz.
_ROWS = (697.0, 770.0, 852.0, 941.0)
_COLUMNS = (1209.0, 1336.0, 1477.0)
_KEYS = ("123", "456", "789", "s0h")  # s: star, h: hash


def sounds() -> Mapping[str, Sound]:
    """Return every sound by the SDK's name for it, as samples between -1 and 1."""
    ring = ((0.0, _E5), (0.16, _G5), (0.32, _C6), (0.9, _E5), (1.06, _G5), (1.22, _C6))
    made = {
        "incoming": _struck(ring, RING_SECONDS),
        "outgoing": _struck(((0.0, _C5), (0.12, _G5)), 0.7),
        "disconnect": _struck(((0.0, _G5), (0.14, _C5)), 0.8),
        "ringback": ring_tone(RATE, KEY_PEAK),
    }
    return made | {
        f"dtmf{key}": _key(row, column)
        for row, keys in zip(_ROWS, _KEYS, strict=True)
        for column, key in zip(_COLUMNS, keys, strict=True)
    }


def _struck(notes: Sequence[tuple[float, float]], seconds: float) -> Sound:
    """Return ``notes`` (when in seconds, pitch in Hz) played on wooden bars, in ``seconds`` of sound."""
    at = np.arange(int(seconds * RATE)) / RATE
    total = np.zeros_like(at)
    for begins, pitch in notes:
        since = at - begins
        rings = since >= 0
        for multiple, strength, fading in _BAR:
            if pitch * multiple < RATE / 2:
                swing = np.sin(2 * np.pi * pitch * multiple * since[rings])
                total[rings] += strength * np.exp(-fading * since[rings]) * swing
    return _faded(total / np.max(np.abs(total)) * PEAK)


def _key(row: float, column: float) -> Sound:
    """Return the tone of one key of the pad."""
    at = np.arange(int(KEY_SECONDS * RATE)) / RATE
    return _faded((np.sin(2 * np.pi * row * at) + np.sin(2 * np.pi * column * at)) / 2 * KEY_PEAK)


def _faded(sound: Sound) -> Sound:
    return faded(sound, int(FADE_SECONDS * RATE))


def main() -> None:
    """Write every sound's file."""
    FOLDER.mkdir(exist_ok=True)
    for name, sound in sounds().items():
        (FOLDER / f"{name}.wav").write_bytes(encoded(sound, RATE))


if __name__ == "__main__":
    main()
