"""Second factors of members."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Member, RecoveryCode, SecondFactor
from db.queries.sign_in.factors import Factors


class SecondFactors(Factors[SecondFactor, RecoveryCode]):
    """The second factors of one organisation's members."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        super().__init__(session, SecondFactor, RecoveryCode, Member, "member_id", organisation_id=organisation_id)

    async def holders(self, member_ids: Collection[UUID]) -> Collection[UUID]:
        """Return those of ``member_ids`` who are asked for a code."""
        confirmed = select(SecondFactor.member_id).where(
            SecondFactor.member_id.in_(member_ids), SecondFactor.confirmed_at.is_not(None)
        )
        return set((await self._session.scalars(confirmed.filter_by(**self._tenant))).all())
