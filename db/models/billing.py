"""What an organisation pays for, as Stripe last showed it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Attention, Base, EventState, SubscriptionStatus, one_of

PATIENCE = timedelta(days=3)
"""For how long a failed Stripe event is tried again: Stripe repeats an unanswered webhook for as long."""


class Subscription(Base):
    """An organisation's subscription, as Stripe last showed it. A newer one replaces one that has ended."""

    __tablename__ = "subscriptions"
    __table_args__ = (one_of("status", SubscriptionStatus), one_of("attention", Attention))

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    stripe_customer_id: Mapped[str | None] = mapped_column(unique=True)
    stripe_subscription_id: Mapped[str | None] = mapped_column(unique=True)
    status: Mapped[SubscriptionStatus | None]
    """None until Stripe has shown a subscription."""
    seats: Mapped[int] = mapped_column(default=0)
    current_period_end: Mapped[datetime | None]
    cancel_at_period_end: Mapped[bool] = mapped_column(default=False)
    paid_at: Mapped[datetime | None]
    """When this subscription was first paid. Until then nothing is granted, whatever its status."""
    past_due_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    """When the organisation last became unpaid, paused or cancelled."""
    release_after: Mapped[datetime | None] = mapped_column(index=True)
    """When its numbers are released, unless it pays before."""
    asked_at: Mapped[datetime | None]
    """When Stripe was asked for this row's contents; an answer to an earlier question does not overwrite it."""
    attention: Mapped[Attention | None]
    """Condition beside the status that somebody should act on; see `db.queries.organisations.ATTENTION`."""
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StripeEvent(Base):
    """One Stripe event, stored so that it is acted on once and failures are visible. Its contents are not stored."""

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
    """How often it was acted on, the present attempt included."""


class Notice(Base):
    """A mail sent to an organisation about payments: once per kind and occasion."""

    __tablename__ = "notices"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    about: Mapped[str] = mapped_column(primary_key=True)
    """The occasion: the subscription and the day it ran out of grace."""
    sent_at: Mapped[datetime] = mapped_column(server_default=func.now())
