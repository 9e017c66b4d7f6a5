"""Which tickets this node accepts: signed, used on no node before, and not issued before the member's removal."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

from protocol.messages import REMOVED, TICKET_USED, Removed, UsedTicket
from protocol.nats import NatsConnection
from protocol.tickets import (
    ConsoleTicket,
    ReadingTicket,
    Revoked,
    StreamTicket,
    TicketError,
    UsedTickets,
    verify_console,
    verify_reading,
    verify_stream,
    verify_vocabulary,
)

log = structlog.get_logger()


class AcceptedTickets:
    """Verify tickets under ``secrets``, and share over NATS which were used.

    ``on_removed`` is called with an organisation and its member whose rights have changed.
    """

    def __init__(
        self, connection: NatsConnection, secrets: tuple[str, ...], on_removed: Callable[[str, str], None]
    ) -> None:
        self._connection = connection
        self._secrets = secrets
        self._on_removed_member = on_removed
        self._used, self._revoked = UsedTickets(), Revoked()
        connection.attach(subscribe=self._subscribe)

    def read_stream(self, text: object) -> StreamTicket:
        """Return the ticket of a stream. Raise `TicketError`."""
        return verify_stream(self._secrets, text)

    def read_vocabulary(self, text: object, call: str) -> str | None:
        """Return the name of the vocabulary of ``call``; None if none is named, or not by web."""
        try:
            return None if text is None else verify_vocabulary(self._secrets, text, call)
        except TicketError as error:
            log.warning("vocabulary ignored", call=call, why=str(error))
            return None

    def read_console(self, text: object) -> ConsoleTicket:
        """Return the ticket of a console. Raise `TicketError`, also if its member was removed since."""
        ticket = verify_console(self._secrets, text)
        if self.is_revoked(ticket):
            raise TicketError("rights have changed since")
        return ticket

    def read_reading(self, text: object) -> ReadingTicket:
        """Return the ticket for reading a call. Raise `TicketError`."""
        return verify_reading(self._secrets, text)

    def use_once(self, ticket: StreamTicket | ConsoleTicket | ReadingTicket) -> None:
        """Mark a ticket used, on this node and the others. Raise `TicketError` if it was used before."""
        if not self._used.use_once(ticket.jti, ticket.exp):
            raise TicketError("used before")
        self._connection.publish_later(TICKET_USED.to(), TICKET_USED.write(UsedTicket(ticket.jti, ticket.exp)))

    def is_revoked(self, ticket: ConsoleTicket) -> bool:
        """Return whether the member lost the right to a console after ``ticket`` was issued."""
        return self._revoked.covers(ticket)

    async def _subscribe(self, client: Client) -> None:
        await client.subscribe(REMOVED.all, cb=self._on_removed)
        await client.subscribe(TICKET_USED.all, cb=self._on_ticket_used)

    async def _on_removed(self, message: Msg) -> None:
        """Void a member's earlier tickets, also if the time is unreadable or missing."""
        org, member = REMOVED.names(message.subject)
        at = (REMOVED.read(message.data) or Removed()).at / 1000
        self._revoked.revoke(org, member, at or time.time())
        self._on_removed_member(org, member)

    async def _on_ticket_used(self, message: Msg) -> None:
        used = TICKET_USED.read(message.data)
        if used is not None:
            self._used.use_once(used.jti, used.exp)
