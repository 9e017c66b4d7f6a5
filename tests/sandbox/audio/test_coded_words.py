"""Sound that carries its words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import audio
from sandbox import mulaw, script_audio

words = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"], exclude_characters="/"), max_size=32)


def test_a_word_and_its_silence_last_360_ms() -> None:
    assert len(script_audio.encode("hello there")) == 2 * 0.36 * mulaw.RATE


def test_a_word_is_audible() -> None:
    spoken = mulaw.decode(script_audio.encode("hello")[: script_audio.WORD]).astype(float)
    assert np.sqrt(np.mean(spoken**2)) > 1000
    assert audio.is_loud(script_audio.encode("hello")[:800])


@given(words.filter(bool))
def test_every_packet_spells_its_word_and_survives_pcm(word: str) -> None:
    codes = mulaw.encode(mulaw.decode(script_audio.encode(word)))
    found = list(script_audio.packets(codes))
    assert {packet.word for packet in found} == {word}
    assert [packet.number for packet in found] == list(range(script_audio.PACKETS))
    assert [packet.at for packet in found] == [number * script_audio.PACKET for number in range(script_audio.PACKETS)]


@given(st.binary(max_size=400))
def test_noise_spells_nothing_or_something_but_never_fails(noise: bytes) -> None:
    assert all(packet.word for packet in script_audio.packets(noise))


@pytest.mark.parametrize("text", ["and/or", "naïve", "a" * 33, "nul\0"])
def test_what_cannot_be_spoken_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be spoken"):
        script_audio.encode(text)
