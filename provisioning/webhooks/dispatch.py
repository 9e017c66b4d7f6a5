"""Take deliveries that are due, attempt each, and store what follows. As many processes as run share the work.

A delivery that is taken is put off for `LEASE`: whoever dies with it leaves it to another one. At any time a process
attempts at most one delivery to an endpoint, so that a receiver that hangs holds up nothing but its own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import SwitchedOff
from db.engine import Database, DatabaseUnavailableError
from db.models import WebhookDelivery, WebhookEndpoint
from db.queries import audit
from db.queries.integrations import webhooks
from db.queries.integrations.webhooks import Due
from provisioning.metrics import WEBHOOKS
from provisioning.webhooks import attempts, letters, sending, signing
from provisioning.webhooks.attempts import Result
from runtime import background

AT_ONCE = 16
LEASE = timedelta(minutes=1)  # longer than an attempt may take
POLL_SECONDS = 1.0

Attempt = Callable[[Due], Awaitable[Result]]

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def dispatched(database: Database, own_url: str) -> AsyncIterator[None]:
    """Send what is due as long as the block lasts; ``own_url`` is the installation's own address."""
    async with background.running(Dispatcher(database, partial(attempt, own_url=own_url)).run()):
        yield


async def attempt(due: Due, *, own_url: str) -> Result:
    """Sign and send one delivery."""
    body = due.body.encode()
    headers = signing.headers(f"msg_{due.event_id.hex}", datetime.now(UTC), body, due.secrets)
    return await sending.send(due.url, body, headers, own_url=own_url)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of an attempt, locked."""

    session: AsyncSession
    endpoint: WebhookEndpoint
    delivery: WebhookDelivery


class Dispatcher:
    """Makes attempts with ``attempt``; ``poll_seconds``: between two looks for what is due."""

    def __init__(self, database: Database, attempt: Attempt, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._database = database
        self._attempt = attempt
        self._poll_seconds = poll_seconds
        self._busy: set[UUID] = set()
        self._has_room = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled. Attempts under way are given up then, and made again by the next process."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._has_room.clear()
                for due in await self._take():
                    self._busy.add(due.endpoint_id)
                    tasks.create_task(self._deliver(due))
                try:
                    async with asyncio.timeout(self._poll_seconds):
                        await self._has_room.wait()
                except TimeoutError:
                    continue

    async def _take(self) -> list[Due]:
        free = AT_ONCE - len(self._busy)
        if free <= 0:
            return []
        now = datetime.now(UTC)
        try:
            async with self._database.begin() as session:
                return list(
                    await webhooks.take_due(session, now=now, until=now + LEASE, most=free, besides=self._busy)
                )
        except DatabaseUnavailableError as error:
            _log.warning("webhooks waiting for the database", error=str(error))
        except Exception as error:  # jobs of this process must go on, whatever is wrong with a row
            _log.error("webhooks not read", exc_info=error)
        return []

    async def _deliver(self, due: Due) -> None:
        try:
            result = await self._attempt(due)
            await store(self._database, due, result, datetime.now(UTC))
        except DatabaseUnavailableError as error:  # it is taken again once its lease is over
            _log.warning("webhook result not stored", error=str(error))
        except Exception as error:  # a bug must not end the others
            _log.error("webhook failed", exc_info=error)
        finally:
            self._busy.discard(due.endpoint_id)
            self._has_room.set()


async def store(database: Database, due: Due, result: Result, now: datetime) -> None:
    """Store what an attempt gave, and what follows for its endpoint."""
    WEBHOOKS.labels("delivered" if result.is_success else "failed").inc()
    _log.info("webhook attempted", delivery=str(due.delivery_id), status=result.status, error=result.error)
    async with database.begin() as session:
        found = await webhooks.locked(session, due)
        if found is None:
            return
        rows = _Rows(session, *found)
        _note(rows.delivery, due, result, now)
        if result.is_success:
            rows.endpoint.failing_since = rows.endpoint.warned_at = None
        elif rows.endpoint.off_at is None:
            await _fail(rows, result, now)


def _note(delivery: WebhookDelivery, due: Due, result: Result, now: datetime) -> None:
    delivery.attempts = due.attempts + 1
    delivery.status, delivery.error, delivery.tried_at = result.status, result.error, now
    chance = random.random()  # noqa: S311 (a pause)
    delivery.next_try_at = attempts.next_try(result, delivery.attempts, now, chance)
    if delivery.next_try_at is None:
        delivery.state = "delivered" if result.is_success else "failed"


async def _fail(rows: _Rows, result: Result, now: datetime) -> None:
    endpoint = rows.endpoint
    endpoint.failing_since = endpoint.failing_since or now
    match attempts.consequence(result, endpoint.failing_since, endpoint.warned_at, now):
        case "warn":
            endpoint.warned_at = now
            await letters.put(rows.session, "webhook_failing", endpoint)
        case "off":
            await _switch_off(rows, "failing", now)
        case "gone":
            await _switch_off(rows, "gone", now)


async def _switch_off(rows: _Rows, reason: SwitchedOff, now: datetime) -> None:
    await rows.session.flush()
    await webhooks.switch_off(rows.session, rows.endpoint, reason, now)
    await letters.put(rows.session, "webhook_off", rows.endpoint)
    details = {"endpoint": str(rows.endpoint.id), "why": reason}
    await audit.record(rows.session, rows.endpoint.organisation_id, "webhook.switched_off", details)
