"""Pocketsphinx behind the emulated Transcribe: the demo call's real sound over real sockets, and what goes wrong."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from sandbox import demo
from sandbox.audio import mulaw
from sandbox.recognition.process import Engine
from sandbox.recognition.recogniser import RecogniserError, Result
from sandbox.recognition.sphinx.engine import sphinx
from sandbox.recognition.word_error_rate import compare, words
from sandbox.transcribe.emulator import transcribe
from tests.kit.media.transcribe_client import (
    KEY,
    MONO,
    SECRET,
    STEREO,
    RefusedError,
    finals,
    open_stream,
    presigned,
    transcripts,
)

SECONDS = 60.0
HALF_SECOND = bytes(8000)


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[Engine]:
    async with sphinx() as running:
        yield running


async def hear(engine: Engine, ulaw: bytes) -> list[Result]:
    """Everything said about ``ulaw``, in chunks of 100 ms."""
    channel, results, pcm = engine(mulaw.RATE), list[Result](), mulaw.decode(ulaw).tobytes()
    for start in range(0, len(pcm), 1600):
        results += await channel.feed(pcm[start : start + 1600])
    results += await channel.finish()
    channel.close()
    return results


def excerpt(index: int) -> tuple[demo.Turn, bytes]:
    """One turn of the demo call, with half a second around it."""
    turn = demo.script()[index]
    start, end = (round(at * mulaw.RATE) for at in (turn.start - 0.5, turn.end + 0.8))
    return turn, demo.track(turn.speaker)[max(start, 0) : end]


@pytest.mark.slow
async def test_the_demo_call_is_understood(engine: Engine) -> None:
    """About 6 in 100 of its words come out wrong; a quarter is the most that is let pass."""
    tracks = [mulaw.decode(demo.track(speaker)) for speaker in demo.SPEAKERS]
    async with transcribe(port=0, access_keys={KEY: SECRET}, recogniser=engine) as service:
        results = await transcripts(presigned(service.url, STEREO), np.stack(tracks, axis=1).tobytes(), 3200)
    for channel, speaker in enumerate(demo.SPEAKERS):
        said = " ".join(turn.text for turn in demo.script() if turn.speaker == speaker)
        heard = " ".join(finals(results, f"ch_{channel}"))
        assert compare(said, heard).rate <= 0.25, (speaker, heard)


async def test_words_come_while_they_are_spoken_and_where_they_are_spoken(engine: Engine) -> None:
    turn, sound = excerpt(0)
    results = await hear(engine, sound)
    partials = [result for result in results if not result.final]
    assert len(partials) > 10
    assert partials[0].end < 2.0
    assert [result.final for result in results if result.utterance == 0].index(True) == len(results) - 1
    assert results[-1].start == pytest.approx(0.5, abs=0.3)
    assert results[-1].end == pytest.approx(0.5 + turn.end - turn.start, abs=0.3)
    assert all(word.start < word.end for word in results[-1].words)


async def test_the_same_sound_gives_the_same_words_alone_and_beside_another_channel(engine: Engine) -> None:
    sounds = [excerpt(index)[1] for index in (11, 13)]
    alone = [await hear(engine, sound) for sound in sounds]
    assert await asyncio.gather(*(hear(engine, sound) for sound in sounds)) == alone


async def test_a_dead_process_fails_its_streams_and_is_replaced(engine: Engine) -> None:
    async with transcribe(port=0, access_keys={KEY: SECRET}, recogniser=engine) as service:
        url = presigned(service.url, MONO)
        async with open_stream(url) as client:
            await client.send(HALF_SECOND)
            assert await client.next() == []
            os.kill(engine.worker.pid, signal.SIGKILL)
            await client.send(HALF_SECOND)
            with pytest.raises(RefusedError, match="InternalFailureException"):
                await client.rest()
        async with asyncio.timeout(SECONDS):
            await engine.restarted.wait()
        turn, sound = excerpt(9)
        heard = finals(await transcripts(presigned(service.url, MONO), mulaw.decode(sound).tobytes(), 1600))
        assert words(turn.text) == words(" ".join(heard))


async def test_a_channel_of_a_dead_process_fails_and_does_not_hang(engine: Engine) -> None:
    channel = engine(mulaw.RATE)
    os.kill(engine.worker.pid, signal.SIGKILL)
    async with asyncio.timeout(SECONDS):
        with pytest.raises(RecogniserError):
            await channel.feed(HALF_SECOND)
        with pytest.raises(RecogniserError):
            await channel.finish()
    channel.close()


async def test_a_missing_model_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(RecogniserError):
        async with sphinx(language=tmp_path / "none.arpa"):
            pass


async def test_the_process_ends_with_its_owner() -> None:
    async with sphinx() as engine:
        pid = engine.worker.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
