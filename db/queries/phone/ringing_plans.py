"""How a number rings: whom, how long, and what its callers hear and may do while they wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import RingStrategy, WaitingSound
from db.models import RingingPlan as Row, RingingPlanGroup

RING_SECONDS = (5, 120)
"""The shortest and the longest time that a call rings at one member."""
WAIT_SECONDS = (10, 3600)
"""The shortest and the longest time that a caller waits."""


@dataclass(frozen=True, slots=True)
class RingingPlan:
    """A number's plan. ``groups`` ring in this order; without any, everybody does."""

    strategy: RingStrategy = "longest_idle"
    ring_seconds: int = 20
    wait_seconds: int = 120
    waiting: WaitingSound = "ringing"
    offers_callback: bool = False
    asks_consent: bool = False
    groups: tuple[UUID, ...] = ()


_NAMES = [name for name in RingingPlan.__dataclass_fields__ if name != "groups"]
_COLUMNS = tuple(getattr(Row, name) for name in _NAMES)


class RingingPlans:
    """The ringing plans of one organisation's numbers."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def of(self, number_id: UUID | None) -> RingingPlan:
        """Return the number's plan; the usual one if nothing was set."""
        return RingingPlan() if number_id is None else (await self.all()).get(number_id, RingingPlan())

    async def all(self) -> Mapping[UUID, RingingPlan]:
        """Return the plans by number, of those that have one."""
        ordered = (
            select(RingingPlanGroup.number_id, RingingPlanGroup.group_id)
            .where(RingingPlanGroup.organisation_id == self._organisation_id)
            .order_by(RingingPlanGroup.position, RingingPlanGroup.group_id)
        )
        groups: dict[UUID, tuple[UUID, ...]] = {}
        for number, group in await self._session.execute(ordered):
            groups[number] = (*groups.get(number, ()), group)
        mine = select(Row.number_id, *_COLUMNS).where(Row.organisation_id == self._organisation_id)
        return {
            number: RingingPlan(**dict(zip(_NAMES, rest, strict=True)), groups=groups.get(number, ()))
            for number, *rest in await self._session.execute(mine)
        }

    async def set(self, number_id: UUID, plan: RingingPlan) -> None:
        """Replace the number's plan."""
        row = await self._session.get(Row, number_id, with_for_update=True)
        if row is None:
            row = Row(number_id=number_id, organisation_id=self._organisation_id)
            self._session.add(row)
        values = asdict(plan)
        groups = values.pop("groups")
        for name, value in values.items():
            setattr(row, name, value)
        await self._session.flush()
        await self._session.execute(delete(RingingPlanGroup).where(RingingPlanGroup.number_id == number_id))
        places = [
            {"number_id": number_id, "group_id": each, "organisation_id": self._organisation_id, "position": place}
            for place, each in enumerate(groups)
        ]
        if places:
            await self._session.execute(insert(RingingPlanGroup), places)
