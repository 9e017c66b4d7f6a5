"""A rented number and how its calls are answered, rung and heard."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Region, RingStrategy, WaitingSound, belongs, one_of
from db.encryption import Encrypted

_STILL_RENTED = text("released_at IS NULL")


class Number(Base):
    """A phone number rented for an organisation. After release the same number may come to another one."""

    __tablename__ = "numbers"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        Index("uq_numbers_e164_hash", "e164_hash", unique=True, postgresql_where=_STILL_RENTED),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    e164: Mapped[str] = mapped_column(Encrypted)
    e164_hash: Mapped[bytes]
    label: Mapped[str] = mapped_column(default="")
    purpose: Mapped[str] = mapped_column(default="", server_default="")
    """What callers of it want, in the organisation's words."""
    source: Mapped[str] = mapped_column(default="", server_default="")
    """Where it is advertised: the campaign its calls are counted under."""
    twilio_sid: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    released_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    """When Twilio's settings of the number were last read back and found correct."""


class AnsweringPlan(Base):
    """What callers of a number get: when it is open, and what happens when no agent can be rung.

    `db.queries.answering_plans` says what the JSON columns hold. A number without a row is always open.
    """

    __tablename__ = "answering_plans"
    __table_args__ = (one_of("region", Region), belongs("number_id", "numbers"))

    number_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    week: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    """None: always open, and what follows about days does not count."""
    time_zone: Mapped[str | None]
    """None: the organisation's."""
    region: Mapped[Region | None]
    """Whose public holidays are kept."""
    own_days: Mapped[Any] = mapped_column(JSONB, default=list)
    closed_announcement: Mapped[str | None]
    """None, here and below: our own words."""
    closed_overflow: Mapped[str | None] = mapped_column(Encrypted)
    """A phone number (``+61…``), here and below, where callers are put through instead."""
    unanswered_announcement: Mapped[str | None]
    unanswered_overflow: Mapped[str | None] = mapped_column(Encrypted)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class RingingPlan(Base):
    """Whom a number's calls ring, and what its callers hear and get while they wait. Without a row: the defaults."""

    __tablename__ = "ringing_plans"
    __table_args__ = (
        one_of("strategy", RingStrategy),
        one_of("waiting", WaitingSound),
        belongs("number_id", "numbers"),
        UniqueConstraint("organisation_id", "number_id"),
    )

    number_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    strategy: Mapped[RingStrategy] = mapped_column(default="longest_idle")
    ring_seconds: Mapped[int] = mapped_column(default=20)
    """How long a call rings at one member before the next."""
    wait_seconds: Mapped[int] = mapped_column(default=120)
    """How long a caller waits before the number's plan for unanswered calls."""
    waiting: Mapped[WaitingSound] = mapped_column(default="ringing")
    offers_callback: Mapped[bool] = mapped_column(default=False)
    asks_consent: Mapped[bool] = mapped_column(default=False)
    """Whether callers may press a key not to be transcribed."""


class RingingPlanGroup(Base):
    """A group that a number's calls ring, in order; without any, everybody."""

    __tablename__ = "ringing_plan_groups"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "number_id"],
            ["ringing_plans.organisation_id", "ringing_plans.number_id"],
            ondelete="CASCADE",
        ),
        belongs("group_id", "member_groups", cascades=True),
    )

    number_id: Mapped[UUID] = mapped_column(primary_key=True)
    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    position: Mapped[int] = mapped_column(default=0)


class NumberHearing(Base):
    """How calls of a number become words. Without a row: in the installation's language, with nothing left out."""

    __tablename__ = "number_hearings"
    __table_args__ = (belongs("number_id", "numbers"),)

    number_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    language: Mapped[str | None]
    """``en-AU``; None: the installation's."""
    vocabulary: Mapped[str | None]
    """The name of a custom vocabulary at Transcribe, of that language."""
    redacts: Mapped[bool] = mapped_column(default=False)
    """Whether personal details are left out."""
    prompt: Mapped[str | None]
    """What callers hear before they are transcribed; None: the organisation's words."""
