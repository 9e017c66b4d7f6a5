"""The sum of what is heard."""

from __future__ import annotations

import base64

import numpy as np

from sandbox.audio import mulaw, voice
from sandbox.audio.voice import SILENCE
from sandbox.twilio.conference.mixer import KEPT, Ear, Mixer, mixed
from tests.kit.vendors.twilio_room import PITCHES, meeting, tone, tones_in

ONE, OTHER = (voice.frames(tone(PITCHES[who], 1))[0] for who in ("agent", "second"))


def test_one_voice_passes_to_the_byte() -> None:
    mixer = Mixer()
    mixer.route(0, {"A": (lambda _: ONE, lambda _: SILENCE)})
    assert mixer.frame("A", 5) == ONE
    assert mixer.frame("B", 5) == SILENCE


def test_two_voices_are_both_there() -> None:
    assert tones_in(mixed([ONE, OTHER])) == {"agent", "second"}
    assert mixed([]) == SILENCE


def test_what_is_too_loud_is_clipped_and_does_not_wrap() -> None:
    loudest = base64.b64encode(mulaw.encode(np.full(160, 32000, np.int16))).decode()
    samples = mulaw.decode(voice.codes(mixed([loudest] * 5)))
    assert samples.min() > 30000


def test_a_frame_fetched_late_sounds_as_it_was() -> None:
    mixer = Mixer()
    ear = Ear(mixer, "A")
    mixer.route(10, {"A": (lambda _: ONE,)})
    mixer.route(20, {"A": ()})
    assert (ear.frame(9), ear.frame(19), ear.frame(20)) == (SILENCE, ONE, SILENCE)
    mixer.route(20 + KEPT * 2, {"A": (lambda _: OTHER,)})
    mixer.route(20 + KEPT * 3, {})
    assert ear.frame(20 + KEPT * 2) == OTHER


async def test_a_jitter_buffer_holds_a_voice_back() -> None:
    async with meeting() as place:
        for who, size in {"agent": "off", "second": "large"}.items():
            await place.join(who, jitterBufferSize=size, waitUrl="")
        await place.speaking()
        began = place.legs["agent"].voice.begins
        assert began is not None
        heard = {who: [leg.heard(began + tick) != SILENCE for tick in range(5)] for who, leg in place.legs.items()}
        assert heard == {"second": [True] * 5, "agent": [False] * 3 + [True] * 2}
