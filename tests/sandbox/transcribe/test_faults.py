"""What a test can make go wrong at the emulated Transcribe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from sandbox.audio import coded_words, mulaw
from sandbox.recognition.scripted import Scripted
from sandbox.transcribe.emulator import Transcribe, transcribe
from tests.kit.media.transcribe_client import (
    KEY,
    MONO,
    SECRET,
    finals,
    lost,
    open_stream,
    presigned,
    text,
    transcripts,
)

CHUNK = 800  # samples in 100 ms
HELLO = mulaw.decode(coded_words.encode("hello there") + coded_words.silence(0.7)).tobytes()


@pytest_asyncio.fixture
async def service() -> AsyncIterator[Transcribe]:
    async with transcribe(port=0, access_keys={KEY: SECRET}, recogniser=Scripted) as running:
        yield running


def mono_url(service: Transcribe) -> str:
    return presigned(service.url, MONO)


async def test_dropped_connections_get_no_close(service: Transcribe) -> None:
    async with open_stream(mono_url(service)) as client:
        await service.until(lambda: service.open == 1)
        service.drop()
        await client.rest()
        assert client.connection.close_code == 1006
    await service.until(lambda: service.open == 0)
    assert service.log[0].ended == "gone"


async def test_any_exception_can_be_raised_in_band(service: Transcribe) -> None:
    async with open_stream(mono_url(service)) as client:
        await service.until(lambda: service.open == 1)
        service.fail("ServiceUnavailableException")
        assert await lost(client) == "ServiceUnavailableException"
    assert service.log[0].ended == "ServiceUnavailableException"


@pytest.mark.parametrize(("status", "type_"), [(429, "LimitExceededException"), (503, "ServiceUnavailableException")])
async def test_the_upgrade_can_be_refused(service: Transcribe, status: int, type_: str) -> None:
    service.refuse(status)
    with pytest.raises(InvalidStatus) as refused:
        await connect(mono_url(service))
    response = refused.value.response
    assert (response.status_code, response.headers["x-amzn-ErrorType"]) == (status, type_)
    assert response.body is not None
    assert "Message" in json.loads(response.body)
    service.accept()
    assert finals(await transcripts(mono_url(service), HELLO, 2 * CHUNK)) == ["hello there"]


async def test_the_upgrade_can_be_cut_and_refusing_ends_by_itself(service: Transcribe) -> None:
    service.refuse(seconds=3600)
    with pytest.raises((InvalidMessage, ConnectionError, EOFError)):
        await connect(mono_url(service))
    service.refuse(seconds=0)
    assert finals(await transcripts(mono_url(service), HELLO, 2 * CHUNK)) == ["hello there"]
    assert service.refused == 1


async def test_a_mute_service_takes_sound_and_says_nothing_not_even_goodbye(service: Transcribe) -> None:
    service.mute = True
    async with open_stream(mono_url(service)) as client:
        await client.play(HELLO, 2 * CHUNK)
        await service.until(lambda: service.log[0].ended == "completed")
        assert service.log[0].results == 3
        assert service.open == 1
        await client.connection.close()
        assert await client.rest() == []


async def test_late_answers_are_complete_and_in_order(service: Transcribe) -> None:
    service.delay = 0.05
    results = await transcripts(mono_url(service), HELLO, 2 * CHUNK)
    assert [text(result) for result in results] == ["hello", "hello there", "hello there"]


async def test_late_answers_have_not_come_yet_and_a_client_that_leaves_is_not_waited_for(service: Transcribe) -> None:
    service.delay = 3600.0
    async with open_stream(mono_url(service)) as client:
        await client.send(HELLO[: 2 * 8000])
        await service.until(lambda: service.log[0].results == 1)
        await (await client.connection.ping())  # whatever was sent before is here once this is
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await client.connection.recv()
    await service.until(lambda: service.open == 0)
