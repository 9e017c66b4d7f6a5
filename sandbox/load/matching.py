"""What phrase rules cost a call, by processor time of one thread: no sockets, no second process, no wait.

    python -m sandbox.load.matching [--phrases 5000] [--calls 20] [--pairs 100]

Frames are read, cut into chunks, and answered as Transcribe does; words are masked, searched, and told to a console
each, by the code that does so in production. Rules are on and off in turn, `SECONDS` of each call at a time: twice as
many finals as sides of a call. Two neighbours are a pair, and every other pair begins without rules. What sockets
cost is in neither, so the ratio is more than in production.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import logging
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
import uvloop

from media.live.hub import Hub
from media.nodes.bus import Bus
from media.nodes.own_calls import OwnCalls
from media.nodes.phrase_book import PhraseBook
from media.nodes.replication import Replication
from media.quota.admission import Admission
from media.speech.call import Call
from media.speech.calls import Calls
from media.speech.eventstream import audio_event
from media.speech.frames import Media, parse
from media.speech.transcribe import Connection, Hearing, OnEvent
from protocol.nats import MEDIA, NatsConnection
from protocol.phrases import PhraseRules
from protocol.tickets import Role, StreamTicket
from sandbox.load.rules import rules_of
from sandbox.load.transcribe import answers
from sandbox.twilio.phone.media_stream import FrameWriter, StreamFacts

PHRASES, CALLS, PAIRS = 5000, 20, 100
SECONDS = 4  # of each call in a window: each side has one final in it
ORG = "load"
_FRAMES = 100  # a second, both tracks
_SOUND = base64.b64encode(bytes(0x10 + number % 16 for number in range(160))).decode()


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU in ms for each second of each call, of each window with rules and its neighbour without."""

    on: Sequence[float]
    off: Sequence[float]

    def text(self, phrases: int, calls: int) -> str:
        """Return the costs in one line."""
        first, middle, third = statistics.quantiles(map(float.__truediv__, self.on, self.off), n=4)
        whole, without = sum(self.on) / sum(self.off), statistics.median(self.off)
        return (
            f"CPU of a call with {phrases} phrases as a multiple of that without, {calls} calls, no sockets: "
            f"{middle:.3f} (half of {len(self.on)} pairs {first:.3f} to {third:.3f}, all together {whole:.3f}; "
            f"{without:.2f} ms per call-second without)"
        )


class Switched(PhraseBook):
    """An organisation's rules, which are on or off."""

    def __init__(self, connection: NatsConnection, rules: PhraseRules) -> None:
        super().__init__(connection)
        self.is_on = False
        self.searches = 0
        self._switched = rules

    def of(self, org: str) -> PhraseRules | None:  # noqa: ARG002  (there is one)
        """Return the rules while they are on."""
        self.searches += self.is_on
        return self._switched if self.is_on else None


class Answering(Connection):
    """Transcribe's end, without a socket: each chunk is encoded, and answered by events that are read."""

    def __init__(self, on_event: OnEvent, events: Sequence[Sequence[bytes]]) -> None:
        super().__init__(on_event, 14_400.0)
        self._events = iter(events)

    def send(self, pcm: bytes) -> None:
        """Take a chunk."""
        audio_event(pcm)
        for event in next(self._events, ()):
            self._on_event_message(event)


class Screen:
    """An agent's console, which throws away what it is told."""

    org = ORG
    role: Role = "agent"

    def __init__(self, member: str) -> None:
        self.member = member

    def send(self, event: bytes) -> None: ...
    def close_revoked(self) -> None: ...


class Ear:
    """Twilio's end of a call's stream."""

    sid = "MZload"

    def close(self, code: int, reason: str = "") -> None: ...


async def measure(phrases: int, calls: int, pairs: int) -> Costs:
    """Let ``calls`` calls be heard, with rules and without in turn."""
    seconds = SECONDS * 2 * (pairs + 1)
    frames, events = _frames(seconds), answers(seconds * 10)
    async with asyncio.TaskGroup() as tasks:
        hub, admission = Hub(), Admission("load", calls)
        connection = NatsConnection("nats://127.0.0.1:1", "load", MEDIA)  # never connected
        live: dict[str, Call] = {}
        own = OwnCalls(live, hub)
        replication = Replication(connection, "load", hub, own, admission.membership)
        book = Switched(connection, PhraseRules(rules_of(phrases)))
        open_now = 0

        async def open_(on_event: OnEvent, hearing: Hearing) -> Connection:  # noqa: ARG001
            nonlocal open_now
            open_now += 1
            return Answering(on_event, events)

        bus = Bus(connection, "load", hub, own, replication)
        all_calls = Calls(live, hub, bus, replication, book, admission, open_, tasks, "en-AU")
        for number in range(calls):
            hub.watch(Screen(f"m{number}"))
            all_calls.attach_stream(StreamTicket(ORG, f"CA{number}", "inbound", f"m{number}", "j", 0), Ear())
        admission.connected()
        admission.no_other_nodes()
        while open_now < calls:
            admission.confirmed()
            admission.heartbeat(calls)
            await asyncio.sleep(0.05)
        costs = await _windows(list(live.values()), all_calls, book, frames, pairs)
        await all_calls.end(at_once=True)
    if book.searches < calls * 2 * pairs:
        raise RuntimeError(f"only {book.searches} final utterances were searched")
    return costs


async def _windows(calls: list[Call], all_calls: Calls, book: Switched, frames: list[bytes], pairs: int) -> Costs:
    used: dict[bool, list[float]] = {True: [], False: []}
    texts = iter(frames)
    for number in range(-1, pairs):  # the first pair warms up
        for is_on in (number % 2 == 0, number % 2 == 1):
            book.is_on = is_on
            began = time.thread_time()
            for _ in range(SECONDS * 10):
                for text in (next(texts) for _ in range(_FRAMES // 10)):
                    for call in calls:
                        frame = parse(text)
                        assert type(frame) is Media
                        call.take(frame)
                all_calls.tick(time.monotonic())
            if number >= 0:
                used[is_on].append((time.thread_time() - began) * 1000 / (len(calls) * SECONDS))
            await asyncio.sleep(0)
    return Costs(used[True], used[False])


def _frames(seconds: int) -> list[bytes]:
    """Return the frames of both tracks, in order."""
    writer = FrameWriter(StreamFacts("", "", "", Ear.sid, ("inbound", "outbound"), {}))
    return [
        writer.media(track, tick * 20, _SOUND).encode()
        for tick in range(seconds * _FRAMES // 2)
        for track in ("inbound", "outbound")
    ]


def report(phrases: int, calls: int, pairs: int) -> str:
    """Measure; what it comes to, in one line."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    return uvloop.run(measure(phrases, calls, pairs)).text(phrases, calls)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what phrase rules cost a call, by one thread's CPU time.")
    parser.add_argument("--phrases", type=int, default=PHRASES)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    wanted = parser.parse_args()
    print(report(wanted.phrases, wanted.calls, wanted.pairs))


if __name__ == "__main__":
    main()
