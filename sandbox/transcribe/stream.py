"""One stream of the emulated Transcribe: a WebSocket on which sound comes in and transcript events go out."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from sandbox.recognition.recogniser import Recogniser, RecogniserError, RecogniserFactory, Result
from sandbox.transcribe import answer, eventstream
from sandbox.transcribe.errors import AwsError
from sandbox.transcribe.heard import HeardChannel
from sandbox.transcribe.request import UNDECODABLE, StreamRequest, bad_request

COMPLETED = "Streaming completed successfully"  # the service's own close reason
_MOST_BYTES = 32 * 1024  # of one audio event
_MOST_SECONDS = 1.0
_OUTBOX = 1024  # frames; a client that reads none of them is not listened to any more
_SAMPLE = 2  # bytes
_NOTHING_EVERY_SECONDS = 1.0  # of audio without words
_TOO_BIG = "Your stream is too big. Reduce the frame size and try your request again."
_STARVED = "Your request timed out because no new audio was received for {:g} seconds."
_NOT_AUDIO = "Unexpected WebSocket frame received."
_FAILED = "A problem occurred while processing the audio. Amazon Transcribe terminated processing."
_TOO_LONG = "Your stream exceeds the maximum duration of {:g} seconds."


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service puts up with, in seconds: without an audio event, and of audio in one stream."""

    starve_seconds: float = 15.0
    most_seconds: float = 4 * 3600.0


@dataclass(slots=True)
class Opening:
    """One stream that was opened, for whoever counts: what was asked and what came of it.

    ``ended`` is None while it is open, then ``completed``, ``gone`` (the client left, or was dropped), or
    the type of the exception that ended it.
    """

    request: StreamRequest
    session_id: str
    audio_seconds: float = 0.0
    chunks: int = 0
    results: int = 0
    ended: str | None = None
    heard: list[HeardChannel] = field(init=False)

    def __post_init__(self) -> None:
        self.heard = [HeardChannel(self.request.rate) for _ in range(self.request.channels)]


class ScriptedFaults(Protocol):
    """What all streams live under, set by whoever tests."""

    mute: bool
    delay: float

    def changed(self) -> None:
        """Note that something was counted."""

    def release(self, stream: Stream) -> None:
        """Note that the stream has ended: it takes no place in the quota any more."""


class Stream:
    """One open stream."""

    def __init__(
        self,
        connection: ServerConnection,
        opening: Opening,
        recogniser: RecogniserFactory,
        limits: Limits,
        scripted_faults: ScriptedFaults,
    ) -> None:
        self.opening = opening
        self._connection = connection
        self._limits = limits
        self._scripted_faults = scripted_faults
        self._ears: list[Recogniser] = [recogniser(opening.request.rate) for _ in range(opening.request.channels)]
        self._id = uuid.uuid4()
        self._answered_at = 0.0  # seconds of audio, at the newest event
        self._outbox: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue(_OUTBOX)

    async def run(self) -> None:
        """Serve the stream until it ends, in whatever way."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send())
                self._note_end(await self._listen())
                await self._outbox.put(None)
        finally:
            self._note_end("gone")
            for ear in self._ears:
                ear.close()

    def fail(self, error: AwsError) -> None:
        """End the stream with ``error``, now."""
        self._note_end(error.type)
        try:
            self._outbox.put_nowait((0.0, answer.exception(error)))
            self._outbox.put_nowait(None)
        except asyncio.QueueFull:
            self.drop()

    def say(self, frame: bytes) -> None:
        """Send this, whatever it is."""
        with suppress(asyncio.QueueFull):
            self._outbox.put_nowait((0.0, frame))

    def drop(self) -> None:
        """Cut the connection without a word."""
        self._note_end("gone")
        self._connection.transport.abort()

    def _note_end(self, how: str) -> None:
        self.opening.ended = self.opening.ended or how
        self._scripted_faults.changed()

    async def _listen(self) -> str:
        """Take in the whole stream; how it ended."""
        try:
            async for chunk in self._chunks():
                await self._hear(chunk)
            for channel, ear in enumerate(self._ears):
                for result in await ear.finish():
                    await self._say(channel, result)
        except ConnectionClosed:
            return "gone"
        except RecogniserError:
            return await self._give_up(AwsError("InternalFailureException", _FAILED))
        except AwsError as error:
            return await self._give_up(error)
        return "completed"

    async def _give_up(self, error: AwsError) -> str:
        await self._post(answer.exception(error))
        return error.type

    async def _chunks(self) -> AsyncIterator[bytes]:
        """Yield the sound in the audio events, until one has none. Raise `AwsError`."""
        while frame := await self._receive():
            chunk = _audio(frame)
            if not chunk:
                return
            self._check(chunk)
            yield chunk

    async def _receive(self) -> bytes:
        try:
            async with asyncio.timeout(self._limits.starve_seconds):
                frame = await self._connection.recv()
        except TimeoutError:
            raise bad_request(_STARVED.format(self._limits.starve_seconds)) from None
        if isinstance(frame, str):
            raise bad_request(_NOT_AUDIO)
        return frame

    def _check(self, chunk: bytes) -> None:
        request = self.opening.request
        seconds = len(chunk) / (_SAMPLE * request.channels * request.rate)
        if len(chunk) > _MOST_BYTES or seconds > _MOST_SECONDS:
            raise bad_request(_TOO_BIG)
        if len(chunk) % (_SAMPLE * request.channels):
            raise bad_request(UNDECODABLE)
        self.opening.audio_seconds += seconds
        self.opening.chunks += 1
        self._scripted_faults.changed()
        if self.opening.audio_seconds > self._limits.most_seconds:
            raise AwsError("LimitExceededException", _TOO_LONG.format(self._limits.most_seconds))

    async def _hear(self, chunk: bytes) -> None:
        for channel, ear in enumerate(self._ears):
            pcm = self._channel(chunk, channel)
            self.opening.heard[channel].listen(pcm)
            for result in await ear.feed(pcm):
                await self._say(channel, result)
        heard = self.opening.audio_seconds
        if self.opening.chunks == 1 or heard - self._answered_at >= _NOTHING_EVERY_SECONDS:
            self._answered_at = heard
            await self._post(answer.transcript())  # as the service does, it says that it has heard no word

    def _channel(self, chunk: bytes, channel: int) -> bytes:
        channels = len(self._ears)
        return chunk if channels == 1 else np.frombuffer(chunk, dtype="<i2")[channel::channels].tobytes()

    async def _say(self, channel: int, result: Result) -> None:
        self.opening.results += 1
        self.opening.heard[channel].note(result)
        self._answered_at = self.opening.audio_seconds
        described = answer.describe(
            answer.redacted(result) if self.opening.request.redacts and result.final else result,
            result_id=str(uuid.uuid5(self._id, f"{channel}/{result.utterance}")),
            channel=channel,
            heard=self.opening.audio_seconds,
            stability=self.opening.request.stability,
        )
        await self._post(answer.transcript(described))

    async def _post(self, frame: bytes) -> None:
        await self._outbox.put((asyncio.get_running_loop().time() + self._scripted_faults.delay, frame))

    async def _send(self) -> None:
        """Send what is posted, each when it is due, then close. Goes on emptying the outbox if the client left."""
        while posted := await self._outbox.get():
            due, frame = posted
            await self._until(due)
            if not self._scripted_faults.mute:
                await self._deliver(frame)
        if self._scripted_faults.mute:
            await self._connection.wait_closed()
        self._scripted_faults.release(self)  # a client that reads the close may open its next stream
        await self._connection.close(1000, COMPLETED if self.opening.ended == "completed" else "")

    async def _until(self, due: float) -> None:
        """Wait until ``due``, or for the client to leave."""
        if due <= asyncio.get_running_loop().time():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due):
                await self._connection.wait_closed()

    async def _deliver(self, frame: bytes) -> None:
        with suppress(ConnectionClosed):  # that is for the listening side to notice
            await self._connection.send(frame)


def _audio(frame: bytes) -> bytes:
    """Return the sound in an audio event; none means the end. Raise `AwsError`."""
    try:
        event = eventstream.decode(frame)
    except eventstream.EventStreamError:
        raise bad_request(_NOT_AUDIO) from None
    if event.headers.get(":message-type") != "event" or event.headers.get(":event-type") != "AudioEvent":
        raise bad_request(_NOT_AUDIO)
    return event.payload
