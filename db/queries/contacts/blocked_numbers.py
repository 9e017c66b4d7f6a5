"""Numbers whose calls an organisation refuses: encrypted, and found by the number's keyed hash."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from db.base import among
from db.encryption import keyring_of
from db.models import BlockedNumber
from db.paging import Cursor, newest_first

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
        newest = self._mine().order_by(BlockedNumber.blocked_at.desc(), BlockedNumber.id)
        return (await self._session.scalars(newest)).all()

    async def page(self, number: str | None, *, after: Cursor | None, limit: int) -> Sequence[BlockedNumber]:
        """Return the newest ``limit`` entries older than ``after``; with ``number`` (E.164), its entry alone."""
        mine = self._mine()
        if number is not None:
            mine = mine.where(BlockedNumber.number_hash.in_(keyring_of(self._session).hashes("number", number)))
        rows = newest_first(mine, BlockedNumber.blocked_at, BlockedNumber.id, after=after, limit=limit)
        return (await self._session.scalars(rows)).all()

    async def get(self, entry: UUID) -> BlockedNumber | None:
        """Return that entry, with ``member``."""
        return await self._session.scalar(self._mine().where(BlockedNumber.id == entry))

    async def of(self, number: str) -> BlockedNumber | None:
        """Return the entry of ``number`` (E.164), with ``member``; None if its calls ring."""
        hashes = keyring_of(self._session).hashes("number", number)
        return await self._session.scalar(self._mine().where(BlockedNumber.number_hash.in_(hashes)))

    async def those_of(self, numbers: Collection[str]) -> Collection[str]:
        """Return those of ``numbers`` (E.164) that are blocked."""
        hashes = keyring_of(self._session).by_hash("number", numbers)
        there = select(BlockedNumber.number_hash).where(
            BlockedNumber.organisation_id == self._organisation_id, among(BlockedNumber.number_hash, hashes)
        )
        return {hashes[each] for each in await self._session.scalars(there)}

    async def add(self, number: str, by: UUID) -> bool:
        """Block ``number``; return whether that is new. Lock the organisation. Raise `TooManyBlockedError`."""
        return await self.add_all([number], by) == 1

    async def add_all(self, numbers: Collection[str], by: UUID) -> int:
        """Block ``numbers``; return how many are new. Lock the organisation. Raise `TooManyBlockedError`."""
        known = await self.those_of(numbers)
        new = [number for number in dict.fromkeys(numbers) if number not in known]
        mine = select(func.count()).where(BlockedNumber.organisation_id == self._organisation_id)
        if new and (await self._session.scalar(mine) or 0) + len(new) > self._most:
            raise TooManyBlockedError
        keyring = keyring_of(self._session)
        self._session.add_all(
            BlockedNumber(
                organisation_id=self._organisation_id,
                number=number,
                number_hash=keyring.hash("number", number),
                blocked_by=by,
            )
            for number in new
        )
        await self._session.flush()
        return len(new)

    async def remove(self, entry: UUID) -> bool:
        """Let calls of a number ring again; return whether it was blocked."""
        mine = delete(BlockedNumber).where(
            BlockedNumber.organisation_id == self._organisation_id, BlockedNumber.id == entry
        )
        return bool((await self._session.execute(mine.returning(BlockedNumber.id))).all())

    def _mine(self) -> Select[BlockedNumber]:
        mine = select(BlockedNumber).where(BlockedNumber.organisation_id == self._organisation_id)
        return mine.options(joinedload(BlockedNumber.member))
