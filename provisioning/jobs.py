"""Enqueue a job in the transaction of the rows it is about. The only module that enqueues through pgqueuer.

A job's payload is stored unencrypted: it contains ids, never names, addresses or phone numbers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Self

from pgqueuer.core.tm import TaskManager
from pgqueuer.db import Driver
from pgqueuer.models import Job
from pgqueuer.ports.driver import NotifyCallback
from pgqueuer.queries import Queries
from sqlalchemy.ext.asyncio import AsyncSession

Payload = Mapping[str, str]


class TryAgain(Exception):  # noqa: N818 (not an error, but a request)
    """Raised by a job: run it again ``after`` a delay, regardless of how often it was tried."""

    def __init__(self, after: timedelta) -> None:
        super().__init__(f"again after {after}")
        self.after = after


async def enqueue(session: AsyncSession, name: str, payload: Payload, key: str) -> None:
    """Enqueue the job ``name`` when ``session`` commits; a rollback leaves no job.

    While a job of the same ``name`` and ``key`` waits or runs, another is not added.
    """
    queries = Queries(_SessionDriver(session))
    await queries.enqueue(name, json.dumps(payload).encode(), dedupe_key=f"{name}:{key}", on_conflict="skip")


def payload_of(job: Job) -> Payload:
    """Return the payload that `enqueue` was given."""
    payload: Payload = json.loads(job.payload or b"{}")
    return payload


class _SessionDriver(Driver):
    """Send pgqueuer's SQL through a SQLAlchemy session, and so through its transaction.

    Not through the asyncpg connection underneath, which looks simpler: SQLAlchemy sends BEGIN only before its own
    first statement, so a job enqueued there survives a rollback.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._shutdown = asyncio.Event()

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        connection = await self._session.connection()
        result = await connection.exec_driver_sql(query, args)
        return [dict(row) for row in result.mappings()]

    async def execute(self, query: str, *args: object) -> str:
        await self.fetch(query, *args)
        return ""

    async def notify(self, channel: str, payload: str) -> None:
        await self.fetch("SELECT pg_notify($1, $2)", channel, payload)

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        raise NotImplementedError("a session only enqueues; a worker listens on a connection of its own")

    @property
    def shutdown(self) -> asyncio.Event:
        return self._shutdown

    @property
    def tm(self) -> TaskManager:
        return TaskManager()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...
