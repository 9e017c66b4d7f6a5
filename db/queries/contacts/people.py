"""Contacts that are one person: merged, split again, and looked for by name.

A merge loses nothing: all numbers, notes and wishes stay, and of two wishes the stricter one holds. Each number
remembers its own name, and notes hang on numbers, so that a number that is split off takes along what came with it.
Wishes stay with both: what somebody has asked for is not forgotten by mistake.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import among
from db.models import Contact, ContactNote
from db.paging import Cursor, newest_first
from db.queries.contacts.contacts import FLAGS, PERSON, Contacts, person_of

MOST_NUMBERS = 12  # of one person: the call log walks along each
_BATCH = 250  # rows that are decrypted at once: others wait for about ten milliseconds


class TooManyNumbersError(Exception):
    """One person would have more than `MOST_NUMBERS` numbers."""


class OnlyNumberError(Exception):
    """The person has no other number."""


class _Named(NamedTuple):
    id: UUID
    person: UUID
    name: str
    number: str
    created_at: datetime


class People:
    """The people whom one organisation knows."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id
        self._contacts = Contacts(session, organisation_id)

    async def merge(self, person: Contact, other: Contact, name: str) -> int:
        """Make ``other``'s numbers ``person``'s, who is called ``name`` from now on; return how many there are now.

        The organisation should be locked. Raise `TooManyNumbersError`.
        """
        found = await self._contacts.numbers([person.id, other.id])
        rows = [*found[person.id], *found[other.id]]
        if len(rows) > MOST_NUMBERS:
            raise TooManyNumbersError
        strictest = {flag: any(getattr(row, flag) for row in rows) for flag in FLAGS}
        for row in rows:
            row.own_name, row.name = row.own_name or row.name, name
            row.part_of = None if row.id == person.id else person.id
            for flag, is_set in strictest.items():
                setattr(row, flag, is_set)
        await self._session.flush()
        return len(rows)

    async def split(self, contact_id: UUID) -> Contact | None:
        """Make a number a contact of its own again, under its own name, with its notes; return None if there is none.

        The organisation should be locked. Raise `OnlyNumberError`.
        """
        mine = select(Contact).where(Contact.organisation_id == self._organisation_id, Contact.id == contact_id)
        row = await self._session.scalar(mine)
        if row is None:
            return None
        await self._part(row)
        row.name, row.own_name = row.own_name or row.name, None
        await self._session.flush()
        return row

    async def drop(self, row: Contact) -> None:
        """Remove one number of a person, whose notes all stay with them. The organisation should be locked.

        Raise `OnlyNumberError`.
        """
        person = await self._part(row)
        await self._session.flush()
        theirs = update(ContactNote).where(ContactNote.contact_id == row.id)
        await self._session.execute(theirs.values(contact_id=person.id))
        await self._session.execute(delete(Contact).where(Contact.id == row.id))

    async def named_alike(self, most: int) -> Sequence[Sequence[Contact]]:
        """Return people who bear the same name as others, in groups, at most ``most``."""
        same: defaultdict[str, list[UUID]] = defaultdict(list)
        async for rows in self._batches():
            for row in rows:
                if row.id == row.person:
                    same[_folded(row.name)].append(row.id)
        groups = [ids for ids in same.values() if len(ids) > 1][:most]
        found = await self._load([each for ids in groups for each in ids])
        return [[found[each] for each in ids if each in found] for ids in groups]

    async def find(self, text: str, most: int) -> Sequence[Contact]:
        """Return people with ``text`` in their name, or its digits in a number, at most ``most``."""
        folded, digits = _folded(text), _digits(text)
        found: dict[UUID, None] = {}
        async for rows in self._batches():
            for row in rows:
                if folded in _folded(row.name) or (digits and digits in row.number):
                    found[row.person] = None
            if len(found) >= most:
                break
        people = await self._load(list(found))
        return [people[each] for each in [*found][:most] if each in people]

    async def _part(self, row: Contact) -> Contact:
        """Take a number off its person; return the first of those that are left."""
        rows = (await self._contacts.numbers([person_of(row)]))[person_of(row)]
        left = [each for each in rows if each.id != row.id]
        if not left:
            raise OnlyNumberError
        first = left[0]
        for each in left:
            each.part_of = None if each is first else first.id
        row.part_of = None
        if len(left) == 1:
            first.own_name = None
        return first

    async def _load(self, ids: Sequence[UUID]) -> dict[UUID, Contact]:
        theirs = select(Contact).where(Contact.organisation_id == self._organisation_id, among(Contact.id, ids))
        return {row.id: row for row in await self._session.scalars(theirs)}

    async def _batches(self) -> AsyncIterator[Sequence[_Named]]:
        """Yield all numbers, the newest first. Names are encrypted, so whoever looks for one reads them all."""
        after: Cursor | None = None
        mine = select(Contact.id, PERSON, Contact.name, Contact.number, Contact.created_at)
        mine = mine.where(Contact.organisation_id == self._organisation_id)
        while True:
            batch = newest_first(mine, Contact.created_at, Contact.id, after=after, limit=_BATCH)
            rows = [_Named(*row) for row in await self._session.execute(batch)]
            yield rows
            if len(rows) < _BATCH:
                return
            after = Cursor(rows[-1].created_at, rows[-1].id)


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _digits(text: str) -> str:
    """Return the digits of what may be a part of a number, as E.164 has them; "" if it cannot be one."""
    digits = "".join(each for each in text if each.isascii() and each.isdecimal())
    is_number = len(digits) >= 3 and not any(each.isalpha() for each in text)
    return digits.removeprefix("0") if is_number else ""
