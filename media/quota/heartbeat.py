"""A node's heartbeat, and what the nodes tell each other of themselves. Numbers only: no word, no call's name.

Every `PULSE_SECONDS` a node says ``node.{node}.alive`` with a `Heartbeat`; `web` starts the calls of a node anew that
has been silent for some seconds (web/calls/stream_recovery.py). Whoever of `web` has just come asks ``facts.wanted``,
and every node says again which streams it has.

Between media nodes alone, what changes about slots (slots.py) does not wait for the next beat: it is told at once on
``slots.told.{node}``. Who comes asks ``slots.who``; if nobody is there, NATS itself answers ("no responders"), as it
always does on ``slots.echo``, where nobody listens: so a node knows that its NATS is alive. (A client's flush would
tell, too, but one of nats-py's that is given up breaks its connection when the answer comes after all.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from media.quota.membership import Heartbeat, Membership
from media.wire import NatsConnection

PULSE_SECONDS = 1.0
_NOBODY = "503"  # NATS's status: no responders
_encode = msgspec.json.Encoder().encode
log = structlog.get_logger()
_decode = msgspec.json.Decoder(Heartbeat).decode


class Node(Protocol):
    """What hears: this node's part in sharing slots."""

    tell: Callable[[Heartbeat], None]

    @property
    def roll(self) -> Membership: ...
    def hear(self, node: str, beat: Heartbeat) -> None: ...
    def connected(self) -> None: ...
    def lost(self) -> None: ...
    def alone(self) -> None: ...
    def proven(self) -> None: ...
    def ask_to_tell(self) -> None: ...


class Heartbeats:
    """The heartbeat of the node ``name`` on ``wire``.

    ``wanted``: somebody has to be told which streams are here; ``alive``: another node has said that it lives.
    """

    def __init__(
        self, wire: NatsConnection, name: str, node: Node, wanted: Callable[[], None], alive: Callable[[str], None]
    ) -> None:
        self.reached = asyncio.Event()  # NATS has answered, so it has all that we subscribed to before we asked
        self._wire = wire
        self._name = name
        self._node = node
        self._wanted = wanted
        self._alive = alive
        self._absences = self._echoes = ""  # where NATS itself says that nobody listens
        node.tell = self.tell
        wire.lost = node.lost

    @property
    def roll(self) -> Membership:
        """The other nodes."""
        return self._node.roll

    def beat(self, beat: Heartbeat) -> None:
        """Say that we live. What could not be said now is not said later: it would be a lie by then."""
        self._say(f"node.{self._name}.alive", beat)
        self._ask("slots.echo", self._echoes)

    def tell(self, beat: Heartbeat) -> None:
        """Say to other media nodes what has changed."""
        self._say(f"slots.told.{self._name}", beat)

    async def end(self, beat: Heartbeat) -> None:
        """Say the last words: nobody need wait until our silence is noticed."""
        await self._wire.publish(f"slots.told.{self._name}", _encode(beat))

    async def begin(self, client: Client) -> None:
        """A connection stands: listen, and say what is here, for nobody may have heard it."""
        self._absences, self._echoes = client.new_inbox(), client.new_inbox()
        await client.subscribe(self._absences, cb=self._take_absence)
        await client.subscribe(self._echoes, cb=self._take_echo)
        await client.subscribe("slots.told.*", cb=self._take_told)
        await client.subscribe("slots.who", cb=self._take_who)
        await client.subscribe("node.*.alive", cb=self._take_beat)
        await client.subscribe("facts.wanted", cb=self._take_wanted)
        self.came_back()
        self._wanted()
        self._ask("slots.echo", self._echoes)

    def came_back(self) -> None:
        """NATS is there, or there again: say who we are, and ask who is there."""
        self._node.connected()
        self._ask("slots.who", self._absences)

    def _say(self, subject: str, beat: Heartbeat) -> None:
        if self._wire.is_connected:
            self._wire.offer(subject, _encode(beat))

    def _ask(self, subject: str, inbox: str) -> None:
        if self._wire.is_connected and inbox:
            self._wire.offer(subject, b"", inbox)

    async def _take_beat(self, message: Msg) -> None:
        self._hear(message.subject.split(".")[1], message.data)

    async def _take_told(self, message: Msg) -> None:
        self._hear(message.subject.split(".")[2], message.data)

    def _hear(self, node: str, text: bytes) -> None:
        try:
            beat = _decode(text)
        except (msgspec.DecodeError, UnicodeError):
            return
        self._node.hear(node, beat)
        self._alive(node)

    async def _take_who(self, _: Msg) -> None:
        self._node.ask_to_tell()

    async def _take_absence(self, message: Msg) -> None:
        if _is_from_nats(message):
            self._node.alone()

    async def _take_echo(self, message: Msg) -> None:
        if _is_from_nats(message):
            if not self.reached.is_set():
                self.reached.set()
                log.info("bus connected")
            self._node.proven()

    async def _take_wanted(self, _: Msg) -> None:
        self._wanted()


def _is_from_nats(message: Msg) -> bool:
    return (message.headers or {}).get("Status") == _NOBODY
