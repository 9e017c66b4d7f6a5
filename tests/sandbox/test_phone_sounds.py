"""The softphone's sounds are what their script makes."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from sandbox import phone_sounds

OF_THE_SDK = {"incoming", "outgoing", "disconnect", *(f"dtmf{key}" for key in "0123456789sh")}
"""`Device.SoundName` of `@twilio/voice-sdk` 2.18.5."""
NAMES = OF_THE_SDK | {"ringback"}


def samples(name: str) -> np.ndarray:
    with wave.open(str(phone_sounds.FOLDER / f"{name}.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, phone_sounds.RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def test_there_is_one_for_each_name_that_the_sdk_has_and_for_ringing_back() -> None:
    assert {path.stem for path in phone_sounds.FOLDER.iterdir()} == set(phone_sounds.sounds()) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_file_is_what_the_script_makes(name: str) -> None:
    made = np.round(phone_sounds.sounds()[name] * 32767)
    kept = samples(name)
    assert len(kept) == len(made)
    assert np.max(np.abs(kept - made)) <= 1  # another processor may round the other way


@pytest.mark.parametrize("name", sorted(NAMES))
def test_it_does_not_click_and_is_not_too_loud(name: str) -> None:
    sound = samples(name) / 32767
    assert 0.05 < np.max(np.abs(sound)) <= 0.4
    assert max(abs(sound[0]), abs(sound[-1])) < 0.001


@pytest.mark.parametrize(
    ("key", "row", "column"), [("1", 697, 1209), ("5", 770, 1336), ("h", 941, 1477), ("s", 941, 1209)]
)
def test_a_key_sounds_its_two_frequencies(key: str, row: int, column: int) -> None:
    sound = samples(f"dtmf{key}")
    strength = np.abs(np.fft.rfft(sound))
    strongest = np.fft.rfftfreq(len(sound), 1 / phone_sounds.RATE)[np.argsort(strength)[-2:]]
    assert sorted(strongest) == pytest.approx([row, column], abs=10)
