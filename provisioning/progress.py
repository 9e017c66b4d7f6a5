"""Tell open pages how far an order is: NATS ``progress.{organisation}.{order}`` ``{"order", "state"}``; and web that
an organisation's state is another one: ``progress.{organisation}.standing``.

Only a nudge: who hears it looks into the database. So nothing waits for NATS, and without it nothing is lost; a fact
that finds the queue full is dropped.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from uuid import UUID

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

WAITING_FACTS = 1000
RETRY_SECONDS = 1.0
CONNECT_SECONDS = 2

_log = structlog.get_logger(__name__)


class Progress:
    """Facts on their way to NATS at ``url``; empty: nobody is told. `run` it in a task of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING_FACTS)

    def tell(self, organisation_id: UUID, order_id: UUID, state: str) -> None:
        """The order has come to ``state``. Never waits, never raises."""
        self._put(f"progress.{organisation_id}.{order_id}", {"order": str(order_id), "state": state})

    def tell_standing(self, organisation_id: UUID) -> None:
        """What works for the organisation is not what it was. Never waits, never raises."""
        self._put(f"progress.{organisation_id}.standing", {})

    def _put(self, subject: str, fact: Mapping[str, str]) -> None:
        if self._url and not self._waiting.full():
            self._waiting.put_nowait((subject, json.dumps(fact).encode()))

    async def run(self) -> None:
        """Send until cancelled, through every loss of the connection."""
        while self._url:
            try:
                await self._send()
            except (OSError, NatsError, TimeoutError) as error:
                _log.warning("nats lost", error=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _send(self) -> None:
        connection = Client()
        try:
            await connection.connect(
                self._url,
                name="provisioning",
                error_cb=_silently,
                connect_timeout=CONNECT_SECONDS,
                max_reconnect_attempts=-1,
                pending_size=1 << 20,
            )
            while True:
                await connection.publish(*await self._waiting.get())
        finally:
            await connection.close()


async def _silently(_: Exception) -> None:
    """nats-py keeps trying by itself; its own line would say nothing more."""
