"""The rows of what is paid for: subscriptions, Stripe's events, numbers on the way, their papers, the audit log."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import (
    Attention,
    Base,
    BundleStatus,
    EventState,
    OrderState,
    SubscriptionStatus,
    Wanted,
    belongs,
    one_of,
)
from db.encryption import Encrypted

_TAKEN = text("state NOT IN ('released', 'failed')")


class Subscription(Base):
    """An organisation's agreement with us, as Stripe last showed it. A newer one takes the ended one's place."""

    __tablename__ = "subscriptions"
    __table_args__ = (one_of("status", SubscriptionStatus), one_of("attention", Attention))

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    stripe_customer_id: Mapped[str | None] = mapped_column(unique=True)
    stripe_subscription_id: Mapped[str | None] = mapped_column(unique=True)
    status: Mapped[SubscriptionStatus | None]
    """None until Stripe has told of a subscription."""
    seats: Mapped[int] = mapped_column(default=0)
    current_period_end: Mapped[datetime | None]
    cancel_at_period_end: Mapped[bool] = mapped_column(default=False)
    paid_at: Mapped[datetime | None]
    """When money first came for this subscription. Until then nothing is granted, whatever its status."""
    past_due_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """When the organisation last lost its numbers' use: unpaid, paused or cancelled."""
    release_after: Mapped[datetime | None] = mapped_column(index=True)
    """When its numbers are given back, unless it pays before."""
    asked_at: Mapped[datetime | None]
    """When Stripe was asked for what stands here; an answer to an earlier question is not written over it."""
    attention: Mapped[Attention | None]
    """What else about the subscription somebody should know or do; see `db.queries.organisations.ATTENTION`."""
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StripeEvent(Base):
    """One event of Stripe's, kept so that it is acted on once and a failure is seen. Its contents are not kept."""

    __tablename__ = "stripe_events"
    __table_args__ = (
        one_of("state", EventState),
        Index("ix_stripe_events_organisation_id", "organisation_id", text("received_at DESC")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    state: Mapped[EventState] = mapped_column(default="received")
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    """How often it was, or is about to be, acted on."""


class NumberOrder(Base):
    """A number on its way to an organisation: what the purchase saga knows, written before each step."""

    __tablename__ = "number_orders"
    __table_args__ = (
        one_of("state", OrderState),
        belongs("number_id", "numbers"),
        Index("uq_number_orders_candidate_hash", "candidate_hash", unique=True, postgresql_where=_TAKEN),
        Index("ix_number_orders_organisation_id", "organisation_id", text("created_at DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    paid_by: Mapped[str | None] = mapped_column(unique=True)
    """What pays for it: a subscription's id for the first number; one order each. None while only held."""
    state: Mapped[OrderState]
    candidate: Mapped[str | None] = mapped_column(Encrypted)
    """The number to buy (``+61…``). Two orders that are under way never have the same one."""
    candidate_hash: Mapped[bytes | None]
    wanted: Mapped[Wanted] = mapped_column(default=dict)
    held_until: Mapped[datetime | None]
    choosing_until: Mapped[datetime | None]
    """Somebody looks at numbers to choose from: none is chosen for them before then."""
    twilio_sid: Mapped[str | None]
    number_id: Mapped[UUID | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[int | None]
    """Twilio's, of the last attempt if that failed."""
    error_sentence: Mapped[str | None]
    """What an admin can do about it."""
    next_try_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Bundle(Base):
    """An organisation's regulatory papers at Twilio, without which no Australian number is sold to it."""

    __tablename__ = "bundles"
    __table_args__ = (one_of("status", BundleStatus),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    bundle_sid: Mapped[str | None] = mapped_column(unique=True)
    address_sid: Mapped[str | None]
    end_user_sid: Mapped[str | None]
    status: Mapped[BundleStatus] = mapped_column(default="draft")
    reasons: Mapped[str | None] = mapped_column(Encrypted)
    """Why it was rejected, in Twilio's words."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class AuditEntry(Base):
    """Who did what. The database refuses to change or remove one, but for `db.rotate` of what is encrypted."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        belongs("actor_id", "members"),
        Index("ix_audit_entries_log", "organisation_id", text("at DESC"), text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor_id: Mapped[UUID | None]
    """The member; None for Stripe, Twilio and ourselves."""
    actor: Mapped[str] = mapped_column(Encrypted)
    """Their name at that time."""
    action: Mapped[str]
    """``noun.verb``: see `db.queries.audit.record`."""
    details: Mapped[str | None] = mapped_column(Encrypted)
    """A JSON object."""
    from_hash: Mapped[bytes | None]
    """Keyed hash of the network address it was done from."""


class Notice(Base):
    """A mail that was sent to an organisation about its money: once for each kind and occasion."""

    __tablename__ = "notices"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    about: Mapped[str] = mapped_column(primary_key=True)
    """The occasion: the subscription and the day it ran out of grace."""
    sent_at: Mapped[datetime] = mapped_column(server_default=func.now())
