"""The rows, and the constraints that keep them true whatever the code above does.

Times are ``timestamptz``, UTC. `Encrypted` columns are readable only with ``ENCRYPTION_KEYS``; a ``…_hash``
beside one is what finds it. A row of a tenant carries ``organisation_id``, and refers to another row of a
tenant by both keys, so that the database itself refuses to mix two organisations. Nothing here can hold what
was said.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, BigInteger, DateTime, ForeignKey, Identity, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import (
    Attention,
    Base,
    BundleStatus,
    EventState,
    OrderState,
    OrganisationStatus,
    Role,
    SubscriptionStatus,
    Transcription,
    Wanted,
    belongs,
    one_of,
)
from db.call_progress import CallStatus, Direction, Outcome, Reason
from db.encryption import Encrypted
from db.public_holidays import Region

__all__ = [
    "AnsweringPlan",
    "AuditEntry",
    "Backup",
    "Base",
    "Bundle",
    "Call",
    "Leg",
    "Mail",
    "Member",
    "Notice",
    "Number",
    "NumberOrder",
    "Organisation",
    "OrganisationStatus",
    "RateLimit",
    "Role",
    "SignInLink",
    "SignOut",
    "StripeEvent",
    "Subscription",
    "Transcription",
]

_STILL_HERE = text("removed_at IS NULL")
_HAS_ACCEPTED = text("removed_at IS NULL AND accepted_at IS NOT NULL")
_MISSED = text("outcome = 'missed'")
_STILL_RENTED = text("released_at IS NULL")


class Organisation(Base):
    """A tenant."""

    __tablename__ = "organisations"
    __table_args__ = (one_of("status", OrganisationStatus),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(Encrypted)
    status: Mapped[OrganisationStatus] = mapped_column(default="incomplete")
    consent_prompt: Mapped[str | None]
    """Prompt that callers hear before transcription; None for the default."""
    time_zone: Mapped[str] = mapped_column(default="Australia/Sydney")
    legal_name: Mapped[str | None] = mapped_column(Encrypted)
    """Name in the Australian Business Register, under ``abn``."""
    abn: Mapped[str | None] = mapped_column(Encrypted)
    """Australian Business Number, eleven digits."""
    street: Mapped[str | None] = mapped_column(Encrypted)
    locality: Mapped[str | None] = mapped_column(Encrypted)
    """Town or suburb of the address, in which its number is searched."""
    region: Mapped[str | None] = mapped_column(Encrypted)
    """State or territory: ``NSW``."""
    postcode: Mapped[str | None] = mapped_column(Encrypted)
    seats_wanted: Mapped[int | None]
    """Seats chosen at sign-up or later, before any are paid for."""
    call_log_days: Mapped[int | None]
    """Days its calls stay in the call log; None for the default."""
    dial_countries: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """Countries that its members may call, if the platform allows them, too (ISO 3166); None for the default."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Member(Base):
    """A person in an organisation. An address belongs to one member at a time, once they have accepted."""

    __tablename__ = "members"
    __table_args__ = (
        one_of("role", Role),
        UniqueConstraint("organisation_id", "id"),
        Index("uq_members_email_hash", "email_hash", unique=True, postgresql_where=_HAS_ACCEPTED),
        Index(
            "uq_members_organisation_email",
            *("organisation_id", "email_hash"),
            unique=True,
            postgresql_where=_STILL_HERE,
        ),
        Index("ix_members_email_hash", "email_hash", postgresql_where=_STILL_HERE),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    email: Mapped[str] = mapped_column(Encrypted)
    email_hash: Mapped[bytes]
    name: Mapped[str] = mapped_column(Encrypted)
    role: Mapped[Role]
    available: Mapped[bool] = mapped_column(default=False)
    """Whether calls may ring at this member's console."""
    available_at: Mapped[datetime | None]
    """When ``available`` was last set."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    accepted_at: Mapped[datetime | None] = mapped_column(
        DateTime(timezone=True).evaluates_none(), default=lambda: datetime.now(UTC)
    )
    """When they accepted by a link; None while only invited: the address is not theirs yet."""
    signed_out_at: Mapped[datetime | None]
    """When they were last signed out everywhere; older sign-ins are invalid."""
    missed_seen_at: Mapped[datetime | None]
    """When they last looked at the missed calls."""
    removed_at: Mapped[datetime | None]

    organisation: Mapped[Organisation] = relationship(lazy="raise_on_sql")


class SignInLink(Base):
    """A mailed sign-in link. Only its token's SHA-256 is stored, so the table opens nothing."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id", ondelete="CASCADE"), index=True)
    requested_from: Mapped[bytes]
    """Keyed hash of the network address that requested it."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]

    member: Mapped[Member] = relationship(lazy="raise_on_sql")


class Mail(Base):
    """A mail that waits to be sent. A sign-in link's token is not in it: that is made just before the mail leaves."""

    __tablename__ = "mails"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sealed: Mapped[str] = mapped_column(Encrypted)
    """JSON: its kind, and what its writer needs to know."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    cleared_at: Mapped[datetime | None]
    """When an attempt was first allowed to send it."""


class SignOut(Base):
    """A sign-in ended before its cookie expired, so that a copied cookie is invalid, too."""

    __tablename__ = "sign_outs"

    sign_in_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The ``jti`` of the cookie's JWT."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    """When the JWT expires and this row is no longer needed."""


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
        UniqueConstraint("organisation_id", "id"),
        Index("ix_calls_log", "organisation_id", text("started_at DESC"), text("id DESC")),
        Index("ix_calls_agent", "organisation_id", "agent_id", text("started_at DESC"), text("id DESC")),
        Index("ix_calls_open", "heard_at", postgresql_where=text("outcome IS NULL")),
        Index("ix_calls_missed", "organisation_id", text("started_at DESC"), postgresql_where=_MISSED),
        Index("ix_calls_customer", "organisation_id", "customer_hash", text("started_at DESC")),
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
    status: Mapped[CallStatus]
    dial_status: Mapped[CallStatus | None]
    outcome: Mapped[Outcome | None]
    """None while the call is in progress."""
    reason: Mapped[Reason | None]
    """Why no agent took it."""
    customer_hash: Mapped[bytes | None]
    """Finds the calls of one customer; None if they withheld their number."""
    callback_by: Mapped[UUID | None]
    """Who was last about to call this caller back."""
    callback_at: Mapped[datetime | None]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    duration_s: Mapped[int | None]
    """Seconds of the whole call, as Twilio bills it."""
    transcription: Mapped[Transcription | None]
    """None if the call was never transcribed."""
    transcription_reason: Mapped[str | None]
    words_stopped_at: Mapped[datetime | None]
    """When transcription of this call was stopped; no stream of it is started afterwards."""
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
        belongs("call_id", "calls"),
        belongs("member_id", "members"),
        Index("ix_legs_call_id", "call_id"),
    )

    leg_sid: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    call_id: Mapped[UUID]
    member_id: Mapped[UUID | None]
    status: Mapped[CallStatus]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RateLimit(Base):
    """How often something was done in one time window. ``key`` is a keyed hash of the limit and its subject."""

    __tablename__ = "rate_limits"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    count: Mapped[int]


class Backup(Base):
    """A backup that was verified by restoring it (deploy/backup.sh)."""

    __tablename__ = "backups"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    finished_at: Mapped[datetime] = mapped_column(server_default=func.now())
    bytes: Mapped[int] = mapped_column(BigInteger)


# -- what is paid for --------------------------------------------------------------------------------------------

_TAKEN = text("state NOT IN ('released', 'failed')")


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


class NumberOrder(Base):
    """A number order: the state of its purchase, written before each step."""

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
    """What pays for it: a subscription's id for the first number; unique per order. None while only held."""
    state: Mapped[OrderState]
    candidate: Mapped[str | None] = mapped_column(Encrypted)
    """The number to buy (``+61…``). Two orders in progress never have the same one."""
    candidate_hash: Mapped[bytes | None]
    wanted: Mapped[Wanted] = mapped_column(default=dict)
    held_until: Mapped[datetime | None]
    choosing_until: Mapped[datetime | None]
    """Until then members may be choosing: no number is chosen automatically."""
    twilio_sid: Mapped[str | None]
    number_id: Mapped[UUID | None]
    attempts: Mapped[int] = mapped_column(default=0)
    error_code: Mapped[int | None]
    """Twilio's error code of the last attempt, if it failed."""
    error_sentence: Mapped[str | None]
    """What an admin can do about it."""
    next_try_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())


class Bundle(Base):
    """An organisation's regulatory bundle at Twilio, which Australian numbers require."""

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
    """An audit entry. The database rejects changes and deletions, except re-encryption by `db.rotate`."""

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
    """A mail sent to an organisation about payments: once per kind and occasion."""

    __tablename__ = "notices"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    about: Mapped[str] = mapped_column(primary_key=True)
    """The occasion: the subscription and the day it ran out of grace."""
    sent_at: Mapped[datetime] = mapped_column(server_default=func.now())
