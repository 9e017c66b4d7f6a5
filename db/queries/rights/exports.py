"""Everything that is stored of an organisation, of one of its members, or of one customer, table by table.

Secrets and what only finds rows (hashes) are left out; `LEFT_OUT` names the tables that hold nothing else to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, false, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from db.encryption import keyring_of
from db.models import Base, BlockedNumber, Call, Contact, ContactNote, Member, Organisation

PAGE = 500  # rows of a transaction
LEFT_OUT: Mapping[str, str] = {
    "conferences": "how a call's room stands at Twilio; deleted a day after the call",
    "identity_requests": "who is at the organisation's identity provider at this moment; kept for ten minutes",
    "kept_answers": "answers of the API, kept for a day in case a program asks again",
    "operator_entries": "what operators of the installation did, in their own log",
    "webhook_deliveries": "how far events are on their way; the events themselves are included",
}
"""Tables of an organisation that are not exported, and why."""
_SECRET = ("_hash", "_key", "_keys", "_band", "secret")
_OF_CALLS = ("legs", "call_moments", "call_tags", "offers", "phrase_hits", "unsaid_phrases")
"""Found by their call: they are as many as calls, and have no index of their organisation."""

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one table: those where ``condition`` holds, in the order of ``keys``.

    With ``calls``, those of the calls for which that holds.
    """

    table: Table
    keys: tuple[Column[Any], ...]
    condition: ColumnElement[bool]
    calls: bool = False

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    @property
    def columns(self) -> Sequence[str]:
        """The columns that are shown."""
        return [column.name for column in shown(self.table)]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a part, and where the next page begins; None after the last one."""

    rows: Sequence[Row]
    last: tuple[Any, ...] | None


def shown(table: Table) -> Sequence[ColumnElement[Any]]:
    """Return the columns of ``table`` that are exported."""
    return [column for column in table.columns if not column.name.endswith(_SECRET)]


def tables() -> Sequence[Table]:
    """Return the tables with rows of an organisation that are exported, the organisation's own first."""
    tenants = (table for table in Base.metadata.sorted_tables if "organisation_id" in table.columns)
    return [_table(Organisation), *(table for table in tenants if table.name not in LEFT_OUT)]


class Exports:
    """What is stored of one organisation, in pages of `PAGE` rows."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    def of_organisation(self) -> Sequence[Part]:
        """Return the parts that hold everything."""
        mine = Call.organisation_id == self._organisation_id
        parts = [_part(_table(Organisation), _table(Organisation).c.id == self._organisation_id)]
        for table in tables()[1:]:
            if table.name in _OF_CALLS:
                parts.append(_of_calls(table, mine))
            elif table.name == "calls":
                parts.append(_calls(mine))
            else:
                parts.append(_part(table, table.c.organisation_id == self._organisation_id))
        return parts

    def of_member(self, member_id: UUID) -> Sequence[Part]:
        """Return the parts with the rows that name that member."""
        parts = []
        for table in tables()[1:]:
            named = or_(*(column == member_id for column in naming_members(table)), false())
            mine = (table.c.organisation_id == self._organisation_id) & named
            if naming_members(table):
                parts.append(_calls(mine) if table.name == "calls" else _part(table, mine))
        return parts

    def of_customer(self, numbers: Sequence[str]) -> Sequence[Part]:
        """Return the parts about who has these phone ``numbers`` (E.164), calls first."""
        hashes = list(keyring_of(self._session).by_hash("number", numbers))
        calls = (Call.organisation_id == self._organisation_id) & Call.customer_hash.in_(hashes)
        contact = (Contact.organisation_id == self._organisation_id) & Contact.number_hash.in_(hashes)
        notes = ContactNote.contact_id.in_(select(Contact.id).where(contact))
        blocked = (BlockedNumber.organisation_id == self._organisation_id) & BlockedNumber.number_hash.in_(hashes)
        kept = [(Contact, contact), (ContactNote, notes), (BlockedNumber, blocked)]
        through = [_of_calls(Base.metadata.tables[name], calls) for name in _OF_CALLS]
        return [_calls(calls), *(_part(_table(model), which) for model, which in kept), *through]

    async def page(self, part: Part, last: tuple[Any, ...] | None) -> Page:
        """Return the rows of ``part`` behind ``last``, which an earlier page gave; None: from the beginning."""
        source = _table(Call) if part.calls else part.table
        wanted = select(source).where(part.condition).order_by(*part.keys).limit(PAGE)
        if last is not None:
            wanted = wanted.where(tuple_(*part.keys) > tuple_(*last))
        found = (await self._session.execute(wanted)).mappings().all()
        following = tuple(found[-1][key.name] for key in part.keys) if len(found) == PAGE else None
        rows = [dict(row) for row in found] if not part.calls else await self._of([row["id"] for row in found], part)
        return Page([[row[name] for name in part.columns] for row in rows], following)

    async def _of(self, calls: Sequence[UUID], part: Part) -> Sequence[Mapping[str, Any]]:
        theirs = select(part.table).where(part.table.c.call_id.in_(calls))
        return [dict(row) for row in (await self._session.execute(theirs)).mappings()]


def _table(model: type[Base]) -> Table:
    return Base.metadata.tables[model.__tablename__]


def _part(table: Table, condition: ColumnElement[bool]) -> Part:
    return Part(table, tuple(table.primary_key.columns), condition)


def _calls(condition: ColumnElement[bool]) -> Part:
    calls = _table(Call)
    return Part(calls, (calls.c.started_at, calls.c.id), condition)


def _of_calls(table: Table, condition: ColumnElement[bool]) -> Part:
    calls = _table(Call)
    return Part(table, (calls.c.started_at, calls.c.id), condition, calls=True)


def naming_members(table: Table) -> Sequence[ColumnElement[Any]]:
    """Return the columns of ``table`` that hold a member's id."""
    if table.name == Member.__tablename__:
        return [table.c.id]
    keys = (key for column in table.columns for key in column.foreign_keys)
    return [key.parent for key in keys if key.target_fullname == f"{Member.__tablename__}.id"]
