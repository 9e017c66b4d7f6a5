"""What every recogniser promises, asked of each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio

from sandbox import demo
from sandbox.audio import coded_words, mulaw
from sandbox.recognition.moonshine.engine import moonshine
from sandbox.recognition.recogniser import Recogniser, RecogniserFactory, Result
from sandbox.recognition.scripted import Scripted
from sandbox.recognition.sphinx.engine import sphinx

CODED = coded_words.encode("good morning.") + coded_words.silence(1) + coded_words.encode("bye")


def two_turns() -> bytes:
    """Two of the caller's turns, short ones, with the agent's silence around them."""
    first, last = [turn for turn in demo.script() if turn.speaker == "caller"][5:7]
    return demo.track("caller")[int((first.start - 0.5) * mulaw.RATE) : int((last.end + 1.5) * mulaw.RATE)]


@pytest_asyncio.fixture(params=["scripted", "sphinx", pytest.param("moonshine", marks=pytest.mark.slow)])
async def heard(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Recogniser, bytes]]:
    """A recogniser, and mu-law of two utterances that it understands."""
    if request.param == "scripted":
        yield Scripted(mulaw.RATE), CODED
        return
    if request.param == "moonshine":
        pytest.importorskip("moonshine_voice")
    async with sphinx() if request.param == "sphinx" else moonshine() as engine:
        factory: RecogniserFactory = engine
        yield factory(mulaw.RATE), two_turns()


async def results_of(recogniser: Recogniser, ulaw: bytes) -> list[Result]:
    pcm, results = mulaw.decode(ulaw).tobytes(), list[Result]()
    for start in range(0, len(pcm), 1600):
        results += await recogniser.feed(pcm[start : start + 1600])
    return results + list(await recogniser.finish())


async def test_utterances_follow_each_other_and_so_do_their_words(heard: tuple[Recogniser, bytes]) -> None:
    recogniser, ulaw = heard
    results = await results_of(recogniser, ulaw)
    each_utterance_ends_in_one_final_and_the_next_has_the_next_number(results)
    words_are_in_order_within_the_sound_and_never_none(results, len(ulaw) / mulaw.RATE)


def each_utterance_ends_in_one_final_and_the_next_has_the_next_number(results: list[Result]) -> None:
    assert [result.utterance for result in results if result.final] == [0, 1]
    assert [result.utterance for result in results] == sorted(result.utterance for result in results)
    for earlier, later in pairwise(results):
        assert not earlier.final or later.utterance == earlier.utterance + 1


def words_are_in_order_within_the_sound_and_never_none(results: list[Result], seconds: float) -> None:
    for result in results:
        times = [time for word in result.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert 0 <= result.start < result.end <= seconds + 0.1
        assert all(word.text and 0 <= word.confidence <= 1 for word in result.words)
        assert result.stable <= len(result.words)


async def test_silence_says_nothing_and_closing_twice_does_no_harm(heard: tuple[Recogniser, bytes]) -> None:
    recogniser, _ = heard
    assert await results_of(recogniser, coded_words.silence(3)) == []
    recogniser.close()
    recogniser.close()
