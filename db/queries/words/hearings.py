"""How calls of each number become words: language, vocabulary, what is left out, and what callers hear first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Number, NumberHearing as Row


@dataclass(frozen=True, slots=True)
class NumberHearing:
    """What is asked of Transcribe for calls of a number. ``language``: None for the installation's.

    ``prompt``: what its callers hear before they are transcribed; None for the organisation's words.
    """

    language: str | None = None
    vocabulary: str | None = None
    redacts: bool = False
    prompt: str | None = None


class Hearings:
    """Those of one organisation's numbers."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def of(self, number_id: UUID | None) -> NumberHearing:
        """Return what is set for the number; the usual if nothing is."""
        return NumberHearing() if number_id is None else (await self.all()).get(number_id, NumberHearing())

    async def all(self) -> Mapping[UUID, NumberHearing]:
        """Return what is set, by number."""
        mine = select(Row).where(Row.organisation_id == self._organisation_id)
        return {row.number_id: _hearing(row) for row in await self._session.scalars(mine)}

    async def set(self, number_id: UUID, hearing: NumberHearing) -> None:
        """Replace what is set for the number."""
        row = await self._session.get(Row, number_id, with_for_update=True)
        if row is None:
            row = Row(number_id=number_id, organisation_id=self._organisation_id)
            self._session.add(row)
        row.language, row.vocabulary, row.redacts = hearing.language, hearing.vocabulary, hearing.redacts
        row.prompt = hearing.prompt
        await self._session.flush()


async def with_vocabulary(session: AsyncSession) -> set[NumberHearing]:
    """Return what is set for rented numbers of all organisations that use a vocabulary."""
    rented = select(Row).join(Number, Number.id == Row.number_id)
    rows = await session.scalars(rented.where(Number.released_at.is_(None), Row.vocabulary.is_not(None)))
    return {_hearing(row) for row in rows}


def _hearing(row: Row) -> NumberHearing:
    return NumberHearing(row.language, row.vocabulary, row.redacts, row.prompt)
