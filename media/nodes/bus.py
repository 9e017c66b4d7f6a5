"""Events of calls without words over NATS, from `web` and to it. Nothing is ever stored.

The words of calls are in `media.nodes.replication`, heartbeats in `media.quota.heartbeat`, over the same connection.
While NATS is away, this node's calls and consoles work as before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from msgspec import structs
from nats.aio.client import Client
from nats.aio.msg import Msg

from media.live.holds import Hold
from media.live.hub import Hub
from media.live.transcript import STOPPED as STOPPED_REASON, CallAssigned, CallEnded
from media.nodes.own_calls import OwnCalls
from media.nodes.replication import Replication
from protocol.messages import (
    ASSIGNED,
    ENDED,
    HANDOVER,
    HELD,
    RESUMED,
    STARTED,
    STOPPED,
    CallEvent,
    HoldReport,
    Stopped,
    StreamPlace,
    Subject,
)
from protocol.nats import NatsConnection

_MAX_ASSIGNMENTS = 2048


class Bus:
    """This node's events. ``calls`` are those that live on this node.

    ``on_moved`` is called when another node has one of them, with when its stream was attached and the stream's SID;
    ``on_stopped`` when the transcription of a call must stop, with whether the call itself has ended.
    """

    def __init__(
        self,
        connection: NatsConnection,
        node: str,
        hub: Hub,
        calls: OwnCalls,
        replication: Replication,
    ) -> None:
        self.on_moved: Callable[[str, int, str], None] = lambda _call, _at_ms, _stream: None
        self.on_stopped: Callable[[str, bool], None] = lambda _call, _over: None
        self._connection = connection
        self._node = node
        self._hub = hub
        self._calls = calls
        self._replication = replication
        self._assigned: dict[str, str | None] = {}
        connection.attach(subscribe=self._subscribe)

    def publish_event(self, org: str, call: str, subject: Subject[CallEvent], event: CallEvent) -> None:
        """Publish an event without words for `web`."""
        body = subject.write(structs.replace(event, node=self._node))
        self._connection.publish_later(subject.to(org, call), body)

    def hand_over(self, org: str, call: str, place: StreamPlace) -> None:
        """Ask `web` to restart this call's stream on another node."""
        self.publish_event(org, call, HANDOVER, place)

    def agent_of(self, call: str) -> str | None:
        """Return the agent assigned to a call before it began on this node."""
        return self._assigned.get(call)

    async def _subscribe(self, client: Client) -> None:
        await client.subscribe(ASSIGNED.all, cb=self._on_assigned)
        await client.subscribe(STARTED.all, cb=self._on_started)
        await client.subscribe(ENDED.all, cb=self._on_ended)
        await client.subscribe(STOPPED.all, cb=self._on_stopped)
        for subject in (HELD, RESUMED):
            await client.subscribe(subject.all, cb=partial(self._on_hold, subject))

    async def _on_assigned(self, message: Msg) -> None:
        org, call = ASSIGNED.names(message.subject)
        assigned = ASSIGNED.read(message.data)
        if assigned is None:
            return
        self._assigned[call] = assigned.agent
        if len(self._assigned) > _MAX_ASSIGNMENTS:
            del self._assigned[next(iter(self._assigned))]
        if self._calls.has(call):
            self._hub.publish(org, CallAssigned(call, assigned.agent))

    async def _on_stopped(self, message: Msg) -> None:
        """Stop the transcription of a call as `web` asks, also if the rest of the message is unreadable."""
        org, call = STOPPED.names(message.subject)
        over = (STOPPED.read(message.data) or Stopped()).over
        self.on_stopped(call, over)
        self._hub.stop_words(org, call)
        if over and not self._calls.has(call):
            self._hub.publish(org, CallEnded(call, STOPPED_REASON), local=False)

    async def _on_hold(self, subject: Subject[HoldReport], message: Msg) -> None:
        """Note that a call is on hold or no longer, whichever node has it. Without a readable time it is so now."""
        _, call = subject.names(message.subject)
        at = (subject.read(message.data) or HoldReport()).at
        self._hub.holds.note(call, Hold(at or round(time.time() * 1000), is_held=subject is HELD))

    async def _on_started(self, message: Msg) -> None:
        """Handle another node's stream of a call. If the call was ours and that stream is newer, we give it up."""
        _, call = STARTED.names(message.subject)
        place = STARTED.read(message.data)
        if place is not None:
            self._replication.mirrors.moved(call, place.node or "")
            self.on_moved(call, place.at, place.stream or "")

    async def _on_ended(self, message: Msg) -> None:
        org, call = ENDED.names(message.subject)
        if not self._calls.has(call):
            self._replication.ended(org, call)
