"""Heartbeats of the media nodes, and the state they share. Numbers only: no word, no call's name.

Every `HEARTBEAT_SECONDS` a node publishes a `Heartbeat` on ``node.{node}.alive``. `web` restarts the streams of a
node that has been silent for some seconds (web/calls/stream_recovery.py). A `web` process that has just started
publishes ``facts.wanted``, and every node announces its streams again.

Changes to slots (`media.quota.allocator`) do not wait for the next heartbeat: media nodes publish them at once on
``slots.told.{node}``. A new node asks ``slots.who``; if there is no other node, NATS itself answers "no responders".
It always answers that on ``slots.echo``, where nobody subscribes: so a node knows that its connection works. (Not a
client's flush: one of nats-py's that is cancelled breaks the connection when the answer arrives later.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from media.nats_connection import NatsConnection
from media.quota.membership import Heartbeat, Membership

HEARTBEAT_SECONDS = 1.0
_NO_RESPONDERS = "503"  # NATS's status: no responders
_encode = msgspec.json.Encoder().encode
log = structlog.get_logger()
_decode = msgspec.json.Decoder(Heartbeat).decode


class Node(Protocol):
    """The receiver of heartbeats: this node's part in sharing slots."""

    announce: Callable[[Heartbeat], None]

    @property
    def membership(self) -> Membership: ...
    def receive(self, node: str, heartbeat: Heartbeat) -> None: ...
    def connected(self) -> None: ...
    def lost(self) -> None: ...
    def no_other_nodes(self) -> None: ...
    def confirmed(self) -> None: ...
    def request_announcement(self) -> None: ...


class Heartbeats:
    """Send and receive the heartbeats of the node ``name`` over ``connection``.

    ``wanted`` is called when somebody asks which streams are here, ``alive`` with the name of each node heard.
    """

    def __init__(
        self,
        connection: NatsConnection,
        name: str,
        node: Node,
        wanted: Callable[[], None],
        alive: Callable[[str], None],
    ) -> None:
        # Set when NATS has answered, so that it has processed all subscriptions made before.
        self.connected_once = asyncio.Event()
        self._connection = connection
        self._name = name
        self._node = node
        self._wanted = wanted
        self._alive = alive
        self._no_responders = self._echoes = ""  # inboxes for NATS's "no responders"
        node.announce = self.announce
        connection.lost = node.lost

    @property
    def membership(self) -> Membership:
        """Return the other live nodes."""
        return self._node.membership

    def send(self, heartbeat: Heartbeat) -> None:
        """Publish this node's heartbeat. While disconnected it is dropped, not queued: a stale one would be wrong."""
        self._publish(f"node.{self._name}.alive", heartbeat)
        self._ask("slots.echo", self._echoes)

    def announce(self, heartbeat: Heartbeat) -> None:
        """Send other media nodes what has changed."""
        self._publish(f"slots.told.{self._name}", heartbeat)

    async def send_last(self, heartbeat: Heartbeat) -> None:
        """Publish the last heartbeat, so that the other nodes need not wait for a timeout."""
        await self._connection.publish(f"slots.told.{self._name}", _encode(heartbeat))

    async def subscribe(self, client: Client) -> None:
        """Subscribe on a new connection, and announce what is here."""
        self._no_responders, self._echoes = client.new_inbox(), client.new_inbox()
        await client.subscribe(self._no_responders, cb=self._on_no_responders)
        await client.subscribe(self._echoes, cb=self._on_echo)
        await client.subscribe("slots.told.*", cb=self._on_change)
        await client.subscribe("slots.who", cb=self._on_who)
        await client.subscribe("node.*.alive", cb=self._on_alive)
        await client.subscribe("facts.wanted", cb=self._on_wanted)
        self.reconnected()
        self._wanted()
        self._ask("slots.echo", self._echoes)

    def reconnected(self) -> None:
        """Announce this node after a connection or reconnection, and ask for the others."""
        self._node.connected()
        self._ask("slots.who", self._no_responders)

    def _publish(self, subject: str, heartbeat: Heartbeat) -> None:
        if self._connection.is_connected:
            self._connection.publish_later(subject, _encode(heartbeat))

    def _ask(self, subject: str, inbox: str) -> None:
        if self._connection.is_connected and inbox:
            self._connection.publish_later(subject, b"", inbox)

    async def _on_alive(self, message: Msg) -> None:
        self._receive(message.subject.split(".")[1], message.data)

    async def _on_change(self, message: Msg) -> None:
        self._receive(message.subject.split(".")[2], message.data)

    def _receive(self, node: str, text: bytes) -> None:
        try:
            heartbeat = _decode(text)
        except (msgspec.DecodeError, UnicodeError):
            return
        self._node.receive(node, heartbeat)
        self._alive(node)

    async def _on_who(self, _: Msg) -> None:
        self._node.request_announcement()

    async def _on_no_responders(self, message: Msg) -> None:
        if _is_from_nats(message):
            self._node.no_other_nodes()

    async def _on_echo(self, message: Msg) -> None:
        if _is_from_nats(message):
            if not self.connected_once.is_set():
                self.connected_once.set()
                log.info("NATS connected")
            self._node.confirmed()

    async def _on_wanted(self, _: Msg) -> None:
        self._wanted()


def _is_from_nats(message: Msg) -> bool:
    return (message.headers or {}).get("Status") == _NO_RESPONDERS
