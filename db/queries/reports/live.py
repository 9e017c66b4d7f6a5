"""What goes on now, and what did in the last 24 hours: counted from the calls themselves, so it is never behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Call

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Live:
    """Calls now, and calls that began in the last 24 hours. ``longest_wait_s``: of a caller who waits now."""

    talking: int = 0
    waiting: int = 0
    dialling: int = 0
    longest_wait_s: int = 0
    answered: int = 0
    missed: int = 0
    reached: int = 0


async def read(session: AsyncSession, organisation_id: UUID, now: datetime) -> Live:
    """Return both, as of ``now``."""
    mine = (Call.organisation_id == organisation_id, Call.started_at >= now - DAY)
    unanswered = Call.answered_at.is_(None)
    open_calls = select(
        func.count().filter(~unanswered),
        func.count().filter(unanswered, Call.direction == "inbound"),
        func.count().filter(unanswered, Call.direction == "outbound"),
        func.min(Call.started_at).filter(unanswered, Call.direction == "inbound"),
    ).where(*mine, Call.outcome.is_(None))
    talking, waiting, dialling, since = (await session.execute(open_calls)).one()
    ended = select(Call.outcome, Call.direction, func.count()).where(*mine, Call.outcome.in_(("answered", "missed")))
    rows = await session.execute(ended.group_by(Call.outcome, Call.direction))
    counted = {(outcome, direction): count for outcome, direction, count in rows}
    return Live(
        talking=talking,
        waiting=waiting,
        dialling=dialling,
        longest_wait_s=0 if since is None else max(0, int((now - since).total_seconds())),
        answered=counted.get(("answered", "inbound"), 0),
        missed=counted.get(("missed", "inbound"), 0),
        reached=counted.get(("answered", "outbound"), 0),
    )
