"""Numbers whose calls an organisation refuses: encrypted, and found by the number's keyed hash."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from db.encryption import keyring_of
from db.models import BlockedNumber

MOST = 2_000  # of one organisation


class TooManyBlockedError(Exception):
    """The organisation blocks as many numbers as it may."""


class BlockedNumbers:
    """The block list of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID, *, most: int = MOST) -> None:
        self._session = session
        self._organisation_id = organisation_id
        self._most = most

    async def all(self) -> Sequence[BlockedNumber]:
        """Return the numbers, the newest first, with ``member``."""
        mine = select(BlockedNumber).where(BlockedNumber.organisation_id == self._organisation_id)
        newest = mine.order_by(BlockedNumber.blocked_at.desc(), BlockedNumber.id)
        return (await self._session.scalars(newest.options(joinedload(BlockedNumber.member)))).all()

    async def of(self, number: str) -> BlockedNumber | None:
        """Return the entry of ``number`` (E.164), with ``member``; None if its calls ring."""
        hashes = keyring_of(self._session).hashes("number", number)
        mine = select(BlockedNumber).options(joinedload(BlockedNumber.member))
        return await self._session.scalar(
            mine.where(BlockedNumber.organisation_id == self._organisation_id, BlockedNumber.number_hash.in_(hashes))
        )

    async def add(self, number: str, by: UUID) -> bool:
        """Block ``number``; return whether that is new. Lock the organisation. Raises `TooManyBlockedError`."""
        if await self.of(number) is not None:
            return False
        mine = select(func.count()).where(BlockedNumber.organisation_id == self._organisation_id)
        if (await self._session.scalar(mine) or 0) >= self._most:
            raise TooManyBlockedError
        keyed = keyring_of(self._session).hash("number", number)
        self._session.add(
            BlockedNumber(organisation_id=self._organisation_id, number=number, number_hash=keyed, blocked_by=by)
        )
        await self._session.flush()
        return True

    async def remove(self, entry: UUID) -> bool:
        """Let calls of a number ring again; return whether it was blocked."""
        mine = delete(BlockedNumber).where(
            BlockedNumber.organisation_id == self._organisation_id, BlockedNumber.id == entry
        )
        return bool((await self._session.execute(mine.returning(BlockedNumber.id))).all())
