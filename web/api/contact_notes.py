"""Notes about contacts, for keys that may read or write them. What was said in a call is never among them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from db.paging import Cursor
from db.queries.contacts import contact_notes
from db.queries.contacts.contact_notes import TooManyNotesError
from db.queries.integrations.resources import Time
from web.api import cursors
from web.api.calls import After, Limit
from web.api.operations import Answer, Asked, Operation
from web.api.problems import ProblemError
from web.contacts.notes import FULL, LONGEST, read_text
from web.request.errors import InvalidError, NotFoundError

Words = Annotated[str, Meta(min_length=1, max_length=LONGEST)]
OFF = "The organisation does not keep notes. An admin can change that under Settings, Phone."


class ContactNote(Struct, frozen=True):
    """A note about a contact."""

    id: UUID
    contact: UUID
    text: str
    author: Annotated[UUID, Meta(description="The member who wrote it, or who made the key that did.")]
    written_at: Time
    changed_at: Time | None


class NoteQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which notes; newest first."""

    contact: Annotated[UUID | None, Meta(description="Those about this contact.")] = None
    limit: Limit = 50
    cursor: After = None


class NotePage(Struct, frozen=True):
    """A page of notes, newest first."""

    data: list[ContactNote]
    next_cursor: Annotated[str | None, Meta(description="Null on the last page.")]


class NewNote(Struct, frozen=True, forbid_unknown_fields=True):
    """A note to write."""

    contact: UUID
    text: Words


class NoteChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What a note says from now on."""

    text: Words


async def list_notes(asked: Asked) -> Answer:
    """Answer a page of notes: none where the organisation keeps none."""
    query: NoteQuery = asked.query
    after = cursors.read(query.cursor)
    if not asked.rows.organisation.notes_on:
        return Answer(NotePage(data=[], next_cursor=None))
    found = await asked.rows.contact_notes.page(query.contact, after=after, limit=query.limit + 1)
    shown, more = cursors.first_of(found, query.limit, lambda row: Cursor(row.written_at, row.id))
    return Answer(NotePage(data=[_seen(each) for each in shown], next_cursor=more), more)


async def get_note(asked: Asked) -> Answer:
    """Answer one note."""
    return Answer(await _one(asked, asked.id))


async def write_note(asked: Asked) -> Answer:
    """Write a note, in the name of the member who made the key."""
    new: NewNote = asked.body
    _check_kept(asked)
    text = read_text(new.text)
    await asked.rows.lock()
    contact = await asked.rows.contacts.get(new.contact)
    if contact is None:
        raise InvalidError("There is no such contact.")
    try:
        note = await asked.rows.contact_notes.add(contact.id, asked.client.created_by, text)
    except TooManyNotesError:
        raise ProblemError("conflict", FULL) from None
    await asked.rows.audit.record("note.added")
    return Answer(await _one(asked, note))


async def change_note(asked: Asked) -> Answer:
    """Change what a note says."""
    change: NoteChange = asked.body
    _check_kept(asked)
    if not await asked.rows.contact_notes.change(asked.id, read_text(change.text)):
        raise NotFoundError("There is no such note.")
    await asked.rows.audit.record("note.changed")
    return Answer(await _one(asked, asked.id))


async def remove_note(asked: Asked) -> Answer:
    """Remove a note, also where none are kept any more."""
    if not await asked.rows.contact_notes.remove(asked.id):
        raise NotFoundError("There is no such note.")
    await asked.rows.audit.record("note.removed")
    return Answer(None)


_PATH, _ONE = "/contact-notes", "/contact-notes/{id}"
OPERATIONS = (
    Operation(
        *("listContactNotes", "GET", _PATH, "notes:read", "List notes about contacts, newest first"),
        list_notes,
        NotePage,
        query=NoteQuery,
    ),
    Operation(
        *("writeContactNote", "POST", _PATH, "notes:write", "Write a note about a contact"),
        write_note,
        ContactNote,
        status=201,
        body=NewNote,
        conflicts=True,
    ),
    Operation(*("getContactNote", "GET", _ONE, "notes:read", "Get one note"), get_note, ContactNote),
    Operation(
        *("changeContactNote", "PATCH", _ONE, "notes:write", "Change a note"),
        change_note,
        ContactNote,
        body=NoteChange,
        conflicts=True,
    ),
    Operation(*("removeContactNote", "DELETE", _ONE, "notes:write", "Remove a note"), remove_note, None, status=204),
)


def _check_kept(asked: Asked) -> None:
    """Raise `ProblemError` if the organisation does not keep notes."""
    if not asked.rows.organisation.notes_on:
        raise ProblemError("conflict", OFF)


async def _one(asked: Asked, note_id: UUID) -> ContactNote:
    note = await asked.rows.contact_notes.get(note_id)
    if note is None or not asked.rows.organisation.notes_on:
        raise NotFoundError("There is no such note.")
    return _seen(note)


def _seen(note: contact_notes.Note) -> ContactNote:
    return ContactNote(
        id=note.id,
        contact=note.person,
        text=note.text,
        author=note.author_id,
        written_at=note.written_at,
        changed_at=note.changed_at,
    )
