"""The call log: calls, their legs, what happened in them, and their tags."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, Integer, SmallInteger, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, LegRole, MomentKind, Transcription, belongs, one_of
from db.call_progress import CallStatus, Direction, Outcome, Reason
from db.encryption import Encrypted
from db.models.numbers import Number
from db.models.people import Member

_LASTED, _WAITED = text("length_s IS NOT NULL"), text("wait_s IS NOT NULL")
TO_FILL = "(customer_hash IS NOT NULL AND suffix_key IS NULL) OR (outcome IS NOT NULL AND wait_s IS NULL)"
"""Calls that lack what the call log is searched by."""
_UNTRANSCRIBED = "transcription IN ('failed', 'waiting_for_slot')"


def _searched(name: str, *columns: str, only: str | None = None, beside: Sequence[str] = ()) -> Index:
    """Return an index of calls by ``columns``, the newest first; ``only`` of calls where it holds.

    It has the columns ``beside`` as well, so that these are read from it alone.
    """
    newest = (text("started_at DESC"), text("id DESC"))
    where = None if only is None else text(only)
    return Index(name, "organisation_id", *columns, *newest, postgresql_where=where, postgresql_include=beside)


class Call(Base):
    """One conversation, one row of the call log. ``call_sid`` is the parent leg's: see `db.call_progress`."""

    __tablename__ = "calls"
    __table_args__ = (
        one_of("direction", Direction),
        one_of("status", CallStatus),
        one_of("dial_status", CallStatus),
        one_of("outcome", Outcome),
        one_of("transcription", Transcription),
        one_of("reason", Reason),
        belongs("agent_id", "members"),
        belongs("callback_by", "members"),
        belongs("number_id", "numbers"),
        belongs("outcome_choice_id", "choices"),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_calls_open", "heard_at", postgresql_where=text("outcome IS NULL")),
        Index("ix_calls_customer", "organisation_id", "customer_hash", text("started_at DESC")),
        # What the call log is searched by: `db.queries.log.call_log` walks along one of these.
        _searched("ix_calls_by_time", beside=("length_s", "wait_s")),
        _searched("ix_calls_agent", "agent_id"),
        _searched("ix_calls_number", "number_id"),
        _searched("ix_calls_outcome", "outcome"),
        _searched("ix_calls_direction", "direction"),
        _searched("ix_calls_length", "length_band"),
        _searched("ix_calls_wait", "wait_band"),
        _searched("ix_calls_result", "outcome_choice_id", only="outcome_choice_id IS NOT NULL"),
        _searched("ix_calls_follow_up", only="follow_up"),
        _searched("ix_calls_source", "source", only="source IS NOT NULL"),
        _searched("ix_calls_gaps", only="gaps > 0"),
        _searched("ix_calls_words_stopped", only="words_stopped_at IS NOT NULL"),
        _searched("ix_calls_untranscribed", "transcription", only=_UNTRANSCRIBED),
        _searched("ix_calls_prefix", "prefix_key", only="prefix_key IS NOT NULL"),
        _searched("ix_calls_long_prefix", "long_prefix_key", only="long_prefix_key IS NOT NULL"),
        _searched("ix_calls_suffix", "suffix_key", only="suffix_key IS NOT NULL"),
        Index(
            "ix_calls_longest", "organisation_id", text("length_s DESC"), text("id DESC"), postgresql_where=_LASTED
        ),
        Index("ix_calls_waited", "organisation_id", text("wait_s DESC"), text("id DESC"), postgresql_where=_WAITED),
        Index("ix_calls_to_fill", "id", postgresql_where=text(TO_FILL)),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    call_sid: Mapped[str] = mapped_column(unique=True)
    direction: Mapped[Direction]
    from_number: Mapped[str] = mapped_column(Encrypted)
    to_number: Mapped[str] = mapped_column(Encrypted)
    agent_id: Mapped[UUID | None]
    """Who answered an inbound call, or dialled an outbound one."""
    number_id: Mapped[UUID | None]
    line_label: Mapped[str | None]
    """What ``numbers`` said of ``number_id`` when the call began; later changes do not rewrite it. Likewise below."""
    line_purpose: Mapped[str | None]
    source: Mapped[str | None]
    status: Mapped[CallStatus]
    dial_status: Mapped[CallStatus | None]
    outcome: Mapped[Outcome | None]
    """None while the call is in progress."""
    reason: Mapped[Reason | None]
    """Why no agent took it."""
    customer_hash: Mapped[bytes | None]
    """Finds the calls of one customer; None if they withheld their number."""
    prefix_key: Mapped[int | None] = mapped_column(BigInteger)
    """A keyed hash of the beginning of their number, see `db.queries.log.number_parts`. Likewise below."""
    long_prefix_key: Mapped[int | None] = mapped_column(BigInteger)
    suffix_key: Mapped[int | None] = mapped_column(BigInteger)
    part_keys: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    callback_by: Mapped[UUID | None]
    """Who was last about to call this caller back."""
    callback_at: Mapped[datetime | None]
    callback_requested_at: Mapped[datetime | None]
    """When the caller asked to be called back instead of waiting."""
    consent_declined_at: Mapped[datetime | None]
    """When the caller chose not to be transcribed."""
    opted_out_at: Mapped[datetime | None]
    """When a call began with somebody whose contact says not to transcribe; ``words_stopped_at`` is set with it."""
    outcome_choice_id: Mapped[UUID | None]
    """What the agent says came of it, one of the organisation's own outcomes."""
    follow_up: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    note: Mapped[str | None] = mapped_column(Encrypted)
    """The agent's own words, if the organisation wants notes."""
    wrapped_up_at: Mapped[datetime | None]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    duration_s: Mapped[int | None]
    """Seconds of the whole call, as Twilio bills it."""
    wait_s: Mapped[int | None]
    """Once it is answered or over: seconds until then. See `db.queries.log.call_times`, likewise below."""
    wait_band: Mapped[int | None] = mapped_column(SmallInteger)
    length_s: Mapped[int | None]
    length_band: Mapped[int | None] = mapped_column(SmallInteger)
    talk_s: Mapped[int | None]
    held_s: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Seconds that the customer was on hold, up to when they were last taken off."""
    transcription: Mapped[Transcription | None]
    """None if the call was never transcribed."""
    transcription_reason: Mapped[str | None]
    gaps: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How many stretches of it lack their words; `db.queries.log.call_moments` has each."""
    gaps_ms: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How long these are together, in ms."""
    delay_ms: Mapped[int | None]
    """How far its words were behind what was said, on average; None if there were none, or it goes on."""
    longest_delay_ms: Mapped[int | None]
    words_stopped_at: Mapped[datetime | None]
    """When transcription of this call was stopped; no stream of it is started afterwards."""
    on_hold: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Whether the customer hears hold music."""
    hold_changed_at: Mapped[datetime | None]
    """When they were last put on hold or taken off; None if they never were."""
    heard_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When the last callback or event about this call arrived; see `provisioning.schedule`."""

    agent: Mapped[Member | None] = relationship(lazy="raise_on_sql", viewonly=True, foreign_keys="Call.agent_id")
    number: Mapped[Number | None] = relationship(lazy="raise_on_sql", viewonly=True)

    @property
    def customer(self) -> str:
        """The other party's number, as Twilio sent it or as it was dialled."""
        return self.to_number if self.direction == "outbound" else self.from_number


class Leg(Base):
    """One dialled party's connection in a call: an agent's softphone or a customer's phone."""

    __tablename__ = "legs"
    __table_args__ = (
        one_of("status", CallStatus),
        one_of("role", LegRole),
        belongs("call_id", "calls"),
        belongs("member_id", "members"),
        Index("ix_legs_call_id", "call_id"),
    )

    leg_sid: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    call_id: Mapped[UUID]
    member_id: Mapped[UUID | None]
    status: Mapped[CallStatus]
    role: Mapped[LegRole | None]
    """None for a leg that was dialled by `<Dial>`, and never in a conference."""
    joined_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CallMoment(Base):
    """Something that happened in a call, where no other row tells of it. Never what was said."""

    __tablename__ = "call_moments"
    __table_args__ = (
        one_of("kind", MomentKind),
        belongs("call_id", "calls", cascades=True),
        belongs("member_id", "members"),
    )

    call_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[MomentKind] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    member_id: Mapped[UUID | None]
    """Who did it, or to whom."""
    detail: Mapped[str | None]
    """What `db.queries.log.call_moments` says of its kind."""


class CallTag(Base):
    """A tag of a call, one of the organisation's own."""

    __tablename__ = "call_tags"
    __table_args__ = (
        belongs("call_id", "calls", cascades=True),
        belongs("choice_id", "choices"),
        Index(
            "ix_call_tags_calls",
            *("organisation_id", "choice_id", text("started_at DESC"), text("call_id DESC")),
        ),
        Index("ix_call_tags_to_fill", "call_id", postgresql_where=text("started_at IS NULL")),
    )

    call_id: Mapped[UUID] = mapped_column(primary_key=True)
    choice_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    started_at: Mapped[datetime | None]
    """The call's, so that calls with one tag are found by their time."""
