"""Figures of the database and of what waits in it, for operators: counts and times, no row's content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Backup, StripeEvent
from db.models.billing import PATIENCE

_JOBS = text("""
    SELECT entrypoint,
           count(*) FILTER (WHERE status IN ('queued', 'picked') AND execute_after <= now()) AS due,
           count(*) FILTER (WHERE status = 'failed') AS held
    FROM pgqueuer GROUP BY entrypoint
""")
_OLDEST = text("""
    SELECT extract(epoch FROM max(now() - execute_after)) FROM pgqueuer
    WHERE status IN ('queued', 'picked') AND execute_after <= now()
""")
_UNCOUNTED = text("SELECT extract(epoch FROM now() - min(noted_at)) FROM recounts")
_CONNECTIONS = text("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
_LIMIT = text(
    "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
)
_BYTES = text("SELECT pg_database_size(current_database())")


@dataclass(frozen=True, slots=True)
class Jobs:
    """Jobs of one kind: ``due`` now (running ones included), and ``held`` after too many failures."""

    due: int
    held: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One reading."""

    jobs: Mapping[str, Jobs]
    oldest_job_seconds: float
    """Seconds by which the oldest due job is late; 0 if none is."""
    uncounted_seconds: float
    """For how long the dashboard has lacked the oldest change of a call; 0 if it lacks none."""
    events_failed: int
    """Stripe events that failed and are tried again."""
    connections: int
    connections_limit: int
    """Connections the server accepts, without those reserved for superusers."""
    bytes: int
    backup_at: datetime | None
    """When the newest backup was verified; None if there is none."""


async def read(session: AsyncSession) -> Figures:
    """Return the present figures."""
    jobs = {name: Jobs(due, held) for name, due, held in await session.execute(_JOBS)}
    return Figures(
        jobs=jobs,
        oldest_job_seconds=await lateness(session),
        uncounted_seconds=float(await session.scalar(_UNCOUNTED) or 0),
        events_failed=await events_failed(session),
        connections=await session.scalar(_CONNECTIONS) or 0,
        connections_limit=await session.scalar(_LIMIT) or 0,
        bytes=await session.scalar(_BYTES) or 0,
        backup_at=await session.scalar(select(func.max(Backup.finished_at))),
    )


async def lateness(session: AsyncSession) -> float:
    """Return by how many seconds the oldest due job is late; 0 if none is."""
    return float(await session.scalar(_OLDEST) or 0)


async def events_failed(session: AsyncSession) -> int:
    """Return how many of Stripe's events failed and are tried again."""
    lately = StripeEvent.received_at > func.now() - PATIENCE
    failed = select(func.count()).select_from(StripeEvent).where(StripeEvent.state == "failed", lately)
    return await session.scalar(failed) or 0
