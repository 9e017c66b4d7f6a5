"""Members: who may sign in, in which role, and whose console may ring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import LargeBinary, Select, bindparam, exists, func, or_, select, type_coerce, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from db import email_addresses
from db.base import Role
from db.encryption import keyring_of
from db.models import Call, Member, Presence, SignOut
from db.queries.integrations import events
from db.queries.phone.presence import COLUMNS, Presences, StoredPresence
from db.queries.sign_in.second_factors import SecondFactors


class AddressTakenError(Exception):
    """The e-mail address already belongs to a member, of this organisation or of another."""


async def by_email(session: AsyncSession, email: str) -> Member | None:
    """Return the member with that address, else who was last invited under it, with ``organisation``; else None."""
    found = await _with_address(session, email)
    return max(found, key=lambda member: (member.accepted_at is not None, member.created_at), default=None)


async def by_id(session: AsyncSession, member_id: UUID) -> Member | None:
    """Return the member of that id, unless removed, with ``organisation``."""
    return await session.scalar(_present().where(Member.id == member_id))


async def signed_in(session: AsyncSession, member_id: UUID, sign_in_id: UUID, since: datetime) -> Member | None:
    """Return the member of a cookie issued at ``since``, with ``organisation``; None once signed out or removed."""
    return await session.scalar(_SIGNED_IN, {"of_member": member_id, "by_sign_in": sign_in_id, "since": since})


async def accept(session: AsyncSession, member_id: UUID) -> None:
    """Make the address of somebody invited theirs. Do nothing for a member who has accepted before.

    Raise `AddressTakenError` if it became another member's meanwhile.
    """
    invited = update(Member).where(Member.id == member_id, Member.accepted_at.is_(None))
    try:
        async with session.begin_nested():
            joined = await session.scalar(invited.values(accepted_at=func.now()).returning(Member))
    except IntegrityError:
        raise AddressTakenError from None
    if joined is not None:
        await events.note_member(session, "member.joined", joined)


async def _with_address(session: AsyncSession, email: str) -> Sequence[Member]:
    """Return everybody with an address who has not been removed: the member, and those invited."""
    key, keyring = email_addresses.key(email), keyring_of(session)
    hashes = {*keyring.hashes("email", key), *keyring.hashes("email", email_addresses.former_key(email))}
    found = (await session.scalars(_present().where(Member.email_hash.in_(hashes)))).all()
    # The former key took different addresses for one: with ß and ss in the domain, for instance.
    return [member for member in found if email_addresses.key(member.email) == key]


def _present() -> Select[Member]:
    return select(Member).where(Member.removed_at.is_(None)).options(joinedload(Member.organisation))


_SIGNED_IN = _present().where(
    Member.id == bindparam("of_member"),
    ~or_(
        Member.accepted_at.is_(None),
        exists().where(SignOut.sign_in_id == bindparam("by_sign_in")),
        func.coalesce(Member.signed_out_at >= bindparam("since"), False),
    ),
)
"""Written once: it is asked at every request, and putting it together costs as much as sending it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A member as listed in the team; ``sealed`` is the stored, encrypted name.

    ``presence`` is None if none is stored.
    """

    id: UUID
    role: Role
    created_at: datetime
    sealed: bytes
    name: str
    presence: StoredPresence | None


_ROSTER = (
    select(
        Member.id,
        Member.role,
        Member.created_at,
        type_coerce(Member.name, LargeBinary),
        Presence.member_id,
        *COLUMNS,
    )
    .outerjoin(Presence, Presence.member_id == Member.id)
    .where(Member.organisation_id == bindparam("of_organisation"), Member.removed_at.is_(None))
    .order_by(Member.created_at, Member.id)
)


class Members:
    """The members of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def all(self) -> Sequence[Member]:
        """Return all members who have not been removed, longest-standing first."""
        return (await self._session.scalars(self._present().order_by(Member.created_at, Member.id))).all()

    async def names(self) -> Sequence[tuple[UUID, str]]:
        """Return id and name of the same members, in the same order: half as much to decrypt."""
        named = select(Member.id, Member.name).where(
            Member.organisation_id == self._organisation_id, Member.removed_at.is_(None)
        )
        rows = await self._session.execute(named.order_by(Member.created_at, Member.id))
        return [(member, name) for member, name in rows]

    async def roster(self, names: Mapping[bytes, str]) -> Sequence[Listed]:
        """Return all members who have not been removed, longest-standing first, and what their consoles proved.

        ``names`` are those that were read before, by what is stored: reading one costs more than the rest of the row.
        """
        rows = await self._session.execute(_ROSTER, {"of_organisation": self._organisation_id})
        keyring = keyring_of(self._session)
        return [
            Listed(
                member,
                role,
                created_at,
                name,
                names.get(name) or keyring.decrypt(name),
                None if seen is None else StoredPresence(*stored),
            )
            for member, role, created_at, name, seen, *stored in rows
        ]

    async def get(self, member_id: UUID) -> Member | None:
        """Return that member, also if removed: the call log still names them."""
        found = select(Member).where(Member.organisation_id == self._organisation_id, Member.id == member_id)
        return await self._session.scalar(found)

    async def by_email(self, email: str) -> Member | None:
        """Return who is a member or invited under that address."""
        found = await _with_address(self._session, email)
        return next((each for each in found if each.organisation_id == self._organisation_id), None)

    async def to_ring(self, limit: int) -> Sequence[Member]:
        """Return at most ``limit`` members who are available and not on a call, longest waiting first."""
        on_a_call = exists().where(
            Call.organisation_id == self._organisation_id, Call.agent_id == Member.id, Call.outcome.is_(None)
        )
        ringing = self._present().where(Member.available, ~on_a_call)
        return (await self._session.scalars(ringing.order_by(Member.available_at, Member.id).limit(limit))).all()

    async def saw_missed(self, member_id: UUID) -> None:
        """Record that the member has looked at the missed calls."""
        mine = update(Member).where(Member.organisation_id == self._organisation_id, Member.id == member_id)
        await self._session.execute(mine.values(missed_seen_at=func.now()))

    async def add(self, *, email: str, name: str, role: Role, invited: bool = False) -> Member:
        """Add a member and return it; ``invited``: one who has yet to accept. Raise `AddressTakenError`.

        Others may have invited the same address: it is taken by a member, and by anybody invited to this one.
        """
        for known in await _with_address(self._session, email):
            if known.accepted_at is not None or known.organisation_id == self._organisation_id:
                raise AddressTakenError
        member = Member(
            organisation_id=self._organisation_id,
            email=email.strip(),
            email_hash=keyring_of(self._session).hash("email", email_addresses.key(email)),
            name=name,
            role=role,
            accepted_at=None if invited else datetime.now(UTC),
        )
        try:
            async with self._session.begin_nested():
                self._session.add(member)
        except IntegrityError:  # the same address, concurrently
            raise AddressTakenError from None
        await events.note_member(self._session, "member.invited" if invited else "member.joined", member)
        return member

    async def locked(self, member_id: UUID) -> Member | None:
        """Lock that member until the transaction ends and return it, unless removed."""
        mine = self._present().where(Member.id == member_id).with_for_update(key_share=True)
        return await self._session.scalar(mine.execution_options(populate_existing=True))

    async def with_role(self, role: Role) -> int:
        """Return how many members have that role. Each agent takes one seat."""
        counted = select(func.count()).select_from(self._present().where(Member.role == role).subquery())
        return await self._session.scalar(counted) or 0

    async def set_role(self, member_id: UUID, role: Role) -> None:
        """Change that member's role."""
        member = await self.locked(member_id)
        if member is not None:
            member.role = role
            await events.note_member(self._session, "member.changed", member)

    async def remove(self, member_id: UUID) -> None:
        """Remove that member: signed out at once, no longer rung, still named in the call log."""
        member = await self.locked(member_id)
        if member is not None:
            await Presences(self._session, self._organisation_id).end(member_id)
            await SecondFactors(self._session, self._organisation_id).remove(member_id)
            member.removed_at = await self._session.scalar(select(func.now()))
            await events.note_member(self._session, "member.removed", member)

    def _present(self) -> Select[Member]:
        return select(Member).where(Member.organisation_id == self._organisation_id, Member.removed_at.is_(None))
