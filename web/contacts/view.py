"""Contacts as pages show them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import Contact
from db.queries.contacts.contact_notes import Note
from web.request.access import Viewer
from web.request.callers import shown


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a contact; ``own_name``: what it is called again if it is split off."""

    id: UUID
    shown: str
    own_name: str
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class ShownContact:
    """A contact with all its numbers, the first one first."""

    id: UUID
    name: str
    numbers: Sequence[Number]
    do_not_call: bool
    do_not_transcribe: bool


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A note; times are in the organisation's time zone. ``may_change``: the viewer wrote it, or is an admin."""

    id: UUID
    text: str
    author: str
    at: datetime
    changed_at: datetime | None
    may_change: bool


def shown_contact(contact: Contact, rows: Sequence[Contact], blocked: Collection[str] = ()) -> ShownContact:
    """Return ``contact`` as shown; ``rows`` are all its numbers, ``blocked`` those whose calls are refused (E.164).

    Of two wishes the stricter one is shown: a process of the release before sets one number's alone.
    """
    return ShownContact(
        contact.id,
        contact.name,
        [Number(row.id, shown(row.number), row.own_name or row.name, row.number in blocked) for row in rows],
        any(row.do_not_call for row in rows),
        any(row.do_not_transcribe for row in rows),
    )


def note_lines(notes: Sequence[Note], viewer: Viewer, zone: ZoneInfo) -> list[NoteLine]:
    """Return ``notes`` as shown to ``viewer``."""
    return [
        NoteLine(
            each.id,
            each.text,
            each.author,
            each.written_at.astimezone(zone),
            None if each.changed_at is None else each.changed_at.astimezone(zone),
            may_change(each, viewer),
        )
        for each in notes
    ]


def read_count(request: web.Request, name: str) -> int | None:
    """Return a count that a page was sent to with, for what it reports; None if there is none."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else None


def may_change(note: Note, viewer: Viewer) -> bool:
    """Return whether ``viewer`` may change and remove ``note``."""
    return note.author_id == viewer.member_id or viewer.may("settings")
