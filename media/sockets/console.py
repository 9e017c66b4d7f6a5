"""A browser's WebSocket: it sends a ticket, and gets a snapshot and then events. A slow one never delays a call.

A console closes when the sign-in that its ticket came from ends, and after ten minutes in any case: a node that
missed the removal of a member shows words no longer than that. The page then reconnects with a new ticket, if it gets
one. A heartbeat every few seconds tells the page that what it shows is live.

The socket's own write buffer is the limit: a console that has not taken `MAX_BUFFERED_BYTES` is disconnected. The
page reconnects with a new ticket and gets a new snapshot.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import structlog
from picows import WSMsgType, WSTransport

from media.live.accepted_tickets import AcceptedTickets
from media.live.hub import Hub
from media.live.member_consoles import MemberConsoles
from media.live.replication import Replication
from media.metrics import CONSOLES_DROPPED, REFUSED
from media.sockets.websocket import WebSocket
from protocol.tickets import ConsoleTicket, Role, TicketError

MAX_BUFFERED_BYTES = 256 * 1024
NO_TICKET, TOO_MANY = 4401, 4429
_HEARTBEAT = b'{"type":"beat"}'
_TICK_SECONDS = 1.0  # between two calls of `tick`
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ConsoleLimits:
    """Times in seconds."""

    ticket: float = 5.0
    """Time for the ticket to arrive."""
    most: float = 600.0
    """Lifetime of a console; up to a tenth less, so that consoles opened together do not all reconnect together."""
    heartbeat: float = 5.0
    """Time between two heartbeats."""
    of_a_member: int = 8
    """Consoles of one member, on all nodes together; one more closes the oldest (`media.live.member_consoles`)."""
    settle: float = 2.0
    """Time for a page to close the console that a new one replaces, before they are counted."""


class _Hello(msgspec.Struct):
    ticket: str


_decode_hello = msgspec.json.Decoder(_Hello).decode


class Consoles:
    """The consoles of this node. What they wait for runs in ``tasks``."""

    def __init__(
        self,
        hub: Hub,
        replication: Replication,
        tickets: AcceptedTickets,
        member_consoles: MemberConsoles,
        tasks: asyncio.TaskGroup,
        limits: ConsoleLimits,
    ) -> None:
        self.hub = hub
        self.tickets = tickets
        self.limits = limits
        self._replication = replication
        self._member_consoles = member_consoles
        self._tasks = tasks
        self._connected: set[Console] = set()

    def __len__(self) -> int:
        return len(self._connected)

    def __iter__(self) -> Iterator[Console]:
        return iter(tuple(self._connected))

    def connected(self, console: Console) -> None:
        """Add ``console``, which is not admitted yet."""
        self._connected.add(console)

    def disconnected(self, console: Console) -> None:
        """Remove ``console``."""
        self._connected.discard(console)
        if console.is_admitted:
            self._member_consoles.closed(console)

    def open(self, console: Console) -> None:
        """Show an admitted console its calls, as soon as the other nodes have sent theirs."""
        self._member_consoles.opened(console)
        if self._replication.is_watching(console.org):
            console.begin()
        else:
            self._tasks.create_task(self._begin_when_watching(console))

    async def _begin_when_watching(self, console: Console) -> None:
        await self._replication.watch(console.org)
        console.begin()


class Console(WebSocket):
    """One browser's WebSocket."""

    def __init__(self, consoles: Consoles) -> None:
        super().__init__()
        self.org = self.member = ""
        self.role: Role = "agent"
        self._consoles = consoles
        self._ticket: ConsoleTicket | None = None
        self._is_watching = False
        self._max_buffered = MAX_BUFFERED_BYTES
        self.opened_at = time.monotonic()
        self._ends_at = self._heartbeat_at = 0.0

    def on_text(self, text: memoryview | bytes) -> None:
        if self.is_admitted:
            return  # a console sends nothing after its ticket
        try:
            self._open(self._read(text))
        except TicketError as error:
            REFUSED.labels("console", "ticket").inc()
            log.warning("console refused", why=str(error))
            self.close(NO_TICKET, "ticket refused")

    def on_binary(self) -> None:
        if not self.is_admitted:
            self.close(NO_TICKET, "ticket expected")

    def send(self, event: bytes) -> None:
        """Send ``event``, or disconnect the console if it is too far behind."""
        transport = self.transport
        if transport is None or transport.is_disconnected:
            return
        waiting = transport.underlying_transport.get_write_buffer_size()
        if waiting > self._max_buffered:
            self._drop(transport)
            return
        if waiting < MAX_BUFFERED_BYTES:
            self._max_buffered = MAX_BUFFERED_BYTES
        transport.send(WSMsgType.TEXT, event)

    def close_revoked(self) -> None:
        """Close: the member's rights have changed. The page asks for a new ticket."""
        self.close(NO_TICKET, "rights have changed")

    def displace(self) -> None:
        """Close: the member has opened too many others since. The page must not reconnect by itself."""
        self.close(TOO_MANY, "too many consoles")

    def tick(self, now: float) -> None:
        """Close a console without a ticket in time, or at the end of its lifetime.

        ``now`` in seconds of `time.monotonic`.
        """
        if not self.is_admitted:
            if now - self.opened_at >= self._consoles.limits.ticket:
                self.close(NO_TICKET, "no ticket")
        elif now >= self._ends_at:
            self.close(NO_TICKET, "time is up")
        elif self._is_watching and now >= self._heartbeat_at:
            self._heartbeat_at = now + self._consoles.limits.heartbeat - _TICK_SECONDS / 2
            self.send(_HEARTBEAT)

    def connected(self) -> None:
        self._consoles.connected(self)

    def disconnected(self) -> None:
        self._consoles.disconnected(self)
        if self._is_watching:
            self._consoles.hub.unwatch(self)

    def _drop(self, transport: WSTransport) -> None:
        CONSOLES_DROPPED.inc()
        log.warning("console disconnected", member=self.member, why="too far behind")
        self.transport = None
        transport.disconnect(graceful=False)

    def _read(self, text: memoryview | bytes) -> ConsoleTicket:
        try:
            hello = _decode_hello(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise TicketError("not a ticket") from None
        ticket = self._consoles.tickets.read_console(hello.ticket)
        if ticket.until is not None and ticket.until <= time.time():
            raise TicketError("signed out")
        self._consoles.tickets.use_once(ticket)
        return ticket

    def _open(self, ticket: ConsoleTicket) -> None:
        self.org, self.member, self.role = ticket.org, ticket.sub, ticket.role
        self.admit()
        limits, now = self._consoles.limits, time.monotonic()
        lasts = limits.most * random.uniform(0.9, 1.0)  # noqa: S311 (no secret)
        self._ends_at = now + (lasts if ticket.until is None else min(lasts, ticket.until - time.time()))
        self._heartbeat_at = now + limits.heartbeat - _TICK_SECONDS / 2
        self._ticket = ticket
        self._consoles.open(self)

    def begin(self) -> None:
        """Send a snapshot, and events from then on.

        Do nothing if the socket is closed or the right revoked by now.
        """
        transport = self.transport
        if transport is None or self._ticket is None:
            return
        if self._consoles.tickets.is_revoked(self._ticket):
            self.close_revoked()
            return
        snapshot = self._consoles.hub.watch(self)
        self._is_watching = True
        self._max_buffered += len(snapshot)  # a large snapshot must not count as lag
        transport.send(WSMsgType.TEXT, snapshot)
