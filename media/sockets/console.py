"""A browser's WebSocket: it sends a ticket, and gets a snapshot and then events. A slow one never delays a call.

With a subscription, beside the ticket or later, it is told less (`media.live.following`)::

    {"ticket": "…", "subscribe": {"rows": true, "calls": ["CA…"]}}    begin with this one
    {"subscribe": {"rows": true, "calls": []}}                        replace it

Then a snapshot and ``call.started`` have no words; ``rows`` follow, of all calls and later of those that have
changed; ``call.words`` tells a followed call whole, and its events come from then on. A malformed subscription beside
the ticket closes the console with 4400: it would be told far more than its page asked for.

It may also ask for a call's translation, show a ticket for reading a call, leave it, and write a line to its agent.
Anything else that it sends is ignored.

A console closes when the sign-in that its ticket came from ends, and after ten minutes in any case: a node that
missed the removal of a member shows words no longer than that. The page then reconnects with a new ticket, if it gets
one. A sign of life every few seconds tells the page that what it shows is live.

The socket's own write buffer is the limit: a console that has not taken `MAX_BUFFERED_BYTES` is disconnected. The
page reconnects with a new ticket and gets a new snapshot.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta
from picows import WSMsgType, WSTransport

from media.live.following import Subscription
from media.live.hub import Hub
from media.live.translations import Translations
from media.metrics import CONSOLES_DROPPED, REFUSED
from media.nodes.accepted_tickets import AcceptedTickets
from media.nodes.member_consoles import MemberConsoles
from media.nodes.readers import Readers
from media.nodes.requests import Requests
from media.sockets.websocket import WebSocket
from protocol.tickets import ConsoleTicket, Role, TicketError

MAX_BUFFERED_BYTES = 256 * 1024
MAX_WHOLE_BYTES = 16 * 1024 * 1024  # where whole calls are on their way
MALFORMED, NO_TICKET, TOO_MANY = 4400, 4401, 4429
_SIGN_OF_LIFE = b'{"type":"beat"}'
_TICK_SECONDS = 1.0  # between two calls of `tick`
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ConsoleLimits:
    """Times in seconds."""

    ticket: float = 5.0
    """Time for the ticket to arrive."""
    most: float = 600.0
    """Lifetime of a console; up to a tenth less, so that consoles opened together do not all reconnect together."""
    sign_of_life: float = 5.0
    """Time between two signs of life that the page is sent."""
    of_a_member: int = 8
    """Consoles of one member, on all nodes together; one more closes the oldest (`media.nodes.member_consoles`)."""
    settle: float = 2.0
    """Time for a page to close the console that a new one replaces, before they are counted."""


class _Hello(msgspec.Struct):
    ticket: str
    subscribe: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Subscribes(msgspec.Struct):
    """Follow what ``subscribe`` says from now on."""

    subscribe: Subscription


class _Translates(msgspec.Struct, tag="translate"):
    """Translate ``call`` into the language ``to``; None: no longer."""

    call: Annotated[str, Meta(max_length=64)]
    to: Annotated[str, Meta(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] | None = None


class _Reads(msgspec.Struct, tag="read"):
    """The member reads a call, as web's ticket for it says."""

    ticket: str


class _Leaves(msgspec.Struct, tag="leave"):
    """The member reads ``call`` no longer."""

    call: str


class _Writes(msgspec.Struct, tag="write"):
    """A line for the agent of ``call``, which the member reads."""

    call: str
    text: str


_Said = _Translates | _Reads | _Leaves | _Writes
MOST_SAID = 240  # messages of a console in a minute; more are ignored
LONGEST_SAID = 4096  # bytes of one
_decode_hello = msgspec.json.Decoder(_Hello).decode
_decode_subscription = msgspec.json.Decoder(Subscription).decode
_decode_said = msgspec.json.Decoder(_Said).decode
_decode_subscribes = msgspec.json.Decoder(_Subscribes).decode


class _MalformedError(ValueError):
    """What was sent is not a valid subscription."""


class Consoles:
    """The consoles of this node. What they wait for runs in ``tasks``."""

    def __init__(
        self,
        hub: Hub,
        requests: Requests,
        tickets: AcceptedTickets,
        member_consoles: MemberConsoles,
        readers: Readers,
        tasks: asyncio.TaskGroup,
        limits: ConsoleLimits,
        translations: Translations,
    ) -> None:
        self.hub = hub
        self.translations = translations
        self.tickets = tickets
        self.limits = limits
        self._requests = requests
        self._member_consoles = member_consoles
        self.readers = readers
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
            self._member_consoles.closed((console.org, console.member), console.displace)

    def open(self, console: Console) -> None:
        """Show an admitted console its calls, as soon as the other nodes have sent theirs."""
        self._member_consoles.opened((console.org, console.member), console.displace)
        if self._requests.is_watching(console.org):
            console.begin()
        else:
            self._tasks.create_task(self._begin_when_watching(console))

    async def _begin_when_watching(self, console: Console) -> None:
        await self._requests.watch(console.org)
        console.begin()


class Console(WebSocket):
    """One browser's WebSocket."""

    def __init__(self, consoles: Consoles) -> None:
        super().__init__()
        self.org = self.member = ""
        self.role: Role = "agent"
        self._consoles = consoles
        self._ticket: ConsoleTicket | None = None
        self._subscription: Subscription | None = None
        self._is_watching = False
        self._max_buffered = MAX_BUFFERED_BYTES
        self._said: deque[float] = deque(maxlen=MOST_SAID)  # when, in seconds of `time.monotonic`
        self.opened_at = time.monotonic()
        self._ends_at = self._sign_of_life_at = 0.0

    def on_text(self, text: memoryview | bytes) -> None:
        if self.is_admitted:
            self._heed(text)
            return
        try:
            self._open(*self._read(text))
        except _MalformedError:
            REFUSED.labels("console", "subscription").inc()
            self.close(MALFORMED, "malformed subscription")
        except TicketError as error:
            REFUSED.labels("console", "ticket").inc()
            log.warning("console refused", why=str(error))
            self.close(NO_TICKET, "ticket refused")

    def _heed(self, text: memoryview | bytes) -> None:
        """Do what an admitted console says. What it does not understand, or one too many, is ignored."""
        now = time.monotonic()
        is_flood = len(self._said) == MOST_SAID and now - self._said[0] < 60
        if is_flood or not self._is_watching or len(text) > LONGEST_SAID:
            return
        self._said.append(now)
        try:
            said = _decoded(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return
        readers = self._consoles.readers
        match said:
            case _Subscribes(subscribe=subscription):
                self._send_whole(self._consoles.hub.follow(self, subscription))
            case _Translates(call=call, to=to):
                self._consoles.translations.want(self, call, to)
            case _Reads(ticket=ticket):
                self._read_call(ticket)
            case _Leaves(call=call):
                self._consoles.hub.leave(self, call)
                readers.left(self, call)
            case _Writes(call=call, text=line):
                readers.write(self, call, line)

    def _read_call(self, text: str) -> None:
        try:
            ticket = self._consoles.tickets.read_reading(text)
            if (ticket.org, ticket.sub) != (self.org, self.member) or self.role == "agent":
                raise TicketError("somebody else's")
            self._consoles.tickets.use_once(ticket)
        except TicketError as error:
            REFUSED.labels("console", "ticket").inc()
            log.warning("call reader refused", why=str(error))
        else:
            if self._consoles.readers.opened(self, ticket):
                self._send_whole(self._consoles.hub.read(self, ticket.call))

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
        elif self._is_watching and now >= self._sign_of_life_at:
            self._sign_of_life_at = now + self._consoles.limits.sign_of_life - _TICK_SECONDS / 2
            self.send(_SIGN_OF_LIFE)

    def connected(self) -> None:
        self._consoles.connected(self)

    def disconnected(self) -> None:
        self._consoles.disconnected(self)
        self._consoles.translations.forget(self)
        self._consoles.readers.closed(self)
        if self._is_watching:
            self._consoles.hub.unwatch(self)

    def _drop(self, transport: WSTransport) -> None:
        CONSOLES_DROPPED.inc()
        log.warning("console disconnected", member=self.member, why="too far behind")
        self.transport = None
        transport.disconnect(graceful=False)

    def _send_whole(self, events: list[bytes]) -> None:
        """Send what is large because a call is long, which must not count as lag."""
        for event in events:
            self.send(event)
            self._max_buffered = max(self._max_buffered, min(self._max_buffered + len(event), MAX_WHOLE_BYTES))

    def _read(self, text: memoryview | bytes) -> tuple[ConsoleTicket, Subscription | None]:
        try:
            hello = _decode_hello(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise TicketError("not a ticket") from None
        ticket = self._consoles.tickets.read_console(hello.ticket)
        if ticket.until is not None and ticket.until <= time.time():
            raise TicketError("signed out")
        self._consoles.tickets.use_once(ticket)
        return ticket, _subscription(hello.subscribe)

    def _open(self, ticket: ConsoleTicket, subscription: Subscription | None) -> None:
        self.org, self.member, self.role = ticket.org, ticket.sub, ticket.role
        self.admit()
        limits, now = self._consoles.limits, time.monotonic()
        lasts = limits.most * random.uniform(0.9, 1.0)  # noqa: S311 (no secret)
        self._ends_at = now + (lasts if ticket.until is None else min(lasts, ticket.until - time.time()))
        self._sign_of_life_at = now + limits.sign_of_life - _TICK_SECONDS / 2
        self._ticket, self._subscription = ticket, subscription
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
        snapshot = self._consoles.hub.watch(self, self._subscription)
        self._is_watching = True
        self._max_buffered += len(snapshot)  # a large snapshot must not count as lag
        transport.send(WSMsgType.TEXT, snapshot)
        if (rows := self._consoles.hub.rows(self)) is not None:
            self._send_whole([rows])
        for event in self._consoles.readers.history(self):
            self.send(event)


def _decoded(text: memoryview | bytes) -> _Said | _Subscribes:
    said: _Said | _Subscribes
    try:
        said = _decode_said(text)
    except msgspec.ValidationError:
        said = _decode_subscribes(text)
    return said


def _subscription(raw: msgspec.Raw | msgspec.UnsetType) -> Subscription | None:
    """Return what a first message asks for. Raise `_MalformedError`."""
    if isinstance(raw, msgspec.UnsetType):
        return None
    try:
        return _decode_subscription(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _MalformedError from None
