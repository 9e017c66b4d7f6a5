"""One call as a member's phone shows it: pure. What Twilio has shown is the state; what is wished for is pending."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from db.queries.contacts.contacts import Card
from db.queries.phone.callers import MOST_EARLIER, Known
from protocol.times import from_milliseconds, milliseconds
from web.conferences.machine import due
from web.conferences.machine.room import Leg, Room, Target, supervisor_label
from web.request.callers import shown

GONE = "A former colleague"
_PROBLEMS = {
    "declined": "They declined.",
    "no_answer": "Nobody answered.",
    "busy": "That number is busy.",
    "not_reached": "That number could not be reached.",
    "nobody_available": "Nobody is available there.",
    "target_left": "They have left the call.",
}
_UNKNOWN_PROBLEM = "That did not work."


@dataclass(frozen=True, slots=True)
class Party:
    """A customer: the number as shown, the name and flags that are kept for it, and their earlier calls."""

    number: str | None
    name: str | None
    calls: int
    more_calls: bool
    """There are more than that."""
    last: Mapping[str, Any] | None
    do_not_call: bool = False
    do_not_transcribe: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """What members and groups are called, by id."""

    members: Mapping[UUID, str]
    groups: Mapping[UUID, str]

    def of_member(self, member: UUID | None) -> str:
        """Return the member's name."""
        return GONE if member is None else self.members.get(member, GONE)


def party(known: Known) -> Party:
    """Return what is shown of a call's customer. Who withholds their number has none."""
    earlier = known.earlier
    last = None
    if earlier.last_at is not None:
        last = {"at": milliseconds(earlier.last_at), "outcome": earlier.outcome}
    number = shown(known.call.customer) if known.call.customer_hash is not None else None
    card = known.card or Card("")
    return Party(
        number,
        known.name,
        min(earlier.count, MOST_EARLIER),
        earlier.count > MOST_EARLIER,
        last,
        card.do_not_call,
        card.do_not_transcribe,
    )


def noted(known: Known) -> list[dict[str, Any]]:
    """Return the latest notes about a call's customer: what is written, by whom and when."""
    return [{"text": each.text, "by": each.author, "at": milliseconds(each.written_at)} for each in known.notes]


def members(room: Room) -> dict[UUID, datetime]:
    """Return who is in the call or has claimed it, and since when. Supervisors who listen count: they are busy."""
    found = {
        each: from_milliseconds(room.since)
        for each in (room.agent, room.invited)
        if each is not None and room.concerns(each)
    }
    for leg in room.legs:
        if leg.member is not None and leg.is_there and not room.is_over:
            joined = leg.joined_at if leg.joined_at is not None else room.since
            found[leg.member] = from_milliseconds(joined)
    return found


def helpers(room: Room, names: Names) -> list[dict[str, Any]]:
    """Return the supervisors who are in the call, and by whom each is heard."""
    there = {leg.member for leg in room.legs if leg.kind == "supervisor" and leg.is_there}
    return [
        {"member": each.member, "name": names.of_member(each.member), "mode": each.mode}
        for each in room.supervisors
        if each.member in there
    ]


def helped_by(member: UUID, room: Room, names: Names) -> dict[str, Any]:
    """Return how ``member``, a supervisor, is in the call: what is wished, and what Twilio has shown."""
    own, leg = room.supervisor(member), room.leg(supervisor_label(member))
    joined = leg is not None and leg.is_there
    settled = joined and leg is not None and not leg.unsure and leg.coach == leg.coach_wanted
    return {
        "mode": None if own is None else own.mode,
        "joined": joined,
        "pending": not settled or (leg is not None and leg.muted != leg.muted_wanted),
        "was_muted": own is not None and own.was_muted,
        "agent": names.of_member(room.agent),
        "others": [each for each in helpers(room, names) if each["member"] != member],
    }


def seen_by(member: UUID, room: Room, customer: Party, names: Names, *, with_helpers: bool = True) -> dict[str, Any]:
    """Return the parts of a call that its room knows, as ``member`` sees them."""
    mine = next((leg for leg in reversed(room.legs) if leg.member == member and leg.is_there), None)
    return {
        "phase": room.phase,
        "direction": room.direction,
        "joined": mine is not None,
        "held": room.held,
        "held_since": room.customer.held_since if room.held else None,
        "muted": mine is not None and mine.muted,
        "pending": _pending(room, mine),
        "problem": _problem(room),
        "parties": [_leg(leg, customer, names) for leg in room.every if _is_shown(leg)],
        "kept": mine is not None and due.is_whispered_to(room, mine),
        "helpers": helpers(room, names) if with_helpers else [],
        "transfer": _transfer(room, names),
        "help": room.help,
    }


def _pending(room: Room, mine: Leg | None) -> list[str]:
    found = []
    customer = room.customer
    if customer.state == "joined" and customer.held_wanted != customer.held:
        found.append("hold" if customer.held_wanted else "resume")
    if mine is not None and mine.muted_wanted != mine.muted:
        found.append("mute" if mine.muted_wanted else "unmute")
    if customer.removed and customer.is_alive:
        found.append("hang-up")
    return found


def _problem(room: Room) -> dict[str, str] | None:
    if not room.problem:
        return None
    return {"code": room.problem, "words": _PROBLEMS.get(room.problem, _UNKNOWN_PROBLEM)}


def _is_shown(leg: Leg) -> bool:
    return leg.kind != "supervisor" and not leg.removed and leg.state not in ("left", "ended")


def _leg(leg: Leg, customer: Party, names: Names) -> dict[str, Any]:
    name = customer.name or customer.number or shown("")
    if leg.kind == "outside":
        name = shown(leg.number)
    elif leg.kind != "customer":
        name = names.of_member(leg.member)
    state = "ringing" if leg.state != "joined" else "held" if leg.held else "joined"
    return {
        "label": leg.label,
        "kind": leg.kind,
        "member": leg.member,
        "name": name,
        "state": state,
        "muted": leg.muted,
    }


def _transfer(room: Room, names: Names) -> dict[str, Any] | None:
    transfer = room.transfer
    if transfer is None:
        return None
    to = {"kind": transfer.target.kind, "name": _target(transfer.target, names)}
    return {"kind": transfer.kind, "state": transfer.state, "to": to}


def _target(target: Target, names: Names) -> str:
    if target.kind == "number":
        return shown(target.number)
    if target.kind == "group":
        return names.groups.get(target.id, "") if target.id is not None else ""
    return names.of_member(target.id)
