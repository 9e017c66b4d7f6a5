"""Contacts: people whom an organisation knows, by their phone numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from db import models
from db.paging import Cursor
from db.queries.contacts.contacts import MOST, Flag, Flags, KnownNumberError, TooManyContactsError
from db.queries.contacts.people import MOST_NUMBERS
from db.queries.integrations.resources import Time
from web.api import cursors
from web.api.calls import After, Limit
from web.api.operations import Answer, Asked, Operation
from web.api.problems import ProblemError
from web.contacts.contact_page import split_off
from web.contacts.merging import make_one, other_of
from web.contacts.table import LONGEST_NAME, number_of
from web.request.errors import InvalidError, NotFoundError
from web.request.typed import tidy

Name = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
DoNotCall = Annotated[bool, Meta(description="Members cannot dial the number.")]
DoNotTranscribe = Annotated[bool, Meta(description="Calls with the number are connected without words.")]
Written = Annotated[str, Meta(max_length=40, description="E.164, or as it is dialled in Australia.")]


class Contact(Struct, frozen=True):
    """A name for a person's phone numbers."""

    id: UUID
    name: str
    number: Annotated[str, Meta(description="The first one, in E.164.")]
    numbers: Annotated[list[str], Meta(description="All of them, in E.164, the first one first.")]
    do_not_call: DoNotCall
    do_not_transcribe: DoNotTranscribe
    created_at: Time


class ContactQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which contacts; newest first."""

    number: Annotated[Written | None, Meta(description="The contact with this number.")] = None
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
    further_numbers: Annotated[list[Written], Meta(max_length=MOST_NUMBERS - 1)] = []


class ContactChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a contact; what is left out stays."""

    name: Name | UnsetType = UNSET
    number: Written | UnsetType = UNSET
    further_numbers: (
        Annotated[
            list[Written],
            Meta(max_length=MOST_NUMBERS - 1, description="All but the first; numbers not listed are removed."),
        ]
        | UnsetType
    ) = UNSET
    do_not_call: DoNotCall | UnsetType = UNSET
    do_not_transcribe: DoNotTranscribe | UnsetType = UNSET


class Merge(Struct, frozen=True, forbid_unknown_fields=True):
    """Another contact that is the same person."""

    contact: Annotated[UUID, Meta(description="All of its numbers and notes become this contact's.")]
    name: (
        Annotated[Name, Meta(description="What they are called from now on; as this contact, if left out.")]
        | UnsetType
    ) = UNSET


class Split(Struct, frozen=True, forbid_unknown_fields=True):
    """A number that is somebody else's."""

    number: Annotated[Written, Meta(description="It becomes a contact again, with the name and notes it came with.")]


async def list_contacts(asked: Asked) -> Answer:
    """Answer a page of contacts."""
    query: ContactQuery = asked.query
    number = None if query.number is None else read_number(query.number)
    found = await asked.rows.contacts.page(number, after=cursors.read(query.cursor), limit=query.limit + 1)
    shown, more = cursors.first_of(found, query.limit, lambda row: Cursor(row.created_at, row.id))
    numbers = await asked.rows.contacts.numbers([each.id for each in shown])
    data = [_seen(each, numbers[each.id]) for each in shown]
    return Answer(ContactPage(data=data, next_cursor=more), more)


async def get_contact(asked: Asked) -> Answer:
    """Answer one contact."""
    return Answer(await _one(asked, await _found(asked)))


async def add_contact(asked: Asked) -> Answer:
    """Add a contact."""
    new: NewContact = asked.body
    name, number = _name(new.name), read_number(new.number)
    further = _further(number, new.further_numbers)
    await asked.rows.lock()
    try:
        contact = await asked.rows.contacts.add(name, number, _flags(new))
        await _give(asked, contact, further)
    except KnownNumberError:
        raise ProblemError(
            "conflict", "There is a contact with that number. Find it by number and change it."
        ) from None
    except TooManyContactsError:
        raise ProblemError("conflict", f"This would exceed the maximum of {MOST} contacts.") from None
    await asked.rows.audit.record("contacts.kept", {"added": 1, "renamed": 0})
    if new.do_not_call or new.do_not_transcribe:
        await asked.rows.audit.record("contacts.flagged", {"contacts": 1})
    return Answer(await _one(asked, contact))


async def change_contact(asked: Asked) -> Answer:
    """Change a contact's name, number or flags."""
    change: ContactChange = asked.body
    await asked.rows.lock()
    contact = await _found(asked)
    name = contact.name if change.name is UNSET else _name(change.name)
    number = contact.number if change.number is UNSET else read_number(change.number)
    further = None if change.further_numbers is UNSET else _further(number, change.further_numbers)
    try:
        if further is not None:
            await _take(asked, contact, number, further)
        await asked.rows.contacts.change(contact, name, number)
        await _give(asked, contact, further or ())
    except KnownNumberError:
        raise ProblemError("conflict", "Another contact has that number.") from None
    except TooManyContactsError:
        raise ProblemError("conflict", f"This would exceed the maximum of {MOST} numbers.") from None
    await asked.rows.audit.record("contacts.kept", {"added": 0, "renamed": 1})
    if await asked.rows.contacts.flag(contact, _flags(change)):
        await asked.rows.audit.record("contacts.flagged", {"contacts": 1})
    return Answer(await _one(asked, contact))


async def remove_contact(asked: Asked) -> Answer:
    """Remove a contact."""
    await asked.rows.lock()
    if not await asked.rows.contacts.remove(asked.id):
        raise NotFoundError("There is no such contact.")
    await asked.rows.audit.record("contacts.removed", {"contacts": 1})
    return Answer(None)


async def merge_contacts(asked: Asked) -> Answer:
    """Make another contact's numbers this contact's."""
    merge: Merge = asked.body
    await asked.rows.lock()
    contact = await _found(asked)
    other = await other_of(asked.rows, contact, merge.contact)
    name = contact.name if merge.name is UNSET else _name(merge.name)
    await make_one(asked.rows, contact, other, name)
    return Answer(await _one(asked, contact))


async def split_contact(asked: Asked) -> Answer:
    """Make one of a contact's numbers a contact of its own again, and answer that one."""
    split: Split = asked.body
    number = read_number(split.number)
    await asked.rows.lock()
    contact = await _found(asked)
    numbers = (await asked.rows.contacts.numbers([contact.id]))[contact.id]
    row = next((each for each in numbers if each.number == number), None)
    if row is None:
        raise NotFoundError("The contact has no such number.")
    return Answer(await _one(asked, await split_off(asked.rows, row.id)))


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
    Operation(
        *("mergeContacts", "POST", f"{_ONE}/merge", "contacts:write", "Merge two contacts of one person"),
        merge_contacts,
        Contact,
        body=Merge,
        conflicts=True,
    ),
    Operation(
        *("splitContact", "POST", f"{_ONE}/split", "contacts:write", "Split a number off a contact"),
        split_contact,
        Contact,
        body=Split,
        conflicts=True,
    ),
)


async def _found(asked: Asked) -> models.Contact:
    contact = await asked.rows.contacts.get(asked.id)
    if contact is None:
        raise NotFoundError("There is no such contact.")
    return contact


async def _one(asked: Asked, contact: models.Contact) -> Contact:
    return _seen(contact, (await asked.rows.contacts.numbers([contact.id]))[contact.id])


def _seen(contact: models.Contact, numbers: Sequence[models.Contact]) -> Contact:
    """Return what is answered; of two wishes the stricter one, as on the contact's page."""
    return Contact(
        id=contact.id,
        name=contact.name,
        number=contact.number,
        numbers=[each.number for each in numbers],
        do_not_call=any(each.do_not_call for each in numbers),
        do_not_transcribe=any(each.do_not_transcribe for each in numbers),
        created_at=contact.created_at,
    )


def _flags(said: NewContact | ContactChange) -> Flags:
    flags: Mapping[Flag, bool | UnsetType] = {
        "do_not_call": said.do_not_call,
        "do_not_transcribe": said.do_not_transcribe,
    }
    return {flag: is_set for flag, is_set in flags.items() if is_set is not UNSET}


def _further(first: str, written: Sequence[str]) -> Sequence[str]:
    """Return further numbers, each once. Raise `InvalidError`."""
    return [number for number in dict.fromkeys(map(read_number, written)) if number != first]


async def _take(asked: Asked, contact: models.Contact, first: str, further: Sequence[str]) -> None:
    """Take away what is not among ``further`` numbers, and what becomes the ``first`` one. Notes stay."""
    for row in (await asked.rows.contacts.numbers([contact.id]))[contact.id][1:]:
        if row.number not in further or row.number == first:
            await asked.rows.people.drop(row)


async def _give(asked: Asked, contact: models.Contact, further: Sequence[str]) -> None:
    """Give a contact those of ``further`` that it does not have."""
    there = {row.number for row in (await asked.rows.contacts.numbers([contact.id]))[contact.id]}
    for number in further:
        if number not in there:
            await asked.rows.contacts.give(contact, number)


def _name(text: str) -> str:
    name = tidy(text)
    if not name:
        raise InvalidError("The name is empty.")
    return name


def read_number(text: str) -> str:
    """Return a number in E.164. Raise `InvalidError`."""
    number = number_of(text)
    if number is None:
        raise InvalidError("That is not a phone number: write it in E.164, or as it is dialled in Australia.")
    return number
