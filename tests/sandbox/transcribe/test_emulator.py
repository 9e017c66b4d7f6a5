"""The emulated Transcribe on real sockets, spoken to by a client of AWS's own parts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sandbox.audio import coded_words, mulaw
from sandbox.recognition.scripted import Scripted
from sandbox.transcribe import eventstream
from sandbox.transcribe.emulator import Transcribe, transcribe
from sandbox.transcribe.stream import Limits
from tests.kit.media.transcribe_client import (
    KEY,
    MONO,
    SECRET,
    STABLE,
    STEREO,
    RefusedError,
    Signing,
    finals,
    lost,
    open_stream,
    presigned,
    text,
    transcripts,
)

KEYS = {KEY: SECRET}
CHUNK = 800  # samples in 100 ms
ONE_ID = "3a1f9c52-0d5e-4d8b-9a39-7d1f3f6e2b11"


def mono(*ulaw: bytes) -> bytes:
    return mulaw.decode(b"".join(ulaw)).tobytes()


def stereo(first: bytes, second: bytes) -> bytes:
    length = max(len(first), len(second))
    tracks = [mulaw.decode(track.ljust(length, mulaw.SILENCE)) for track in (first, second)]
    return np.stack(tracks, axis=1).tobytes()


HELLO = mono(coded_words.encode("hello there"), coded_words.silence(0.7))


@pytest_asyncio.fixture
async def service() -> AsyncIterator[Transcribe]:
    async with transcribe(port=0, access_keys=KEYS, recogniser=Scripted) as running:
        yield running


def mono_url(service: Transcribe, **query: str) -> str:
    return presigned(service.url, MONO | query)


async def refusal(url: str) -> str:
    """The type of the exception frame that a new stream gets, and nothing else before the close."""
    async with open_stream(url) as client:
        with pytest.raises(RefusedError) as refused:
            await client.rest()
        with pytest.raises(ConnectionClosed):
            await client.next()
    return refused.value.type


async def test_one_channel(service: Transcribe) -> None:
    results = await transcripts(mono_url(service), HELLO, 2 * CHUNK)
    assert [(text(result), result.is_partial) for result in results] == [
        ("hello", True),
        ("hello there", True),
        ("hello there", False),
    ]
    assert {(result.channel_id, result.result_id) for result in results} == {("ch_0", results[0].result_id)}
    assert (results[-1].start_time, results[-1].end_time) == (0.0, 0.66)


async def test_two_channels_are_heard_apart(service: Transcribe) -> None:
    caller = coded_words.encode("my internet is down.")
    agent = coded_words.silence(1.0) + coded_words.encode("oh no")
    results = await transcripts(presigned(service.url, STEREO | STABLE), stereo(caller, agent), 4 * CHUNK)
    assert finals(results, "ch_0") == ["my internet is down."]
    assert finals(results, "ch_1") == ["oh no"]
    assert len({result.result_id for result in results}) == 2
    assert {item.stable for item in (results[-1].alternatives or [])[0].items} == {True}


async def test_the_finals_still_owed_come_before_the_close(service: Transcribe) -> None:
    async with open_stream(mono_url(service)) as client:
        await client.play(mono(coded_words.encode("last words")), 2 * CHUNK)
        assert finals(await client.rest()) == ["last words"]
        assert (client.connection.close_code, client.connection.close_reason) == (
            1000,
            "Streaming completed successfully",
        )


async def test_an_empty_websocket_message_ends_the_stream_too(service: Transcribe) -> None:
    async with open_stream(mono_url(service)) as client:
        await client.send(mono(coded_words.encode("bye")))
        await client.connection.send(b"")
        assert finals(await client.rest()) == ["bye"]


async def test_what_happened_is_counted(service: Transcribe) -> None:
    async with open_stream(mono_url(service, **{"session-id": ONE_ID})) as client:
        await service.until(lambda: service.open == 1)
        await client.send(bytes(2 * CHUNK))
        await service.until(lambda: service.log[0].chunks == 1)
        (opening,) = service.log
        assert (opening.session_id, opening.audio_seconds, opening.ended) == (ONE_ID, 0.1, None)
        await client.send(b"")
        await client.rest()
    await service.until(lambda: service.open == 0)
    assert (service.opened, opening.ended) == (1, "completed")


async def test_the_upgrade_looks_like_the_real_one(service: Transcribe) -> None:
    async with open_stream(mono_url(service, **{"session-id": ONE_ID})) as client:
        assert client.connection.response is not None
        headers = client.connection.response.headers
        assert headers["x-amzn-SessionId"] == ONE_ID
        assert headers["websocket-location"].startswith(f"127.0.0.1:{service.port}/stream-transcription-websocket?")
        assert headers["websocket-origin"] == f"wss://127.0.0.1:{service.port}"
        assert headers["x-amzn-RequestId"]
        assert headers["Strict-Transport-Security"]


async def test_another_path_is_404(service: Transcribe) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{service.url}/medical-stream-transcription-websocket")
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize(
    ("signing", "type_"),
    [
        (Signing(key="AKIDNOBODY"), "UnrecognizedClientException"),
        (Signing(secret="wrong"), "InvalidSignatureException"),
        (Signing(token="borrowed"), "UnrecognizedClientException"),
        (Signing(region="us-east-1"), "InvalidSignatureException"),
        (Signing(host="transcribestreaming.ap-southeast-2.amazonaws.com:8443"), "InvalidSignatureException"),
        (Signing(date=datetime.now(UTC) - timedelta(hours=1)), "InvalidSignatureException"),
    ],
)
async def test_a_bad_signature_is_told_in_band(service: Transcribe, signing: Signing, type_: str) -> None:
    assert await refusal(presigned(service.url, MONO, signing)) == type_
    assert (service.opened, service.refused) == (0, 1)


async def test_a_temporary_key_with_its_token_is_accepted() -> None:
    tokens = {KEY: "token+/=="}
    async with transcribe(port=0, access_keys=KEYS, session_tokens=tokens, recogniser=Scripted) as service:
        url = presigned(service.url, MONO, Signing(token="token+/=="))
        assert finals(await transcripts(url, HELLO, 2 * CHUNK)) == ["hello there"]


async def test_a_bad_parameter_is_told_in_band(service: Transcribe) -> None:
    assert await refusal(mono_url(service, **{"language-code": "en-XX"})) == "BadRequestException"


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ("text", "Unexpected WebSocket frame received."),
        (b"not an event", "Unexpected WebSocket frame received."),
        (eventstream.encode({":message-type": "event", ":event-type": "VideoEvent"}, b"x"), "Unexpected WebSocket"),
        (eventstream.encode({":message-type": "event", ":event-type": "AudioEvent"}, b"odd"), "Could not decode"),
        (
            eventstream.encode({":message-type": "event", ":event-type": "AudioEvent"}, bytes(16001 * 2)),
            "Your stream is too big. Reduce the frame size and try your request again.",
        ),
    ],
)
async def test_a_bad_frame_ends_the_stream(service: Transcribe, frame: str | bytes, says: str) -> None:
    async with open_stream(mono_url(service)) as client:
        await client.connection.send(frame)
        with pytest.raises(RefusedError, match=r"BadRequestException") as refused:
            await client.rest()
    assert says in refused.value.text
    await service.until(lambda: service.log[0].ended == "BadRequestException")


async def test_a_chunk_is_a_second_at_most_and_32_kb(service: Transcribe) -> None:
    async with open_stream(presigned(service.url, STEREO)) as client:
        await client.send(bytes(4 * 8000))  # a second, and less than 32 KiB
        await client.send(bytes(4 * 8001))
        assert await lost(client) == "BadRequestException"
    async with open_stream(mono_url(service, **{"sample-rate": "48000"})) as client:
        await client.send(bytes(32 * 1024))
        await client.send(bytes(32 * 1024 + 2))
        assert await lost(client) == "BadRequestException"
    assert [opening.chunks for opening in service.log] == [1, 1]


async def test_half_a_stereo_sample_is_no_sound(service: Transcribe) -> None:
    async with open_stream(presigned(service.url, STEREO)) as client:
        await client.send(bytes(6))
        assert await lost(client) == "BadRequestException"


async def test_a_stream_without_sound_is_ended() -> None:
    limits = Limits(starve_seconds=0.2)
    async with (
        transcribe(port=0, access_keys=KEYS, recogniser=Scripted, limits=limits) as service,
        open_stream(mono_url(service)) as client,
    ):
        with pytest.raises(RefusedError) as refused:
            await client.rest()
    assert json.loads(refused.value.text) == {
        "Message": "Your request timed out because no new audio was received for 0.2 seconds."
    }


async def test_silence_is_sound(service: Transcribe) -> None:
    assert await transcripts(mono_url(service), bytes(2 * 8000 * 60), 2 * CHUNK) == []


async def test_a_stream_that_is_too_long_is_ended() -> None:
    limits = Limits(most_seconds=1.0)
    async with (
        transcribe(port=0, access_keys=KEYS, recogniser=Scripted, limits=limits) as service,
        open_stream(mono_url(service)) as client,
    ):
        for _ in range(11):
            await client.send(bytes(2 * CHUNK))
        assert await lost(client) == "LimitExceededException"


async def test_over_the_quota_is_told_in_band(service: Transcribe) -> None:
    service.quota = 1
    async with open_stream(mono_url(service)) as client:
        await service.until(lambda: service.open == 1)
        async with open_stream(mono_url(service)) as second:
            with pytest.raises(
                RefusedError, match=r"You have reached your limit of concurrent streams, 1\. Try again later\."
            ):
                await second.next()
        await client.send(b"")
        await client.rest()
    await service.until(lambda: service.open == 0)
    assert finals(await transcripts(mono_url(service), HELLO, 2 * CHUNK)) == ["hello there"]


async def test_too_many_starts_in_a_second_are_refused_in_band(service: Transcribe) -> None:
    service.starts_per_second = 1
    async with open_stream(mono_url(service)):
        await service.until(lambda: service.open == 1)
        async with open_stream(mono_url(service)) as second:
            with pytest.raises(RefusedError, match="limit of streams started in a second, 1"):
                await second.next()


async def test_a_second_stream_with_the_same_session_id_ends_the_first(service: Transcribe) -> None:
    url = mono_url(service, **{"session-id": ONE_ID})
    async with open_stream(url) as first:
        await service.until(lambda: service.open == 1)
        async with open_stream(url) as second:
            assert await lost(first) == "ConflictException"
            await second.play(HELLO, 2 * CHUNK)
            assert finals(await second.rest()) == ["hello there"]


async def test_many_streams_at_once(service: Transcribe) -> None:
    words = [f"call-{number}" for number in range(30)]
    urls = [mono_url(service) for _ in words]
    async with asyncio.TaskGroup() as tasks:
        heard = [
            tasks.create_task(transcripts(url, mono(coded_words.encode(word)), 2 * CHUNK))
            for url, word in zip(urls, words, strict=True)
        ]
    assert [finals(task.result()) for task in heard] == [[word] for word in words]
    assert service.opened == 30
