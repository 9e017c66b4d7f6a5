"""Names for phone numbers, as an organisation keeps them: encrypted, and found by the number's keyed hash."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import among
from db.encryption import keyring_of
from db.models import Contact
from db.paging import Cursor, newest_first

MOST = 20_000  # of one organisation

Flag = Literal["do_not_call", "do_not_transcribe"]
Flags = Mapping[Flag, bool]
"""What is to be said of a contact; what is left out stays as it is."""


class TooManyContactsError(Exception):
    """The organisation keeps as many contacts as it may."""


class KnownNumberError(Exception):
    """Another contact has that number."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many contacts were added, how many were there under another name, and of how many a flag has changed."""

    added: int
    renamed: int
    flagged: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """What is kept for a number."""

    name: str
    do_not_call: bool = False
    do_not_transcribe: bool = False


class Contacts:
    """The contacts of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def all(self, limit: int = MOST) -> Sequence[Contact]:
        """Return the last ``limit`` that were added."""
        mine = select(Contact).where(Contact.organisation_id == self._organisation_id)
        newest = mine.order_by(Contact.created_at.desc(), Contact.id).limit(limit)
        return (await self._session.scalars(newest)).all()

    async def page(self, number: str | None, *, after: Cursor | None, limit: int) -> Sequence[Contact]:
        """Return the newest ``limit`` contacts older than ``after``; with ``number`` (E.164), who has it."""
        mine = self._mine()
        if number is not None:
            mine = mine.where(Contact.number_hash.in_(keyring_of(self._session).hashes("number", number)))
        rows = newest_first(mine, Contact.created_at, Contact.id, after=after, limit=limit)
        return (await self._session.scalars(rows)).all()

    async def get(self, contact_id: UUID) -> Contact | None:
        """Return that contact."""
        return await self._session.scalar(self._mine().where(Contact.id == contact_id))

    async def count(self) -> int:
        """Return how many there are."""
        mine = select(func.count()).select_from(Contact).where(Contact.organisation_id == self._organisation_id)
        return await self._session.scalar(mine) or 0

    async def named(self, numbers: Collection[str]) -> Mapping[str, str]:
        """Return the names that are kept for ``numbers`` (E.164), by number."""
        return {number: card.name for number, card in (await self.cards(numbers)).items()}

    async def cards(self, numbers: Collection[str]) -> Mapping[str, Card]:
        """Return what is kept for ``numbers`` (E.164), by number."""
        hashes = keyring_of(self._session).by_hash("number", numbers)
        if not hashes:
            return {}
        found = select(Contact.number_hash, Contact.name, Contact.do_not_call, Contact.do_not_transcribe).where(
            Contact.organisation_id == self._organisation_id, among(Contact.number_hash, hashes)
        )
        return {
            hashes[row.number_hash]: Card(row.name, row.do_not_call, row.do_not_transcribe)
            for row in await self._session.execute(found)
        }

    async def keep(self, names: Mapping[str, str], flags: Mapping[str, Flags] | None = None) -> Kept:
        """Keep these names, by number (E.164), and ``flags``; a known number gets its new name.

        Raises `TooManyContactsError`.
        """
        known = await self._by_number(names)
        new = [number for number in names if number not in known]
        if await self.count() + len(new) > MOST:
            raise TooManyContactsError
        keyring = keyring_of(self._session)
        self._session.add_all(
            Contact(
                organisation_id=self._organisation_id,
                name=names[number],
                number=number,
                number_hash=keyring.hash("number", number),
            )
            for number in new
        )
        renamed = [number for number, contact in known.items() if contact.name != names[number]]
        for number in renamed:
            known[number].name = names[number]
        await self._session.flush()
        flagged = await self._flag_all(flags or {})
        return Kept(len(new), len(renamed), flagged)

    async def flag(self, contact: Contact, flags: Flags) -> bool:
        """Set or clear flags of a contact; return whether one has changed."""
        changed = {flag: is_set for flag, is_set in flags.items() if getattr(contact, flag) != is_set}
        for flag, is_set in changed.items():
            setattr(contact, flag, is_set)
        await self._session.flush()
        return bool(changed)

    async def _flag_all(self, flags: Mapping[str, Flags]) -> int:
        contacts = await self._by_number([number for number in flags if flags[number]])
        return sum([await self.flag(contact, flags[number]) for number, contact in contacts.items()])

    async def add(self, name: str, number: str, flags: Flags | None = None) -> Contact:
        """Add one contact; the organisation should be locked. Raises `KnownNumberError`, `TooManyContactsError`."""
        if await self._by_number([number]):
            raise KnownNumberError
        await self.keep({number: name}, {number: flags or {}})
        return (await self._by_number([number]))[number]

    async def change(self, contact: Contact, name: str, number: str) -> None:
        """Change a contact; the organisation should be locked. Raises `KnownNumberError`."""
        holder = (await self._by_number([number])).get(number)
        if holder is not None and holder.id != contact.id:
            raise KnownNumberError
        contact.name, contact.number = name, number
        contact.number_hash = keyring_of(self._session).hash("number", number)
        await self._session.flush()

    async def remove(self, contact_id: UUID) -> bool:
        """Remove one; return whether it was there."""
        mine = delete(Contact).where(Contact.organisation_id == self._organisation_id, Contact.id == contact_id)
        return bool((await self._session.execute(mine.returning(Contact.id))).all())

    async def remove_all(self) -> int:
        """Remove all; return how many there were."""
        mine = delete(Contact).where(Contact.organisation_id == self._organisation_id)
        return len((await self._session.execute(mine.returning(Contact.id))).all())

    def _mine(self) -> Select[Contact]:
        return select(Contact).where(Contact.organisation_id == self._organisation_id)

    async def _by_number(self, numbers: Collection[str]) -> Mapping[str, Contact]:
        hashes = keyring_of(self._session).by_hash("number", numbers)
        found: dict[str, Contact] = {}
        pending = list(hashes)
        for begin in range(0, len(pending), 5000):  # Postgres takes 32,767 parameters at most
            some = select(Contact).where(
                Contact.organisation_id == self._organisation_id,
                Contact.number_hash.in_(pending[begin : begin + 5000]),
            )
            found |= {hashes[each.number_hash]: each for each in await self._session.scalars(some)}
        return found
