"""Moonshine, the real one: a sentence of the demo call through its process, and how its channels share it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import pytest_asyncio

from sandbox import demo
from sandbox.audio import coded_words, mulaw, voice
from sandbox.recognition.choice import choose
from sandbox.recognition.moonshine.engine import moonshine
from sandbox.recognition.process import Engine
from sandbox.recognition.recogniser import RecogniserError, Result
from sandbox.recognition.word_error_rate import compare, words

pytestmark = pytest.mark.slow
SECONDS = 60.0  # on a busy machine
TURN = 1
SHORT = 13


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Engine]:
    pytest.importorskip("moonshine_voice")
    async with moonshine() as running:
        yield running


def excerpt(*turns: int) -> bytes:
    """Turns of the demo call's caller, two seconds of silence after each."""
    said = [demo.script()[turn] for turn in turns]
    cut = [demo.track(turn.speaker)[int(turn.start * mulaw.RATE) : int(turn.end * mulaw.RATE)] for turn in said]
    return coded_words.silence(1) + b"".join(part + coded_words.silence(2) for part in cut)


async def hear(engine: Engine, ulaw: bytes) -> list[Result]:
    channel, pcm, results = engine(mulaw.RATE), mulaw.decode(ulaw).tobytes(), list[Result]()
    for first in range(0, len(pcm), 1600):
        results += await channel.feed(pcm[first : first + 1600])
    results += await channel.finish()
    channel.close()
    return results


def text(result: Result) -> str:
    return " ".join(word.text for word in result.words)


async def test_words_come_while_they_are_spoken_and_where_they_are_spoken(engine: Engine) -> None:
    results = await hear(engine, excerpt(TURN))
    partials = [result for result in results if not result.final]
    finals = [result for result in results if result.final]
    words_grow_while_they_are_spoken(partials)
    words_stay_once_they_are_stable(results)
    times_are_those_of_the_sound(finals)
    heard = " ".join(map(text, finals))
    assert compare(demo.script()[TURN].text, heard).rate <= 0.25, heard


def words_grow_while_they_are_spoken(partials: list[Result]) -> None:
    turn = demo.script()[TURN]
    assert len(partials) >= 3
    assert len(partials[0].words) < len(partials[-1].words)
    assert partials[0].end < 1.0 + (turn.end - turn.start) / 2
    assert max(result.stable for result in partials) > 0


def words_stay_once_they_are_stable(results: list[Result]) -> None:
    for earlier, later in pairwise(results):
        if earlier.utterance == later.utterance:
            kept = [word.text for word in earlier.words[: earlier.stable]]
            assert [word.text for word in later.words[: earlier.stable]] == kept


def times_are_those_of_the_sound(finals: list[Result]) -> None:
    turn = demo.script()[TURN]
    assert finals[0].start == pytest.approx(1.0, abs=0.4)
    assert finals[-1].end == pytest.approx(1.0 + turn.end - turn.start, abs=0.4)


async def test_what_is_said_last_before_the_end_is_heard_as_well(engine: Engine) -> None:
    turn = demo.script()[SHORT]
    start, end = round(turn.start * mulaw.RATE), round(turn.end * mulaw.RATE)
    pcm = mulaw.decode(demo.track(turn.speaker)[start:end]).tobytes()
    channel, last = engine(mulaw.RATE), mulaw.RATE  # half a second, less than is decoded at a time
    results = [*await channel.feed(pcm[:-last]), *await channel.feed(pcm[-last:]), *await channel.finish()]
    heard = " ".join(text(result) for result in results if result.final)
    assert words(heard)[-1] == words(turn.text)[-1]


async def test_ringing_keys_and_silence_say_nothing(engine: Engine) -> None:
    ringing = b"".join(voice.codes(frame) for frame in voice.ringing())
    assert [text(result) for result in await hear(engine, ringing * 2 + coded_words.silence(3))] == []


async def test_two_channels_share_one_process_and_hear_each_its_own(engine: Engine) -> None:
    mine, yours = await asyncio.gather(hear(engine, excerpt(SHORT)), hear(engine, coded_words.silence(6)))
    assert yours == []
    assert any(result.final for result in mine)
    assert engine.behind == 0.0  # both are over


async def test_a_dead_process_fails_its_channels_and_is_replaced(engine: Engine) -> None:
    channel = engine(mulaw.RATE)
    os.kill(engine.worker.pid, signal.SIGKILL)
    with pytest.raises(RecogniserError):
        await channel.feed(bytes(1600))
    async with asyncio.timeout(SECONDS):
        await engine.restarted.wait()
    assert await hear(engine, coded_words.silence(1)) == []


async def test_this_machine_hears_at_least_one_call_and_says_so() -> None:
    pytest.importorskip("moonshine_voice")
    choice = await choose("auto")
    assert choice.speech == "moonshine"
    assert choice.calls is not None
    assert f"{choice.calls} call" in str(choice)


async def test_without_the_wheel_pocketsphinx_hears_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moonshine_voice", None)  # as if it were not installed
    choice = await choose("auto")
    assert (choice.speech, choice.calls) == ("pocketsphinx", None)
    assert "moonshine-voice" in str(choice)
    with pytest.raises(RecogniserError):
        await choose("moonshine")
