"""A browser's end: ticket in, snapshot and events out. A console that lags is cut off; it never slows a call.

Nobody watches for longer than the right to it is proven: a console ends with the sign-in that its ticket came from,
and after ten minutes in any case, so that a node which missed the news of a removal shows words for no longer than
that. The page comes back with a fresh ticket, if it gets one. A beat every few seconds tells the page that what it
shows is live.

The bound is the socket's own buffer: what a browser has not taken yet waits there, and beyond `MOST_WAITING_BYTES`
the socket is dropped. The page comes back with a fresh ticket and gets a fresh snapshot.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Protocol

import msgspec
import structlog
from picows import WSMsgType, WSTransport

from media.live.hub import Hub
from media.metrics import CONSOLES_DROPPED, REFUSED
from media.sockets.websocket import WebSocket
from protocol.tickets import ConsoleTicket, Role, TicketError, verify_console

MOST_WAITING_BYTES = 256 * 1024
NO_TICKET, TOO_MANY = 4401, 4429
_BEAT = b'{"type":"beat"}'
_TICK_SECONDS = 1.0  # between two calls of `tick`
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ConsoleLimits:
    """Times in seconds."""

    ticket: float = 5.0
    """For the ticket to come."""
    most: float = 600.0
    """For one console; ended up to a tenth earlier, so that those who came together do not return together."""
    beat: float = 5.0
    """Between two beats."""
    of_a_member: int = 8
    """Consoles of one member on this node; a further one ends the oldest."""


class _Hello(msgspec.Struct):
    ticket: str


_decode_hello = msgspec.json.Decoder(_Hello).decode


class Consoles(Protocol):
    """What a console needs of the server."""

    stream_secrets: tuple[str, ...]
    hub: Hub
    console_limits: ConsoleLimits

    def is_revoked(self, ticket: ConsoleTicket) -> bool: ...
    def spend(self, jti: str, exp: float) -> bool: ...
    def open(self, console: Console) -> None: ...
    def register(self, socket: WebSocket) -> None: ...
    def forget(self, socket: WebSocket) -> None: ...


class Console(WebSocket):
    """One browser's WebSocket."""

    def __init__(self, consoles: Consoles) -> None:
        super().__init__()
        self.org = self.member = ""
        self.role: Role = "agent"
        self._consoles = consoles
        self._ticket: ConsoleTicket | None = None
        self._is_watching = False
        self._waiting_allowed = MOST_WAITING_BYTES
        self.opened_at = time.monotonic()
        self._ends_at = self._beats_at = 0.0

    def take_text(self, text: memoryview | bytes) -> None:
        if self.is_admitted:
            return  # a console has nothing more to say
        try:
            self._open(self._read(text))
        except TicketError as error:
            REFUSED.labels("console", "ticket").inc()
            log.warning("console refused", why=str(error))
            self.close(NO_TICKET, "ticket refused")

    def take_binary(self) -> None:
        if not self.is_admitted:
            self.close(NO_TICKET, "ticket expected")

    def offer(self, event: bytes) -> None:
        """Send ``event``, or drop the console if it is too far behind."""
        transport = self.transport
        if transport is None or transport.is_disconnected:
            return
        waiting = transport.underlying_transport.get_write_buffer_size()
        if waiting > self._waiting_allowed:
            self._drop(transport)
            return
        if waiting < MOST_WAITING_BYTES:
            self._waiting_allowed = MOST_WAITING_BYTES
        transport.send(WSMsgType.TEXT, event)

    def dismiss(self) -> None:
        """The member may no longer see what this console sees; the page asks for a new ticket."""
        self.close(NO_TICKET, "rights have changed")

    def displace(self) -> None:
        """The member has opened too many others since: the page must not come back by itself."""
        self.close(TOO_MANY, "too many consoles")

    def tick(self, now: float) -> None:
        """Close a console that brings no ticket, or whose time is up. ``now`` in seconds of `time.monotonic`."""
        if not self.is_admitted:
            if now - self.opened_at >= self._consoles.console_limits.ticket:
                self.close(NO_TICKET, "no ticket")
        elif now >= self._ends_at:
            self.close(NO_TICKET, "time is up")
        elif self._is_watching and now >= self._beats_at:
            self._beats_at = now + self._consoles.console_limits.beat - _TICK_SECONDS / 2
            self.offer(_BEAT)

    def connected(self) -> None:
        self._consoles.register(self)

    def gone(self) -> None:
        self._consoles.forget(self)
        if self._is_watching:
            self._consoles.hub.unwatch(self)

    def _drop(self, transport: WSTransport) -> None:
        CONSOLES_DROPPED.inc()
        log.warning("console dropped", member=self.member, why="too far behind")
        self.transport = None
        transport.disconnect(graceful=False)

    def _read(self, text: memoryview | bytes) -> ConsoleTicket:
        try:
            hello = _decode_hello(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise TicketError("not a ticket") from None
        ticket = verify_console(self._consoles.stream_secrets, hello.ticket)
        if self._consoles.is_revoked(ticket):
            raise TicketError("rights have changed since")
        if ticket.until is not None and ticket.until <= time.time():
            raise TicketError("signed out")
        if not self._consoles.spend(ticket.jti, ticket.exp):
            raise TicketError("used before")
        return ticket

    def _open(self, ticket: ConsoleTicket) -> None:
        self.org, self.member, self.role = ticket.org, ticket.sub, ticket.role
        self.admit()
        limits, now = self._consoles.console_limits, time.monotonic()
        lasts = limits.most * random.uniform(0.9, 1.0)  # noqa: S311 (no secret)
        self._ends_at = now + (lasts if ticket.until is None else min(lasts, ticket.until - time.time()))
        self._beats_at = now + limits.beat - _TICK_SECONDS / 2
        self._ticket = ticket
        self._consoles.open(self)

    def begin(self) -> None:
        """Show what there is, and from now on what happens. Nothing if it is gone, or the right to it, by now."""
        transport = self.transport
        if transport is None or self._ticket is None:
            return
        if self._consoles.is_revoked(self._ticket):
            self.dismiss()
            return
        snapshot = self._consoles.hub.watch(self)
        self._is_watching = True
        self._waiting_allowed += len(snapshot)  # a long one must not count as lagging
        transport.send(WSMsgType.TEXT, snapshot)
