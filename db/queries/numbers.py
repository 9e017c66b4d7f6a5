"""The phone numbers that are rented, and for whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, Update, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.encryption import keyring_of
from db.models import Number
from db.queries.integrations import events


async def by_e164(session: AsyncSession, e164: str) -> Number | None:
    """Return the number ``e164`` (``+61…``) while it is rented."""
    hashes = keyring_of(session).hashes("number", e164)
    return await session.scalar(select(Number).where(Number.e164_hash.in_(hashes), Number.released_at.is_(None)))


async def everywhere(session: AsyncSession) -> Sequence[Number]:
    """Return every rented number of all organisations."""
    return (await session.scalars(select(Number).where(Number.released_at.is_(None)))).all()


class Numbers:
    """The numbers of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def all(self) -> Sequence[Number]:
        """Return every rented number, oldest first; the first one is the caller id."""
        return (await self._session.scalars(self._rented().order_by(Number.created_at, Number.id))).all()

    async def add(self, *, e164: str, twilio_sid: str | None, label: str = "") -> Number:
        """Add a number rented just now. Raise IntegrityError if an organisation has it already."""
        number = Number(
            organisation_id=self._organisation_id,
            e164=e164,
            e164_hash=keyring_of(self._session).hash("number", e164),
            twilio_sid=twilio_sid,
            label=label,
        )
        self._session.add(number)
        await self._session.flush()
        await events.note_number(self._session, "number.added", number)
        return number

    async def get(self, number_id: UUID) -> Number | None:
        """Return that number while it is rented."""
        return await self._session.scalar(self._rented().where(Number.id == number_id))

    async def rename(self, number_id: UUID, label: str) -> None:
        """Change the label."""
        mine = update(Number).where(Number.organisation_id == self._organisation_id, Number.id == number_id)
        await self._change(mine.values(label=label))

    async def describe(self, number_id: UUID, *, label: str, purpose: str, source: str) -> None:
        """Set label, purpose and source of the number. Calls that have begun keep the former ones."""
        mine = update(Number).where(Number.organisation_id == self._organisation_id, Number.id == number_id)
        await self._change(mine.values(label=label, purpose=purpose, source=source))

    async def verified(self, number_id: UUID, at: datetime) -> None:
        """Record that Twilio's settings of the number were found or made correct."""
        mine = update(Number).where(Number.organisation_id == self._organisation_id, Number.id == number_id)
        await self._session.execute(mine.values(verified_at=at))

    async def release(self, number_id: UUID) -> None:
        """End the rental. The sid is removed, since the next organisation may get the same number. Idempotent."""
        mine = update(Number).where(Number.organisation_id == self._organisation_id, Number.id == number_id)
        rented = mine.where(Number.released_at.is_(None)).values(released_at=func.now(), twilio_sid=None)
        released = await self._session.scalar(rented.returning(Number))
        if released is not None:
            await events.note_number(self._session, "number.released", released)

    async def _change(self, change: Update) -> None:
        changed = await self._session.scalar(change.returning(Number))
        if changed is not None:
            await events.note_number(self._session, "number.changed", changed)

    def _rented(self) -> Select[Number]:
        return select(Number).where(Number.organisation_id == self._organisation_id, Number.released_at.is_(None))
