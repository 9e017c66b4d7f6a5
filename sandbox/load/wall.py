"""What supervisors cost media, by what their consoles ask for: many live calls of another node, one console each way.

    python -m sandbox.load.wall [--calls 200] [--updates 4] [--seconds 20]

One media process for each way of watching, all at once on one core, each with its own NATS. A neighbour that is
played here publishes the calls' events to all of them alike, as a node does whose calls others watch; so each pays
the same for hearing of them, and what differs is what it tells its console.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import nats
import uvloop
from nats.aio.client import Client
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from media.live.transcript import CallStarted, CallView, Event, Latency, Utterance, Uttered, encode
from protocol.messages import TRANSCRIPT, sender
from protocol.tickets import sign_console, sign_reading
from sandbox.engines.nats import NatsServer
from sandbox.load.__main__ import ORIGIN, SECRET, media
from sandbox.load.child import cpu_seconds
from sandbox.load.transcribe import WORDS

WARM_UP_SECONDS = 4.0
ORG, NODE = "load", "neighbour"
UPDATES_OF_AN_UTTERANCE = 16
WAYS: dict[str, dict[str, Any] | None] = {
    "everything, without a subscription": None,
    "rows, and one call read": {"rows": True, "calls": [f"CA{0:032x}"]},
    "rows": {"rows": True},
    "neither rows nor a call": {},
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one second took of the process, and what its console was sent in it."""

    way: str
    cpu_ms: float
    kilobytes: float
    messages: float


class Supervisor(WSListener):
    """One console, which counts what it is told."""

    def __init__(self, subscribe: dict[str, Any] | None) -> None:
        self.heard = self.messages = 0
        self.has_begun = asyncio.Event()
        self._subscribe = subscribe

    def on_ws_connected(self, transport: WSTransport) -> None:
        hello: dict[str, Any] = {"ticket": sign_console(SECRET, org=ORG, sub="sam", role="supervisor")}
        if self._subscribe is not None:
            hello["subscribe"] = self._subscribe
        transport.send(WSMsgType.TEXT, msgspec.json.encode(hello))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
            return
        self.heard += len(frame.get_payload_as_memoryview())
        self.messages += 1
        if not self.has_begun.is_set():
            self.has_begun.set()
            for call in (self._subscribe or {}).get("calls", []):
                ticket = sign_reading(SECRET, org=ORG, sub="sam", name="Sam", call=call, shown=True)
                transport.send(WSMsgType.TEXT, msgspec.json.encode({"type": "read", "ticket": ticket}))


class Neighbour:
    """Publishes the events of so many calls to all ``clients``."""

    def __init__(self, clients: list[Client], calls: int) -> None:
        self._clients = clients
        self._calls = [f"CA{number:032x}" for number in range(calls)]
        self._turns = count()

    async def start(self) -> None:
        for call in self._calls:
            view = CallView(call, "inbound", f"agent-{call}", "2026-01-01T00:00:00.000Z", "transcribing", [], [])
            await self._publish(call, CallStarted(view))

    async def talk(self, updates: int, seconds: float) -> None:
        """Revise one utterance of each call ``updates`` times a second, evenly spread; and tell its delay once."""
        begun, step = time.monotonic(), 1 / (updates * 10)
        for turn in range(round(seconds / step)):
            for number in range(turn % 10, len(self._calls), 10):
                await self._update(self._calls[number], next(self._turns) // len(self._calls), updates)
            await asyncio.sleep(max(0.0, begun + (turn + 1) * step - time.monotonic()))

    async def _update(self, call: str, turn: int, updates: int) -> None:
        utterance, said = divmod(turn, UPDATES_OF_AN_UTTERANCE)
        final, start = said == UPDATES_OF_AN_UTTERANCE - 1, utterance * 4_000
        speaker: Any = "caller" if utterance % 2 else "agent"
        text = " ".join(WORDS[: said + 1])
        whole = Utterance(f"u{utterance}", speaker, text, final, start, start + said * 250 + 1, said)
        await self._publish(call, Uttered(call, whole))
        if turn % updates == 0:
            await self._publish(call, Latency(call, 600 + turn))

    async def _publish(self, call: str, event: Event) -> None:
        subject, data = TRANSCRIPT.to(ORG, call), encode(event)
        for client in self._clients:
            await client.publish(subject, data, sender(NODE))


async def measure(calls: int, updates: int, seconds: float) -> list[Cost]:
    """Watch the same calls in every way at once."""
    cores = sorted(os.sched_getaffinity(0))
    async with AsyncExitStack() as stack:
        clients, pids, consoles = [], [], []
        for subscribe in WAYS.values():
            folder = Path(stack.enter_context(TemporaryDirectory()))
            server = await stack.enter_async_context(NatsServer(folder))
            pid, port = await stack.enter_async_context(media(server, "ws://127.0.0.1:9", slots=25))
            client = await nats.connect(server.url("media"))
            stack.push_async_callback(client.close)
            consoles.append(await _watch(port, subscribe))
            clients.append(client)
            pids.append(pid)
        os.sched_setaffinity(0, cores[-1:])
        stack.callback(os.sched_setaffinity, 0, cores)
        neighbour = Neighbour(clients, calls)
        await neighbour.start()
        await neighbour.talk(updates, WARM_UP_SECONDS)
        before = [_counts(*each) for each in zip(pids, consoles, strict=True)]
        await neighbour.talk(updates, seconds)
        after = [_counts(*each) for each in zip(pids, consoles, strict=True)]
    return [
        Cost(way, *((b - a) / seconds for a, b in zip(*each, strict=True)))
        for way, each in zip(WAYS, zip(before, after, strict=True), strict=True)
    ]


async def _watch(port: int, subscribe: dict[str, Any] | None) -> Supervisor:
    console, headers = Supervisor(subscribe), {"Origin": ORIGIN}
    await ws_connect(lambda: console, f"ws://127.0.0.1:{port}/console", extra_headers=headers)
    async with asyncio.timeout(30):
        await console.has_begun.wait()
    return console


def _counts(pid: int, console: Supervisor) -> tuple[float, float, float]:
    """Return CPU in ms, kB and messages so far."""
    return cpu_seconds(pid) * 1000, console.heard / 1000, console.messages


def table(costs: list[Cost], calls: int, updates: int, seconds: float) -> str:
    """Return the costs as a Markdown table."""
    least = costs[-1].cpu_ms
    lines = [
        f"{calls} calls with {updates} updates a second each for {seconds:.0f} s, all ways at once on one core",
        "",
        "| one supervisor's console asks for | CPU ms a second | of that for telling it | kB/s | messages/s |",
        "|---|---|---|---|---|",
    ]
    rows = [
        f"| {cost.way} | {cost.cpu_ms:.0f} | {cost.cpu_ms - least:.0f} | {cost.kilobytes:.1f} | {cost.messages:.0f} |"
        for cost in costs
    ]
    return "\n".join(lines + rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Measure what a supervisor costs media, by what the console asks for."
    )
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--updates", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=20)
    wanted = parser.parse_args()
    costs = uvloop.run(measure(wanted.calls, wanted.updates, wanted.seconds))
    print(table(costs, wanted.calls, wanted.updates, wanted.seconds))


if __name__ == "__main__":
    main()
