"""A media node without sockets and Transcribe: its hub, its end of a real NATS, and calls that a test plays.

What `media.speech.call.Call` does around a move is done here in the same order, with words that the test says itself.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any

from media.live.hub import Hub
from media.live.transcript import (
    CallEnded,
    CallStarted,
    CallView,
    Gap,
    GapFound,
    StateChanged,
    Utterance,
    Uttered,
)
from media.nodes.bus import Bus
from media.nodes.own_calls import OwnCalls
from media.nodes.replication import Replication
from media.quota.admission import Admission
from media.quota.heartbeat import Heartbeats
from protocol.messages import ENDED, STARTED, StreamEnded, StreamPlace
from protocol.nats import MEDIA, NatsConnection
from protocol.tickets import Role
from tests.kit.media.media_ends import fold

ORG = "a"
TAKEOVER_SECONDS = 0.4


@dataclass
class Speech:
    """One live call as the outside world knows it: what was said, and when, in ms of the call."""

    sid: str
    org: str = ORG
    began_ms: int = field(default_factory=lambda: round(time.time() * 1000))
    said: list[Utterance] = field(default_factory=list)
    begins_ms: float = inf

    @property
    def heard_until(self) -> float:
        return time.time()

    def correct_seam(self) -> None: ...

    @property
    def now_ms(self) -> int:
        return round(time.time() * 1000) - self.began_ms


@dataclass
class Page:
    """A console, which folds what it is told like the page does."""

    org: str = ORG
    member: str = "sam"
    role: Role = "supervisor"
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)

    def send(self, event: bytes) -> None:
        told = json.loads(event)
        self.types.append(told["type"])
        fold(self.calls, told)

    def close_revoked(self) -> None: ...

    def __hash__(self) -> int:
        return id(self)


class LightNode:
    """One node. ``own`` are the calls whose stream is here."""

    def __init__(self, url: str, name: str, tasks: asyncio.TaskGroup) -> None:
        self.name = name
        self.hub = Hub()
        self.own: dict[str, Speech] = {}
        calls = OwnCalls(self.own, self.hub)
        self.admission = Admission(name, 25)
        self.connection = connection = NatsConnection(url, "media", MEDIA)
        self.replication = Replication(connection, name, self.hub, calls, self.admission.membership)
        self.bus = Bus(connection, name, self.hub, calls, self.replication)
        self.bus.on_moved = self._moved
        self._heartbeats = Heartbeats(
            *(connection, name, self.admission, self._announce),
            *(self.replication.alive, self.replication.joined),
        )
        self._group = tasks
        self._tasks = {tasks.create_task(self.connection.run()), tasks.create_task(self._send_heartbeats())}
        self.pages: list[Page] = []
        self._attached: dict[str, int] = {}  # by call: when its stream came here

    async def _send_heartbeats(self) -> None:
        while True:
            self._heartbeats.send(self.admission.heartbeat(len(self.own)))
            self.replication.keep_mirrored()
            await asyncio.sleep(0.2)

    async def crash(self) -> None:
        """``kill -9``: what waits to be sent is lost."""
        self.connection.discard_queue()
        await self.end()

    async def end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def open_page(self) -> Page:
        """A console opens here: as the server has it, once the others have answered."""
        page = Page()
        if not self.replication.requests.is_watching(ORG):
            await self.replication.requests.watch(ORG)
        page.send(self.hub.watch(page))
        self.pages.append(page)
        return page

    async def close_pages(self) -> None:
        for page in self.pages:
            self.hub.unwatch(page)
        self.pages.clear()
        await self.replication.renew()

    def begin(self, speech: Speech, *, continues: bool) -> None:
        """A stream of the call comes here."""
        known = self.hub.find(ORG, speech.sid) is not None
        self.own[speech.sid] = speech
        if not known:
            began = datetime.fromtimestamp(speech.began_ms / 1000, UTC).isoformat(timespec="milliseconds")
            view = CallView(speech.sid, "inbound", None, began, "waiting_for_slot", [], [])
            self.hub.publish(ORG, CallStarted(view))
        self._attached[speech.sid] = at = time.time_ns()
        self.bus.publish_event(ORG, speech.sid, STARTED, StreamPlace("MZ", 0, at))
        if continues:
            self.replication.requests.send(speech.sid)
            self._later(self._publish_takeover_gap(speech, speech.now_ms))
        self.replication.keep_mirrored()
        self.hub.publish(ORG, StateChanged(speech.sid, "transcribing"))

    def hear(self, speech: Speech, text: str, *, final: bool = True, delay_ms: int = 0) -> None:
        """Somebody said ``text`` ``delay_ms`` ago, and it is recognised now."""
        now = speech.now_ms - delay_ms
        spoken = Utterance(f"{self.name}-{text}", "caller", text, final, now - 20, now, 0)
        speech.said.append(spoken)
        self.hub.publish(ORG, Uttered(speech.sid, spoken))

    def hang_up(self, speech: Speech) -> None:
        del self.own[speech.sid]
        self.hub.publish(ORG, CallEnded(speech.sid, "completed"))
        self.bus.publish_event(ORG, speech.sid, ENDED, StreamEnded("completed"))

    async def _publish_takeover_gap(self, speech: Speech, to_ms: int) -> None:
        await asyncio.sleep(TAKEOVER_SECONDS)
        live, heard = self.hub.find(ORG, speech.sid), self.replication.last_heard.until(speech.sid)
        from_ms = live.known_before(to_ms) if live is not None else 0
        from_ms = max(from_ms, min(to_ms, round(heard * 1000) - speech.began_ms)) if heard else from_ms
        if to_ms - from_ms >= 100:
            self.hub.publish(ORG, GapFound(speech.sid, Gap(from_ms, to_ms, "bilby")))

    def _moved(self, sid: str, at: int, _stream: str) -> None:
        """Leave a call to the node whose stream is newer: two that begin at once hear of each other."""
        if sid in self.own and at > self._attached[sid]:
            del self.own[sid]
            self._later(self.replication.send_final_snapshot(ORG, sid))

    def _announce(self) -> None: ...

    def _later(self, work: Any) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def unaccounted(speech: Speech, page: Page) -> list[str]:
    """What was said and is neither on ``page`` nor within a gap that it shows."""
    call = page.calls.get(speech.sid, {"utterances": {}, "gaps": []})
    shown = {one["text"] for one in call["utterances"].values()}
    gaps = [(gap["from_ms"], gap["to_ms"]) for gap in call["gaps"]]
    return [
        one.text
        for one in speech.said
        if one.text not in shown and not any(start <= one.end_ms and one.start_ms <= end for start, end in gaps)
    ]
