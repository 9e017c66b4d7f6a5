"""What an organisation has: its numbers, its team and what each member is doing, its own lists."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from db.base import ChoiceKind
from db.queries.integrations import resources
from db.queries.integrations.resources import Member, Number, Time
from db.queries.phone.presence import StoredPresence
from web.api.operations import Answer, Asked, Operation
from web.phone import presence
from web.phone.presence import State
from web.request.errors import NotFoundError


class NumberList(Struct, frozen=True):
    """All your numbers, oldest first."""

    data: list[Number]


class MemberList(Struct, frozen=True):
    """Your whole team, longest-standing first."""

    data: list[Member]


class Presence(Struct, frozen=True):
    """What a member is doing."""

    member_id: UUID
    state: Annotated[State, Meta(description="Unreachable: available, but their console does not respond.")]
    since: Time
    until: Annotated[Time | None, Meta(description="When it ends automatically.")]
    reason_id: Annotated[UUID | None, Meta(description="Of a break: one of your reasons.")]


class PresenceList(Struct, frozen=True):
    """What each member is doing."""

    data: list[Presence]


class ChoiceQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which lists."""

    kind: ChoiceKind | None = None


class Choice(Struct, frozen=True):
    """An entry of your own lists."""

    id: UUID
    kind: ChoiceKind
    label: str


class ChoiceList(Struct, frozen=True):
    """Your outcomes, tags and reasons for breaks, in your order."""

    data: list[Choice]


async def list_numbers(asked: Asked) -> Answer:
    """Answer the numbers."""
    return Answer(NumberList(data=[resources.number_of(each) for each in await asked.rows.numbers.all()]))


async def get_number(asked: Asked) -> Answer:
    """Answer one number."""
    number = await asked.rows.numbers.get(asked.id)
    if number is None:
        raise NotFoundError("There is no such number.")
    return Answer(resources.number_of(number))


async def list_members(asked: Asked) -> Answer:
    """Answer the team."""
    return Answer(MemberList(data=[resources.member_of(each) for each in await asked.rows.members.all()]))


async def get_member(asked: Asked) -> Answer:
    """Answer one member."""
    member = await asked.rows.members.get(asked.id)
    if member is None or member.removed_at is not None:
        raise NotFoundError("There is no such member.")
    return Answer(resources.member_of(member))


async def list_presence(asked: Asked) -> Answer:
    """Answer what each member is doing."""
    now = await asked.rows.presence.now()
    talking = await asked.rows.call_list.talking()
    found = []
    for each in await asked.rows.members.roster({}):
        stored = each.presence or StoredPresence(since=each.created_at)
        shown = presence.shown(stored, talking.get(each.id), now)
        found.append(
            Presence(
                member_id=each.id, state=shown.state, since=shown.since, until=shown.until, reason_id=shown.reason
            )
        )
    return Answer(PresenceList(data=found))


async def list_choices(asked: Asked) -> Answer:
    """Answer the lists, or one of them."""
    query: ChoiceQuery = asked.query
    kept = await asked.rows.choices.all()
    shown = [Choice(id=each.id, kind=each.kind, label=each.label) for each in kept]
    return Answer(ChoiceList(data=[each for each in shown if query.kind in (None, each.kind)]))


OPERATIONS = (
    Operation("listNumbers", "GET", "/numbers", "numbers:read", "List numbers", list_numbers, NumberList),
    Operation("getNumber", "GET", "/numbers/{id}", "numbers:read", "Get one number", get_number, Number),
    Operation("listMembers", "GET", "/members", "members:read", "List the team", list_members, MemberList),
    Operation("getMember", "GET", "/members/{id}", "members:read", "Get one member", get_member, Member),
    Operation(
        "listPresence",
        "GET",
        "/presence",
        "presence:read",
        "See what everybody is doing",
        list_presence,
        PresenceList,
    ),
    Operation(
        *("listChoices", "GET", "/choices", "choices:read", "List outcomes, tags and reasons for breaks"),
        list_choices,
        ChoiceList,
        query=ChoiceQuery,
    ),
)
