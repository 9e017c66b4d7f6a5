"""What members wrote about contacts: encrypted, by whom and when, until it is removed with the contact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import among
from db.models import Contact, ContactNote, Member
from db.paging import Cursor, newest_first
from db.queries.contacts.contacts import PERSON

MOST = 200  # of one person


class TooManyNotesError(Exception):
    """There are as many notes about that person as there may be."""


@dataclass(frozen=True, slots=True)
class Note:
    """A note. ``author`` is the member's name today."""

    id: UUID
    person: UUID
    text: str
    author: str
    author_id: UUID
    written_at: datetime
    changed_at: datetime | None


class ContactNotes:
    """The notes of one organisation about its contacts."""

    def __init__(self, session: AsyncSession, organisation_id: UUID, *, most: int = MOST) -> None:
        self._session = session
        self._organisation_id = organisation_id
        self._most = most

    async def of(self, people: Collection[UUID], most: int = MOST) -> Mapping[UUID, Sequence[Note]]:
        """Return the latest ``most`` notes about each of these people, the newest first."""
        if not people:
            return {}
        newest = (ContactNote.written_at.desc(), ContactNote.id.desc())
        place = func.row_number().over(partition_by=PERSON, order_by=newest).label("place")
        theirs = (
            select(ContactNote.id, place)
            .join(Contact, Contact.id == ContactNote.contact_id)
            .where(
                Contact.organisation_id == self._organisation_id,
                or_(among(Contact.id, people), among(Contact.part_of, people)),
            )
            .subquery()
        )
        latest = self._noted().join(theirs, theirs.c.id == ContactNote.id).where(theirs.c.place <= most)
        found: defaultdict[UUID, list[Note]] = defaultdict(list)
        for row in await self._session.execute(latest.order_by(*newest)):
            note = _seen(*row)
            found[note.person].append(note)
        return found

    async def page(self, contact_id: UUID | None, *, after: Cursor | None, limit: int) -> Sequence[Note]:
        """Return the newest ``limit`` notes older than ``after``; with ``contact_id``, about that person."""
        rows = self._noted()
        if contact_id is not None:
            asked = select(PERSON).where(Contact.organisation_id == self._organisation_id, Contact.id == contact_id)
            rows = rows.where(PERSON.in_(asked))
        newest = newest_first(rows, ContactNote.written_at, ContactNote.id, after=after, limit=limit)
        return [_seen(*row) for row in await self._session.execute(newest)]

    async def get(self, note_id: UUID) -> Note | None:
        """Return that note."""
        found = (await self._session.execute(self._noted().where(ContactNote.id == note_id))).first()
        return None if found is None else _seen(*found)

    async def add(self, contact_id: UUID, author_id: UUID, text: str) -> UUID:
        """Write a note that hangs on that contact. The organisation should be locked. Raise `TooManyNotesError`."""
        whose = select(PERSON).where(Contact.id == contact_id).scalar_subquery()
        theirs = select(func.count()).select_from(ContactNote).join(Contact, Contact.id == ContactNote.contact_id)
        if (await self._session.scalar(theirs.where(whose == PERSON)) or 0) >= self._most:
            raise TooManyNotesError
        note = ContactNote(
            organisation_id=self._organisation_id, contact_id=contact_id, author_id=author_id, text=text
        )
        self._session.add(note)
        await self._session.flush()
        return note.id

    async def change(self, note_id: UUID, text: str) -> bool:
        """Change what a note says; return whether it is there."""
        note = await self._row(note_id)
        if note is None:
            return False
        note.text, note.changed_at = text, await self._session.scalar(select(func.clock_timestamp()))
        await self._session.flush()
        return True

    async def remove(self, note_id: UUID) -> bool:
        """Remove a note; return whether it was there."""
        note = await self._row(note_id)
        if note is None:
            return False
        await self._session.delete(note)
        await self._session.flush()
        return True

    def _noted(self) -> Select[ContactNote, UUID, str]:
        """Select each note, whose it is, and its author's name."""
        return (
            select(ContactNote, PERSON, Member.name)
            .join(Contact, Contact.id == ContactNote.contact_id)
            .join(Member, Member.id == ContactNote.author_id)
            .where(ContactNote.organisation_id == self._organisation_id)
        )

    async def _row(self, note_id: UUID) -> ContactNote | None:
        mine = select(ContactNote).where(ContactNote.organisation_id == self._organisation_id)
        return await self._session.scalar(mine.where(ContactNote.id == note_id))


def _seen(note: ContactNote, person: UUID, author: str) -> Note:
    return Note(note.id, person, note.text, author, note.author_id, note.written_at, note.changed_at)
