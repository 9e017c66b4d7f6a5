"""Heartbeats of the media nodes, and the state they share. Numbers only: no word, no call's name.

Every `HEARTBEAT_SECONDS` a node publishes a `Heartbeat` on ``node.{node}.alive``. `web` restarts the streams of a
node that has been silent for some seconds (web/calls/streams/recovery.py). A `web` process that has just started
publishes ``facts.wanted``, and every node announces its streams again.

Changes to slots (`media.quota.allocator`) do not wait for the next heartbeat: media nodes publish them at once on
``slots.told.{node}``. A node that has just connected asks ``slots.who``, and says its name: the others also ask it
again for the calls that they watch. If there is no other node, NATS itself answers "no responders".
"""

from __future__ import annotations

from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.msg import Msg

from media.quota.admission import Admission
from protocol.messages import ALIVE, FACTS_WANTED, SLOTS, SLOTS_WANTED, Heartbeat, Joined
from protocol.nats import NatsConnection, is_no_responders

HEARTBEAT_SECONDS = 1.0


class Heartbeats:
    """Send and receive the heartbeats of the node ``name`` over ``connection``.

    ``wanted`` is called when somebody asks which streams are here, ``alive`` with the name of each node heard, and
    ``joined`` with the name of a node that has just connected, for the first time or again.
    """

    def __init__(
        self,
        connection: NatsConnection,
        name: str,
        admission: Admission,
        wanted: Callable[[], None],
        alive: Callable[[str], None],
        joined: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._name = name
        self._admission = admission
        self._wanted = wanted
        self._alive = alive
        self._joined = joined
        self._no_responders = ""  # the inbox for NATS's "no responders"
        admission.announce = self.announce
        connection.attach(
            subscribe=self._subscribe,
            restored=self._restored,
            lost=admission.lost,
            confirmed=admission.confirmed,
        )

    def send(self, heartbeat: Heartbeat) -> None:
        """Publish this node's heartbeat. While disconnected it is dropped, not queued: a stale one would be wrong."""
        self._connection.publish_now_or_never(ALIVE.to(self._name), ALIVE.write(heartbeat))

    def announce(self, heartbeat: Heartbeat) -> None:
        """Send other media nodes what has changed."""
        self._connection.publish_now_or_never(SLOTS.to(self._name), SLOTS.write(heartbeat))

    async def send_last(self, heartbeat: Heartbeat) -> None:
        """Publish the last heartbeat, so that the other nodes need not wait for a timeout."""
        await self._connection.publish(SLOTS.to(self._name), SLOTS.write(heartbeat))

    async def _subscribe(self, client: Client) -> None:
        """Subscribe on a new connection, and announce what is here."""
        self._no_responders = client.new_inbox()
        await client.subscribe(self._no_responders, cb=self._on_no_responders)
        await client.subscribe(SLOTS.all, cb=self._on_change)
        await client.subscribe(SLOTS_WANTED.all, cb=self._on_slots_wanted)
        await client.subscribe(ALIVE.all, cb=self._on_alive)
        await client.subscribe(FACTS_WANTED.all, cb=self._on_wanted)
        self._restored()

    def _restored(self) -> None:
        """Announce this node after a connection or reconnection, and ask for the others."""
        self._admission.connected()
        self._connection.publish_now_or_never(
            SLOTS_WANTED.to(), SLOTS_WANTED.write(Joined(self._name)), self._no_responders
        )
        self._wanted()

    async def _on_alive(self, message: Msg) -> None:
        [node] = ALIVE.names(message.subject)
        self._receive(node, ALIVE.read(message.data))

    async def _on_change(self, message: Msg) -> None:
        [node] = SLOTS.names(message.subject)
        self._receive(node, SLOTS.read(message.data))

    def _receive(self, node: str, heartbeat: Heartbeat | None) -> None:
        if heartbeat is not None:
            self._admission.receive(node, heartbeat)
            self._alive(node)

    async def _on_slots_wanted(self, message: Msg) -> None:
        self._admission.request_announcement()
        joined = SLOTS_WANTED.read(message.data)
        if joined is not None and joined.node:
            self._joined(joined.node)

    async def _on_no_responders(self, message: Msg) -> None:
        if is_no_responders(message):
            self._admission.no_other_nodes()

    async def _on_wanted(self, _: Msg) -> None:
        self._wanted()
