"""Make again what callers hear while they wait or are on hold: ``python -m sandbox.waiting_sounds``.

Writes ``ringing.wav`` (one turn of the Australian ring tone) and ``music.wav`` (one turn of the hold music) into
``web/static/waiting``: mono, 16 bit, 8 kHz, as telephones play. Both are computed here: nobody else's licence applies
to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sandbox.audio.ring_tone import ring_tone
from sandbox.audio.sound_file import Sound, encoded, faded

FOLDER = Path(__file__).parents[1] / "web" / "static" / "waiting"
RATE = 8_000  # samples a second
PEAK = 0.2  # of full scale: people listen to it for minutes
FADE_SECONDS = 0.01
BEAT = 0.5  # seconds
# Broken chords, two bars each, in Hz: C, A minor, F, G.
_CHORDS = (
    (261.63, 329.63, 392.00, 523.25),
    (220.00, 261.63, 329.63, 440.00),
    (174.61, 261.63, 349.23, 440.00),
    (196.00, 246.94, 293.66, 392.00),
)
_PATTERN = (0, 1, 2, 3, 2, 1, 2, 1)  # which note of the chord on which beat


def sounds() -> Mapping[str, Sound]:
    """Return both, as samples between -1 and 1."""
    return {"ringing": ring_tone(RATE, PEAK), "music": _music()}


def _music() -> Sound:
    length = int(BEAT * RATE)
    total = np.zeros(length * len(_PATTERN) * len(_CHORDS))
    for bar, chord in enumerate(_CHORDS):
        for beat, note in enumerate(_PATTERN):
            begins = (bar * len(_PATTERN) + beat) * length
            rest = np.arange(min(4 * length, len(total) - begins)) / RATE
            swing = np.sin(2 * np.pi * chord[note] * rest) + 0.3 * np.sin(4 * np.pi * chord[note] * rest)
            total[begins : begins + len(rest)] += np.exp(-2.5 * rest) * np.minimum(rest / FADE_SECONDS, 1) * swing
    return faded(total / np.max(np.abs(total)) * PEAK, int(FADE_SECONDS * RATE))


def main() -> None:
    """Write both files."""
    FOLDER.mkdir(exist_ok=True)
    for name, sound in sounds().items():
        (FOLDER / f"{name}.wav").write_bytes(encoded(sound, RATE))


if __name__ == "__main__":
    main()
