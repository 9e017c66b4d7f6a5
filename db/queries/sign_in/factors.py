"""What authenticator apps share with us, and recovery codes in case one is lost: of members, and of operators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Authenticator, Member, OneTimeCode, Operator
from db.queries.sign_in.recovery_codes import digest, new_codes

F = TypeVar("F", bound=Authenticator)
C = TypeVar("C", bound=OneTimeCode)


class Factors(Generic[F, C]):
    """Factors that are rows of ``factor``, and codes that are rows of ``code``, of the people in ``people``.

    ``key`` is the column that says whose a row is; ``tenant`` what else is in each.
    """

    def __init__(
        self,
        session: AsyncSession,
        factor: type[F],
        code: type[C],
        people: type[Member] | type[Operator],
        key: str,
        **tenant: UUID,
    ) -> None:
        self._session = session
        self._factor, self._code, self._people = factor, code, people
        self._key, self._tenant = key, tenant

    async def locked(self, person_id: UUID) -> F | None:
        """Lock that person's factor until the transaction ends and return it, confirmed or not."""
        theirs = select(self._factor).filter_by(**self._whose(person_id))
        return await self._session.scalar(theirs.with_for_update().execution_options(populate_existing=True))

    async def is_on(self, person_id: UUID) -> bool:
        """Return whether that person is asked for a code."""
        theirs = select(self._factor.confirmed_at).filter_by(**self._whose(person_id))
        return await self._session.scalar(theirs) is not None

    async def proposed(self, person_id: UUID, secret: str) -> F:
        """Return that person's factor; if they have none, one with ``secret`` that is yet to be confirmed."""
        factor = await self.locked(person_id)
        if factor is None:
            # Of two requests at once the second waits here for the first, and then finds its row.
            await self._lock(person_id)
            factor = await self.locked(person_id)
        if factor is None:
            factor = self._factor(**self._whose(person_id))
            factor.secret = secret
            self._session.add(factor)
            await self._session.flush()
        return factor

    async def confirm(self, person_id: UUID, factor: F, step: int) -> Sequence[str]:
        """Ask for codes from now on: the app has shown the one of ``step``. Return new recovery codes."""
        factor.confirmed_at, factor.last_step = datetime.now(UTC), step
        return await self.new_codes(person_id)

    async def new_codes(self, person_id: UUID) -> Sequence[str]:
        """Replace that person's recovery codes; return the new ones, kept nowhere else."""
        await self._forget_codes(person_id)
        codes = new_codes()
        for code in codes:
            row = self._code(**self._whose(person_id))
            row.code_hash = digest(code)
            self._session.add(row)
        await self._session.flush()
        return codes

    async def use_code(self, person_id: UUID, typed: str) -> bool:
        """Use a recovery code up; return whether it was one. One statement decides: each works once."""
        theirs = update(self._code).filter_by(**self._whose(person_id), code_hash=digest(typed), used_at=None)
        used = theirs.values(used_at=func.now()).returning(self._code.code_hash)
        return await self._session.scalar(used) is not None

    async def codes_left(self, person_id: UUID) -> int:
        """Return how many recovery codes that person has not used."""
        unused = select(func.count()).select_from(self._code).filter_by(**self._whose(person_id), used_at=None)
        return await self._session.scalar(unused) or 0

    async def remove(self, person_id: UUID) -> bool:
        """Forget that person's factor and recovery codes; return whether they were asked for codes."""
        await self._forget_codes(person_id)
        theirs = delete(self._factor).filter_by(**self._whose(person_id))
        removed = await self._session.execute(theirs.returning(self._factor.confirmed_at))
        return any(confirmed_at is not None for (confirmed_at,) in removed)

    async def _forget_codes(self, person_id: UUID) -> None:
        await self._session.execute(delete(self._code).filter_by(**self._whose(person_id)))

    async def _lock(self, person_id: UUID) -> None:
        person = select(self._people.id).filter_by(**self._tenant, id=person_id)
        await self._session.execute(person.with_for_update())

    def _whose(self, person_id: UUID) -> dict[str, UUID]:
        return {**self._tenant, self._key: person_id}
