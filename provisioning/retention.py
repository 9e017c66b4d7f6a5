"""Every night: calls that are older than their organisation keeps them leave the call log for good."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import structlog

from db.engine import Database
from db.queries import audit, retention
from db.queries.audit import Details

BATCH = 2000  # calls in one transaction: none of them holds locks for long

_log = structlog.get_logger(__name__)


async def purge_calls(database: Database, usual_days: int, batch: int = BATCH) -> int:
    """The sweep: delete, organisation by organisation, and say so in each one's audit log; how many calls."""
    now = datetime.now(UTC)
    async with database.begin() as session:
        everybody = await retention.days_of_everybody(session, usual_days)
    count = 0
    for organisation_id, days in everybody.items():
        count += await _purge(database, organisation_id, days, now, batch)
    _log.info("calls purged", calls=count)
    return count


async def _purge(database: Database, organisation_id: UUID, days: int, now: datetime, batch: int) -> int:
    count, before = 0, retention.kept_since(now, days)
    while True:
        async with database.begin() as session:
            gone = await retention.delete_calls(session, organisation_id, before, batch)
            if gone:
                details: Details = {"calls": gone, "began_before": before.isoformat(timespec="minutes"), "days": days}
                await audit.record(session, organisation_id, "calls.purged", details)
        count += gone
        if gone < batch:
            return count
