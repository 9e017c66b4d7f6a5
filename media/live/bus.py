"""NATS between media nodes, and events without words to and from `web`. Core NATS: nothing is ever stored.

The words of calls are in `media.live.replication`, heartbeats in `media.quota.heartbeat`, over the same connection.
While NATS is away, this node's calls and consoles work as before.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from media.live.hub import Hub
from media.live.member_consoles import MemberConsoles
from media.live.own_calls import OwnCalls
from media.live.replication import Replication
from media.live.transcript import STOPPED, CallAssigned, CallEnded, encode
from media.nats_connection import NatsConnection
from media.quota.admission import Admission
from media.quota.heartbeat import Heartbeats
from protocol.tickets import Revoked, UsedTickets

_MAX_ASSIGNMENTS = 2048


class _Assigned(msgspec.Struct):
    agent: str | None = None


class _Started(msgspec.Struct):
    at: int = 0
    stream: str = ""
    node: str = ""


class _Removed(msgspec.Struct):
    at: int = 0
    """In ms since 1970; absent from an older release of web."""


class _Stopped(msgspec.Struct):
    over: bool = False


class _UsedTicket(msgspec.Struct):
    jti: str
    exp: float


_decode_assigned = msgspec.json.Decoder(_Assigned).decode
_decode_started = msgspec.json.Decoder(_Started, strict=False).decode  # all values are text
_decode_removed = msgspec.json.Decoder(_Removed).decode
_decode_stopped = msgspec.json.Decoder(_Stopped).decode
_decode_used_ticket = msgspec.json.Decoder(_UsedTicket).decode
_BAD = (msgspec.DecodeError, UnicodeError)


class Bus:
    """This node's end of NATS. ``calls`` are those that live on this node."""

    def __init__(
        self,
        url: str,
        node: str,
        hub: Hub,
        used_tickets: UsedTickets,
        revoked: Revoked,
        calls: OwnCalls,
        moved: Callable[[str, int, str], None],
        announce: Callable[[], None],
        admission: Admission,
        stopped: Callable[[str, bool], None],
        member_consoles: Callable[[NatsConnection, str], MemberConsoles],
    ) -> None:
        self._stopped = stopped
        self._node = node
        self._hub = hub
        self._used_tickets = used_tickets
        self._revoked = revoked
        self._calls = calls
        self._moved = moved
        self._announce = announce
        self._connection = NatsConnection(url, self._on_connected, self._on_reconnected)
        self.heartbeats = Heartbeats(self._connection, node, admission, announce, self._on_alive)
        self.ready = self.heartbeats.connected_once
        self.replication = Replication(self._connection, node, hub, calls, self.heartbeats.membership)
        self.member_consoles = member_consoles(self._connection, node)
        self._assigned: dict[str, str | None] = {}

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        await self._connection.run()

    def publish_event(self, org: str, call: str, event: str, body: dict[str, str]) -> None:
        """Publish an event without words for `web`: ``started``, ``stream``, ``lost`` or ``ended``."""
        self._connection.publish_later(f"call.{org}.{call}.{event}", encode({**body, "node": self._node}))

    def hand_over(self, org: str, call: str, place: dict[str, str]) -> None:
        """Ask `web` to restart this call's stream on another node; ``place`` is the body of ``started``."""
        self._connection.publish_later(f"handover.{org}.{call}", encode({**place, "node": self._node}))

    def announce_used_ticket(self, jti: str, exp: float) -> None:
        """Tell other nodes that a ticket was used here."""
        self._connection.publish_later("ticket.spent", encode(_UsedTicket(jti, exp)))

    def agent_of(self, call: str) -> str | None:
        """Return the agent assigned to a call before it began on this node."""
        return self._assigned.get(call)

    async def _on_connected(self, client: Client) -> None:
        await client.subscribe("call.*.*.assigned", cb=self._on_assigned)
        await client.subscribe("call.*.*.started", cb=self._on_started)
        await client.subscribe("call.*.*.ended", cb=self._on_ended)
        await client.subscribe("call.*.*.stopped", cb=self._on_stopped)
        await client.subscribe("member.*.*.removed", cb=self._on_removed)
        await client.subscribe("ticket.spent", cb=self._on_ticket_used)
        await self.member_consoles.subscribe(client)
        await self.replication.subscribe(client)
        await self.heartbeats.subscribe(client)

    async def _on_reconnected(self) -> None:
        self.replication.reconnected()
        self.heartbeats.reconnected()
        self._announce()

    async def _on_assigned(self, message: Msg) -> None:
        _, org, call, _ = message.subject.split(".")
        try:
            agent = _decode_assigned(message.data).agent
        except _BAD:
            return
        self._assigned[call] = agent
        if len(self._assigned) > _MAX_ASSIGNMENTS:
            del self._assigned[next(iter(self._assigned))]
        if self._calls.has(call):
            self._hub.publish(org, CallAssigned(call, agent))

    async def _on_stopped(self, message: Msg) -> None:
        """Stop the transcription of a call as `web` asks; ``over``: the call itself has ended."""
        _, org, call, _ = message.subject.split(".")
        try:
            over = _decode_stopped(message.data).over
        except _BAD:
            over = False  # stop in any case
        self._stopped(call, over)
        self._hub.stop_words(org, call)
        if over and not self._calls.has(call):
            self._hub.publish(org, CallEnded(call, STOPPED), local=False)

    async def _on_started(self, message: Msg) -> None:
        """Handle another node's stream of a call. If the call was ours and that stream is newer, we give it up."""
        try:
            started = _decode_started(message.data)
        except _BAD:
            return
        call = message.subject.split(".")[2]
        self.replication.mirrors.moved(call, started.node)
        self._moved(call, started.at, started.stream)

    async def _on_ended(self, message: Msg) -> None:
        _, org, call, _ = message.subject.split(".")
        if not self._calls.has(call):
            self.replication.ended(org, call)

    def _on_alive(self, node: str) -> None:
        """Handle a heartbeat of another node."""
        self.replication.mirrors.alive(node, time.monotonic())

    async def _on_removed(self, message: Msg) -> None:
        """Void a member's earlier tickets and close their consoles: their rights have changed."""
        _, org, member, _ = message.subject.split(".")
        try:
            at = _decode_removed(message.data).at / 1000
        except _BAD:
            at = 0.0
        self._revoked.revoke(org, member, at or time.time())
        self._hub.close_consoles(org, member)

    async def _on_ticket_used(self, message: Msg) -> None:
        try:
            used = _decode_used_ticket(message.data)
        except _BAD:
            return
        self._used_tickets.use_once(used.jti, used.exp)
