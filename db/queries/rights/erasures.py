"""Deletion of what is stored about a member, a customer, or a whole organisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Table, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import email_addresses
from db.encryption import keyring_of
from db.models import (
    Base,
    BlockedNumber,
    Call,
    Closure,
    Contact,
    Erasure,
    GroupMember,
    KeptAnswer,
    Leg,
    Member,
    Organisation,
    Presence,
    RecoveryCode,
    SecondFactor,
    SignInLink,
    WebhookEvent,
)
from db.queries import retention

FORMER = "Former member"
"""What erased members are called where the log of calls still names somebody."""
_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_LAST = ("audit_entries", "members", "closures")
"""Tables that go at the end, in this order; the organisation itself follows them."""
_BATCH = 500


class CallInProgressError(Exception):
    """There is a call with that customer at this moment."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows were deleted."""

    calls: int = 0
    contacts: int = 0
    events: int = 0
    """What was told, or kept to be told again, with the number in it."""


class Erasures:
    """Deletes of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def people(self) -> Sequence[Member]:
        """Return everybody whose data is stored: members, and those who were removed and are not forgotten yet."""
        everybody = select(Member).where(Member.organisation_id == self._organisation_id)
        rows = await self._session.scalars(
            everybody.order_by(Member.removed_at.desc().nulls_first(), Member.created_at)
        )
        return [member for member in rows if not is_erased(member)]

    async def of_member(self, member_id: UUID) -> bool:
        """Forget who a removed member was; False if there is none. The calls that they took stay, without a name.

        The audit log keeps what they did under the name of that time: it only grows.
        """
        mine = select(Member).where(
            Member.organisation_id == self._organisation_id, Member.id == member_id, Member.removed_at.is_not(None)
        )
        member = await self._session.scalar(mine.with_for_update(key_share=True))
        if member is None:
            return False
        member.name, member.email = FORMER, _no_address(member)
        member.email_hash = keyring_of(self._session).hash("email", email_addresses.key(member.email))
        for model in (SignInLink, GroupMember, Presence, SecondFactor, RecoveryCode):
            await self._session.execute(delete(model).where(model.member_id == member_id))
        return True

    async def of_customer(self, numbers: Sequence[str]) -> Erased:
        """Delete what is stored about who has these phone ``numbers`` (E.164). Raise `CallInProgressError`."""
        hashes = list(keyring_of(self._session).by_hash("number", numbers))
        theirs = (Call.organisation_id == self._organisation_id, Call.customer_hash.in_(hashes))
        if await self._session.scalar(select(Call.id).where(*theirs, Call.outcome.is_(None)).limit(1)):
            raise CallInProgressError
        ids = (await self._session.scalars(select(Call.id).where(*theirs).with_for_update())).all()
        presence = update(Presence).where(Presence.wrap_up_call_id.in_(ids))
        await self._session.execute(presence.values(wrap_up_call_id=None, wrap_up_until=None))
        await self._session.execute(delete(Leg).where(Leg.call_id.in_(ids)))
        await self._session.execute(delete(Call).where(Call.id.in_(ids)))
        contact = (Contact.organisation_id == self._organisation_id, Contact.number_hash.in_(hashes))
        contacts = (await self._session.scalars(delete(Contact).where(*contact).returning(Contact.id))).all()
        blocked = (BlockedNumber.organisation_id == self._organisation_id, BlockedNumber.number_hash.in_(hashes))
        await self._session.execute(delete(BlockedNumber).where(*blocked))
        events = await self._naming(WebhookEvent, "body", numbers)
        answers = await self._naming(KeptAnswer, "answer", [*numbers, *map(str, contacts)])
        return Erased(len(ids), len(contacts), events + answers)

    async def _naming(self, model: type[WebhookEvent] | type[KeptAnswer], column: str, names: Sequence[str]) -> int:
        """Delete rows whose encrypted ``column`` has one of ``names`` in it; return how many."""
        found: list[UUID] = []
        last = UUID(int=0)
        mine: Select[Any] = (
            select(model).where(model.organisation_id == self._organisation_id).order_by(model.id).limit(_BATCH)
        )
        while rows := (await self._session.scalars(mine.where(model.id > last))).all():
            last = rows[-1].id
            found += [row.id for row in rows if any(name in getattr(row, column) for name in names)]
        await self._session.execute(delete(model).where(model.id.in_(found)))
        return len(found)


def is_erased(member: Member) -> bool:
    """Return whether nothing but the id of a member is known any more."""
    return member.removed_at is not None and member.email == _no_address(member)


def _no_address(member: Member) -> str:
    return f"{member.id.hex}@erased.invalid"


# -- a whole organisation, in transactions of its own for each batch ----------------------------------------------


async def erase_calls(session: AsyncSession, organisation_id: UUID, most: int) -> int:
    """Delete at most ``most`` calls, with what is known of them; return how many."""
    return await retention.delete_calls(session, organisation_id, _EVER, most)


async def erase_rows(session: AsyncSession, organisation_id: UUID) -> None:
    """Delete the rows of all tables but the last ones."""
    for table in reversed(tenants()):
        if table.name not in _LAST:
            await session.execute(delete(table).where(table.c.organisation_id == organisation_id))


async def erase_audit(session: AsyncSession, organisation_id: UUID, most: int) -> int:
    """Delete at most ``most`` audit entries; return how many. The database refuses unless `erasing`."""
    erase = text("SELECT erase_audit_entries(:organisation, :most)")
    return int(await session.scalar(erase, {"organisation": organisation_id, "most": most}) or 0)


async def finish(session: AsyncSession, organisation_id: UUID, receipt: UUID, calls: int, audit_entries: int) -> None:
    """Delete what is left, and write down that it was erased, under ``receipt``."""
    mine = Member.organisation_id == organisation_id
    members = await session.scalar(select(func.count()).select_from(Member).where(mine)) or 0
    await session.execute(delete(Closure).where(Closure.organisation_id == organisation_id))
    await session.execute(delete(Member).where(mine))
    await session.execute(delete(Organisation).where(Organisation.id == organisation_id))
    session.add(Erasure(id=receipt, calls=calls, members=members, audit_entries=audit_entries))
    await session.flush()


def tenants() -> list[Table]:
    """Return the tables that carry an organisation's id, those that others refer to first."""
    found = Base.metadata.sorted_tables
    return [table for table in found if "organisation_id" in table.columns and table.name != "operator_entries"]
