"""What operators are told of jobs, events and connections, read from the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from db import figures
from db.engine import Database
from db.models import StripeEvent


async def test_only_events_that_are_still_tried_count_as_failed(database: Database) -> None:
    """Those given up would hold an alert for ever."""
    now = datetime.now(UTC)
    async with database.begin() as session:
        for state, days in (("failed", 1), ("failed", 2), ("failed", 4), ("done", 1), ("ignored", 1)):
            received = now - timedelta(days=days)
            event = StripeEvent(id=f"evt_{state}_{days}", type="invoice.paid", state=state, received_at=received)
            session.add(event)
    async with database.begin() as session:
        assert await figures.events_failed(session) == 2
        assert (await figures.read(session)).events_failed == 2


async def test_a_job_is_late_from_when_it_may_run(database: Database) -> None:
    added = "INSERT INTO pgqueuer (priority, status, entrypoint, execute_after) VALUES "
    async with database.begin() as session:
        assert await figures.lateness(session) == 0
        await session.execute(text(f"{added} (0, 'queued', 'order', now() + interval '1 hour')"))
        assert await figures.lateness(session) == 0
        await session.execute(text(f"{added} (0, 'queued', 'order', now() - interval '10 minutes')"))
        assert await figures.lateness(session) >= 600
