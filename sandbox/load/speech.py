"""A few calls with real recognition: ``python -m sandbox.load.speech [--calls 2] [--seconds 40]``.

Each call plays the demo call, each from another place in it, through one media process to a console, and Moonshine
hears behind the emulated Transcribe. Measured is how far the console is behind: from the end of a word in the sound
to the first text with it. Words that are only revised do not count.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import numpy as np

from protocol.tickets import sign_console, sign_stream
from sandbox import demo
from sandbox.audio.clock import Clock
from sandbox.audio.voice import SILENCE, Frames, frames
from sandbox.load.__main__ import ACCOUNT, ORIGIN, SECRET, TOKEN, bilby
from sandbox.recognition.choice import recogniser
from sandbox.recognition.pace import MOST_BEHIND
from sandbox.transcribe.emulator import transcribe
from sandbox.twilio.phone.media_stream import MediaStream, StreamFacts

_KEYS = {"AKIDLOAD": "load"}  # what `bilby` gives the media process
_LAST_WORDS_SECONDS = 5.0
_APART = 0.37  # of the demo call, between one call's place in it and the next one's


@dataclass(slots=True)
class Console:
    """What a console is shown of its call, and when."""

    began: float = 0.0  # the loop's time at which the call's sound begins
    behind: list[float] = field(default_factory=list)  # seconds, at each result with new words
    finals: int = 0
    _ends: dict[str, int] = field(default_factory=lambda: defaultdict(int))  # ms, by utterance

    async def watch(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take events until the socket closes."""
        async for received in socket:
            self._hear(msgspec.json.decode(received.data))

    def _hear(self, event: dict[str, Any]) -> None:
        if event.get("type") != "utterance":
            return
        said = event["utterance"]
        self.finals += said["final"]
        if said["end_ms"] > self._ends[said["id"]]:
            self._ends[said["id"]] = said["end_ms"]
            self.behind.append(asyncio.get_running_loop().time() - self.began - said["end_ms"] / 1000)


async def measure(calls: int, seconds: float) -> list[Console]:
    """Hold ``calls`` calls for ``seconds``; what their consoles saw."""
    tracks = [frames(demo.track(speaker)) for speaker in ("caller", "agent")]
    async with AsyncExitStack() as stack:
        ears = await stack.enter_async_context(recogniser("auto"))
        service = await stack.enter_async_context(transcribe(port=0, access_keys=_KEYS, recogniser=ears))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _, port = await stack.enter_async_context(bilby(service.url, folder, calls))
        http = await stack.enter_async_context(aiohttp.ClientSession(headers={"Origin": ORIGIN}))
        consoles = [Console() for _ in range(calls)]
        async with asyncio.TaskGroup() as tasks:
            for number, console in enumerate(consoles):
                tasks.create_task(_call(http, port, number, console, tracks, seconds))
    return consoles


async def _call(
    http: aiohttp.ClientSession, port: int, number: int, console: Console, tracks: Sequence[Frames], seconds: float
) -> None:
    url, sid = f"ws://127.0.0.1:{port}", f"CA{number:032x}"
    async with http.ws_connect(f"{url}/console") as socket, asyncio.TaskGroup() as tasks:
        await socket.send_json({"ticket": sign_console(SECRET, org="load", sub=f"m{number}", role="agent")})
        watching = tasks.create_task(console.watch(socket))
        stream = _stream(url, sid, number, tracks)
        speaking = tasks.create_task(stream.run(lambda: _begin(console)))
        await asyncio.sleep(seconds)
        await asyncio.sleep(_LAST_WORDS_SECONDS)
        stream.stop()
        await speaking
        watching.cancel()


def _begin(console: Console) -> None:
    console.began = asyncio.get_running_loop().time()


def _stream(url: str, sid: str, number: int, tracks: Sequence[Frames]) -> MediaStream:
    """Return the call's stream; its sound begins somewhere in the demo call and goes on from its beginning."""
    ticket = sign_stream(SECRET, org="load", call=sid, direction="inbound", agent=f"m{number}")
    facts = StreamFacts(
        f"{url}/twilio/stream", ACCOUNT, sid, f"MZ{sid[2:]}", ("inbound", "outbound"), {"ticket": ticket}
    )
    clock = Clock()
    place = int(number * _APART * len(tracks[0]))

    def source(track: Frames) -> Any:
        return lambda tick: track[(tick + place) % len(track)] if tick >= 0 else SILENCE

    caller, agent = map(source, tracks)
    return MediaStream(facts, TOKEN, {"inbound": caller, "outbound": agent}, clock)


def report(consoles: Sequence[Console], seconds: float) -> str:
    """Return the figures in one line."""
    behind = [each for console in consoles for each in console.behind]
    if not behind:
        return f"{len(consoles)} calls for {seconds:.0f} s: no word was heard"
    p50, p95 = np.percentile(behind, [50, 95])
    late = sum(each > MOST_BEHIND for each in behind)
    return (
        f"{len(consoles)} calls for {seconds:.0f} s: new words {p50:.2f} s behind in the middle, {p95:.2f} s at the "
        f"95th percentile, {max(behind):.2f} s at most; {late} of {len(behind)} results over {MOST_BEHIND:.0f} s; "
        f"{sum(console.finals for console in consoles)} utterances"
    )


def main() -> None:
    parser = argparse.ArgumentParser("python -m sandbox.load.speech", description="Hear a few calls for real.")
    parser.add_argument("--calls", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=40)
    wanted = parser.parse_args()
    print(report(asyncio.run(measure(wanted.calls, wanted.seconds)), wanted.seconds))


if __name__ == "__main__":
    main()
