"""NATS between media nodes, and facts without words to and from `web`. Core NATS: nothing is ever stored.

Facts are here; the words of calls are replication.py's, heartbeats are pulse.py's, on the same connection.

NATS being away disturbs neither calls nor consoles of this node (wire.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from media.live.hub import Hub
from media.live.own_calls import OwnCalls
from media.live.replication import Replication
from media.live.transcript import STOPPED, CallAssigned, CallEnded, encode
from media.nats_connection import NatsConnection
from media.quota.admission import Admission
from media.quota.heartbeat import Heartbeats
from protocol.tickets import Revoked, UsedTickets

_MOST_ASSIGNMENTS = 2048
NOW = 1 << 62  # ms since 1970: whoever says this is newer than all who said something before


class _Assigned(msgspec.Struct):
    agent: str | None = None


class _Started(msgspec.Struct):
    at: int = 0
    again: bool = False
    node: str = ""


class _Removed(msgspec.Struct):
    at: int = 0
    """In ms since 1970; an older release of web does not say it."""


class _Stopped(msgspec.Struct):
    over: bool = False


class _Spent(msgspec.Struct):
    jti: str
    exp: float


_decode_assigned = msgspec.json.Decoder(_Assigned).decode
_decode_started = msgspec.json.Decoder(_Started, strict=False).decode  # facts are of texts
_decode_removed = msgspec.json.Decoder(_Removed).decode
_decode_stopped = msgspec.json.Decoder(_Stopped).decode
_decode_spent = msgspec.json.Decoder(_Spent).decode
_BAD = (msgspec.DecodeError, UnicodeError)


class Bus:
    """This node's end of NATS. ``calls`` are those that live on this node."""

    def __init__(
        self,
        url: str,
        node: str,
        hub: Hub,
        spent: UsedTickets,
        revoked: Revoked,
        calls: OwnCalls,
        moved: Callable[[str, int], None],
        announce: Callable[[], None],
        admission: Admission,
        stopped: Callable[[str, bool], None],
    ) -> None:
        self._stopped = stopped
        self._node = node
        self._hub = hub
        self._spent = spent
        self._revoked = revoked
        self._calls = calls
        self._moved = moved
        self._announce = announce
        self._connection = NatsConnection(url, self._begin, self._came_back)
        self.heartbeats = Heartbeats(self._connection, node, admission, announce, self._take_life)
        self.ready = self.heartbeats.connected_once  # for the first time
        self.replication = Replication(self._connection, node, hub, calls, self.heartbeats.membership)
        self._assigned: dict[str, str | None] = {}

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._connection.run()

    def tell(self, org: str, call: str, fact: str, body: dict[str, str]) -> None:
        """A fact without words, for `web`: ``started``, ``stream``, ``lost`` or ``ended``."""
        self._connection.publish_later(f"call.{org}.{call}.{fact}", encode({**body, "node": self._node}))

    def hand_over(self, org: str, call: str, place: dict[str, str]) -> None:
        """Ask `web` to start this call's stream anew, on another node; ``place`` is what ``started`` said."""
        self._connection.publish_later(f"handover.{org}.{call}", encode({**place, "node": self._node}))

    def tell_spent(self, jti: str, exp: float) -> None:
        """A ticket was used here: it must not be used elsewhere."""
        self._connection.publish_later("ticket.spent", encode(_Spent(jti, exp)))

    def agent_of(self, call: str) -> str | None:
        """Who was assigned to a call that had not begun here yet."""
        return self._assigned.get(call)

    async def _begin(self, client: Client) -> None:
        await client.subscribe("call.*.*.assigned", cb=self._take_assigned)
        await client.subscribe("call.*.*.started", cb=self._take_started)
        await client.subscribe("call.*.*.ended", cb=self._take_ended)
        await client.subscribe("call.*.*.stopped", cb=self._take_stopped)
        await client.subscribe("member.*.*.removed", cb=self._take_removed)
        await client.subscribe("ticket.spent", cb=self._take_spent)
        await self.replication.begin(client)
        await self.heartbeats.subscribe(client)

    async def _came_back(self) -> None:
        self.replication.came_back()
        self.heartbeats.reconnected()
        self._announce()

    async def _take_assigned(self, message: Msg) -> None:
        _, org, call, _ = message.subject.split(".")
        try:
            agent = _decode_assigned(message.data).agent
        except _BAD:
            return
        self._assigned[call] = agent
        if len(self._assigned) > _MOST_ASSIGNMENTS:
            del self._assigned[next(iter(self._assigned))]
        if self._calls.has(call):
            self._hub.publish(org, CallAssigned(call, agent))

    async def _take_stopped(self, message: Msg) -> None:
        """`web` says that a call's words stop, or (``over``) that such a call has ended."""
        _, org, call, _ = message.subject.split(".")
        try:
            over = _decode_stopped(message.data).over
        except _BAD:
            over = False  # whatever else it says
        self._stopped(call, over)
        self._hub.stop_words(org, call)
        if over and not self._calls.has(call):
            self._hub.publish(org, CallEnded(call, STOPPED), local=False)

    async def _take_started(self, message: Msg) -> None:
        """Another node has a stream of this call; if it was ours, and theirs is newer, it is no longer."""
        try:
            started = _decode_started(message.data)
        except _BAD:
            return
        call = message.subject.split(".")[2]
        self.replication.mirrors.moved(call, started.node)
        self._moved(call, started.at if started.again else NOW)

    async def _take_ended(self, message: Msg) -> None:
        _, org, call, _ = message.subject.split(".")
        if not self._calls.has(call):
            self.replication.ended(org, call)

    def _take_life(self, node: str) -> None:
        """Another node says that it lives."""
        self.replication.mirrors.alive(node, time.monotonic())

    async def _take_removed(self, message: Msg) -> None:
        """A member's rights have changed: tickets from before are void, open consoles end."""
        _, org, member, _ = message.subject.split(".")
        try:
            at = _decode_removed(message.data).at / 1000
        except _BAD:
            at = 0.0
        self._revoked.revoke(org, member, at or time.time())
        self._hub.dismiss(org, member)

    async def _take_spent(self, message: Msg) -> None:
        try:
            spent = _decode_spent(message.data)
        except _BAD:
            return
        self._spent.spend(spent.jti, spent.exp)
