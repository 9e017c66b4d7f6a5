"""Groups of members who answer the same numbers, each in its order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import GroupMember, Member, MemberGroup


@dataclass(frozen=True, slots=True)
class Group:
    """A group, and its members in their order, without those who were removed."""

    id: UUID
    name: str
    members: tuple[UUID, ...] = ()


class Groups:
    """The groups of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def all(self) -> Sequence[Group]:
        """Return all groups, by name."""
        members = await self._members()
        mine = select(MemberGroup.id, MemberGroup.name).where(MemberGroup.organisation_id == self._organisation_id)
        named = sorted(await self._session.execute(mine), key=lambda row: (row.name.casefold(), row.id))
        return [Group(row.id, row.name, members.get(row.id, ())) for row in named]

    async def add(self, name: str) -> UUID:
        """Make an empty group and return its id."""
        group = MemberGroup(organisation_id=self._organisation_id, name=name)
        self._session.add(group)
        await self._session.flush()
        return group.id

    async def change(self, group_id: UUID, name: str, members: Sequence[UUID]) -> None:
        """Rename a group, and replace its members. Ids that are not of this organisation are left out."""
        row = await self._locked(group_id)
        if row is None:
            return
        row.name = name
        await self._session.execute(delete(GroupMember).where(GroupMember.group_id == group_id))
        ours = set(await self._session.scalars(self._present()))
        places = [
            {"group_id": group_id, "member_id": each, "organisation_id": self._organisation_id, "position": place}
            for place, each in enumerate(dict.fromkeys(members))
            if each in ours
        ]
        if places:
            await self._session.execute(insert(GroupMember), places)

    async def remove(self, group_id: UUID) -> None:
        """Remove a group. Numbers that rang only this group ring everybody."""
        row = await self._locked(group_id)
        if row is not None:
            await self._session.delete(row)
            await self._session.flush()

    async def _locked(self, group_id: UUID) -> MemberGroup | None:
        mine = select(MemberGroup).where(
            MemberGroup.organisation_id == self._organisation_id, MemberGroup.id == group_id
        )
        return await self._session.scalar(mine.with_for_update())

    async def _members(self) -> Mapping[UUID, tuple[UUID, ...]]:
        places = (
            select(GroupMember.group_id, GroupMember.member_id)
            .where(GroupMember.organisation_id == self._organisation_id, GroupMember.member_id.in_(self._present()))
            .order_by(GroupMember.position, GroupMember.member_id)
        )
        found: dict[UUID, tuple[UUID, ...]] = {}
        for group, member in await self._session.execute(places):
            found[group] = (*found.get(group, ()), member)
        return found

    def _present(self) -> Select[Any]:
        return select(Member.id).where(Member.organisation_id == self._organisation_id, Member.removed_at.is_(None))
