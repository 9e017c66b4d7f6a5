"""Count again the days whose calls have changed.

Whoever changes a call adds a row to ``recounts``: nobody waits for anybody there, as they would if one row of the day
were updated. Here those rows are taken, and the days that they tell of are counted from the calls themselves. A
change that is not committed yet is not seen, nor is its row: that is taken the next time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import DateTime

from db.base import among
from db.models import Call, CallCount, Organisation, Recount
from db.queries.log.call_times import BANDS
from db.queries.reports.days import beginning, between, hours

MOST_NOTES = 5_000  # rows taken in one transaction
MOST_DAYS = 10  # days counted in one
_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('recount ' || :organisation, 0))")
_BAND_NUMBERS = range(len(BANDS) + 1)


def _by_band(column: str, which: str) -> str:
    return ", ".join(f"count(*) FILTER (WHERE {which} AND {column} = {band})" for band in _BAND_NUMBERS)


_ANSWERED = "direction = 'inbound' AND outcome = 'answered'"
_MISSED = "direction = 'inbound' AND outcome = 'missed'"
_OUT = "direction = 'outbound' AND outcome ="
_TALKED = "outcome = 'answered'"
_MEASURES: Sequence[tuple[InstrumentedAttribute[Any], str]] = (
    (CallCount.inbound, "count(*) FILTER (WHERE direction = 'inbound' AND outcome IS DISTINCT FROM 'blocked')"),
    (CallCount.answered, f"count(*) FILTER (WHERE {_ANSWERED})"),
    (CallCount.overflowed, f"count(*) FILTER (WHERE {_ANSWERED} AND agent_id IS NULL)"),
    (CallCount.missed, f"count(*) FILTER (WHERE {_MISSED})"),
    (CallCount.caller_left, f"count(*) FILTER (WHERE {_MISSED} AND reason = 'caller_left')"),
    (CallCount.nobody_answered, f"count(*) FILTER (WHERE {_MISSED} AND reason = 'nobody_answered')"),
    (CallCount.declined, f"count(*) FILTER (WHERE {_MISSED} AND reason = 'declined')"),
    (CallCount.nobody_available, f"count(*) FILTER (WHERE {_MISSED} AND reason = 'nobody_available')"),
    (CallCount.outside_hours, f"count(*) FILTER (WHERE {_MISSED} AND reason = 'outside_hours')"),
    (CallCount.outbound, "count(*) FILTER (WHERE direction = 'outbound')"),
    (CallCount.reached, f"count(*) FILTER (WHERE {_OUT} 'answered')"),
    (CallCount.unanswered, f"count(*) FILTER (WHERE {_OUT} 'unanswered')"),
    (CallCount.busy, f"count(*) FILTER (WHERE {_OUT} 'busy')"),
    (CallCount.failed, f"count(*) FILTER (WHERE {_OUT} 'failed')"),
    (CallCount.answer_wait_s, f"coalesce(sum(wait_s) FILTER (WHERE {_ANSWERED}), 0)"),
    (CallCount.missed_wait_s, f"coalesce(sum(wait_s) FILTER (WHERE {_MISSED}), 0)"),
    (CallCount.length_s, f"coalesce(sum(length_s) FILTER (WHERE {_TALKED}), 0)"),
    (CallCount.talk_s, f"coalesce(sum(talk_s) FILTER (WHERE {_TALKED}), 0)"),
    (CallCount.held_s, f"coalesce(sum(held_s) FILTER (WHERE {_TALKED}), 0)"),
    (CallCount.longest_wait_s, "coalesce(max(wait_s) FILTER (WHERE direction = 'inbound'), 0)"),
    (CallCount.longest_s, f"coalesce(max(length_s) FILTER (WHERE {_TALKED}), 0)"),
    (CallCount.wait_bands, f"ARRAY[{_by_band('wait_band', _ANSWERED)}]"),
    (CallCount.length_bands, f"ARRAY[{_by_band('length_band', _TALKED)}]"),
)
"""What is counted, by column."""
_COUNT = text(
    f"""
    INSERT INTO call_counts (
        organisation_id, day, split, hour, number_id, agent_id, {", ".join(column.key for column, _ in _MEASURES)}
    )
    SELECT :organisation, :day,
           CASE WHEN GROUPING(hour) = 0 THEN 'hour' WHEN GROUPING(number_id) = 0 THEN 'line' ELSE 'agent' END,
           hour, number_id, agent_id, {", ".join(count for _, count in _MEASURES)}
    FROM (
        SELECT *, width_bucket(started_at, :hours) - 1 AS hour
        FROM calls WHERE organisation_id = :organisation AND started_at >= :since AND started_at < :until
    ) AS of_day
    GROUP BY GROUPING SETS ((hour), (number_id), (agent_id))
    HAVING NOT (GROUPING(agent_id) = 0 AND agent_id IS NULL)
    """  # noqa: S608 (constants)
).bindparams(bindparam("hours", type_=ARRAY(DateTime(timezone=True))))


@dataclass(frozen=True, slots=True)
class _Note:
    id: int
    day: date | None
    """None: all of them."""
    noted_at: datetime


async def note_everything(session: AsyncSession) -> datetime:
    """Note that every day of every organisation must be counted again; return when that was."""
    await session.execute(insert(Recount).from_select(["organisation_id"], select(Organisation.id)))
    return (await session.scalars(select(func.now()))).one()


async def noted(session: AsyncSession) -> Sequence[UUID]:
    """Return the organisations with days that must be counted again."""
    return (await session.scalars(select(Recount.organisation_id).distinct())).all()


async def oldest(session: AsyncSession, organisation_id: UUID | None = None) -> datetime | None:
    """Return since when a day waits to be counted again; None if none does."""
    since = select(func.min(Recount.noted_at))
    if organisation_id is not None:
        since = since.where(Recount.organisation_id == organisation_id)
    return await session.scalar(since)


async def recount(session: AsyncSession, organisation_id: UUID, *, days: int = MOST_DAYS) -> int:
    """Count again ``days`` days of those that are noted; return how many notes that settles.

    0: none is left, or another process is at it. What it writes may be written again: it is the same then.
    """
    if not await session.scalar(_LOCK, {"organisation": str(organisation_id)}):
        return 0
    name = await session.scalar(select(Organisation.time_zone).where(Organisation.id == organisation_id))
    zone = ZoneInfo(name or "UTC")
    notes = await _notes(session, organisation_id, zone)
    if settled := [note for note in notes if note.day is None]:
        await _note_each_day(session, organisation_id, zone, settled[0].noted_at)
    else:
        counted = sorted({note.day for note in notes if note.day is not None})[:days]
        settled = [note for note in notes if note.day in counted]
        for day in counted:
            await _count(session, organisation_id, day, zone)
    await session.execute(delete(Recount).where(among(Recount.id, [note.id for note in settled])))
    return len(settled)


async def _notes(session: AsyncSession, organisation_id: UUID, zone: ZoneInfo) -> list[_Note]:
    first = select(Recount.id, Recount.at, Recount.noted_at).where(Recount.organisation_id == organisation_id)
    rows = await session.execute(first.order_by(Recount.id).limit(MOST_NOTES))
    return [_Note(note, None if at is None else at.astimezone(zone).date(), noted_at) for note, at, noted_at in rows]


async def _note_each_day(session: AsyncSession, organisation_id: UUID, zone: ZoneInfo, noted_at: datetime) -> None:
    """Note each day of the organisation: those with calls, and those that were counted when they had some."""
    calls = select(func.min(Call.started_at), func.max(Call.started_at))
    began, ended = (await session.execute(calls.where(Call.organisation_id == organisation_id))).one()
    counts = select(func.min(CallCount.day), func.max(CallCount.day))
    first, last = (await session.execute(counts.where(CallCount.organisation_id == organisation_id))).one()
    days = [each.astimezone(zone).date() for each in (began, ended) if each is not None]
    days += [each for each in (first, last) if each is not None]
    if not days:
        return
    note = {"organisation_id": organisation_id, "noted_at": noted_at}
    notes = [{**note, "at": beginning(day, zone)} for day in between(min(days), max(days))]
    await session.execute(insert(Recount), notes)


async def _count(session: AsyncSession, organisation_id: UUID, day: date, zone: ZoneInfo) -> None:
    mine = (CallCount.organisation_id == organisation_id, CallCount.day == day)
    await session.execute(delete(CallCount).where(*mine))
    span = {"since": beginning(day, zone), "until": beginning(day + timedelta(days=1), zone)}
    await session.execute(_COUNT, {"organisation": organisation_id, "day": day, "hours": hours(day, zone), **span})
