"""What becomes of sound that is not the demo call: nothing, or an honest mark."""

from __future__ import annotations

import base64
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from sandbox import demo
from sandbox.audio import coded_words, mulaw, voice as audio_voice
from sandbox.recognition.recogniser import NOT_UNDERSTOOD, Word
from sandbox.recognition.sphinx.listener import SphinxListener, Upsampler, written
from sandbox.recognition.tones import is_tone

RATE = mulaw.RATE


def said(ulaw: bytes) -> list[str]:
    """The finals of ``ulaw``."""
    listener = SphinxListener(demo.LANGUAGE, demo.DICTIONARY, RATE)
    pcm = mulaw.decode(ulaw).tobytes()
    chunks = [pcm[start : start + 1600] for start in range(0, len(pcm), 1600)]
    results = [result for chunk in chunks for result in listener.feed(chunk)] + listener.finish()
    return [" ".join(word.text for word in result.words) for result in results if result.final]


def tone(*hertz: float, seconds: float = 0.09, rate: int = 16000) -> bytes:
    time = np.arange(int(seconds * rate)) / rate
    mixed = np.sum([np.sin(2 * np.pi * pitch * time) for pitch in hertz], axis=0)
    return np.asarray(3000 * mixed, dtype="<i2").tobytes()


def spoken(frames: audio_voice.Frames) -> bytes:
    return b"".join(base64.b64decode(frame) for frame in frames)


@pytest.mark.parametrize("loudness", [0, 60, 2000])
def test_noise_says_nothing(loudness: float) -> None:
    noise = np.random.default_rng(2).normal(0, loudness, 4 * RATE).astype("<i2")
    assert said(mulaw.encode(noise)) == []


def test_ringing_and_prompts_say_nothing() -> None:
    assert said(coded_words.silence(1) + spoken(audio_voice.ringing()) * 2 + spoken(audio_voice.prompt())) == []


def test_no_sound_at_all_is_no_utterance() -> None:
    assert said(b"") == []
    assert said(mulaw.SILENCE) == []


def test_speech_cut_off_in_the_middle_still_gives_its_words() -> None:
    turn = demo.script()[0]
    assert said(demo.track(turn.speaker)[: round((turn.start + 1.1) * RATE)])[0].startswith("Good morning")


def test_somebody_who_never_pauses_is_cut_into_utterances() -> None:
    turn = demo.script()[0]
    sentence = demo.track(turn.speaker)[round(turn.start * RATE) : round(turn.end * RATE)]
    assert len(said(sentence * 4)) >= 2


@pytest.mark.parametrize("hertz", [(425,), (400, 450), (697, 1209), (300,)])
def test_one_or_two_tones_are_tones(hertz: tuple[float, ...]) -> None:
    assert is_tone(tone(*hertz))


def test_three_tones_or_speech_are_not() -> None:
    assert not is_tone(tone(400, 800, 1200, 1600))
    turn = demo.script()[1]
    speech = mulaw.decode(demo.track(turn.speaker)[round(turn.start * RATE) : round(turn.end * RATE)])
    loud = Upsampler(RATE).convert(speech.tobytes()).astype("<i2").tobytes()
    frames = [loud[at : at + 2880] for at in range(0, len(loud) - 2880, 2880)]
    assert not any(is_tone(frame) for frame in frames if np.abs(np.frombuffer(frame, dtype="<i2")).max() > 1000)


def test_guesses_become_a_mark() -> None:
    guesses = (Word("cable", 1.0, 1.3, 0.1), Word("the", 1.3, 1.4, 0.3))
    assert written(guesses) == (Word(NOT_UNDERSTOOD, 1.0, 1.4, 0.2),)


def test_words_become_a_sentence() -> None:
    sure = (Word("no", 1.0, 1.3, 0.9), Word("worries", 1.3, 1.7, 0.8))
    assert [word.text for word in written(sure)] == ["No", "worries."]
    assert [word.text for word in written(sure[:1])] == ["No."]


@settings(deadline=None)
@given(
    st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]),
    st.lists(st.integers(0, 700), min_size=1, max_size=8),
)
def test_upsampling_has_no_seams(rate: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(3).integers(-30000, 30000, sum(cuts)).astype("<i2")
    upsampler, edges = Upsampler(rate), np.cumsum([0, *cuts])
    chunked = np.concatenate([upsampler.convert(samples[start:end].tobytes()) for start, end in pairwise(edges)])
    whole = Upsampler(rate).convert(samples.tobytes())
    assert abs(len(chunked) - len(whole)) <= 1  # the last sample may wait for the next chunk
    assert abs(len(whole) - len(samples) * 16000 / rate) <= 2
    shared = min(len(chunked), len(whole))
    assert np.allclose(chunked[:shared], whole[:shared], atol=0.1)
