"""Contacts: the names that an organisation keeps for phone numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from db import models
from db.paging import Cursor
from db.queries.integrations.resources import Time
from db.queries.phone.contacts import MOST, Flag, Flags, KnownNumberError, TooManyContactsError
from web.api import cursors
from web.api.calls import After, Limit
from web.api.operations import Answer, Asked, Operation
from web.api.problems import ProblemError
from web.contacts.table import LONGEST_NAME, number_of
from web.request.errors import InvalidError, NotFoundError
from web.request.typed import tidy

Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
DoNotCall = Annotated[bool, Meta(description="Members who dial the number are stopped.")]
DoNotTranscribe = Annotated[bool, Meta(description="Calls with the number are connected without words.")]
Written = Annotated[str, Meta(max_length=40, description="E.164, or as it is dialled in Australia.")]


class Contact(Struct, frozen=True):
    """A name for a phone number."""

    id: UUID
    name: str
    number: Annotated[str, Meta(description="In E.164.")]
    do_not_call: DoNotCall
    do_not_transcribe: DoNotTranscribe
    created_at: Time


class ContactQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which contacts; newest first."""

    number: Annotated[Written | None, Meta(description="Who has this number.")] = None
    limit: Limit = 50
    cursor: After = None


class ContactPage(Struct, frozen=True):
    """A page of contacts, newest first."""

    data: list[Contact]
    next_cursor: Annotated[str | None, Meta(description="Null on the last page.")]


class NewContact(Struct, frozen=True, forbid_unknown_fields=True):
    """A contact to add."""

    name: Name
    number: Written
    do_not_call: DoNotCall = False
    do_not_transcribe: DoNotTranscribe = False


class ContactChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a contact; what is left out stays."""

    name: Name | UnsetType = UNSET
    number: Written | UnsetType = UNSET
    do_not_call: DoNotCall | UnsetType = UNSET
    do_not_transcribe: DoNotTranscribe | UnsetType = UNSET


async def list_contacts(asked: Asked) -> Answer:
    """Answer a page of contacts."""
    query: ContactQuery = asked.query
    number = None if query.number is None else _number(query.number)
    found = await asked.rows.contacts.page(number, after=cursors.read(query.cursor), limit=query.limit + 1)
    shown = found[: query.limit]
    more = cursors.write(Cursor(shown[-1].created_at, shown[-1].id)) if len(found) > query.limit else None
    return Answer(ContactPage(data=[_seen(each) for each in shown], next_cursor=more), more)


async def get_contact(asked: Asked) -> Answer:
    """Answer one contact."""
    return Answer(_seen(await _found(asked)))


async def add_contact(asked: Asked) -> Answer:
    """Add a contact."""
    new: NewContact = asked.body
    name, number = _name(new.name), _number(new.number)
    await asked.rows.lock()
    try:
        contact = await asked.rows.contacts.add(name, number, _flags(new))
    except KnownNumberError:
        raise ProblemError(
            "conflict", "There is a contact with that number. Find it by number, and change it."
        ) from None
    except TooManyContactsError:
        raise ProblemError("conflict", f"There would be more than {MOST} contacts, and that is the most.") from None
    await asked.rows.audit.record("contacts.kept", {"added": 1, "renamed": 0})
    if new.do_not_call or new.do_not_transcribe:
        await asked.rows.audit.record("contacts.flagged", {"contacts": 1})
    return Answer(_seen(contact))


async def change_contact(asked: Asked) -> Answer:
    """Change a contact's name, number or flags."""
    change: ContactChange = asked.body
    await asked.rows.lock()
    contact = await _found(asked)
    name = contact.name if change.name is UNSET else _name(change.name)
    number = contact.number if change.number is UNSET else _number(change.number)
    try:
        await asked.rows.contacts.change(contact, name, number)
    except KnownNumberError:
        raise ProblemError("conflict", "Another contact has that number.") from None
    await asked.rows.audit.record("contacts.kept", {"added": 0, "renamed": 1})
    if await asked.rows.contacts.flag(contact, _flags(change)):
        await asked.rows.audit.record("contacts.flagged", {"contacts": 1})
    return Answer(_seen(contact))


async def remove_contact(asked: Asked) -> Answer:
    """Remove a contact."""
    if not await asked.rows.contacts.remove(asked.id):
        raise NotFoundError("There is no such contact.")
    await asked.rows.audit.record("contacts.removed", {"contacts": 1})
    return Answer(None)


_PATH, _ONE = "/contacts", "/contacts/{id}"
OPERATIONS = (
    Operation(
        *("listContacts", "GET", _PATH, "contacts:read", "List contacts, newest first"),
        list_contacts,
        ContactPage,
        query=ContactQuery,
    ),
    Operation(
        *("addContact", "POST", _PATH, "contacts:write", "Add a contact"),
        add_contact,
        Contact,
        status=201,
        body=NewContact,
        conflicts=True,
    ),
    Operation("getContact", "GET", _ONE, "contacts:read", "Get one contact", get_contact, Contact),
    Operation(
        *("changeContact", "PATCH", _ONE, "contacts:write", "Change a contact"),
        change_contact,
        Contact,
        body=ContactChange,
        conflicts=True,
    ),
    Operation(
        "removeContact", "DELETE", _ONE, "contacts:write", "Remove a contact", remove_contact, None, status=204
    ),
)


async def _found(asked: Asked) -> models.Contact:
    contact = await asked.rows.contacts.get(asked.id)
    if contact is None:
        raise NotFoundError("There is no such contact.")
    return contact


def _seen(contact: models.Contact) -> Contact:
    return Contact(
        id=contact.id,
        name=contact.name,
        number=contact.number,
        do_not_call=contact.do_not_call,
        do_not_transcribe=contact.do_not_transcribe,
        created_at=contact.created_at,
    )


def _flags(said: NewContact | ContactChange) -> Flags:
    flags: Mapping[Flag, bool | UnsetType] = {
        "do_not_call": said.do_not_call,
        "do_not_transcribe": said.do_not_transcribe,
    }
    return {flag: is_set for flag, is_set in flags.items() if is_set is not UNSET}


def _name(text: str) -> str:
    name = tidy(text)
    if not name:
        raise InvalidError("There is no name in it.")
    return name


def _number(text: str) -> str:
    number = number_of(text)
    if number is None:
        raise InvalidError("That is not a phone number: write it in E.164, or as it is dialled in Australia.")
    return number
