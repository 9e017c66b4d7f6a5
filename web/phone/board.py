"""What a member's phone shows, made from one look at the organisation: pure.

The parts that everybody sees alike are encoded once for all; each member's own are presence, offers, call, wrap-up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec

from db.base import Role
from db.models import Choice
from db.queries.phone.callers import Known
from db.queries.phone.conferences import Glance
from db.queries.phone.groups import Group
from db.queries.phone.offers import Offer
from db.queries.phone.presence import StoredPresence
from db.queries.phone.ringing_plans import RingingPlan
from protocol.times import milliseconds
from web.conferences.machine.room import Room
from web.phone import call_view, presence
from web.phone.call_view import Names, Party
from web.phone.presence import Shown
from web.request.access import PERMISSIONS
from web.request.callers import shown

MOST_WAITING = 50  # that are listed
MOST_LIVE = 500  # likewise
SLOW = ("team", "groups", "group_members", "waiting", "waiting_total", "live")
"""Parts that many see alike; in a large organisation they need not follow every change at once."""


@dataclass(frozen=True, slots=True)
class Person:
    """A member, and what they chose and their console proved."""

    id: UUID
    name: str
    role: Role
    presence: StoredPresence


@dataclass(frozen=True, slots=True)
class BoardSettings:
    """What an admin has chosen; ``plans`` are by number."""

    groups: Sequence[Group]
    choices: Sequence[Choice]
    plans: Mapping[UUID, RingingPlan]


@dataclass(frozen=True, slots=True)
class Facts:
    """One look at an organisation. ``known`` are the calls of all rooms, and what is being wrapped up."""

    now: datetime
    people: Mapping[UUID, Person]
    rooms: Mapping[UUID, Room]
    """Those that are not over, the oldest first."""
    calls: Mapping[UUID, Glance]
    known: Mapping[UUID, Known]
    offers: Sequence[Offer]
    """What rings."""
    rung: Mapping[UUID, Sequence[Offer]]
    """All offers, by call, of those that somebody is to answer."""
    settings: BoardSettings
    notes_on: bool
    watchers_shown: bool


_json = msgspec.json.Encoder().encode


class Board:
    """What the phones of an organisation show at one moment."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._written: dict[Hashable, bytes] = {}
        self._names = Names(
            {person.id: person.name for person in facts.people.values()},
            {group.id: group.name for group in facts.settings.groups},
        )

    def of(self, member: UUID) -> Mapping[str, bytes] | None:
        """Return the parts of the member's page as JSON, by name; None if they are no member any more."""
        person = self.facts.people.get(member)
        if person is None:
            return None
        own = {
            "presence": _json(self._presence(person)),
            "offers": self._offers(member),
            "call": _json(self._call(member)),
            "wrap_up": _json(self._wrap_up(person)),
            "help": self._help if "calls.all" in PERMISSIONS[person.role] else b"[]",
            "live": self._live if "calls.all" in PERMISSIONS[person.role] else b"[]",
            "group_members": self._group_members if "calls.all" in PERMISSIONS[person.role] else b"[]",
            "helping": _json(self._helping(member)),
            "helped": self._helped if "supervise" in PERMISSIONS[person.role] else b"[]",
        }
        return {**self._everybodys, **own}

    def offered(self, member: UUID) -> Sequence[Offer]:
        """Return what rings at the member, the oldest first."""
        return self._by_member.get(member, ())

    @cached_property
    def _by_member(self) -> Mapping[UUID, Sequence[Offer]]:
        found: defaultdict[UUID, list[Offer]] = defaultdict(list)
        for offer in self.facts.offers:
            if offer.call in self.facts.known:
                found[offer.member].append(offer)
        return found

    @cached_property
    def talking(self) -> Mapping[UUID, tuple[UUID, datetime]]:
        """The call of each member who is in one or has claimed one, and since when."""
        found: dict[UUID, tuple[UUID, datetime]] = {}
        for call, room in self.facts.rooms.items():
            for member, since in call_view.members(room).items():
                found[member] = (call, since)
        return found

    @cached_property
    def states(self) -> Mapping[UUID, Shown]:
        """What each member is doing."""
        return {member: self._state(person) for member, person in self.facts.people.items()}

    @cached_property
    def _help(self) -> bytes:
        """The calls in which an agent asks for help, for whoever may see all calls."""
        return _json(
            [
                {
                    "call": call,
                    "call_sid": room.customer.call_sid,
                    "member": room.agent,
                    "name": self._names.of_member(room.agent),
                    "state": room.help,
                }
                for call, room in self.facts.rooms.items()
                if room.help is not None
            ]
        )

    @cached_property
    def _live(self) -> bytes:
        """The live calls, each with its customer and line, for whoever may see all calls."""
        known = [call for call in self.facts.rooms if call in self.facts.known][-MOST_LIVE:]
        return _json([self._shown_live(call) for call in known])

    def _shown_live(self, call: UUID) -> dict[str, Any]:
        customer, room = self._customer(call), self.facts.rooms[call]
        party: Party = customer["caller"]
        facts = {"call": call, "call_sid": room.customer.call_sid, "rings": room.rings, "since": room.since}
        return {**facts, "name": party.name, "number": party.number, "line": customer["line"], **self._rung(call)}

    def _rung(self, call: UUID) -> dict[str, Any]:
        return {"groups": self._wanted(call, self.facts.rooms[call])}

    def _wanted(self, call: UUID, room: Room) -> Sequence[UUID]:
        """Return the groups that are to answer the call now; none: everybody, or nobody is to."""
        if room.transfer is not None and room.wants_target:
            target = room.transfer.target
            return [target.id] if target.kind == "group" and target.id is not None else []
        number = self.facts.known[call].call.number_id
        plan = None if number is None else self.facts.settings.plans.get(number)
        return plan.groups if plan is not None and room.rings else ()

    @cached_property
    def _group_members(self) -> bytes:
        """Who is in which group, for whoever may see all calls."""
        groups = self.facts.settings.groups
        return _json([{"id": group.id, "name": group.name, "members": group.members} for group in groups])

    @cached_property
    def _helped(self) -> bytes:
        """Who is in which call as a supervisor, for whoever may be."""
        return _json(
            [
                {"call": call, "call_sid": room.customer.call_sid, **helper}
                for call, room in self.facts.rooms.items()
                for helper in call_view.helpers(room, self._names)
            ]
        )

    @cached_property
    def _supervised(self) -> Mapping[UUID, UUID]:
        """The call of each member who is a supervisor in one."""
        found: dict[UUID, UUID] = {}
        for call, room in self.facts.rooms.items():
            for supervisor in room.supervisors if call in self.facts.known else ():
                found.setdefault(supervisor.member, call)
        return found

    def _helping(self, member: UUID) -> dict[str, Any] | None:
        """Return the call that the member supervises, or will once their softphone has joined; None without."""
        call = self._supervised.get(member)
        if call is None:
            return None
        room = self.facts.rooms[call]
        seen = call_view.helped_by(member, room, self._names)
        return {"call": call, "call_sid": room.customer.call_sid, **self._customer(call), **seen}

    @cached_property
    def _everybodys(self) -> Mapping[str, bytes]:
        waiting = sorted(
            ((room.since, call) for call, room in self.facts.rooms.items() if room.rings and call in self.facts.known)
        )
        parts: dict[str, Any] = {
            "now": milliseconds(self.facts.now),
            "breaks": self._choices("break"),
            "waiting": [
                {"call": call, "since": since, "position": place, **self._customer(call), **self._rung(call)}
                for place, (since, call) in enumerate(waiting[:MOST_WAITING], 1)
            ],
            "waiting_total": len(waiting),
            "team": [
                {"member": person.id, "name": person.name, "state": state.state, "since": milliseconds(state.since)}
                for person in sorted(self.facts.people.values(), key=lambda each: (each.name.casefold(), each.id))
                for state in [self.states[person.id]]
            ],
            "groups": [
                {"id": group.id, "name": group.name, "free": sum(map(self._is_free, group.members))}
                for group in self.facts.settings.groups
            ],
        }
        return {name: _json(part) for name, part in parts.items()}

    def _state(self, person: Person) -> Shown:
        _, since = self.talking.get(person.id, (None, None))
        return presence.shown(person.presence, since, self.facts.now)

    def _is_free(self, member: UUID) -> bool:
        return member in self.states and self.states[member].state == "available"

    def _presence(self, person: Person) -> dict[str, Any]:
        state = self.states[person.id]
        reason = next((each.label for each in self.facts.settings.choices if each.id == state.reason), None)
        return {
            "state": state.state,
            "reason": reason,
            "since": milliseconds(state.since),
            "until": None if state.until is None else milliseconds(state.until),
            "console": person.presence.console,
            "chosen": presence.settled(person.presence, self.facts.now).chosen,
            "reason_id": state.reason,
            "by": None if state.by is None else self._names.of_member(state.by),
        }

    def _offers(self, member: UUID) -> bytes:
        return b"[" + b",".join(map(self._offer, self.offered(member))) + b"]"

    def _offer(self, offer: Offer) -> bytes:
        """Return what rings, written once for all members at whom it does so alike."""
        room = self.facts.rooms.get(offer.call)
        returning = room is not None and room.returning_to == offer.member
        key = (offer.call, offer.kind, offer.offered_at, offer.until, returning)
        if key not in self._written:
            self._written[key] = _json(
                {
                    "call": offer.call,
                    "kind": offer.kind,
                    "since": milliseconds(offer.offered_at),
                    "until": milliseconds(offer.until),
                    "from": self._from(offer),
                    "returning": returning,
                    **self._customer(offer.call),
                    "noted": self._noted(offer.call),
                }
            )
        return self._written[key]

    def _from(self, offer: Offer) -> str | None:
        room = self.facts.rooms.get(offer.call)
        if offer.kind == "call" or room is None or room.transfer is None:
            return None
        return self._names.of_member(room.transfer.by)

    def _call(self, member: UUID) -> dict[str, Any] | None:
        call, _ = self.talking.get(member, (None, None))
        if call is None or call not in self.facts.known or call not in self.facts.calls:
            return None
        room, progress = self.facts.rooms[call], self.facts.calls[call]
        if room.supervisor(member) is not None:
            return None
        known, names = self.facts.known[call], self._names
        return {
            "call": call,
            "call_sid": progress.call_sid,
            "since": milliseconds(known.call.started_at),
            "answered": None if progress.answered_at is None else milliseconds(progress.answered_at),
            "words_stopped": progress.words_stopped_at is not None,
            "opted_out": known.call.opted_out_at is not None,
            **self._customer(call),
            "noted": self._noted(call),
            **call_view.seen_by(member, room, self._party(call), names, with_helpers=self.facts.watchers_shown),
        }

    def _wrap_up(self, person: Person) -> dict[str, Any] | None:
        call, until = person.presence.wrap_up_call_id, person.presence.wrap_up_until
        if call is None or until is None or until <= self.facts.now or person.id in self.talking:
            return None
        if call not in self.facts.known:
            return None
        party = self._party(call)
        return {
            "call": call,
            "until": milliseconds(until),
            "caller": party,
            "outcomes": self._choices("outcome"),
            "tags": self._choices("tag"),
            "notes": self.facts.notes_on,
            "contact": party.number is not None and party.name is None,
        }

    def _choices(self, kind: str) -> list[dict[str, Any]]:
        return [{"id": each.id, "label": each.label} for each in self.facts.settings.choices if each.kind == kind]

    def _customer(self, call: UUID) -> dict[str, Any]:
        known = self.facts.known[call]
        ours = known.call.from_number if known.call.direction == "outbound" else known.call.to_number
        return {"caller": self._party(call), "line": known.label or shown(ours)}

    def _noted(self, call: UUID) -> list[dict[str, Any]]:
        """Return what is noted about a call's customer, for those whom it rings and who are in it; nobody else."""
        return call_view.noted(self.facts.known[call]) if self.facts.notes_on else []

    def _party(self, call: UUID) -> Party:
        return call_view.party(self.facts.known[call])
