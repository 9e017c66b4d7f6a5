"""Second factors: what an authenticator app shares with us, and recovery codes for who has lost it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Member, RecoveryCode, SecondFactor

CODES = 10  # recovery codes of a member
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another one
_LENGTH = 16  # letters: 79 bits
_GROUP = 4


class SecondFactors:
    """The second factors of one organisation's members."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def locked(self, member_id: UUID) -> SecondFactor | None:
        """Lock that member's factor until the transaction ends and return it, confirmed or not."""
        mine = select(SecondFactor).where(
            SecondFactor.organisation_id == self._organisation_id, SecondFactor.member_id == member_id
        )
        return await self._session.scalar(mine.with_for_update().execution_options(populate_existing=True))

    async def is_on(self, member_id: UUID) -> bool:
        """Return whether that member is asked for a code."""
        return member_id in await self.holders([member_id])

    async def holders(self, member_ids: Collection[UUID]) -> Collection[UUID]:
        """Return those of ``member_ids`` who are asked for a code."""
        confirmed = select(SecondFactor.member_id).where(
            SecondFactor.organisation_id == self._organisation_id,
            SecondFactor.member_id.in_(member_ids),
            SecondFactor.confirmed_at.is_not(None),
        )
        return set((await self._session.scalars(confirmed)).all())

    async def proposed(self, member_id: UUID, secret: str) -> SecondFactor:
        """Return that member's factor; if they have none, one with ``secret`` that is yet to be confirmed."""
        factor = await self.locked(member_id)
        if factor is None:
            # Of two requests at once the second waits here for the first, and then finds its row.
            await self._lock(member_id)
            factor = await self.locked(member_id)
        if factor is None:
            factor = SecondFactor(organisation_id=self._organisation_id, member_id=member_id, secret=secret)
            self._session.add(factor)
            await self._session.flush()
        return factor

    async def confirm(self, factor: SecondFactor, step: int) -> Sequence[str]:
        """Ask for codes from now on: the app has shown the one of ``step``. Return new recovery codes."""
        factor.confirmed_at, factor.last_step = datetime.now(UTC), step
        return await self.new_codes(factor.member_id)

    async def new_codes(self, member_id: UUID) -> Sequence[str]:
        """Replace that member's recovery codes; return the new ones, kept nowhere else."""
        await self._forget_codes(member_id)
        codes = [_code() for _ in range(CODES)]
        self._session.add_all(
            RecoveryCode(code_hash=_hash(code), organisation_id=self._organisation_id, member_id=member_id)
            for code in codes
        )
        await self._session.flush()
        return codes

    async def use_code(self, member_id: UUID, typed: str) -> bool:
        """Use a recovery code up; return whether it was one. One statement decides: each works once."""
        mine = update(RecoveryCode).where(
            RecoveryCode.organisation_id == self._organisation_id,
            RecoveryCode.member_id == member_id,
            RecoveryCode.code_hash == _hash(typed),
            RecoveryCode.used_at.is_(None),
        )
        used = mine.values(used_at=func.now()).returning(RecoveryCode.member_id)
        return await self._session.scalar(used) is not None

    async def codes_left(self, member_id: UUID) -> int:
        """Return how many recovery codes that member has not used."""
        unused = select(func.count()).where(
            RecoveryCode.organisation_id == self._organisation_id,
            RecoveryCode.member_id == member_id,
            RecoveryCode.used_at.is_(None),
        )
        return await self._session.scalar(unused) or 0

    async def remove(self, member_id: UUID) -> bool:
        """Forget that member's factor and recovery codes; return whether they were asked for codes."""
        await self._forget_codes(member_id)
        mine = delete(SecondFactor).where(
            SecondFactor.organisation_id == self._organisation_id, SecondFactor.member_id == member_id
        )
        removed = await self._session.execute(mine.returning(SecondFactor.confirmed_at))
        return any(confirmed_at is not None for (confirmed_at,) in removed)

    async def _forget_codes(self, member_id: UUID) -> None:
        mine = delete(RecoveryCode).where(
            RecoveryCode.organisation_id == self._organisation_id, RecoveryCode.member_id == member_id
        )
        await self._session.execute(mine)

    async def _lock(self, member_id: UUID) -> None:
        mine = select(Member.id).where(Member.organisation_id == self._organisation_id, Member.id == member_id)
        await self._session.execute(mine.with_for_update())


def _code() -> str:
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def _hash(code: str) -> bytes:
    # 79 random bits: a plain hash cannot be searched, and unlike a keyed one it outlives a rotation of keys.
    letters = "".join(letter for letter in code.lower() if letter.isalnum())
    return hashlib.sha256(letters.encode(errors="surrogatepass")).digest()
