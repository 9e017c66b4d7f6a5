"""A voice that comes frame by frame."""

from __future__ import annotations

import base64

import pytest

from sandbox.audio.clock import Clock
from sandbox.audio.live_voice import LiveVoice
from sandbox.audio.voice import SILENCE, key

FRAMES = [bytes([code]) * 160 for code in range(0x20, 0x60)]


class StillClock(Clock):
    """A clock that is moved by hand."""

    at = 100

    def tick(self) -> int:
        return self.at


@pytest.fixture
async def clock() -> StillClock:
    return StillClock()


def heard(voice: LiveVoice, ticks: range) -> list[bytes]:
    """The frames that sound in ``ticks``, silence left out."""
    return [base64.b64decode(frame) for tick in ticks if (frame := voice.frame(tick)) != SILENCE]


async def test_frames_are_heard_one_after_the_other_a_moment_later_by_everybody(clock: StillClock) -> None:
    voice = LiveVoice(clock)
    for frame in FRAMES[:3]:
        voice.add(frame)
    assert heard(voice, range(90, 101)) == []
    assert heard(voice, range(100, 120)) == FRAMES[:3] == heard(voice, range(100, 120))


async def test_a_frame_that_was_late_is_heard_after_a_hole_and_none_is_lost(clock: StillClock) -> None:
    voice = LiveVoice(clock)
    voice.add(FRAMES[0])
    clock.at += 30
    voice.add(FRAMES[1])
    voice.add(FRAMES[2])
    assert heard(voice, range(100, 150)) == FRAMES[:3]


async def test_a_sender_with_a_faster_clock_does_not_fall_ever_further_behind(clock: StillClock) -> None:
    voice = LiveVoice(clock)
    for frame in FRAMES:
        voice.add(frame)
    assert 0 < len(heard(voice, range(100, 200))) <= 12
    assert heard(voice, range(clock.at + 13, 200)) == []


async def test_what_is_no_frame_is_not_heard(clock: StillClock) -> None:
    voice = LiveVoice(clock)
    voice.add(b"\x20" * 159)
    voice.add(b"")
    assert heard(voice, range(100, 120)) == []


async def test_a_muted_voice_is_silent_but_its_keys_sound(clock: StillClock) -> None:
    voice = LiveVoice(clock)
    voice.muted = True
    for frame in FRAMES[:9]:
        voice.add(frame)
    assert heard(voice, range(100, 130)) == []
    voice.press("1")
    voice.press("w")
    voice.press("#")
    tones = [base64.b64decode(frame) for digit in "1#" for frame in key(digit) if frame != SILENCE]
    assert heard(voice, range(100, 300)) == tones
    assert len(set(tones)) > 10
