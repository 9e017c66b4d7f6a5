"""The call log: one row per call, kept true under callbacks that come late, twice and out of order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from db.call_progress import (
    CallProgress,
    CallReport,
    CallStatus,
    Direction,
    LegReport,
    Outcome,
    Report,
    advance,
    is_over,
    later,
)
from db.encryption import keyring_of
from db.models import Call, Leg, Transcription

PAGE = 50  # rows


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls of the log to show; None asks nothing. ``since`` is inclusive, ``until`` is not."""

    direction: Direction | None = None
    outcome: Outcome | None = None
    agent_id: UUID | None = None
    number_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the log ends: the next one begins with the first call older than this."""

    started_at: datetime
    id: UUID


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
    """Whose call it is."""
    return await session.scalar(select(Call.organisation_id).where(Call.call_sid == call_sid))


async def close_silent(session: AsyncSession, silent_since: datetime) -> int:
    """End open calls without events since then; return how many. The last event's time is their end."""
    silent = select(Call).where(Call.outcome.is_(None), Call.heard_at < silent_since)
    calls = (await session.scalars(silent.with_for_update(skip_locked=True).limit(1000))).all()
    for call in calls:
        _store(call, advance(_progress(call), CallReport("lost", call.heard_at)))
    return len(calls)


class Calls:
    """The calls of one organisation; of one agent of it, if ``only_agent_id`` says so."""

    def __init__(self, session: AsyncSession, organisation_id: UUID, *, only_agent_id: UUID | None = None) -> None:
        self._session = session
        self._organisation_id = organisation_id
        self._only_agent_id = only_agent_id

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
        """The row of a call that has begun. Repeatable: Twilio asks again when our answer was slow.

        ``customer`` (E.164) is whom later calls may be of, too; None for a number that is withheld.
        """
        row = insert(Call).values(
            organisation_id=self._organisation_id,
            call_sid=call_sid,
            direction=direction,
            from_number=from_number,
            to_number=to_number,
            status=status,
            agent_id=agent_id,
            number_id=number_id,
            customer_hash=None if customer is None else keyring_of(self._session).hash("number", customer),
        )
        await self._session.execute(row.on_conflict_do_nothing(index_elements=[Call.call_sid]))
        return (await self._session.scalars(self._one(call_sid))).one()

    async def get(self, call_sid: str) -> Call | None:
        """That call, with ``agent``."""
        return await self._session.scalar(self._one(call_sid).options(joinedload(Call.agent)))

    async def age(self, call: Call) -> timedelta:
        """How long ago ``call`` began, by the database's clock, which gave it its beginning."""
        return await self._now() - call.started_at

    async def outgoing_use(self, *, since: datetime, live_since: datetime, besides: str = "") -> OutgoingUse:
        """How much is called out, but for the call ``besides``: seconds of what began after ``since``.

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
        """Update the row from ``report``; None if the call is not this organisation's."""
        # What this session may have read before it had the lock is out of date.
        locked = self._one(call_sid).with_for_update().execution_options(populate_existing=True)
        call = await self._session.scalar(locked)
        if call is None:
            return None
        before = _progress(call)
        after = advance(before, report)
        _store(call, after)
        call.heard_at = await self._now()
        return Change(call, before, after)

    async def report_leg(self, call_sid: str, leg_sid: str, report: LegReport) -> Change | None:
        """The same for a dialled leg, whose own row is kept beside the call's."""
        change = await self.report(call_sid, report)
        if change is not None:
            await self._store_leg(change.call.id, leg_sid, report)
        return change

    async def set_transcription(self, call_sid: str, state: Transcription, reason: str | None = None) -> None:
        """Note how the call's transcription does, unless a later word on it has already come."""
        changed = update(Call).where(
            Call.organisation_id == self._organisation_id, Call.call_sid == call_sid, _is_news(state)
        )
        await self._session.execute(
            changed.values(transcription=state, transcription_reason=reason, heard_at=func.now())
        )

    async def stop_words(self, call_sid: str) -> Stop | None:
        """Stop transcription of a live call for good; None if there is no such call or it has ended."""
        locked = self._one(call_sid).with_for_update().execution_options(populate_existing=True)
        call = await self._session.scalar(locked)
        if call is None or is_over(call.status):
            return None
        is_new = call.words_stopped_at is None
        if is_new:
            call.words_stopped_at = await self._now()
        return Stop(call, is_new)

    async def page(self, which: CallFilter, *, after: Place | None = None, limit: int = PAGE) -> Sequence[Call]:
        """Return the newest ``limit`` calls older than ``after``, with ``agent`` and ``number``."""
        shown = _filtered(self._mine(), which).options(joinedload(Call.agent), joinedload(Call.number))
        if after is not None:
            shown = shown.where(tuple_(Call.started_at, Call.id) < tuple_(after.started_at, after.id))
        newest_first = shown.order_by(Call.started_at.desc(), Call.id.desc())
        return (await self._session.scalars(newest_first.limit(limit))).all()

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
        return self._mine().where(Call.call_sid == call_sid)

    async def _now(self) -> datetime:
        return (await self._session.scalars(select(func.now()))).one()


def _is_news(state: Transcription) -> ColumnElement[bool]:
    """Whether ``state`` says more than what is stored: its news may arrive late, from Twilio and from media."""
    match state:
        case "failed":
            return true()
        case "ended":
            return Call.transcription.is_distinct_from("failed")
        case "transcribing":  # a new stream may follow an ended or failed one, but not a call that is over
            return Call.outcome.is_(None)
    return and_(Call.outcome.is_(None), func.coalesce(Call.transcription, "").not_in(("failed", "ended")))


def _filtered(calls: Select[Call], which: CallFilter) -> Select[Call]:
    for name in ("direction", "outcome", "agent_id", "number_id"):
        value = getattr(which, name)
        if value is not None:
            calls = calls.where(getattr(Call, name) == value)
    if which.since is not None:
        calls = calls.where(Call.started_at >= which.since)
    if which.until is not None:
        calls = calls.where(Call.started_at < which.until)
    return calls


_PROGRESS = [field.name for field in fields(CallProgress)]


def _progress(call: Call) -> CallProgress:
    return CallProgress(**{name: getattr(call, name) for name in _PROGRESS})


def _store(call: Call, progress: CallProgress) -> None:
    for name, value in asdict(progress).items():
        setattr(call, name, value)
    call.outcome = progress.outcome
    call.reason = progress.settled_reason
