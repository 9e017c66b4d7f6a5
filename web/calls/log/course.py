"""The course of one call: what happened in it, in order. Pure.

Put together from the call's row, its legs, the offers to members, and the moments that were kept: metadata only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from db.base import LegRole, OfferResult
from db.models import Call, Leg
from db.queries.log.call_moments import MISSING, Moment
from db.queries.phone.offers import Offer
from web.calls.log.view import tenths

Kind = Literal[
    "began",
    "rang",
    "answered",
    "joined",
    "left",
    "held",
    "transfer",
    "watched",
    "words",
    "gap",
    "asked",
    "ended",
    "wrapped_up",
]
UNKNOWN = "A former member"
_PARTIES: Mapping[LegRole, str] = {
    "customer": "The customer",
    "agent": "An agent",
    "outside": "An outside number",
    "supervisor": "A supervisor",
}
_RESULTS: Mapping[OfferResult, str] = {
    "claimed": "answered",
    "taken": "somebody else answered",
    "declined": "declined",
    "timeout": "did not answer",
    "withdrawn": "stopped ringing",
}
_OFFERS = {"call": "Rang", "transfer": "Rang for a transfer", "consult": "Rang for a consultation"}
_TRANSFERS = {"blind": "Transfer", "warm": "Transfer after a consultation", "add": "Another party"}
_TO = {"member": "a colleague", "group": "a group", "number": "an outside number"}
_WATCHED = {
    "listened": "listened",
    "whispered": "whispered to the agent",
    "barged_in": "spoke in the call",
    "took_over": "took over the call",
    "ended_call": "ended the call",
    "opened_transcript": "read along",
}
_WORDS = {
    "transcribing": "Words are shown",
    "waiting_for_slot": "Words are delayed: every transcription slot is in use",
    "reconnecting": "Words are paused: the stream is reconnecting",
    "silent": "No sound is arriving",
    "failed": "Words failed",
    "ended": "Words ended",
}


_MISSING = {
    "twilio": "no sound came from Twilio",
    "bilby": "the call moved to another machine",
    "transcribe": "Transcribe did not answer in time",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in the organisation's time zone; ``seconds``: how long it went on."""

    at: datetime
    kind: Kind
    words: str
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What is stored about one call. ``names`` are members', by id."""

    call: Call
    legs: Sequence[Leg]
    offers: Sequence[Offer]
    moments: Sequence[Moment]
    names: Mapping[UUID, str]

    def name(self, member: UUID | None, otherwise: str = UNKNOWN) -> str:
        return otherwise if member is None else self.names.get(member) or UNKNOWN


def course(told: Told, zone: ZoneInfo, *, watchers: bool) -> list[Event]:
    """Return the events of a call in order; who watched it only if ``watchers``."""
    events = [*_row(told), *_rang(told), *_parties(told, watchers=watchers), *_holds(told)]
    events += [_moment(told, moment) for moment in told.moments if _is_shown(moment, watchers=watchers)]
    local = [Event(each.at.astimezone(zone), each.kind, each.words, each.seconds) for each in events]
    return sorted(local, key=lambda each: each.at)


def why_no_words(call: Call) -> str | None:
    """Return why a call that is over has no transcription, or lost it before its end; None if it had one."""
    if call.consent_declined_at is not None:
        return "The caller chose not to be transcribed."
    if call.opted_out_at is not None:
        return "The contact is marked “do not transcribe”."
    if call.words_stopped_at is not None:
        return "Somebody stopped the transcription."
    if call.transcription == "failed":
        return call.transcription_reason or "The stream failed; no reason was reported."
    if call.outcome is None or call.transcription is not None:
        return None
    if call.outcome == "blocked":
        return "The number is on the block list."
    if call.agent_id is None:
        return "No agent took the call."
    return "No stream was started."


def prompt_seconds(call: Call, offers: Sequence[Offer]) -> int | None:
    """Return how long the prompt took: until the first ringing. None if nothing rang."""
    first = min((offer.offered_at for offer in offers), default=None)
    return None if first is None or call.direction == "outbound" else _seconds(first - call.started_at)


def ringing_seconds(call: Call, offers: Sequence[Offer]) -> int | None:
    """Return how long it rang until it was answered, or ended in vain. None if nothing rang, or still does."""
    first = min((offer.offered_at for offer in offers if offer.kind == "call"), default=None)
    if call.direction == "outbound":
        first = call.started_at
    until = call.answered_at or call.ended_at
    return None if first is None or until is None else _seconds(until - first)


def _row(told: Told) -> Iterator[Event]:
    call = told.call
    rings = "The customer called" if call.direction == "inbound" else f"{told.name(call.agent_id)} dialled"
    yield Event(call.started_at, "began", rings)
    if call.consent_declined_at is not None:
        yield Event(call.consent_declined_at, "asked", "The caller chose not to be transcribed")
    elif call.opted_out_at is not None:
        yield Event(call.opted_out_at, "words", "No words: the contact is marked “do not transcribe”")
    elif call.words_stopped_at is not None:
        yield Event(call.words_stopped_at, "words", "Transcription was stopped by request")
    if call.callback_requested_at is not None:
        yield Event(call.callback_requested_at, "asked", "The caller asked to be called back")
    if call.answered_at is not None:
        who = told.name(call.agent_id, "the overflow number") if call.direction == "inbound" else "the customer"
        yield Event(call.answered_at, "answered", f"Answered by {who}")
    if call.ended_at is not None:
        yield Event(call.ended_at, "ended", "The call ended")
    if call.wrapped_up_at is not None:
        yield Event(call.wrapped_up_at, "wrapped_up", "Outcome and tags were saved")


def _rang(told: Told) -> Iterator[Event]:
    for offer in told.offers:
        result = "is ringing" if offer.result is None else _RESULTS[offer.result]
        lasted = None if offer.ended_at is None else _seconds(offer.ended_at - offer.offered_at)
        name = told.name(offer.member)
        yield Event(offer.offered_at, "rang", f"{_OFFERS[offer.kind]}: {name} – {result}", lasted)


def _parties(told: Told, *, watchers: bool) -> Iterator[Event]:
    for leg in told.legs:
        if leg.role is None or leg.joined_at is None or (leg.role == "supervisor" and not watchers):
            continue
        who = told.name(leg.member_id, _PARTIES[leg.role])
        doing = f"{who} joined as supervisor" if leg.role == "supervisor" else f"{who} joined"
        yield Event(leg.joined_at, "joined", doing)
        if leg.left_at is not None:
            yield Event(leg.left_at, "left", f"{who} left", _seconds(leg.left_at - leg.joined_at))


def _holds(told: Told) -> Iterator[Event]:
    """Pair each hold with its end: the next resumption, or the end of the call."""
    ends = [moment.at for moment in told.moments if moment.kind == "resumed"]
    for moment in told.moments:
        if moment.kind == "held":
            end = min((at for at in ends if at >= moment.at), default=told.call.ended_at)
            lasted = None if end is None else _seconds(end - moment.at)
            yield Event(moment.at, "held", "On hold", lasted)


def _is_shown(moment: Moment, *, watchers: bool) -> bool:
    return moment.kind not in ("held", "resumed") and (watchers or moment.kind != "watched")


def _moment(told: Told, moment: Moment) -> Event:
    detail = moment.detail or ""
    first, _, rest = detail.partition(" ")
    match moment.kind:
        case "watched":
            return Event(moment.at, "watched", f"{told.name(moment.member_id)} {_WATCHED.get(first, first)}")
        case "words" if first == MISSING:
            return _gap(moment.at, *rest.split())
        case "words":
            words = _WORDS.get(first, first)
            return Event(moment.at, "words", f"{words}: {rest}" if rest else words)
        case _:
            to = told.name(moment.member_id, _TO.get(rest, rest))
            result = {"transferred": ": done", "transfer_failed": ": not completed"}.get(moment.kind, "")
            return Event(moment.at, "transfer", f"{_TRANSFERS.get(first, first)} to {to}{result}")


def _gap(at: datetime, cause: str, ms: str) -> Event:
    return Event(at, "gap", f"Words are missing for {tenths(int(ms))} s: {_MISSING.get(cause, cause)}")


def _seconds(lasted: timedelta) -> int:
    return max(0, int(lasted.total_seconds()))
