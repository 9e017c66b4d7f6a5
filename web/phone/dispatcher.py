"""Ring, and show it: a turn for an organisation whenever something about its phone has changed.

A turn looks once, decides whom the calls ring, commits that, and hands the result to the pages that are open here.
One process decides at a time, under a lock of the database, and the others only show; all of them are nudged by every
change, so that whoever holds the lock decides again after what the others saw. A look every second finds rings that
have lasted long enough and members who have become unreachable. What is decided is rows: no ringing depends on the
process that decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from aiohttp import web

from db.call_progress import TurnedAway
from db.engine import DatabaseUnavailableError
from db.queries.phone.offers import Offer, OfferKind
from db.queries.phone.ringing_plans import RingingPlan
from protocol.times import from_milliseconds
from web.conferences import rooms
from web.conferences.machine import settling
from web.conferences.machine.events import NobodyTook, SendElsewhere
from web.conferences.machine.room import Room
from web.conferences.performing import follow
from web.conferences.rooms import Change
from web.phone import presence, ringing
from web.phone.board import Board, Facts
from web.phone.boards import BOARDS
from web.phone.looks import Looks
from web.phone.ringing import Decision, Free, Ringing
from web.phone.turns import Turns
from web.request import access
from web.request.access import Rows
from web.request.errors import NotFoundError

LOOK_SECONDS = 1.0
AGAIN_SECONDS = 0.02  # until a room that was being changed is looked at again
RECALLED = timedelta(seconds=20)  # for whoever had the call before their line broke, alone
ALONE = timedelta(milliseconds=settling.ALONE)  # until the room itself apologises

_log = structlog.get_logger(__name__)


class Dispatcher:
    """Decides for all organisations. One per process; `run` it in a task of its own."""

    def __init__(self, app: web.Application) -> None:
        self.name = uuid4().hex
        """By which this process tells its own changes from those of others."""
        self._app = app
        self._turns = Turns(self._turn)
        self._looks: dict[UUID, Looks] = {}
        self._quiet: set[UUID] = set()
        """Organisations in whose calls nothing rang at the last turn: time alone changes nothing there."""

    def nudge(self, organisation_id: UUID) -> None:
        """Give the organisation a turn soon. Never waits."""
        self._turns.order(organisation_id)

    def nudge_all(self) -> None:
        """Give a turn to everybody of whom something may have been missed."""
        self._quiet.clear()
        self._app[BOARDS].nudge_all()

    async def run(self) -> None:
        """Give turns until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._turns.run())
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                await self._look()

    async def _look(self) -> None:
        try:
            with_calls = set(await access.with_calls(self._app))
        except DatabaseUnavailableError:
            return  # nothing can be decided without it
        needed = with_calls | self._app[BOARDS].shown
        self._looks = {each: looks for each, looks in self._looks.items() if each in needed}
        self._quiet &= with_calls
        for organisation_id in with_calls - self._quiet:
            self._turns.order(organisation_id)

    async def _turn(self, organisation_id: UUID) -> None:
        looks = self._looks.setdefault(organisation_id, Looks())
        facts = await self._decided(organisation_id, looks)
        if facts.offers or any(room.rings or room.wants_target for room in facts.rooms.values()):
            self._quiet.discard(organisation_id)
        else:
            self._quiet.add(organisation_id)
        self._app[BOARDS].show(organisation_id, Board(facts))

    async def _decided(self, organisation_id: UUID, looks: Looks) -> Facts:
        """Look, decide unless another process does, and return what is true after it."""
        try:
            async with access.by_fact(self._app, organisation_id) as rows:
                decides, now = await rows.offers.lock()
                facts = await looks.facts(rows, now)
                turn = await _decide(rows, facts, self.name) if decides else _Decided(facts)
        except (DatabaseUnavailableError, NotFoundError):
            raise
        except Exception:  # a mistake in deciding must not blind the pages
            _log.exception("ringing decision failed")
            async with access.by_fact(self._app, organisation_id) as rows:
                return await looks.facts(rows, await rows.presence.now())
        for change in turn.changes:
            follow(self._app, change)
        if turn.is_outdated:
            asyncio.get_running_loop().call_later(AGAIN_SECONDS, self.nudge, organisation_id)
        return turn.facts


@dataclass(frozen=True, slots=True)
class _Decided:
    """What is true after a decision. ``is_outdated``: a room has changed meanwhile, and does not ring as decided."""

    facts: Facts
    changes: Sequence[Change] = ()
    is_outdated: bool = False


async def _decide(rows: Rows, facts: Facts, me: str) -> _Decided:
    calls = _ringing(facts)
    if not calls and not facts.offers:
        return _Decided(facts)
    board = Board(facts)
    free = [
        Free(member, presence.free_since(facts.people[member].presence))
        for member, state in board.states.items()
        if state.state == "available"
    ]
    decision = ringing.plan(calls, free, facts.offers, facts.now)
    changes = await _change_rooms(rows, facts, calls, decision)
    left = [each for each in facts.offers if each.id not in decision.ended]
    made = await _change_offers(rows, facts, decision, me)
    is_outdated = len(made) < len(decision.made)
    return _Decided(replace(facts, offers=[*left, *made]), changes, is_outdated)


async def _change_rooms(rows: Rows, facts: Facts, calls: Sequence[Ringing], decision: Decision) -> list[Change]:
    """Apply what was decided to rooms, and return the changes.

    Rooms come first: whoever claims a call or ends it locks its room, and then its row and its offers.
    """
    changes = []
    for call in calls:
        if call.call in decision.given_up:
            why = ringing.why_missed(call.offers)
            await rooms.locked(rows, call.call)
            await rows.calls.report(facts.calls[call.call].call_sid, TurnedAway(why))
            event = SendElsewhere("nobody_available" if why == "nobody_available" else "nobody_answered")
            changes.append(await rooms.apply(rows, call.call, event))
    for transfer, code in decision.untaken.items():
        changes.append(await rooms.apply(rows, transfer, NobodyTook(code)))
    return [change for change in changes if change is not None]


async def _change_offers(rows: Rows, facts: Facts, decision: Decision, me: str) -> Sequence[Offer]:
    """End and make offers; return those made, which the process ``me`` shows without being told."""
    new = [Offer(uuid4(), each.call, each.member, each.kind, facts.now, each.until) for each in decision.made]
    await rows.offers.end(decision.ended, facts.now)
    versions = {offer.call: facts.calls[offer.call].version for offer in new}
    made = await rows.offers.make(new, versions, me)
    if decision.ended and not made:
        await rows.presence.notify(me)
    return [each for each in new if each.id in made]


def _ringing(facts: Facts) -> list[Ringing]:
    """Return what is to ring."""
    there, found = _there(facts), []
    for call, room in facts.rooms.items():
        if (room.rings or room.wants_target) and call in facts.known:
            plan = facts.settings.plans.get(facts.known[call].call.number_id or call, RingingPlan())
            found.append(_of_room(call, room, facts, there, plan, facts.rung.get(call, ())))
    return found


def _of_room(
    call: UUID, room: Room, facts: Facts, there: Set[UUID], plan: RingingPlan, offers: Sequence[Offer]
) -> Ringing:
    if room.transfer is not None and room.wants_target:
        return _transfer(call, room, facts, plan, offers)
    calls = [offer for offer in offers if offer.kind == "call"]
    since = from_milliseconds(room.since)
    groups = _groups(plan, facts)
    if room.phase == "alone":
        calls = [offer for offer in calls if offer.offered_at >= since]
        back = room.returning_to
        if back is not None and facts.now - since < RECALLED and _could_answer(back, facts):
            return Ringing(
                call, "call", since, since + RECALLED, plan, [[back]], calls, Free(back, since), gives_up=False
            )
        return Ringing(call, "call", since, since + ALONE, plan, groups, calls, gives_up=False)
    if room.customer.joined_at is not None:
        since = from_milliseconds(room.customer.joined_at)
    until = since + timedelta(seconds=plan.wait_seconds)
    if not any(member in there for group in groups for member in group):
        until = facts.now
    return Ringing(call, "call", since, until, plan, groups, calls)


def _transfer(call: UUID, room: Room, facts: Facts, plan: RingingPlan, offers: Sequence[Offer]) -> Ringing:
    transfer = room.transfer
    assert transfer is not None
    target = transfer.target
    kind: OfferKind = "transfer" if transfer.kind == "blind" else "consult"
    since = from_milliseconds(transfer.since)
    members = next((group.members for group in facts.settings.groups if group.id == target.id), ())
    if target.kind == "member" and target.id is not None:
        members = (target.id,)
    wanted = [member for member in members if member != transfer.by]
    theirs = [offer for offer in offers if offer.kind == kind and offer.offered_at >= since]
    return Ringing(call, kind, since, from_milliseconds(transfer.until), plan, [wanted], theirs, gives_up=False)


def _groups(plan: RingingPlan, facts: Facts) -> list[Sequence[UUID]]:
    """Return the members of the plan's groups; everybody, longest-standing first, without any."""
    members = {group.id: group.members for group in facts.settings.groups}
    return [members.get(group, ()) for group in plan.groups] or [list(facts.people)]


def _there(facts: Facts) -> Set[UUID]:
    """Return who could come free: a caller for whom none of them may be rung would wait in vain."""
    return {
        person.id
        for person in facts.people.values()
        if presence.settled(person.presence, facts.now).chosen != "offline"
    }


def _could_answer(member: UUID, facts: Facts) -> bool:
    person = facts.people.get(member)  # their page may have been opened again, and its phone be about to be ready
    return person is not None and presence.is_heard(person.presence, facts.now)


DISPATCHER: web.AppKey[Dispatcher] = web.AppKey("dispatcher")
