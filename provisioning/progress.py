"""Publish on NATS the progress of orders, ``progress.{organisation}.{order}`` ``{"order", "state"}``, and changes of
an organisation's state, ``progress.{organisation}.standing``.

Events are only a trigger: receivers read the database. So nothing waits for NATS, and without it nothing is lost; an
event is dropped if the queue is full.
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
    """Publish events to NATS at ``url``; an empty one publishes nothing. `run` it in its own task."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING_FACTS)

    def tell(self, organisation_id: UUID, order_id: UUID, state: str) -> None:
        """Publish that the order has reached ``state``. Never waits, never raises."""
        self._put(f"progress.{organisation_id}.{order_id}", {"order": str(order_id), "state": state})

    def tell_standing(self, organisation_id: UUID) -> None:
        """Publish that the organisation's entitlements changed. Never waits, never raises."""
        self._put(f"progress.{organisation_id}.standing", {})

    def _put(self, subject: str, fact: Mapping[str, str]) -> None:
        if self._url and not self._waiting.full():
            self._waiting.put_nowait((subject, json.dumps(fact).encode()))

    async def run(self) -> None:
        """Publish until cancelled; reconnect whenever the connection is lost."""
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
    """nats-py reconnects by itself; its own log line would add nothing."""
