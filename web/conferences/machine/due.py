"""What to ask of Twilio so that the room becomes as it is wanted, and when to look at it again. Pure.

An action is taken in the transaction that decides on it, and performed after the commit. A process that dies between
leaves an `Attempt` behind whose time passes; then whoever looks takes it again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from web.conferences.machine import settling
from web.conferences.machine.room import JOIN, UNKNOWN, Attempt, Leg, Room

LEASE = 15_000  # milliseconds for one request and its answer: longer than `provisioning.twilio.client.SECONDS`
QUIET = 60_000  # without a word of Twilio's; then it is asked
ASK_AGAIN = 2_000  # after a question whose answer was lost or outdated
BACK = 3_000  # for the document that follows the end of the customer's `<Dial>` to lead them back


@dataclass(frozen=True, slots=True)
class Action:
    """One request to Twilio about one leg. ``key`` is its name within the room."""

    leg: Leg

    @property
    def key(self) -> str:
        return f"{type(self).__name__}:{self.leg.label}"


@dataclass(frozen=True, slots=True)
class CallOut(Action):
    """Call a customer or an outside party. Not repeatable: look for the call before a second attempt."""


@dataclass(frozen=True, slots=True)
class SetHold(Action):
    """Put the customer on hold, or take them off it."""


@dataclass(frozen=True, slots=True)
class SetMute(Action):
    """Mute or unmute an agent or a supervisor, as `must_be_mute` says."""


@dataclass(frozen=True, slots=True)
class SetCoach(Action):
    """Let a supervisor, who is muted, be heard by ``coach_wanted`` alone, or by everybody."""


@dataclass(frozen=True, slots=True)
class Announce(Action):
    """Tell everybody in the room that a supervisor is there."""


@dataclass(frozen=True, slots=True)
class Bind(Action):
    """Let the conference end when this outside party leaves. Ignored by Twilio while that party is on hold."""


@dataclass(frozen=True, slots=True)
class Kick(Action):
    """Remove a participant."""


@dataclass(frozen=True, slots=True)
class EndCall(Action):
    """End a leg's call, ringing or answered."""


@dataclass(frozen=True, slots=True)
class Redirect(Action):
    """Send the customer to the overflow number or an announcement."""


@dataclass(frozen=True, slots=True)
class BringBack(Action):
    """Lead a customer back into the room who has dropped out of the conference, but not off the line."""


def wanted(room: Room) -> list[Action]:
    """Return what stands between the room as Twilio has shown it and as it should be."""
    if room.is_over:
        return _endings(room)
    customer = room.customer
    if room.phase == "elsewhere":
        return [Redirect(customer)] if customer.state == "joined" else []
    actions: list[Action] = []
    if customer.state == "expected" and room.direction == "outbound" and room.agents:
        actions.append(CallOut(customer))
    if customer.state == "joined" and customer.held != customer.held_wanted:
        actions.append(SetHold(customer))
    if customer.state == "left":
        actions.append(BringBack(customer))
    for leg in room.legs:
        actions += _of(room, leg)
    return actions


def _endings(room: Room) -> list[Action]:
    """End the customer's call, and with it the conference; the others one by one only if that does not do it."""
    customer = room.customer
    if customer.is_alive or customer.state == "left":
        outside = [leg for leg in room.legs if leg.is_alive and leg.state != "joined"]
        return [EndCall(customer), *map(EndCall, outside)]
    return [EndCall(leg) for leg in room.legs if leg.is_alive]


def must_be_mute(leg: Leg) -> bool:
    """Return whether nobody is to hear the leg now: also while it changes who does."""
    return leg.muted_wanted or leg.coach != leg.coach_wanted


def _of(room: Room, leg: Leg) -> list[Action]:
    if leg.removed:
        if is_whispered_to(room, leg):
            return []
        return [Kick(leg)] if leg.state == "joined" else [EndCall(leg)] if leg.is_alive else []
    if leg.kind == "outside" and leg.state == "expected":
        return [CallOut(leg)]
    if leg.state != "joined":
        return []
    if leg.kind == "supervisor" or leg.taken_over:
        return _of_supervisor(room, leg)
    muted = [SetMute(leg)] if leg.kind == "agent" and leg.muted != leg.muted_wanted else []
    return [*muted, Bind(leg)] if leg.bound_wanted and not leg.bound else list[Action](muted)


def _of_supervisor(room: Room, leg: Leg) -> list[Action]:
    known = None if leg.member is None else room.supervisor(leg.member)
    unsaid = known is not None and known.announced == "words" and not known.was_announced
    announced: list[Action] = [Announce(leg)] if unsaid else []
    if leg.unsure or leg.muted != must_be_mute(leg):
        return [*announced, SetMute(leg)]
    return [*announced, SetCoach(leg)] if leg.coach != leg.coach_wanted else announced


def is_whispered_to(room: Room, agent: Leg) -> bool:
    """Return whether a supervisor may be heard by that agent alone: a coach without one may be heard by everybody."""
    coaches = [leg for leg in room.legs if leg.state == "joined" and leg.coach in (agent.call_sid, UNKNOWN)]
    return any(leg.unsure or not leg.muted for leg in coaches)


def _begun(room: Room, action: Action) -> Room:
    """Return the room without what is not known while ``action`` is on its way: who hears that supervisor.

    So nothing else is asked about them before it is answered, or asked again.
    """
    if isinstance(action, SetMute) and action.leg.kind == "supervisor":
        return room.with_leg(replace(action.leg, unsure=True))
    return room.with_leg(replace(action.leg, coach=UNKNOWN)) if isinstance(action, SetCoach) else room


def take(room: Room, now: int, lease: int = LEASE) -> tuple[Room, list[Action]]:
    """Return the actions to perform now, and the room that remembers for ``lease`` ms that somebody does."""
    taken = [action for action in wanted(room) if _due_at(room, action) <= now]
    if not taken:
        return room, []
    attempts = dict(room.attempts)
    for action in taken:
        before = attempts.get(action.key)
        attempts[action.key] = Attempt(before.count + 1 if before else 1, now + lease)
        room = _begun(room, action)
    return replace(room, attempts=attempts), taken


def must_ask(room: Room, now: int) -> bool:
    """Return whether Twilio should be asked what is true."""
    asked = _ask_at(room)
    return asked is not None and asked <= now


def wakes_at(room: Room, now: int) -> int | None:
    """Return when to look at the room if nothing happens; None if never again."""
    times = [_due_at(room, action) for action in wanted(room)]
    asked = _ask_at(room)
    if asked is not None:
        times.append(asked)
    times += _ends(room)
    return max(min(times), now) if times else None


def _due_at(room: Room, action: Action) -> int:
    attempt = room.attempts.get(action.key)
    if attempt is not None:
        return attempt.next_at
    return (action.leg.left_at or 0) + BACK if isinstance(action, BringBack) else 0


def _ask_at(room: Room) -> int | None:
    if room.is_over and not any(leg.is_alive for leg in room.every):
        return None
    return max(room.heard_at if room.in_doubt else room.heard_at + QUIET, room.asked_at + ASK_AGAIN)


def _ends(room: Room) -> list[int]:
    """Return when what is waited for is given up."""
    transfer, times = room.transfer, list[int]()
    there = {leg.member for leg in room.legs if leg.kind == "supervisor" and leg.state == "joined"}
    times += [each.since + JOIN for each in room.supervisors if each.member not in there]
    match room.phase:
        case "claimed":
            times.append(room.since + JOIN)
        case "alone":
            times.append(room.since + settling.ALONE)
        case "dialling":
            lost = [leg.left_at + settling.RETURN for leg in room.legs if leg.left_at is not None]
            if not room.agents and room.customer.state in ("expected", "ringing"):
                times.append(lost[-1] if lost else room.since + settling.DIALLING)
    if transfer is not None and transfer.state == "ringing":
        claimed = transfer.claimed_by is not None
        times.append(transfer.claimed_at + JOIN if claimed else transfer.until)
    return times
