"""What callers hear while they wait is what its script makes."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from sandbox import waiting_sounds


def _samples(name: str) -> np.ndarray:
    with wave.open(str(waiting_sounds.FOLDER / f"{name}.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, waiting_sounds.RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


@pytest.mark.parametrize("name", ["ringing", "music"])
def test_the_file_is_what_the_script_makes(name: str) -> None:
    made = np.round(waiting_sounds.sounds()[name] * 32767)
    kept = _samples(name)
    assert len(kept) == len(made)
    assert np.max(np.abs(kept - made)) <= 1  # another processor may round the other way


@pytest.mark.parametrize("name", ["ringing", "music"])
def test_it_does_not_click_and_is_not_too_loud(name: str) -> None:
    sound = _samples(name) / 32767
    assert 0.05 < np.max(np.abs(sound)) <= 0.25
    assert max(abs(sound[0]), abs(sound[-1])) < 0.001


def test_the_ring_tone_has_its_two_frequencies() -> None:
    sound = _samples("ringing")[: int(0.4 * waiting_sounds.RATE)]
    strength = np.abs(np.fft.rfft(sound))
    strongest = np.fft.rfftfreq(len(sound), 1 / waiting_sounds.RATE)[np.argsort(strength)[-6:]]
    assert all(min(abs(each - 413), abs(each - 438)) < 6 for each in strongest)
