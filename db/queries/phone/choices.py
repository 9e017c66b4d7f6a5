"""The lists that an organisation keeps: reasons for breaks, outcomes of calls, tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import ChoiceKind
from db.models import Choice

MOST = 50  # of one kind


class Choices:
    """The choices of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def all(self) -> Sequence[Choice]:
        """Return those that may be chosen, in their order."""
        mine = select(Choice).where(Choice.organisation_id == self._organisation_id, Choice.removed_at.is_(None))
        ordered = mine.order_by(Choice.kind, Choice.position, Choice.label, Choice.id)
        return (await self._session.scalars(ordered)).all()

    async def labels(self) -> Mapping[UUID, str]:
        """Return the labels of all, also of those removed since: calls still name them."""
        mine = select(Choice.id, Choice.label).where(Choice.organisation_id == self._organisation_id)
        return {row.id: row.label for row in await self._session.execute(mine)}

    async def may_choose(self, kind: ChoiceKind, choice_id: UUID) -> bool:
        """Return whether that is one of this kind."""
        return any(each.id == choice_id and each.kind == kind for each in await self.all())

    async def set(self, kind: ChoiceKind, labels: Sequence[str]) -> None:
        """Make ``labels`` the list of this kind, in this order. What keeps its label stays the same choice."""
        mine = select(Choice).where(Choice.organisation_id == self._organisation_id, Choice.kind == kind)
        known = {each.label: each for each in await self._session.scalars(mine.order_by(Choice.position))}
        for place, label in enumerate(labels):
            if label not in known:
                known[label] = Choice(organisation_id=self._organisation_id, kind=kind, label=label)
                self._session.add(known[label])
            known[label].position, known[label].removed_at = place, None
        now = await self._session.scalar(select(func.now()))
        for label, choice in known.items():
            if label not in labels and choice.removed_at is None:
                choice.removed_at = now
        await self._session.flush()
