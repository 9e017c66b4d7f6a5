"""Names for phone numbers, as an organisation keeps them: encrypted, and found by the number's keyed hash.

Each number is a row with the name and the wishes that hold for it, so that a call needs one look. The numbers of one
person are `part_of` the person's first one and say the same as it: what is changed here is changed on all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import among
from db.encryption import keyring_of
from db.models import Contact
from db.paging import Cursor, newest_first

MOST = 20_000  # numbers of one organisation
PERSON = func.coalesce(Contact.part_of, Contact.id)
"""The person whose number a row is: `person_of` in SQL."""

Flag = Literal["do_not_call", "do_not_transcribe"]
FLAGS: tuple[Flag, ...] = get_args(Flag)
Flags = Mapping[Flag, bool]
"""What is to be said of a contact; what is left out stays as it is."""


class TooManyContactsError(Exception):
    """The organisation keeps as many numbers as it may."""


class KnownNumberError(Exception):
    """Another contact has that number."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many numbers were added, how many people got another name, and of how many people a wish has changed.

    ``changed``: people who were there before, and are no longer as they were. ``same``: numbers that changed nothing.
    """

    added: int
    renamed: int
    flagged: int = 0
    changed: int = 0
    same: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """What is kept for a number. ``person`` is the contact whose number it is."""

    name: str
    do_not_call: bool = False
    do_not_transcribe: bool = False
    person: UUID | None = None


class Contacts:
    """The contacts of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID, *, most: int = MOST) -> None:
        self._session = session
        self._organisation_id = organisation_id
        self._most = most

    async def page(self, number: str | None, *, after: Cursor | None, limit: int) -> Sequence[Contact]:
        """Return the newest ``limit`` people older than ``after``; with ``number`` (E.164), who has it."""
        people = self._mine().where(Contact.part_of.is_(None))
        if number is not None:
            held = Contact.number_hash.in_(keyring_of(self._session).hashes("number", number))
            people = people.where(Contact.id.in_(self._person(held)))
        rows = newest_first(people, Contact.created_at, Contact.id, after=after, limit=limit)
        return (await self._session.scalars(rows)).all()

    async def get(self, contact_id: UUID) -> Contact | None:
        """Return the person with that contact: of one that was merged, whose number it is now."""
        return await self._session.scalar(self._mine().where(Contact.id.in_(self._person(Contact.id == contact_id))))

    async def row(self, number: str) -> Contact | None:
        """Return what is kept for that ``number`` (E.164)."""
        return (await self._by_number([number])).get(number)

    async def numbers(self, people: Collection[UUID]) -> Mapping[UUID, Sequence[Contact]]:
        """Return all numbers of these people, by person, the first one of each first."""
        theirs = self._mine().where(or_(among(Contact.id, people), among(Contact.part_of, people)))
        found: defaultdict[UUID, list[Contact]] = defaultdict(list)
        ordered = theirs.order_by(Contact.part_of.is_not(None), Contact.created_at, Contact.id)
        for row in await self._session.scalars(ordered):
            found[person_of(row)].append(row)
        return found

    async def of_same(self, number: str) -> Sequence[str]:
        """Return all numbers (E.164) of the contact with ``number``, itself first. It alone without a contact."""
        found = await self.row(number)
        if found is None:
            return [number]
        rows = (await self.numbers([person_of(found)]))[person_of(found)]
        return [number, *(row.number for row in rows if row.number != number)]

    async def count(self) -> int:
        """Return how many people there are."""
        mine = Contact.organisation_id == self._organisation_id
        people = select(func.count()).select_from(Contact).where(mine, Contact.part_of.is_(None))
        return await self._session.scalar(people) or 0

    async def named(self, numbers: Collection[str]) -> Mapping[str, str]:
        """Return the names that are kept for ``numbers`` (E.164), by number."""
        return {number: card.name for number, card in (await self.cards(numbers)).items()}

    async def cards(self, numbers: Collection[str]) -> Mapping[str, Card]:
        """Return what is kept for ``numbers`` (E.164), by number."""
        hashes = keyring_of(self._session).by_hash("number", numbers)
        if not hashes:
            return {}
        columns = (Contact.number_hash, Contact.name, Contact.do_not_call, Contact.do_not_transcribe)
        found = select(*columns, PERSON.label("person")).where(
            Contact.organisation_id == self._organisation_id, among(Contact.number_hash, hashes)
        )
        return {
            hashes[row.number_hash]: Card(row.name, row.do_not_call, row.do_not_transcribe, row.person)
            for row in await self._session.execute(found)
        }

    async def keep(self, names: Mapping[str, str], flags: Mapping[str, Flags] | None = None) -> Kept:
        """Keep these names, by number (E.164), and ``flags``; who has a known number gets the new name.

        The organisation should be locked. Raise `TooManyContactsError`.
        """
        known = await self._by_number(names)
        new = [number for number in names if number not in known]
        await self._make_room(len(new))
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
        others = {person_of(row): names[number] for number, row in known.items() if row.name != names[number]}
        renamed = await self._rename(others)
        flagged = await self._flag(flags or {})
        before = {person_of(row) for row in known.values()}
        changed = (renamed | flagged) & before
        same = sum(person_of(row) not in changed for row in known.values())
        return Kept(len(new), len(renamed), len(flagged), len(changed), same)

    async def flag(self, contact: Contact, flags: Flags) -> bool:
        """Set or clear wishes of that contact's person; return whether one has changed."""
        return bool(await self._flag({contact.number: flags}))

    async def add(self, name: str, number: str, flags: Flags | None = None) -> Contact:
        """Add one contact; the organisation should be locked. Raise `KnownNumberError`, `TooManyContactsError`."""
        if await self._by_number([number]):
            raise KnownNumberError
        await self.keep({number: name}, {number: flags or {}})
        return (await self._by_number([number]))[number]

    async def give(self, person: Contact, number: str) -> Contact:
        """Give a person one more number; the organisation should be locked.

        Raise `KnownNumberError`, `TooManyContactsError`.
        """
        if await self._by_number([number]):
            raise KnownNumberError
        await self._make_room(1)
        row = Contact(
            organisation_id=self._organisation_id,
            name=person.name,
            number=number,
            number_hash=keyring_of(self._session).hash("number", number),
            part_of=person.id,
            **{flag: getattr(person, flag) for flag in FLAGS},
        )
        self._session.add(row)
        await self._session.flush()
        return row

    async def change(self, contact: Contact, name: str, number: str) -> None:
        """Change a person's name and first number; the organisation should be locked. Raise `KnownNumberError`."""
        holder = (await self._by_number([number])).get(number)
        if holder is not None and holder.id != contact.id:
            raise KnownNumberError
        contact.number = number
        contact.number_hash = keyring_of(self._session).hash("number", number)
        await self._rename({contact.id: name})

    async def remove(self, contact_id: UUID) -> int:
        """Remove a person, with notes about them; return how many numbers went, 0 if there is no such person."""
        person = self._person(Contact.id == contact_id)
        return await self._delete(or_(Contact.id.in_(person), Contact.part_of.in_(person)))

    async def remove_all(self) -> int:
        """Remove everybody; return how many numbers went."""
        return await self._delete()

    async def _delete(self, *which: ColumnElement[bool]) -> int:
        mine = delete(Contact).where(Contact.organisation_id == self._organisation_id, *which)
        mine = mine.execution_options(synchronize_session=False)
        return len((await self._session.execute(mine.returning(Contact.id))).all())

    async def _make_room(self, more: int) -> None:
        mine = select(func.count()).select_from(Contact).where(Contact.organisation_id == self._organisation_id)
        if (await self._session.scalar(mine) or 0) + more > self._most:
            raise TooManyContactsError

    async def _rename(self, names: Mapping[UUID, str]) -> set[UUID]:
        """Give people new names; return those who had others. Flushes."""
        changed = set()
        for person, rows in (await self.numbers(names)).items():
            for row in rows:
                if row.name != names[person]:
                    row.name = names[person]
                    changed.add(person)
        await self._session.flush()
        return changed

    async def _flag(self, flags: Mapping[str, Flags]) -> set[UUID]:
        """Set and clear the wishes of the people with these numbers; return the people of whom one has changed."""
        wanted = {number: said for number, said in flags.items() if said}
        holders = await self._by_number(wanted)
        rows = await self.numbers({person_of(row) for row in holders.values()})
        changed = set()
        for number, holder in holders.items():
            person = person_of(holder)
            for row in rows[person]:
                if _set(row, wanted[number]):
                    changed.add(person)
        await self._session.flush()
        return changed

    def _mine(self) -> Select[Contact]:
        return select(Contact).where(Contact.organisation_id == self._organisation_id)

    def _person(self, which: ColumnElement[bool]) -> Select[Any]:
        """Select the ids of the people who have the numbers for which that holds."""
        return select(PERSON).where(Contact.organisation_id == self._organisation_id, which)

    async def _by_number(self, numbers: Iterable[str]) -> Mapping[str, Contact]:
        hashes = keyring_of(self._session).by_hash("number", numbers)
        rows = await self._session.scalars(self._mine().where(among(Contact.number_hash, hashes)))
        return {hashes[row.number_hash]: row for row in rows}


def person_of(contact: Contact) -> UUID:
    """Return the person whose number it is."""
    return contact.id if contact.part_of is None else contact.part_of


def _set(row: Contact, flags: Flags) -> bool:
    """Set and clear wishes; return whether one has changed."""
    changed = {flag: is_set for flag, is_set in flags.items() if getattr(row, flag) != is_set}
    for flag, is_set in changed.items():
        setattr(row, flag, is_set)
    return bool(changed)
