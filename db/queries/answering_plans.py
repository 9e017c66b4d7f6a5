"""What callers of a number get: when it is open, and what happens when no agent can be rung.

Its days are JSON in the row: intervals are minutes after midnight, as in `db.opening_hours`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import Region
from db.models import AnsweringPlan
from db.opening_hours import Day, OwnDay, Schedule, Week

LONGEST_PERIOD = 366  # days of one entry among the own days


@dataclass(frozen=True, slots=True)
class OwnDays:
    """Days with hours of their own, from ``first`` to ``last``."""

    first: date
    last: date
    name: str
    hours: Day = ()


@dataclass(frozen=True, slots=True)
class Alternative:
    """What callers get instead of an agent: another phone number, or else an announcement; None: our own words.

    The announcement is also what they hear if nobody answers at the other number.
    """

    announcement: str | None = None
    overflow: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What callers of one number get."""

    week: Week | None = None
    """None: always open."""
    time_zone: str | None = None
    region: Region | None = None
    own_days: tuple[OwnDays, ...] = ()
    closed: Alternative = field(default_factory=Alternative)
    unanswered: Alternative = field(default_factory=Alternative)
    """Also if nobody can be rung."""

    def schedule(self, usual_zone: str) -> Schedule | None:
        """Return when it is open; ``usual_zone`` is the organisation's."""
        if self.week is None:
            return None
        days = {day: OwnDay(period.name, period.hours) for period in self.own_days for day in _days(period)}
        return Schedule(self.week, ZoneInfo(self.time_zone or usual_zone), self.region, days)


class AnsweringPlans:
    """The plans of one organisation's numbers."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def of(self, number_id: UUID) -> Plan:
        """Return the number's plan; without one, it is always open."""
        return (await self.all()).get(number_id, Plan())

    async def all(self) -> Mapping[UUID, Plan]:
        """Return the plans by number, of those that have one."""
        mine = select(AnsweringPlan).where(AnsweringPlan.organisation_id == self._organisation_id)
        return {row.number_id: _plan(row) for row in await self._session.scalars(mine)}

    async def set(self, number_id: UUID, plan: Plan) -> None:
        """Replace the number's plan."""
        row = await self._session.get(AnsweringPlan, number_id, with_for_update=True)
        if row is None:
            row = AnsweringPlan(number_id=number_id, organisation_id=self._organisation_id)
            self._session.add(row)
        row.week, row.own_days = msgspec.to_builtins(plan.week), msgspec.to_builtins(plan.own_days)
        row.time_zone, row.region = plan.time_zone, plan.region
        row.closed_announcement, row.closed_overflow = plan.closed.announcement, plan.closed.overflow
        row.unanswered_announcement = plan.unanswered.announcement
        row.unanswered_overflow = plan.unanswered.overflow
        await self._session.flush()


def _plan(row: AnsweringPlan) -> Plan:
    return Plan(
        week=msgspec.convert(row.week, Week | None),
        time_zone=row.time_zone,
        region=row.region,
        own_days=msgspec.convert(row.own_days, tuple[OwnDays, ...]),
        closed=Alternative(row.closed_announcement, row.closed_overflow),
        unanswered=Alternative(row.unanswered_announcement, row.unanswered_overflow),
    )


def _days(period: OwnDays) -> list[date]:
    return [period.first + timedelta(days=number) for number in range((period.last - period.first).days + 1)]
