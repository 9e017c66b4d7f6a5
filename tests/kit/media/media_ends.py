"""The two ends of a media node under test.

`Line` is Twilio's end of one call, which speaks words (as scripted sound) as fast as it is told to; `Screen` is a
browser's, which folds what it is told like the page does.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from sandbox.audio import coded_words
from sandbox.twilio.faults import Track
from sandbox.twilio.phone.media_stream import FrameWriter, StreamFacts

FRAME = 160
PAUSE = coded_words.silence(coded_words.PAUSE_SECONDS)


@dataclass
class Line:
    """Twilio's end of one call. Words become frames of both tracks, the other track silent."""

    socket: ClientConnection
    facts: StreamFacts
    writer: FrameWriter
    at_ms: int = 0

    @property
    def call(self) -> str:
        return self.facts.call_sid

    async def say(self, words: str, track: Track = "inbound", *, pause: bool = True) -> None:
        """``words`` on one track and silence on the other, then (as speakers do) a pause."""
        await self.play(coded_words.encode(words) + (PAUSE if pause else b""), track)

    async def play(self, sound: bytes, track: Track = "inbound") -> None:
        """Mu-law on one track, silence on the other, 20 ms at a time, as fast as it goes."""
        for text in self.frames(sound, track):
            await self.send(text)

    async def pause(self, seconds: float) -> None:
        await self.play(coded_words.silence(seconds))

    def frames(self, sound: bytes, track: Track = "inbound") -> list[str]:
        """The frames that ``sound`` makes, both tracks, moving the call's clock on."""
        texts = []
        silence = base64.b64encode(coded_words.silence(0.02)).decode()
        for start in range(0, len(sound), FRAME):
            payload = base64.b64encode(sound[start : start + FRAME].ljust(FRAME, b"\xff")).decode()
            for name in ("inbound", "outbound"):
                track_name: Track = "inbound" if name == "inbound" else "outbound"
                texts.append(self.writer.media(track_name, self.at_ms, payload if name == track else silence))
            self.at_ms += 20
        return texts

    async def send(self, *texts: str | bytes) -> None:
        for text in texts:
            await self.socket.send(text)

    async def hang_up(self) -> None:
        """The call is over: Twilio's ``stop``."""
        await self.send(self.writer.stop())

    async def closed_with(self) -> int:
        """The code the node closed with."""
        async with asyncio.timeout(30):
            await self.socket.wait_closed()
        return self.socket.close_code or 0

    async def close(self) -> None:
        self.socket.transport.abort()


@dataclass
class Screen:
    """A browser's end. ``events`` is all it was told."""

    socket: ClientConnection
    events: list[dict[str, Any]] = field(default_factory=list)

    async def say(self, **said: Any) -> None:
        """Send a message to the node."""
        await self.socket.send(json.dumps(said))

    async def until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Read until ``condition`` holds. Raise TimeoutError with what was told last."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    self.events.append(json.loads(await self.socket.recv()))
        except TimeoutError:
            raise TimeoutError(f"told last: {self.events[-8:]}") from None

    async def hears(self, call: str, words: str) -> None:
        """Wait until exactly these words of a call are there, in this order."""
        await self.until(lambda: self.words(call) == words)

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def calls(self) -> dict[str, dict[str, Any]]:
        """Every call as the page would show it, ended ones too."""
        calls: dict[str, dict[str, Any]] = {}
        for event in self.events:
            fold(calls, event)
        return calls

    def words(self, call: str, speaker: str | None = None) -> str:
        """The final words of a call, in the order in which they were said."""
        spoken = self.calls().get(call, {}).get("utterances", {}).values()
        finals = [one for one in spoken if one["final"] and speaker in (None, one["speaker"])]
        return " ".join(one["text"] for one in sorted(finals, key=lambda one: one["start_ms"]))

    def spoken(self, call: str) -> list[str]:
        """Every word of a call, finished or not, in the order in which they were said."""
        spoken = self.calls().get(call, {}).get("utterances", {}).values()
        return " ".join(one["text"] for one in sorted(spoken, key=lambda one: one["start_ms"])).split()

    def states(self, call: str) -> list[str]:
        return [event["state"] for event in self.events if event["type"] == "state" and event["call"] == call]

    def rows(self) -> dict[str, dict[str, Any]]:
        """The row of each call, as told so far."""
        rows: dict[str, dict[str, Any]] = {}
        for event in self.events:
            for row in event["rows"] if event["type"] == "rows" else []:
                rows[row["call"]] = rows.get(row["call"], {}) | row
        return rows

    def gaps(self, call: str) -> list[dict[str, Any]]:
        gaps: list[dict[str, Any]] = self.calls().get(call, {}).get("gaps", [])
        return gaps

    def lines(self, call: str) -> list[str]:
        """What supervisors wrote to the agent of a call."""
        return [each["text"] for each in self.calls().get(call, {}).get("lines", {}).values()]

    def readers(self, call: str) -> list[str] | None:
        """Who is shown to read a call; None: nothing was said of it."""
        told = [each for each in self.events if each["type"] == "readers" and each["call"] == call]
        return [each["name"] for each in told[-1]["readers"]] if told else None

    async def ended(self, call: str) -> None:
        await self.until(lambda: any(e["type"] == "call.ended" and e["call"] == call for e in self.events))

    async def closed_with(self) -> int:
        async with asyncio.timeout(30):
            try:
                while True:
                    self.events.append(json.loads(await self.socket.recv()))
            except ConnectionClosed:
                return self.socket.close_code or 0

    async def close(self) -> None:
        self.socket.transport.abort()


def fold(calls: dict[str, dict[str, Any]], event: dict[str, Any]) -> None:
    """What a page does with an event."""
    match event["type"]:
        case "snapshot":
            calls |= {call["call"]: _shown(call) for call in event["calls"]}
        case "call.started":
            calls[event["call"]["call"]] = _shown(event["call"])
        case "call.words":
            calls[event["call"]] |= {
                "utterances": {one["id"]: one for one in event["utterances"]},
                "gaps": event["gaps"],
            }
        case "utterance":
            calls[event["call"]]["utterances"][event["utterance"]["id"]] = event["utterance"]
        case "gap":
            calls[event["call"]]["gaps"].append(event["gap"])
        case "state":
            calls[event["call"]]["state"] = event["state"]
        case "line":
            calls[event["call"]]["lines"][event["line"]["id"]] = event["line"]
        case "call.assigned":
            calls[event["call"]]["agent"] = event["agent"]


def _shown(call: dict[str, Any]) -> dict[str, Any]:
    utterances, lines = ({one["id"]: one for one in call[kind]} for kind in ("utterances", "lines"))
    return call | {"utterances": utterances, "gaps": list(call["gaps"]), "lines": lines}
