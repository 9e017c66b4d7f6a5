"""Who reads a call as a supervisor, and the lines of text that they write to its agent. In memory, until it ends.

A console reads a call once it has shown web's ticket for that (`protocol.tickets.ReadingTicket`): so what is shown
here is in the audit log. Every node tells the others who reads at its consoles, and repeats it; the consoles of a
call are told when anything has changed. A reader whom the organisation does not show is known to their node alone.

A line goes to the node that has the call, which publishes it as an event of the call: so it reaches every console
that may see the call, moves with it, and comes back to who wrote it only once the call has it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg

from media.live.following import MOST_CALLS
from media.live.hub import Hub, Subscriber
from media.live.transcript import LineWritten, encode
from media.nodes.own_calls import OwnCalls
from protocol.messages import LINE, READERS, Line, LineSent, Reader, ReadersReport
from protocol.nats import NatsConnection
from protocol.tickets import ReadingTicket

REPEAT_SECONDS = 5.0
FORGET_SECONDS = 12.0  # without a repetition: two may be lost
LONGEST_LINE = 500  # characters

CallKey = tuple[str, str]
"""An organisation and a call."""


class ReadersChanged(Struct, frozen=True, tag="readers"):
    """Who reads the call now."""

    call: str
    readers: list[Reader]


@dataclass(slots=True)
class _Elsewhere:
    """Who reads a call at another node, as of ``at`` (monotonic seconds)."""

    readers: list[Reader]
    at: float


class Readers:
    """Who reads which call, as far as this node knows. Call `tick` once a second.

    ``calls`` are those that live on this node.
    """

    def __init__(self, connection: NatsConnection, node: str, hub: Hub, calls: OwnCalls) -> None:
        self._connection = connection
        self._node = node
        self._hub = hub
        self._calls = calls
        self._here: dict[CallKey, dict[Subscriber, ReadingTicket]] = {}
        self._elsewhere: dict[CallKey, dict[str, _Elsewhere]] = {}
        self._told: dict[CallKey, tuple[str | None, list[Reader]]] = {}
        self._repeat_at = 0.0
        connection.attach(subscribe=self._subscribe)

    def opened(self, console: Subscriber, ticket: ReadingTicket) -> bool:
        """Let ``console`` read the ticket's call. Return False if it reads too many."""
        if sum(console in consoles for consoles in self._here.values()) >= MOST_CALLS:
            return False
        self._here.setdefault((ticket.org, ticket.call), {})[console] = ticket
        self._changed((ticket.org, ticket.call))
        return True

    def left(self, console: Subscriber, call: str) -> None:
        """Record that ``console`` no longer reads the call."""
        key = (console.org, call)
        if self._here.get(key, {}).pop(console, None) is not None:
            self._changed(key)

    def closed(self, console: Subscriber) -> None:
        """Record that ``console`` no longer reads any call."""
        for _, call in [key for key, consoles in self._here.items() if console in consoles]:
            self.left(console, call)

    def write(self, console: Subscriber, call: str, text: str) -> bool:
        """Send the call's agent a line of ``console``'s member, who reads the call. Return False if they do not."""
        key = (console.org, call)
        ticket = self._here.get(key, {}).get(console)
        text = " ".join(text.split())[:LONGEST_LINE]
        if ticket is None or not text or self._hub.find(*key) is None:
            return False
        line = Line(uuid.uuid4().hex, ticket.sub, ticket.name, text, round(time.time() * 1000))
        if self._calls.has(call):
            self._hub.publish(console.org, LineWritten(call, line))
        else:
            self._connection.publish_later(LINE.to(*key), LINE.write(LineSent(self._node, line)))
        return True

    def history(self, console: Subscriber) -> Iterator[bytes]:
        """Yield the events that tell a console that has just opened who reads the calls that it may see."""
        for (org, call), readers in [(key, self._of(key)) for key in self._keys()]:
            if org == console.org and readers and self._hub.may_see(console, call):
                yield encode(ReadersChanged(call, readers))

    def tick(self, now: float) -> None:
        """Repeat who reads here, and forget what is over. ``now`` in monotonic seconds."""
        for nodes in self._elsewhere.values():
            for node in [node for node, known in nodes.items() if now - known.at >= FORGET_SECONDS]:
                del nodes[node]
        repeats = now >= self._repeat_at
        if repeats:
            self._repeat_at = now + REPEAT_SECONDS
        for key in self._keys():
            if repeats and self._here.get(key):
                self._publish(key)
            self._tell(key)
        for known in (self._here, self._elsewhere, self._told):
            for key in [key for key in known if not self._here.get(key) and not self._elsewhere.get(key)]:
                del known[key]

    def _keys(self) -> list[CallKey]:
        return list({*self._here, *self._elsewhere, *self._told})

    def _of(self, key: CallKey) -> list[Reader]:
        """Return who reads the call, each once, as far as it is shown."""
        found = {reader.member: reader for reader in self._shown_here(key)}
        for known in self._elsewhere.get(key, {}).values():
            found |= {reader.member: reader for reader in known.readers}
        return sorted(found.values(), key=lambda reader: (reader.name, reader.member))

    def _shown_here(self, key: CallKey) -> list[Reader]:
        tickets = self._here.get(key, {}).values()
        return [Reader(ticket.sub, ticket.name) for ticket in tickets if ticket.shown]

    def _changed(self, key: CallKey) -> None:
        self._publish(key)
        self._tell(key)

    def _publish(self, key: CallKey) -> None:
        report = ReadersReport(self._node, self._shown_here(key))
        self._connection.publish_later(READERS.to(*key), READERS.write(report))

    def _tell(self, key: CallKey) -> None:
        """Tell the call's consoles, if anything has changed since, or another agent has the call."""
        call = self._hub.find(*key)
        if call is None:
            return
        now = (call.agent, self._of(key))
        if now != self._told.get(key, (call.agent, [])):
            self._hub.tell(*key, encode(ReadersChanged(key[1], now[1])))
        self._told[key] = now

    async def _subscribe(self, client: Client) -> None:
        await client.subscribe(READERS.all, cb=self._on_readers)
        await client.subscribe(LINE.all, cb=self._on_line)

    async def _on_readers(self, message: Msg) -> None:
        org, call = READERS.names(message.subject)
        report = READERS.read(message.data)
        if report is not None and report.node != self._node:
            nodes = self._elsewhere.setdefault((org, call), {})
            nodes[report.node] = _Elsewhere(report.readers, time.monotonic())
            self._tell((org, call))

    async def _on_line(self, message: Msg) -> None:
        org, call = LINE.names(message.subject)
        sent = LINE.read(message.data)
        if sent is not None and self._calls.has(call):
            self._hub.publish(org, LineWritten(call, sent.line))
