"""A Transcribe for the benchmark: reads the marks in the sound, answers at the pace of real speech.

It takes any connection and any signature (sandbox/transcribe/emulator.py is the exact one); what it measures is when
a chunk arrived, and what it sends is what costs the receiver as much as the real thing: both channels talk, a partial
every 300 ms with its items, a final every four seconds.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from sandbox.load.marks import Watch, from_pcm, to_word
from sandbox.transcribe import eventstream

_PARTIAL_EVERY = 3  # chunks
_UTTERANCE = 40  # chunks
_HEADERS = {":message-type": "event", ":event-type": "TranscriptEvent", ":content-type": "application/json"}
_AUDIO_AT = 100  # bytes before the sound in an AudioEvent


class LoadTranscribe:
    """Counts what it was sent. ``heard`` times chunks, ``answered`` gives results their marks."""

    def __init__(self, heard: Watch, answered: Watch) -> None:
        self.heard = heard
        self.answered = answered
        self.chunks = 0
        self.results = 0
        self.open = 0
        self.marks = count(1)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on a free port of loopback; gives the endpoint."""

        def accept(_: WSUpgradeRequest) -> WSListener:
            return _Connection(self)

        server = await ws_create_server(accept, "127.0.0.1", 0)
        try:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()


class _Connection(WSListener):
    def __init__(self, transcribe: LoadTranscribe) -> None:
        self._transcribe = transcribe
        self._chunks = 0

    def on_ws_connected(self, transport: WSTransport) -> None:  # noqa: ARG002
        self._transcribe.open += 1

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        self._transcribe.open -= 1

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
            return
        sound = frame.get_payload_as_memoryview()[_AUDIO_AT:-4]
        if not sound:
            transport.send_close()
            transport.disconnect()
            return
        self._take(transport, sound)

    def _take(self, transport: WSTransport, sound: memoryview) -> None:
        mark = from_pcm(sound)
        if mark is not None:
            self._transcribe.heard.arrive(mark)
        self._transcribe.chunks += 1
        self._chunks += 1
        for channel in (0, 1):
            if (self._chunks + channel) % _PARTIAL_EVERY == 0:
                self._answer(transport, channel)

    def _answer(self, transport: WSTransport, channel: int) -> None:
        mark = next(self._transcribe.marks)
        event = _event(self._chunks, channel, mark)
        self._transcribe.answered.leave(mark)
        self._transcribe.results += 1
        transport.send(WSMsgType.BINARY, event)


def answers(chunks: int) -> list[list[bytes]]:
    """Return what is answered to each of so many chunks of a call."""
    return [
        [_event(chunk, channel, chunk) for channel in (0, 1) if (chunk + channel) % _PARTIAL_EVERY == 0]
        for chunk in range(1, chunks + 1)
    ]


def _event(chunks: int, channel: int, mark: int) -> bytes:
    """Return the event that follows so many chunks, its text begun with ``mark``."""
    number, said = divmod(chunks, _UTTERANCE)
    final = said >= _UTTERANCE - _PARTIAL_EVERY
    start, end = number * _UTTERANCE / 10, chunks / 10
    text = result(f"r{number}-{channel}", channel, start, end, [to_word(mark), *WORDS[: 1 + said // 3]], final)
    return eventstream.encode(_HEADERS, text)


WORDS = "thank you for calling how can I help you with your account this morning please".split()  # noqa: SIM905
"""What is said, after the mark."""


def result(name: str, channel: int, start: float, end: float, words: list[str], final: bool) -> bytes:
    """Return one TranscriptEvent's JSON, as Transcribe spells it."""
    items = [
        {"Content": word, "StartTime": start, "EndTime": end, "Type": "pronunciation", "Stable": final}
        for word in words
    ]
    spoken = {"Transcript": " ".join(words), "Items": items}
    body = {
        "ResultId": name,
        "StartTime": start,
        "EndTime": end,
        "IsPartial": not final,
        "ChannelId": f"ch_{channel}",
        "Alternatives": [spoken],
    }
    return json.dumps({"Transcript": {"Results": [body]}}).encode()
