"""Calls in progress and who may be rung: conferences, offers, presence, and the lists that agents choose from."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, ChoiceKind, ChosenPresence, OfferKind, OfferResult, belongs, one_of
from db.encryption import Encrypted

_RINGS = text("ended_at IS NULL")


class Conference(Base):
    """The conference of a call: its wanted and its known state (`web.conferences.machine.room`).

    The row outlives the call for a while, for callbacks that come late.
    """

    __tablename__ = "conferences"
    __table_args__ = (
        belongs("call_id", "calls", cascades=True),
        Index("ix_conferences_live", "organisation_id", postgresql_where=text("phase <> 'over'")),
        Index("ix_conferences_wakes_at", "wakes_at", postgresql_where=text("wakes_at IS NOT NULL")),
    )

    call_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    conference_sid: Mapped[str | None] = mapped_column(unique=True)
    phase: Mapped[str]
    """Copied from ``state``, so that the database can select by it."""
    state: Mapped[str] = mapped_column(Encrypted)
    """JSON: it holds phone numbers of third parties."""
    version: Mapped[int] = mapped_column(default=0)
    """Counts the changes of ``state`` that phones show."""
    heard_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When Twilio last said something about it."""
    wakes_at: Mapped[datetime | None]
    """When it must be looked at again, whatever happens until then."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Offer(Base):
    """A call that rings at a member's console, or rang there."""

    __tablename__ = "offers"
    __table_args__ = (
        one_of("kind", OfferKind),
        one_of("result", OfferResult),
        belongs("call_id", "calls", cascades=True),
        belongs("member_id", "members"),
        Index("ix_offers_call_id", "call_id"),
        Index("ix_offers_open", "organisation_id", postgresql_where=_RINGS),
        Index("uq_offers_open", "call_id", "member_id", unique=True, postgresql_where=_RINGS),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    call_id: Mapped[UUID]
    member_id: Mapped[UUID]
    kind: Mapped[OfferKind] = mapped_column(default="call")
    offered_at: Mapped[datetime] = mapped_column(server_default=func.now())
    until: Mapped[datetime]
    """When it stops ringing there."""
    ended_at: Mapped[datetime | None]
    result: Mapped[OfferResult | None]


class Presence(Base):
    """What a member chose, and what their console last proved (`web.phone.presence`)."""

    __tablename__ = "presence"
    __table_args__ = (
        one_of("chosen", ChosenPresence),
        belongs("member_id", "members"),
        belongs("break_reason_id", "choices"),
        belongs("switched_off_by", "members"),
        Index("ix_presence_organisation_id", "organisation_id"),
    )

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    chosen: Mapped[ChosenPresence] = mapped_column(default="offline", server_default="offline")
    break_reason_id: Mapped[UUID | None]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    """When ``chosen`` was set."""
    idle_since: Mapped[datetime | None]
    """Since when they have been free for a call; the longest is rung first."""
    console: Mapped[str | None]
    """The console whose phone rings, by the id that its browser made up."""
    beat_at: Mapped[datetime | None]
    """When that console was last heard of."""
    registered: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    microphone: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether that console may use a microphone."""
    wrap_up_call_id: Mapped[UUID | None]
    """No foreign key: the call may be deleted before its member is on the phone again."""
    wrap_up_until: Mapped[datetime | None]
    on_since: Mapped[datetime | None]
    """When they were last offline and came on; ends after half a day."""
    switched_off_by: Mapped[UUID | None]
    """The supervisor who made them offline; None if they chose it."""


class Choice(Base):
    """An entry of an organisation's own lists: reasons for breaks, outcomes of calls, tags."""

    __tablename__ = "choices"
    __table_args__ = (
        one_of("kind", ChoiceKind),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_choices_organisation_id", "organisation_id", "kind", "position"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[ChoiceKind]
    label: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    removed_at: Mapped[datetime | None]
