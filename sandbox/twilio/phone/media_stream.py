"""Twilio's side of one Media Stream: its frames, and a connection that sends them in real time.

`FrameWriter` is pure and knows Twilio's exact JSON ("Media Streams: WebSocket messages"): every number but
``sampleRate`` and ``channels`` is a string. `MediaStream` opens the WebSocket as Twilio does: the header
``x-twilio-signature``, no Origin, no permessage-deflate, no redirect followed. Load tools may use either.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from sandbox.audio.clock import TICKS_PER_SECOND, Clock
from sandbox.twilio.faults import NONE, Faults, Mangler, Track

FRAME_MS = 1000 // TICKS_PER_SECOND
CONNECT_SECONDS = 10.0
USER_AGENT = "Twilio.TmeWs/1.0"

Source = Callable[[int], str]  # a tick of the clock to the base64 payload that sounds then

CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What ``start`` tells about a stream. ``url`` is signed exactly as it is written here."""

    url: str
    account_sid: str
    call_sid: str
    stream_sid: str
    tracks: tuple[Track, ...] = ("inbound",)
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """Why a stream is over: Twilio's error code (0: it was stopped) and its text."""

    code: int = 0
    text: str = ""


class FrameWriter:
    """The texts of one stream in the order Twilio numbers them. Pure but for its counters.

    ``chunk`` is counted for each track (Twilio's own example and what people see in the field disagree).
    """

    def __init__(self, facts: StreamFacts) -> None:
        self._facts = facts
        self._sequence = 0
        self._chunks: dict[Track, int] = dict.fromkeys(facts.tracks, 0)
        self._tail = f'"}},"streamSid":"{facts.stream_sid}"}}'

    def start(self) -> str:
        """Return the second text of a stream, after `CONNECTED`."""
        facts = self._facts
        body = {
            "accountSid": facts.account_sid,
            "streamSid": facts.stream_sid,
            "callSid": facts.call_sid,
            "tracks": facts.tracks,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(facts.parameters),
        }
        return self._event("start", body)

    def media(self, track: Track, timestamp_ms: int, payload: str) -> str:
        """Return one frame of ``track``; ``payload`` is base64 mu-law. Nothing in it needs escaping."""
        self._sequence += 1
        self._chunks[track] = chunk = self._chunks[track] + 1
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"{track}",'
            f'"chunk":"{chunk}","timestamp":"{timestamp_ms}","payload":"{payload}{self._tail}'
        )

    def stop(self) -> str:
        """Return the last text of a stream."""
        return self._event("stop", {"accountSid": self._facts.account_sid, "callSid": self._facts.call_sid})

    def _event(self, event: str, body: object) -> str:
        self._sequence += 1
        text = {"event": event, "sequenceNumber": str(self._sequence), event: body}
        return json.dumps(text | {"streamSid": self._facts.stream_sid}, separators=(",", ":"))


def signature(auth_token: str, url: str) -> str:
    """Return the handshake's ``x-twilio-signature``: over the URL as the TwiML spells it, without parameters."""
    return str(RequestValidator(auth_token).compute_signature(url, {}))


class MediaStream:
    """One stream against one listener, from handshake to end.

    ``sources`` gives each track's sound by the clock's tick. Frames come when their 20 ms have passed; a sender
    that was held up catches up at once, as a network does.
    """

    def __init__(
        self,
        facts: StreamFacts,
        auth_token: str,
        sources: Mapping[Track, Source],
        clock: Clock,
        faults: Faults = NONE,
    ) -> None:
        self._facts = facts
        self._signature = signature(auth_token, facts.url)
        self._sources = sources
        self._clock = clock
        self._faults = faults
        self._writer = FrameWriter(facts)
        self._mangler = Mangler(faults)
        self._ends: int | None = None  # the tick after its last frame
        self.held_until = 0.0  # seconds of the clock: frames before it come late
        self._held: list[str] = []

    def stop(self) -> None:
        """End the stream once it has said what is past: ``stop``, then a closing handshake."""
        if self._ends is None:
            self._ends = self._clock.tick()

    def hold_back(self, seconds: float) -> None:
        """Send nothing for ``seconds``, then everything at once: none is lost."""
        self.held_until = max(self.held_until, self._clock.now() + seconds)

    async def run(self, started: Callable[[], None] = lambda: None) -> StreamEnd:
        """Stream until stopped or cut off. Calls ``started`` once connected; never raises for the network's sake."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await self._connect()
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
            return _refusal(error)
        started()
        try:
            async with socket, asyncio.TaskGroup() as group:
                listening = group.create_task(_ignore_answers(socket))
                end = await self._stream(socket)
                listening.cancel()
        except ConnectionClosed as error:  # while closing
            end = _cut_off(error)
        return end

    async def _connect(self) -> ClientConnection:
        # "does not support query string parameters": in the field everything after the "?" is lost.
        return await _DirectConnect(
            self._facts.url.partition("?")[0],
            additional_headers={"x-twilio-signature": self._signature},
            user_agent_header=USER_AGENT,
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=None,
            close_timeout=5,
        )

    async def _stream(self, socket: ClientConnection) -> StreamEnd:
        try:
            await socket.send(CONNECTED)
            await socket.send(self._writer.start())
            await self._speak(socket)
            for text in [*self._held, *self._mangler.flush(), self._writer.stop()]:
                await socket.send(text)
        except ConnectionClosed as error:
            return _cut_off(error)
        return StreamEnd()

    async def _speak(self, socket: ClientConnection) -> None:
        first, sent = self._clock.tick(), 0
        while self._ends is None or first + sent < self._ends:
            if self._faults.dropped(sent / TICKS_PER_SECOND):
                socket.transport.abort()
            await self._clock.until(first + sent + 1)
            self._held += self._mangler.pass_on(self._frames(first, sent), sent)
            sent += 1
            if self.held_until <= self._clock.now():
                for text in self._held:
                    await socket.send(text)
                self._held.clear()

    def _frames(self, first: int, sent: int) -> list[str]:
        silent, at = self._faults.silent, sent / TICKS_PER_SECOND
        return [
            self._writer.media(track, sent * FRAME_MS, self._sources[track](first + sent))
            for track in self._facts.tracks
            if not silent(track, at)
        ]


class _DirectConnect(connect):
    """A connect that follows no redirect: anything but 101 is a failed handshake to Twilio."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def _ignore_answers(socket: ClientConnection) -> None:
    """Read, so that a close is seen. A unidirectional stream has nothing to hear."""
    try:
        async for _ in socket:
            pass
    except ConnectionClosed:
        pass  # the sending side tells why


def _refusal(error: Exception) -> StreamEnd:
    match error:
        case InvalidURI():
            return StreamEnd(31923, "Stream - WebSocket - Malformed URL")
        case InvalidHandshake():
            return StreamEnd(31920, f"Stream - WebSocket - Handshake Error: {error}")
        case TimeoutError():
            return StreamEnd(31901, "Stream - WebSocket - Connection Timeout")
        case _:
            return StreamEnd(31902, "Stream - WebSocket - Connection Refused")


def _cut_off(error: ConnectionClosed) -> StreamEnd:
    if error.rcvd is None:
        return StreamEnd(31903, "Stream - WebSocket - Connection Broken Pipe")
    if error.rcvd.code == 1000:  # a listener that has heard enough
        return StreamEnd()
    reason = f"Stream - WebSocket - Close Error: The server has returned close code {error.rcvd.code}"
    return StreamEnd(31921, f"{reason} {error.rcvd.reason}".strip())
