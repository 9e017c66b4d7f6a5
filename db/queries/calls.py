"""The call log: one row per call, kept true under callbacks that come late, twice and out of order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, joinedload

from db.base import Transcription
from db.call_progress import (
    CallProgress,
    CallReport,
    CallStatus,
    Direction,
    LegReport,
    Report,
    advance,
    is_over,
    later,
)
from db.encryption import keyring_of
from db.models import Call, Leg, Number
from db.queries.integrations import events
from db.queries.integrations.events import CallEventType
from db.queries.log.agent_access import is_agents_own
from db.queries.log.call_moments import MISSING, CallMoments, Moment
from db.queries.log.number_parts import keys
from db.queries.log.search_columns import store_times
from protocol.messages import Delay, GapReport
from protocol.times import from_milliseconds


@dataclass(frozen=True, slots=True)
class OutgoingUse:
    """How much an organisation calls out: calls going on now, and seconds of all calls since some time."""

    live: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a report made of a call. ``assigned`` is the agent who has just turned out to have answered it."""

    call: Call
    before: CallProgress
    after: CallProgress

    @property
    def assigned(self) -> UUID | None:
        return self.after.agent_id if self.after.agent_id != self.before.agent_id else None


@dataclass(frozen=True, slots=True)
class Stop:
    """A live call whose words are stopped; ``is_new`` if they were not before."""

    call: Call
    is_new: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """A call in which two people talk, by its row."""

    organisation_id: UUID
    call_sid: str
    started_at: datetime


async def conversations(
    session: AsyncSession, *, since: datetime, before: datetime, most: int
) -> Sequence[Conversation]:
    """Return calls of all organisations that go on and that should be transcribed, the oldest ``most``.

    They began between ``since`` (inclusive) and ``before`` (exclusive). Each had a stream, so the consent prompt was
    played; it was answered by an agent, not at an overflow number; and nobody has stopped its words.
    """
    going_on = select(Call.organisation_id, Call.call_sid, Call.started_at).where(
        Call.outcome.is_(None),
        Call.started_at >= since,
        Call.started_at < before,
        Call.answered_at.is_not(None),
        Call.agent_id.is_not(None),
        Call.transcription.is_not(None),
        Call.words_stopped_at.is_(None),
    )
    oldest = going_on.order_by(Call.started_at, Call.id).limit(most)
    rows = await session.execute(oldest)
    return [Conversation(organisation, call, began) for organisation, call, began in rows]


async def organisation_of(session: AsyncSession, call_sid: str) -> UUID | None:
    """Return the organisation of the call; None if unknown."""
    return await session.scalar(select(Call.organisation_id).where(Call.call_sid == call_sid))


async def close_silent(session: AsyncSession, silent_since: datetime) -> int:
    """End open calls without events since then; return how many. The last event's time is their end."""
    silent = select(Call).where(Call.outcome.is_(None), Call.heard_at < silent_since)
    calls = (await session.scalars(silent.with_for_update(skip_locked=True, key_share=True).limit(1000))).all()
    for call in calls:
        before = _progress(call)
        after = advance(before, CallReport("lost", call.heard_at))
        _store(call, after)
        await _tell(session, call, before, after)
    return len(calls)


class Calls:
    """The calls of one organisation; of one agent of it, if ``only_agent_id`` says so."""

    def __init__(self, session: AsyncSession, organisation_id: UUID, *, only_agent_id: UUID | None = None) -> None:
        self._session = session
        self._organisation_id = organisation_id
        self._only_agent_id = only_agent_id
        self._moments = CallMoments(session, organisation_id)

    async def open(
        self,
        call_sid: str,
        *,
        direction: Direction,
        from_number: str,
        to_number: str,
        status: CallStatus = "ringing",
        agent_id: UUID | None = None,
        number_id: UUID | None = None,
        customer: str | None = None,
    ) -> Call:
        """Store a call that has begun; return its row. Repeatable: Twilio asks again when our answer was slow.

        ``customer`` (E.164) is whom later calls may be of, too; None for a number that is withheld. What is said of
        our number now is copied.
        """
        keyring = keyring_of(self._session)
        parts = {} if customer is None else asdict(keys(keyring, customer))
        row = insert(Call).values(
            organisation_id=self._organisation_id,
            call_sid=call_sid,
            direction=direction,
            from_number=from_number,
            to_number=to_number,
            status=status,
            agent_id=agent_id,
            number_id=number_id,
            line_label=self._of_number(number_id, Number.label),
            line_purpose=self._of_number(number_id, Number.purpose),
            source=self._of_number(number_id, Number.source),
            customer_hash=None if customer is None else keyring.hash("number", customer),
            **parts,
        )
        opened = row.on_conflict_do_nothing(index_elements=[Call.call_sid]).returning(Call.id)
        call_id = await self._session.scalar(opened)
        if call_id is not None:
            await events.note_call(self._session, self._organisation_id, "call.started", call_id)
        return (await self._session.scalars(self._one(call_sid))).one()

    async def get(self, call_sid: str) -> Call | None:
        """Return the call, with ``agent``; None if unknown."""
        return await self._session.scalar(self._one(call_sid).options(joinedload(Call.agent)))

    async def age(self, call: Call) -> timedelta:
        """Return how long ago ``call`` began, by the database's clock, which gave it its beginning."""
        return await self._now() - call.started_at

    async def outgoing_use(self, *, since: datetime, live_since: datetime, besides: str = "") -> OutgoingUse:
        """Return how much is called out, but for the call ``besides``: seconds of what began after ``since``.

        Calls that began before ``live_since`` are not going on any more, whatever their rows say.
        """
        lasted = func.extract("epoch", func.coalesce(Call.ended_at, func.now()) - Call.started_at)
        use = select(
            func.count().filter(Call.outcome.is_(None), Call.started_at >= live_since),
            func.coalesce(func.sum(func.coalesce(Call.duration_s, lasted)), 0),
        ).where(
            Call.organisation_id == self._organisation_id,
            Call.direction == "outbound",
            Call.started_at >= since,
            Call.call_sid != besides,
        )
        live, seconds = (await self._session.execute(use)).one()
        return OutgoingUse(live, int(seconds))

    async def open_among(self, call_sids: Sequence[str]) -> list[str]:
        """Return those of ``call_sids`` that have not ended."""
        going_on = self._mine().where(Call.call_sid.in_(call_sids), Call.outcome.is_(None))
        return [call.call_sid for call in await self._session.scalars(going_on)]

    async def report(self, call_sid: str, report: Report) -> Change | None:
        """Update the row from ``report``; return None if the call is not this organisation's."""
        # What this session may have read before it had the lock is out of date.
        locked = self._one(call_sid).with_for_update(key_share=True).execution_options(populate_existing=True)
        call = await self._session.scalar(locked)
        if call is None:
            return None
        before = _progress(call)
        after = advance(before, report)
        _store(call, after)
        call.heard_at = await self._now()
        await _tell(self._session, call, before, after)
        return Change(call, before, after)

    async def report_leg(self, call_sid: str, leg_sid: str, report: LegReport) -> Change | None:
        """Report the same for a dialled leg, whose own row is kept beside the call's."""
        change = await self.report(call_sid, report)
        if change is not None:
            await self._store_leg(change.call.id, leg_sid, report)
        return change

    async def set_transcription(self, call_sid: str, state: Transcription, reason: str | None = None) -> None:
        """Note how the call's transcription does, unless a later word on it has already come."""
        mine = (Call.organisation_id == self._organisation_id, Call.call_sid == call_sid)
        known = (
            select(Call.id, Call.transcription, func.now())
            .where(*mine, _is_news(state))
            .with_for_update(key_share=True)
        )
        row = (await self._session.execute(known)).one_or_none()
        if row is None:
            return
        call_id, before, now = row
        changed = update(Call).where(Call.id == call_id)
        await self._session.execute(
            changed.values(transcription=state, transcription_reason=reason, heard_at=func.now())
        )
        if state != before:
            detail = state if reason is None else f"{state} {reason}"
            await self._moments.note(call_id, Moment(now, "words", detail=detail))

    async def note_gap(self, call_sid: str, missed: GapReport) -> None:
        """Note that words of the call are missing. Repeatable; of a call that has no row, nothing is noted."""
        mine = (Call.organisation_id == self._organisation_id, Call.call_sid == call_sid)
        call_id = await self._session.scalar(select(Call.id).where(*mine))
        if call_id is None:
            return
        moment = Moment(from_milliseconds(missed.at), "words", detail=f"{MISSING} {missed.cause} {missed.ms}")
        if await self._moments.note(call_id, moment):
            more = {"gaps": Call.gaps + 1, "gaps_ms": Call.gaps_ms + missed.ms}
            await self._session.execute(update(Call).where(Call.id == call_id).values(**more))

    async def set_delay(self, call_sid: str, delay: Delay) -> None:
        """Note how far the call's words were behind."""
        mine = update(Call).where(Call.organisation_id == self._organisation_id, Call.call_sid == call_sid)
        await self._session.execute(mine.values(delay_ms=delay.average, longest_delay_ms=delay.most))

    async def ask_callback(self, call_sid: str) -> None:
        """Note that the caller wants to be called back instead of waiting."""
        mine = update(Call).where(Call.organisation_id == self._organisation_id, Call.call_sid == call_sid)
        await self._session.execute(mine.values(callback_requested_at=func.now()))

    async def stop_words(self, call_sid: str) -> Stop | None:
        """Stop transcription of a live call for good; return None if there is no such call or it has ended."""
        locked = self._one(call_sid).with_for_update(key_share=True).execution_options(populate_existing=True)
        call = await self._session.scalar(locked)
        if call is None or is_over(call.status):
            return None
        is_new = call.words_stopped_at is None
        if is_new:
            call.words_stopped_at = await self._now()
        return Stop(call, is_new)

    async def decline_words(self, call_sid: str) -> None:
        """Note that the caller pressed the key not to be transcribed: no stream of the call is started."""
        mine = update(Call).where(Call.organisation_id == self._organisation_id, Call.call_sid == call_sid)
        await self._session.execute(
            mine.values(
                consent_declined_at=func.coalesce(Call.consent_declined_at, func.now()),
                words_stopped_at=func.coalesce(Call.words_stopped_at, func.now()),
            )
        )

    async def opt_out(self, call: Call) -> None:
        """Note that the customer's contact says not to transcribe: no stream of the call is started.

        A call that has had words keeps them: Twilio asks again, and the contact may have changed meanwhile.
        """
        if call.words_stopped_at is None and call.transcription is None:
            call.opted_out_at = call.words_stopped_at = await self._now()
            await self._session.flush()

    async def set_hold(self, call_sid: str, *, on_hold: bool, at: datetime) -> bool:
        """Note that the customer was put on hold or taken off at ``at``.

        Return False if the call is not this organisation's, or if as much or more is known: reports may arrive in any
        order.
        """
        older = or_(Call.hold_changed_at.is_(None), Call.hold_changed_at < at)
        changed = update(Call).where(Call.organisation_id == self._organisation_id, Call.call_sid == call_sid, older)
        lasted = cast(func.extract("epoch", at - Call.hold_changed_at), Integer)
        held = case((Call.on_hold, Call.held_s + lasted), else_=Call.held_s)
        noted = await self._session.execute(
            changed.values(on_hold=on_hold, hold_changed_at=at, held_s=held, heard_at=func.now()).returning(Call.id)
        )
        call_id = noted.scalar()
        if call_id is None:
            return False
        await self._moments.note(call_id, Moment(at, "held" if on_hold else "resumed"))
        kind: CallEventType = "call.held" if on_hold else "call.resumed"
        await events.note_call(self._session, self._organisation_id, kind, call_id)
        return True

    async def _store_leg(self, call_id: UUID, leg_sid: str, report: LegReport) -> None:
        leg = await self._session.get(Leg, leg_sid)
        if leg is None:
            leg = Leg(
                leg_sid=leg_sid,
                organisation_id=self._organisation_id,
                call_id=call_id,
                member_id=report.member_id,
                status=report.status,
            )
            self._session.add(leg)
        leg.status = later(leg.status, report.status)

    def _mine(self) -> Select[Call]:
        mine = select(Call).where(Call.organisation_id == self._organisation_id)
        return mine if self._only_agent_id is None else mine.where(Call.agent_id == self._only_agent_id)

    def _one(self, call_sid: str) -> Select[Call]:
        """Select one call: an agent's own also if it was transferred to them."""
        one = select(Call).where(Call.organisation_id == self._organisation_id, Call.call_sid == call_sid)
        return one if self._only_agent_id is None else one.where(is_agents_own(self._only_agent_id))

    def _of_number(self, number_id: UUID | None, column: InstrumentedAttribute[str]) -> ScalarSelect[str | None]:
        """Select what is said of that number; nothing if nothing is."""
        mine = select(func.nullif(column, "")).where(
            Number.organisation_id == self._organisation_id, Number.id == number_id
        )
        return mine.scalar_subquery()

    async def _now(self) -> datetime:
        return (await self._session.scalars(select(func.now()))).one()


def _is_news(state: Transcription) -> ColumnElement[bool]:
    """Return whether ``state`` says more than what is stored: news may arrive late, from Twilio and from media."""
    match state:
        case "failed":
            return true()
        case "ended":
            return Call.transcription.is_distinct_from("failed")
        case "transcribing":  # a new stream may follow an ended or failed one, but not a call that is over
            return Call.outcome.is_(None)
    return and_(Call.outcome.is_(None), func.coalesce(Call.transcription, "").not_in(("failed", "ended")))


async def _tell(session: AsyncSession, call: Call, before: CallProgress, after: CallProgress) -> None:
    for kind in events.calls_events(before, after):
        await events.note_call(session, call.organisation_id, kind, call.id)


_PROGRESS = [field.name for field in fields(CallProgress)]


def _progress(call: Call) -> CallProgress:
    return CallProgress(**{name: getattr(call, name) for name in _PROGRESS})


def _store(call: Call, progress: CallProgress) -> None:
    for name, value in asdict(progress).items():
        setattr(call, name, value)
    call.outcome = progress.outcome
    call.reason = progress.settled_reason
    store_times(call)
