"""Many simulated calls in one loop: each sends both tracks, 50 frames a second each, evenly spread over time.

Frames are built as Twilio builds them, and cheaply: the sound is prepared once, only marks and counters change.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from sandbox.load.marks import MARK, Watch, chunk_mark, to_sound
from sandbox.twilio.phone.media_stream import CONNECTED, signature

SLICES = 20  # of 1 ms: the calls of one slice send together
FRAME = 160
_PREPARED = 50  # payloads, one second of sound


@dataclass(frozen=True, slots=True)
class Line:
    """What one simulated call needs: where to connect, who it is, and what opens it."""

    url: str
    auth_token: str
    account_sid: str
    call_sid: str
    ticket: str


class Caller(WSListener):
    """One stream. `speak` sends the next 20 ms of both tracks."""

    def __init__(self, line: Line, number: int, watch: Watch) -> None:
        self.lost = False
        self._line = line
        self._number = number
        self._watch = watch
        self._transport: WSTransport | None = None
        self._sid = f"MZ{number:032x}"
        self._tail = f'"}},"streamSid":"{self._sid}"}}'
        self._tick = 0
        self._sequence = 1

    async def connect(self) -> None:
        headers = {"x-twilio-signature": signature(self._line.auth_token, self._line.url)}
        await ws_connect(lambda: self, self._line.url, extra_headers=headers)
        self._send(CONNECTED)
        self._send(self._start())

    def speak(self) -> None:
        tick = self._tick
        chunk, frame = divmod(tick, 5)
        payload = _SPEECH[(tick + self._number) % _PREPARED]
        marked = payload
        if frame == 0:
            mark = to_sound(chunk_mark(self._number, chunk))
            marked = base64.b64encode(mark + _SOUND[(tick + self._number) % _PREPARED][MARK:]).decode()
        self._media("inbound", tick, marked)
        self._media("outbound", tick, payload)
        if frame == 4:
            self._watch.leave(chunk_mark(self._number, chunk))
        self._tick += 1

    def hang_up(self) -> None:
        self._send(
            f'{{"event":"stop","sequenceNumber":"{self._sequence + 1}","stop":{{}},"streamSid":"{self._sid}"}}'
        )

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        self.lost = True
        self._transport = None

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()

    def _media(self, track: str, tick: int, payload: str) -> None:
        self._sequence += 1
        self._send(
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"{track}","chunk":"{tick + 1}",'
            f'"timestamp":"{tick * 20}","payload":"{payload}{self._tail}'
        )

    def _start(self) -> str:
        start = {
            "accountSid": self._line.account_sid,
            "streamSid": self._sid,
            "callSid": self._line.call_sid,
            "tracks": ["inbound", "outbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"ticket": self._line.ticket},
        }
        return json.dumps({"event": "start", "sequenceNumber": "1", "start": start, "streamSid": self._sid})

    def _send(self, text: str) -> None:
        if self._transport is not None:
            self._transport.send(WSMsgType.TEXT, text)


async def speak_all(callers: list[Caller], seconds: float, second_passed: Callable[[], None] = lambda: None) -> None:
    """Let all callers speak in real time for ``seconds``, each slice's callers together."""
    slices = [callers[place::SLICES] for place in range(SLICES)]
    begun = time.monotonic()
    for millisecond in range(round(seconds * 1000)):
        for caller in slices[millisecond % SLICES]:
            caller.speak()
        if millisecond % 1000 == 999:
            second_passed()
        ahead = begun + (millisecond + 1) / 1000 - time.monotonic()
        if ahead > 0:
            await asyncio.sleep(ahead)
        elif millisecond % SLICES == 0:
            await asyncio.sleep(0)


def _speech() -> list[bytes]:
    """Return a second of loud sound in 20 ms pieces."""
    rng = random.Random(1)  # the same in every run
    return [bytes(rng.choice((0x20, 0x2A, 0xA0, 0xAA)) for _ in range(FRAME)) for _ in range(_PREPARED)]


_SOUND = _speech()
_SPEECH = [base64.b64encode(payload).decode() for payload in _SOUND]
