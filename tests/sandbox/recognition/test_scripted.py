"""The scripted recogniser: exactly the words that were heard, when they were heard."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings, strategies as st

from sandbox.audio import coded_words, mulaw
from sandbox.recognition.recogniser import Result
from sandbox.recognition.scripted import Scripted

FRAME = 160  # 20 ms, what a telephone line loses at a time
SENTENCE = "one two two three four"


def listen(ulaw: bytes, chunk: int = 800, rate: int = mulaw.RATE) -> list[Result]:
    """Everything said about ``ulaw``, given in chunks of so many samples."""

    async def feed() -> list[Result]:
        recogniser = Scripted(rate)
        results: list[Result] = []
        pcm = mulaw.decode(ulaw).tobytes()
        for start in range(0, len(pcm), 2 * chunk):
            results += await recogniser.feed(pcm[start : start + 2 * chunk])
        return results + list(await recogniser.finish())

    return asyncio.run(feed())


def text(result: Result) -> str:
    return " ".join(word.text for word in result.words)


def finals(results: Sequence[Result]) -> list[str]:
    return [text(result) for result in results if result.final]


def without(ulaw: bytes, frame: int, count: int) -> bytes:
    """``ulaw`` from which frames were lost and nothing put in their place."""
    return ulaw[: frame * FRAME] + ulaw[(frame + count) * FRAME :]


def silenced(ulaw: bytes, frame: int, count: int) -> bytes:
    """``ulaw`` from which frames were lost and silence put in their place."""
    return ulaw[: frame * FRAME] + mulaw.SILENCE * FRAME * count + ulaw[(frame + count) * FRAME :]


def doubled(ulaw: bytes, frame: int, count: int) -> bytes:
    """``ulaw`` of which some frames came twice."""
    return ulaw[: (frame + count) * FRAME] + ulaw[frame * FRAME :]


def test_a_partial_follows_each_word_and_a_final_the_pause() -> None:
    results = listen(coded_words.encode("hello there you") + coded_words.silence(0.7))
    assert [(text(result), result.final) for result in results] == [
        ("hello", False),
        ("hello there", False),
        ("hello there you", False),
        ("hello there you", True),
    ]
    assert {result.utterance for result in results} == {0}


def test_times_are_those_of_the_sound() -> None:
    (final,) = (result for result in listen(coded_words.silence(1.5) + coded_words.encode("a b")) if result.final)
    assert [(word.start, word.end) for word in final.words] == [(1.5, 1.8), (1.86, 2.16)]


def test_utterances_are_told_apart() -> None:
    talk = coded_words.silence(coded_words.PAUSE_SECONDS).join(map(coded_words.encode, ["one two", "three"]))
    results = listen(talk)
    assert finals(results) == ["one two", "three"]
    assert [result.utterance for result in results if result.final] == [0, 1]


def test_a_short_pause_ends_nothing() -> None:
    assert finals(listen(coded_words.encode("one") + coded_words.silence(0.4) + coded_words.encode("two"))) == [
        "one two"
    ]


@settings(deadline=None)
@given(st.integers(1, 8000))
def test_the_size_of_the_chunks_changes_no_final(chunk: int) -> None:
    talk = coded_words.silence(0.13) + coded_words.encode(SENTENCE) + coded_words.silence(0.9)
    assert finals(listen(talk, chunk)) == [SENTENCE]


@settings(deadline=None)
@given(st.integers(0, 2000))
def test_it_does_not_matter_where_in_the_sound_a_word_begins(shift: int) -> None:
    assert finals(listen(mulaw.SILENCE * shift + coded_words.encode(SENTENCE))) == [SENTENCE]


def test_a_word_cut_by_less_than_half_is_heard() -> None:
    talk = coded_words.encode("one two three")
    assert finals(listen(without(talk, 20, 7))) == ["one two three"]
    assert finals(listen(silenced(talk, 20, 7))) == ["one two three"]
    assert finals(listen(without(talk, 18, 7))) == ["one two three"]


def test_a_word_cut_by_more_than_half_is_lost() -> None:
    talk = coded_words.encode("one two three")
    assert finals(listen(without(talk, 18, 8))) == ["one three"]
    assert finals(listen(silenced(talk, 22, 8))) == ["one three"]


def test_a_word_played_twice_is_heard_twice() -> None:
    assert finals(listen(doubled(coded_words.encode("one two three"), 18, 18))) == ["one two two three"]


def test_most_of_a_word_played_twice_is_heard_twice() -> None:
    assert finals(listen(doubled(coded_words.encode("one two three"), 22, 10))) == ["one two two three"]


def test_one_frame_played_twice_adds_no_word() -> None:
    assert finals(listen(doubled(coded_words.encode("one two three"), 21, 1))) == ["one two three"]


@settings(deadline=None)
@given(st.integers(0, 5 * 18 - 1), st.integers(1, 30))
def test_lost_sound_loses_words_and_makes_up_none(frame: int, count: int) -> None:
    heard = " ".join(finals(listen(silenced(coded_words.encode(SENTENCE), frame, count)))).split()
    spoken = iter(SENTENCE.split())
    assert all(word in spoken for word in heard)


def test_real_speech_and_other_rates_are_nothing_to_it() -> None:
    noise = bytes(range(1, 120)) * 100
    assert listen(noise) == []
    assert listen(coded_words.encode("hello"), rate=16000) == []


def test_a_promised_word_stays() -> None:
    results = listen(coded_words.encode(SENTENCE))
    for earlier, later in pairwise(results):
        assert text(later).startswith(text(earlier))
        assert earlier.stable == len(earlier.words)
