"""Who is rung for which call: pure.

A call is offered to members who could answer it now: free, their phone proven to ring, in a group of the number, and
who have not declined this very call. Each number chooses a strategy. `longest_idle` and `fixed` ring one member after
the other, each for the plan's ring time; who was rung in vain is rung again once everybody else was. `all` rings
everybody at once until somebody answers; a further group joins after each ring time. Groups go in their order, the
members of a group, too, where the order is fixed. The call that has waited longest is served first; handing over a
call goes before both, for its customer has an agent on the line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from db.call_progress import Reason
from db.queries.phone.offers import Offer, OfferKind, OfferResult
from db.queries.phone.ringing_plans import RingingPlan

Untaken = Literal["declined", "nobody_available"]

MOST_AT_ONCE = 3  # calls that ring at one member, of those that ring at everybody


@dataclass(frozen=True, slots=True)
class Free:
    """A member who could answer now, and since when they have had no call."""

    member: UUID
    since: datetime


@dataclass(frozen=True, slots=True)
class Ringing:
    """A call that somebody is to answer.

    ``groups`` are the members who may be rung, in the order of their groups and places; ``since`` is when it began to
    wait, ``until`` when it stops waiting.
    """

    call: UUID
    kind: OfferKind
    since: datetime
    until: datetime
    plan: RingingPlan
    groups: Sequence[Sequence[UUID]]
    offers: Sequence[Offer] = ()
    """All of this call and kind, also those that have ended."""
    recalled: Free | None = None
    """Who had the call before their line broke: rung whatever they chose, as long as they are in ``groups``."""
    gives_up: bool = True
    """Whether the caller is sent elsewhere ``until`` then; else the room knows what to do with them."""


@dataclass(frozen=True, slots=True)
class New:
    """An offer to make."""

    call: UUID
    member: UUID
    kind: OfferKind
    until: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to change: offers that end, offers to make, and calls that nobody took in time."""

    ended: Mapping[UUID, OfferResult] = field(default_factory=dict)
    """By the offer's id."""
    made: Sequence[New] = ()
    given_up: Sequence[UUID] = ()
    untaken: Mapping[UUID, Untaken] = field(default_factory=dict)
    """Calls that nobody is left to hand over to, and why."""


def plan(
    calls: Collection[Ringing], free: Collection[Free], open_offers: Collection[Offer], now: datetime
) -> Decision:
    """Return what is to change ``now``; ``open_offers`` are all of the organisation, whatever their call."""
    since = {each.member: each.since for each in free}
    waiting = {(each.call, each.kind): each for each in calls if now < each.until}
    ended = _ended(open_offers, waiting, since, now)
    left = [each for each in open_offers if each.id not in ended]
    rung = Counter(each.member for each in left)
    ringing: defaultdict[tuple[UUID, OfferKind], set[UUID]] = defaultdict(set)
    for offer in left:
        ringing[offer.call, offer.kind].add(offer.member)
    made: list[New] = []
    untaken: dict[UUID, Untaken] = {}
    for call in sorted(waiting.values(), key=lambda each: (each.kind == "call", each.since, each.call.int)):
        chosen = _chosen(call, _with_recalled(since, call), rung, ringing[call.call, call.kind], now)
        rung.update(chosen)
        made += [New(call.call, member, call.kind, _until(call, now)) for member in chosen]
        if call.kind != "call" and not (chosen or ringing[call.call, call.kind] or _may_answer(call, since)):
            untaken[call.call] = "declined" if why_missed(call.offers) == "declined" else "nobody_available"
    given_up = [each.call for each in calls if each.gives_up and each.until <= now]
    return Decision(ended, made, given_up, untaken)


def why_missed(offers: Collection[Offer]) -> Reason:
    """Return why nobody took a call that was offered like that: nobody was rung, all declined, or it rang in vain."""
    if not offers:
        return "nobody_available"
    return "declined" if _decliners(offers) == {each.member for each in offers} else "nobody_answered"


def _decliners(offers: Collection[Offer]) -> set[UUID]:
    return {each.member for each in offers if each.result == "declined"}


def _with_recalled(since: Mapping[UUID, datetime], call: Ringing) -> Mapping[UUID, datetime]:
    return since if call.recalled is None else {**since, call.recalled.member: call.recalled.since}


def _may_answer(call: Ringing, since: Mapping[UUID, datetime]) -> bool:
    """Return whether anybody is left who could be rung, now or once they have nothing else that rings."""
    declined = _decliners(call.offers)
    return any(member in since and member not in declined for group in call.groups for member in group)


def _ended(
    offers: Collection[Offer],
    waiting: Mapping[tuple[UUID, OfferKind], Ringing],
    since: Mapping[UUID, datetime],
    now: datetime,
) -> dict[UUID, OfferResult]:
    ended: dict[UUID, OfferResult] = {}
    for offer in offers:
        call = waiting.get((offer.call, offer.kind))
        if call is None or offer.member not in _with_recalled(since, call):
            ended[offer.id] = "withdrawn"
        elif offer.until <= now:
            ended[offer.id] = "timeout"
    return ended


def _chosen(
    call: Ringing,
    since: Mapping[UUID, datetime],
    rung: Mapping[UUID, int],
    ringing: Collection[UUID],
    now: datetime,
) -> list[UUID]:
    """Return who is to be rung for ``call`` in addition to those at whom it is ``ringing``."""
    declined = _decliners(call.offers)
    may = [[member for member in group if member in since and member not in declined] for group in call.groups]
    if call.plan.strategy == "all":
        return _everybody(call, may, rung, ringing, now)
    if ringing:
        return []
    times = Counter(each.member for each in call.offers)
    ranks: dict[UUID, tuple[int, int, float, int]] = {}
    for place, group in enumerate(may):
        for position, member in enumerate(group):
            idle = position if call.plan.strategy == "fixed" else since[member].timestamp()
            if not rung.get(member):
                ranks.setdefault(member, (times[member], place, idle, member.int))
    return [min(ranks, key=lambda member: ranks[member])] if ranks else []


def _everybody(
    call: Ringing,
    groups: Sequence[Sequence[UUID]],
    rung: Mapping[UUID, int],
    ringing: Collection[UUID],
    now: datetime,
) -> list[UUID]:
    first = min((each.offered_at for each in call.offers), default=now)
    joined = 1 + int((now - first) / timedelta(seconds=call.plan.ring_seconds))
    # Groups of whom nobody could answer keep nobody waiting.
    reached = next((place for place, group in enumerate(groups) if group), 0)
    wanted = dict.fromkeys(member for group in groups[: max(joined, reached + 1)] for member in group)
    return [each for each in wanted if each not in ringing and rung.get(each, 0) < MOST_AT_ONCE]


def _until(call: Ringing, now: datetime) -> datetime:
    if call.plan.strategy == "all":
        return call.until
    return min(call.until, now + timedelta(seconds=call.plan.ring_seconds))
