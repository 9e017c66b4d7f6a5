"""A client of Amazon Transcribe made of AWS's own parts: awscrt signs, amazon-transcribe encodes and decodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from amazon_transcribe.deserialize import TranscribeStreamingEventParser
from amazon_transcribe.eventstream import EventStreamBuffer, EventStreamMessageSerializer
from amazon_transcribe.model import AudioEvent, Result
from amazon_transcribe.serialize import AudioEventSerializer
from awscrt.auth import AwsCredentialsProvider, AwsSignatureType, AwsSigningConfig, aws_sign_request
from awscrt.http import HttpHeaders, HttpRequest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATH = "/stream-transcription-websocket"
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MONO = {"language-code": "en-AU", "media-encoding": "pcm", "sample-rate": "8000"}
STEREO = MONO | {"enable-channel-identification": "true", "number-of-channels": "2"}
STABLE = {"enable-partial-results-stabilization": "true"}
_SECONDS = 60.0


class RefusedError(Exception):
    """The service sent an exception frame of this type."""

    def __init__(self, type_: str, text: str) -> None:
        super().__init__(f"{type_}: {text}")
        self.type, self.text = type_, text


@dataclass(frozen=True)
class Signing:
    """Everything a signature is made of; the defaults are what the service expects."""

    key: str = KEY
    secret: str = SECRET
    token: str | None = None
    region: str = "ap-southeast-2"
    service: str = "transcribe"
    expires: int = 300
    date: datetime | None = None
    host: str | None = None


def presigned(endpoint: str, query: dict[str, str], signing: Signing = Signing()) -> str:
    """The signed URL of one stream at ``endpoint`` (``ws://host:port``)."""
    host = signing.host or urlsplit(endpoint).netloc
    request = HttpRequest("GET", f"{PATH}?{urlencode(query, quote_via=quote)}", HttpHeaders([("host", host)]))
    config = AwsSigningConfig(
        signature_type=AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS,
        credentials_provider=AwsCredentialsProvider.new_static(signing.key, signing.secret, signing.token),
        region=signing.region,
        service=signing.service,
        date=signing.date or datetime.now(UTC),
        expiration_in_seconds=signing.expires,
    )
    return endpoint + str(aws_sign_request(request, config).result(_SECONDS).path)


@dataclass
class Client:
    """One stream, open."""

    connection: ClientConnection
    results: list[Result] = field(default_factory=list)

    async def send(self, pcm: bytes) -> None:
        """One audio event; without sound it is the end."""
        headers, payload = AudioEventSerializer().serialize(AudioEvent(pcm))
        await self.connection.send(EventStreamMessageSerializer().serialize(headers, payload))

    async def play(self, pcm: bytes, chunk: int) -> None:
        """All of ``pcm`` in audio events of ``chunk`` bytes, then the end."""
        for start in range(0, len(pcm), chunk):
            await self.send(pcm[start : start + chunk])
        await self.send(b"")

    async def next(self) -> list[Result]:
        """The results of the next event. Raise `RefusedError`, ConnectionClosed or TimeoutError."""
        async with asyncio.timeout(_SECONDS):
            frame = await self.connection.recv()
        buffer = EventStreamBuffer()
        assert isinstance(frame, bytes)
        buffer.add_data(frame)
        event: Any = buffer.next()  # its annotations are wrong
        if event.headers[":message-type"] == "exception":
            raise RefusedError(str(event.headers[":exception-type"]), event.payload.decode())
        parsed: Any = TranscribeStreamingEventParser().parse(event)
        results: list[Result] = parsed.transcript.results
        self.results += results
        return results

    async def rest(self) -> list[Result]:
        """Every result until the service closes, with those already read."""
        try:
            while True:
                await self.next()
        except ConnectionClosed:
            return self.results


@asynccontextmanager
async def open_stream(url: str) -> AsyncIterator[Client]:
    """A stream at a signed ``url``."""
    async with connect(url, compression=None, max_size=None, ping_interval=None) as connection:
        yield Client(connection)


async def transcripts(url: str, pcm: bytes, chunk: int) -> list[Result]:
    """Play ``pcm`` and read along, as fast as it goes; every result."""
    async with open_stream(url) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(client.play(pcm, chunk))
        return await client.rest()


def text(result: Result) -> str:
    """What was said."""
    assert result.alternatives
    return str(result.alternatives[0].transcript)


def finals(results: list[Result], channel: str = "ch_0") -> list[str]:
    """What ``channel`` said in the end."""
    return [text(result) for result in results if result.channel_id == channel and not result.is_partial]


async def lost(client: Client) -> str:
    """The type of the exception frame that an open stream ends with."""
    try:
        await client.rest()
    except RefusedError as error:
        return error.type
    return "nothing"
