"""Sound that carries its words."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

from media.speech import audio
from sandbox.audio import coded_words, mulaw

words = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"], exclude_characters="/"), max_size=32)


def test_a_word_and_its_silence_last_360_ms() -> None:
    assert len(coded_words.encode("hello there")) == 2 * 0.36 * mulaw.RATE


def test_a_word_is_audible() -> None:
    spoken = mulaw.decode(coded_words.encode("hello")[: coded_words.WORD]).astype(float)
    assert np.sqrt(np.mean(spoken**2)) > 1000
    assert audio.is_loud(coded_words.encode("hello")[:800])


@given(words.filter(bool))
def test_every_packet_spells_its_word_and_survives_pcm(word: str) -> None:
    codes = mulaw.encode(mulaw.decode(coded_words.encode(word)))
    found = list(coded_words.packets(codes))
    assert {packet.word for packet in found} == {word}
    assert [packet.number for packet in found] == list(range(coded_words.PACKETS))
    assert [packet.at for packet in found] == [number * coded_words.PACKET for number in range(coded_words.PACKETS)]


@given(st.binary(max_size=400))
def test_noise_spells_nothing_or_something_but_never_fails(noise: bytes) -> None:
    assert all(packet.word for packet in coded_words.packets(noise))


@pytest.mark.parametrize("text", ["and/or", "naïve", "a" * 33, "nul\0"])
def test_what_cannot_be_spoken_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        coded_words.encode(text)
