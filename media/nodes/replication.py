"""Share the words of calls between media nodes: for nodes that watch, that take a call over, or that mirror it.

A node with consoles of an organisation *watches* it: it requests ``snapshot.{org}`` (`media.nodes.requests`), and
every node answers with its own live calls of it (`media.nodes.answers`). As long as the request is renewed, the
owners of calls also publish their events on ``transcript.{org}.{call}``. Without a watching node nothing is published
there. A node that has just connected says so (`media.quota.heartbeat`), and is asked at once by those that watch.

When a call moves, its words follow: the new node requests ``snapshot.{call}``, and the old one answers, or any node
that watched or mirrors it (`media.nodes.mirrors`). The old one answers again after its last result. Only a node that
has or had the call is authoritative: answers of others add what is missing and do not prove that the call is live
(`media.nodes.received`).
"""

from __future__ import annotations

import time
from functools import partial

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from media.live.hub import Hub
from media.live.transcript import CallEnded, CallStarted, Event, LiveCall, StateChanged, decode, encode
from media.nodes.answers import Answers
from media.nodes.last_heard import IN_FLIGHT_SECONDS, LastHeard
from media.nodes.mirrors import FRESH_SECONDS, Mirrors
from media.nodes.own_calls import OwnCalls
from media.nodes.received import ReceivedEvents
from media.nodes.remote_calls import SILENT_SECONDS, RemoteCalls
from media.nodes.requests import Requests
from media.nodes.watching import Watchers
from media.quota.membership import Membership
from protocol.messages import MIRRORED, SNAPSHOT, TRANSCRIPT, Answered, HeardUntil, sender, sent_by
from protocol.nats import NatsConnection

LIVENESS_SECONDS = 5.0
RENEW_SECONDS = 30.0
log = structlog.get_logger()

_BAD = (msgspec.DecodeError, UnicodeError)


class Replication:
    """Shares calls between ``node`` and the others.

    ``calls`` are those that live on this node, ``membership`` the other nodes; ``in_flight`` is that of `LastHeard`.
    """

    def __init__(
        self,
        connection: NatsConnection,
        node: str,
        hub: Hub,
        calls: OwnCalls,
        membership: Membership,
        *,
        in_flight: float = IN_FLIGHT_SECONDS,
    ) -> None:
        self.mirrors = Mirrors(node)
        self._connection = connection
        self._node = node
        self._sender = sender(node)
        self._hub = hub
        self._calls = calls
        self._membership = membership
        self._watchers = Watchers()
        self._remote_calls = RemoteCalls()
        self.last_heard = LastHeard(node, self.mirrors, self._remote_calls, in_flight)
        self.requests = Requests(connection, node, hub, membership, self._on_event)
        self._answers = Answers(connection, node, hub, calls, membership, self.mirrors, self.last_heard)
        pass_on = partial(self.relay, from_previous_node=True)
        self._received = ReceivedEvents(hub, calls, self.mirrors, self._remote_calls, pass_on)
        hub.relay = self.relay
        connection.attach(subscribe=self._subscribe, restored=self.restored)

    async def _subscribe(self, client: Client) -> None:
        """Subscribe on a new connection, and request what is watched here."""
        self.requests.begin_anew(client)
        await client.subscribe(SNAPSHOT.all, cb=self._on_request)
        await client.subscribe(MIRRORED.to(self._node, "*", "*", "*"), cb=self._on_mirrored_event)
        await client.subscribe(f"{self.requests.inbox}.>", cb=self._on_answer)
        await self.requests.watch_all()

    def restored(self) -> None:
        """Request again what is watched and kept here: events were missed while NATS was away.

        What others keep for us is sent again, for the same reason.
        """
        self.requests.send_again()
        for call in self.mirrors.kept:
            self.requests.send(call)
        self.mirrors.send_again()

    def alive(self, node: str) -> None:
        """Handle a heartbeat of another node."""
        self.mirrors.alive(node, time.monotonic())

    def joined(self, node: str) -> None:
        """Ask a node that has just connected for what is watched here.

        It may have calls already, and does not know who watches them; or its events were lost while it was away.
        """
        self.requests.send_again(of=node)

    def ended(self, org: str, call: str) -> None:
        """Forget a mirrored call of another node that has ended, unless a console here watches it."""
        if self.mirrors.forget(call):
            self._forget(org, call)

    def relay(self, org: str, event: Event, encoded: bytes, *, from_previous_node: bool = False) -> None:
        """Send an event of this node to the nodes that watch its organisation or keep the call.

        ``from_previous_node``: it comes from the node that had the call before, so no newer version follows.
        """
        call, now = event.call.call if isinstance(event, CallStarted) else event.call, time.monotonic()
        watching = self._watchers.of(org, now)
        if watching:
            self._connection.publish_later(TRANSCRIPT.to(org, call), encoded, self._sender)
        due = self.mirrors.due(call, event, now, at_once=from_previous_node)
        if self.mirrors.keeper(call) in watching:
            return
        for each in due:
            self._connection.publish_later(
                self.mirrors.subject(org, call), encoded if each is event else encode(each)
            )

    def keep_mirrored(self) -> None:
        """Mirror each of our calls on one other node, if there is any. Called once a second."""
        now = time.monotonic()
        for call, event in self.mirrors.renew(self._calls.all(), self._membership.alive(now), now):
            self._connection.publish_later(self.mirrors.subject(call.org, call.call), encode(event))

    async def send_final_snapshot(self, org: str, call: str) -> None:
        """Send the node that continues ``call`` a final snapshot, as its last result has arrived here.

        Then forget the call, unless a console here watches it.
        """
        self.last_heard.forget(call)
        await self._answers.send_final(call, self._hub.find(org, call))
        self._forget(org, call)

    def check_liveness(self, silent_seconds: float = SILENT_SECONDS) -> None:
        """Publish that our calls live, and end those of other nodes that are silent.

        Called every `LIVENESS_SECONDS`.
        """
        now = time.monotonic()
        for call in self._calls.all():
            if self._watchers.of(call.org, now):
                alive = encode(call.condition())
                self._connection.publish_later(TRANSCRIPT.to(call.org, call.call), alive, self._sender)
        for call in self._hub.all_calls():
            if not self._calls.has(call.call):
                self._check_silence(call, self._remote_calls.silent_for(call.call, now), silent_seconds)

    def _check_silence(self, call: LiveCall, silent_for: float, silent_seconds: float) -> None:
        """Show another node's silent ``call`` as reconnecting, and end it after ``silent_seconds``."""
        if silent_for > silent_seconds:
            self.mirrors.forget(call.call)
            self._hub.publish(call.org, CallEnded(call.call, "node lost"), local=False)
        elif silent_for > FRESH_SECONDS:
            self._hub.publish(call.org, StateChanged(call.call, "reconnecting"), local=False)

    async def renew(self) -> None:
        """Renew the request for organisations with consoles here, and stop watching the rest.

        Every `RENEW_SECONDS`.
        """
        for org in await self.requests.renew():
            for call in self._hub.calls_of(org):
                self._forget(org, call.call)
        await self.requests.watch_all()
        now = time.monotonic()
        self._watchers.prune(now)
        known = {call.call for call in self._hub.all_calls()}
        self.mirrors.prune(known)
        self._remote_calls.prune(known, now - 2 * SILENT_SECONDS)
        self.last_heard.prune(self._calls.has)

    def _forget(self, org: str, call: str) -> None:
        """Forget ``call``, unless this node has a reason to remember it."""
        if not (self._calls.has(call) or self._hub.is_watched(org) or call in self.mirrors.kept):
            self._hub.drop(org, call)

    async def _on_request(self, message: Msg) -> None:
        """Answer a node's request for an organisation's calls, or for one call."""
        [of] = SNAPSHOT.names(message.subject)
        watch = SNAPSHOT.read(message.data)
        if watch is None:
            return
        if watch.gone:
            self._watchers.gone(of, watch.node)
            return
        self._watchers.renew(of, watch.node, time.monotonic())
        if message.reply and watch.of in ("", self._node):
            await self._answers.send(message.reply, of, watch.node)

    async def _on_answer(self, message: Msg) -> None:
        org, _, kind = message.subject.removeprefix(f"{self.requests.inbox}.").partition(".")
        try:
            match kind:
                case "":
                    self._received.apply(org, decode(message.data), sent_by(message.reply), from_previous_node=True)
                case "copy":
                    self._received.apply_copy(org, decode(message.data))
                case "heard":
                    heard = msgspec.json.decode(message.data, type=HeardUntil)
                    if self.last_heard.record(heard) and heard.exact:
                        self._calls.correct_seam(heard.call)
                case "done":
                    self.requests.answered(org, msgspec.json.decode(message.data, type=Answered).node)
        except _BAD:
            log.warning("NATS message unreadable", kind="snapshot")

    async def _on_mirrored_event(self, message: Msg) -> None:
        """Apply an event of a call that we keep for another node."""
        _, org, call, owner = MIRRORED.names(message.subject)
        if self._calls.has(call):
            return  # it moved here meanwhile
        self.mirrors.keep(call, owner, time.monotonic())
        self._apply(org, call, message.data, owner, missing=call)

    async def _on_event(self, message: Msg) -> None:
        """Apply an event of an organisation that is watched here."""
        org, call = TRANSCRIPT.names(message.subject)
        self._apply(org, call, message.data, sent_by(message.reply), missing=org)

    def _apply(self, org: str, call: str, data: bytes, owner: str, *, missing: str) -> None:
        """Apply an event of ``owner``'s ``call``; if we missed its beginning, request what is ``missing`` instead."""
        if self._hub.find(org, call) is None and b'"type":"call.started"' not in data[:32]:
            self.requests.send_once(missing)
            return
        try:
            event = decode(data)
        except _BAD:
            log.warning("NATS message unreadable", kind="event")
            return
        self._received.apply(org, event, owner)
