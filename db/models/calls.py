"""The rows, and the constraints that keep them true whatever the code above does.

Times are ``timestamptz``, UTC. `Encrypted` columns are readable only with ``ENCRYPTION_KEYS``; a ``…_hash``
beside one is what finds it. A row of a tenant carries ``organisation_id``, and refers to another row of a
tenant by both keys, so that the database itself refuses to mix two organisations. Nothing here can hold what
was said.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import (
    Attention,
    Base,
    BundleStatus,
    ChoiceKind,
    ChosenPresence,
    ClosureState,
    CountSplit,
    DeliveryState,
    EventState,
    LegRole,
    Listening,
    MomentKind,
    OfferKind,
    OfferResult,
    OperatorRole,
    OrderState,
    OrganisationStatus,
    RingStrategy,
    Role,
    SubscriptionStatus,
    SwitchedOff,
    Transcription,
    WaitingSound,
    Wanted,
    belongs,
    one_of,
)
from db.call_progress import CallStatus, Direction, Outcome, Reason
from db.encryption import Encrypted
from db.public_holidays import Region

__all__ = [
    "TO_FILL",
    "AnsweringPlan",
    "ApiKey",
    "AuditEntry",
    "Backup",
    "Base",
    "BlockedNumber",
    "Bundle",
    "Call",
    "CallCount",
    "CallMoment",
    "CallTag",
    "Choice",
    "Closure",
    "Conference",
    "Contact",
    "Erasure",
    "GroupMember",
    "IdentityProvider",
    "IdentityRequest",
    "KeptAnswer",
    "Leg",
    "Mail",
    "Member",
    "MemberGroup",
    "Notice",
    "Number",
    "NumberHearing",
    "NumberOrder",
    "Offer",
    "Operator",
    "OperatorEntry",
    "OperatorLink",
    "Organisation",
    "OrganisationStatus",
    "PhraseHit",
    "PhraseRuleRow",
    "Presence",
    "RateLimit",
    "Recount",
    "RecoveryCode",
    "RingingPlan",
    "RingingPlanGroup",
    "Role",
    "SecondFactor",
    "SignInLink",
    "SignOut",
    "StripeEvent",
    "Subscription",
    "Transcription",
    "UnsaidPhrase",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
]

_STILL_HERE = text("removed_at IS NULL")
_HAS_ACCEPTED = text("removed_at IS NULL AND accepted_at IS NOT NULL")
_LASTED, _WAITED = text("length_s IS NOT NULL"), text("wait_s IS NOT NULL")
TO_FILL = "(customer_hash IS NOT NULL AND suffix_key IS NULL) OR (outcome IS NOT NULL AND wait_s IS NULL)"
"""Calls that lack what the call log is searched by."""
_RINGS = text("ended_at IS NULL")
_STILL_RENTED = text("released_at IS NULL")


def _searched(name: str, *columns: str, only: str | None = None) -> Index:
    """Return an index of calls by ``columns``, the newest first; ``only`` of calls where it holds."""
    newest = (text("started_at DESC"), text("id DESC"))
    where = None if only is None else text(only)
    return Index(name, "organisation_id", *columns, *newest, postgresql_where=where)


class Organisation(Base):
    """A tenant."""

    __tablename__ = "organisations"
    __table_args__ = (one_of("status", OrganisationStatus), one_of("listening", Listening))

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
    wrap_up_seconds: Mapped[int] = mapped_column(default=30, server_default=text("30"))
    """How long a member is not rung after a call; 0: not at all."""
    notes_on: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether members may type a note about a call."""
    notification_numbers: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether desktop notifications show the caller's number."""
    listening: Mapped[Listening] = mapped_column(default="prompt", server_default="prompt")
    """How those in a call learn that a supervisor is there: by a tone, by words, or the prompt has said that one may;
    off: none can be."""
    watchers_shown: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    """Whether agents are shown who reads their call or listens to it."""
    alert_call: Mapped[int | None] = mapped_column(default=1800, server_default=text("1800"))
    """When the wall raises an alert about a call, in seconds; None: never. This one: how long it lasts."""
    alert_hold: Mapped[int | None] = mapped_column(default=120, server_default=text("120"))
    alert_late_words: Mapped[int | None] = mapped_column(default=10, server_default=text("10"))
    alert_silence: Mapped[int | None] = mapped_column(default=60, server_default=text("60"))
    alert_waiting: Mapped[int | None] = mapped_column(default=60, server_default=text("60"))
    suspended_at: Mapped[datetime | None]
    """Since when nothing works for it: an operator has suspended it, or it is being closed."""
    suspended_for: Mapped[str | None] = mapped_column(Encrypted)
    """Why, as its members read it."""
    second_factor_required: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether owners and admins have to have a second factor."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def alert_limits(self) -> dict[str, int | None]:
        """The limits of alerts, by kind, in seconds."""
        return {
            "call": self.alert_call,
            "hold": self.alert_hold,
            "late_words": self.alert_late_words,
            "silence": self.alert_silence,
            "waiting": self.alert_waiting,
        }


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
    notice_confirmed_at: Mapped[datetime | None]
    """When they last confirmed that they have read what supervisors may watch."""
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


class SecondFactor(Base):
    """What a member's authenticator app shares with us (TOTP)."""

    __tablename__ = "second_factors"
    __table_args__ = (belongs("member_id", "members"),)

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    secret: Mapped[str] = mapped_column(Encrypted)
    """In base32, as the app reads it."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    confirmed_at: Mapped[datetime | None]
    """When the app showed a right code; None: it is only proposed, and nobody is asked for one."""
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    """The step of time of the last code that was taken: neither it nor an earlier one is taken again."""


class RecoveryCode(Base):
    """A code that stands in once for an authenticator app. Only its SHA-256 is stored."""

    __tablename__ = "recovery_codes"
    __table_args__ = (belongs("member_id", "members"), Index("ix_recovery_codes_member_id", "member_id"))

    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    member_id: Mapped[UUID]
    used_at: Mapped[datetime | None]


class IdentityProvider(Base):
    """The provider (OpenID Connect) by which an organisation's members sign in."""

    __tablename__ = "identity_providers"
    __table_args__ = (one_of("other_role", Role),)

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    issuer: Mapped[str]
    client_id: Mapped[str]
    client_secret: Mapped[str] = mapped_column(Encrypted)
    domains: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Of the addresses that may sign in by it, in ASCII."""
    role_claim: Mapped[str] = mapped_column(default="")
    """The claim that says a member's role; "": we keep the roles ourselves."""
    role_values: Mapped[Any] = mapped_column(JSONB, default=dict)
    """The value of that claim for each role."""
    other_role: Mapped[Role | None]
    """The role of who has none of these values; None: they may not sign in."""
    is_enforced: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether mailed links sign in nobody but owners."""


class IdentityRequest(Base):
    """A sign-in on its way to an organisation's provider and back. It is deleted as it comes back."""

    __tablename__ = "identity_requests"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the state that goes there and comes back."""
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    nonce: Mapped[str]
    verifier: Mapped[str] = mapped_column(Encrypted)
    """What proves that the code was issued to us (PKCE)."""
    expires_at: Mapped[datetime] = mapped_column(index=True)


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
        _searched("ix_calls_log"),
        _searched("ix_calls_agent", "agent_id"),
        _searched("ix_calls_number", "number_id"),
        _searched("ix_calls_outcome", "outcome"),
        _searched("ix_calls_direction", "direction"),
        _searched("ix_calls_length", "length_band"),
        _searched("ix_calls_wait", "wait_band"),
        _searched("ix_calls_result", "outcome_choice_id", only="outcome_choice_id IS NOT NULL"),
        _searched("ix_calls_follow_up", only="follow_up"),
        _searched("ix_calls_source", "source", only="source IS NOT NULL"),
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


class CallCount(Base):
    """How many calls of one day ended how, and how long they took; see `db.queries.reports`.

    The same calls three times: by the hour they began in, by line, by agent. Day and hour are the organisation's.
    """

    __tablename__ = "call_counts"
    __table_args__ = (
        one_of("split", CountSplit),
        belongs("number_id", "numbers", cascades=True),
        belongs("agent_id", "members", cascades=True),
        Index(
            "uq_call_counts_day",
            *("organisation_id", "split", "day", "hour", "number_id", "agent_id"),
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"))
    day: Mapped[date]
    split: Mapped[CountSplit]
    hour: Mapped[int | None] = mapped_column(SmallInteger)
    number_id: Mapped[UUID | None]
    agent_id: Mapped[UUID | None]
    inbound: Mapped[int]
    """Calls that began, also those that go on."""
    answered: Mapped[int]
    """Inbound, by an agent or at the overflow number."""
    overflowed: Mapped[int]
    """Of these, at the overflow number."""
    missed: Mapped[int]
    caller_left: Mapped[int]
    """Of the missed, by their reason; likewise below."""
    nobody_answered: Mapped[int]
    declined: Mapped[int]
    nobody_available: Mapped[int]
    outside_hours: Mapped[int]
    outbound: Mapped[int]
    reached: Mapped[int]
    unanswered: Mapped[int]
    busy: Mapped[int]
    failed: Mapped[int]
    answer_wait_s: Mapped[int] = mapped_column(BigInteger)
    """Seconds that callers waited who were answered, all together; likewise below."""
    missed_wait_s: Mapped[int] = mapped_column(BigInteger)
    length_s: Mapped[int] = mapped_column(BigInteger)
    """Of answered and reached calls."""
    talk_s: Mapped[int] = mapped_column(BigInteger)
    held_s: Mapped[int] = mapped_column(BigInteger)
    longest_wait_s: Mapped[int]
    """Of one caller."""
    longest_s: Mapped[int]
    wait_bands: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """Answered inbound calls by how long they waited: `db.queries.log.call_times.BANDS`."""
    length_bands: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """Answered and reached calls by how long they lasted."""


class Recount(Base):
    """A call has changed, so its day must be counted again. Triggers write it in the transaction of the change."""

    __tablename__ = "recounts"
    __table_args__ = (Index("ix_recounts_organisation", "organisation_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"))
    at: Mapped[datetime | None]
    """When that call began, to a quarter of an hour; None: every day must be counted again."""
    noted_at: Mapped[datetime] = mapped_column(server_default=func.now())


# -- the phone ---------------------------------------------------------------------------------------------------


class Conference(Base):
    """The conference of a call: what should be true of it, and what Twilio has shown (`web.conferences.room`).

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


class MemberGroup(Base):
    """Members who answer the same numbers."""

    __tablename__ = "member_groups"
    __table_args__ = (UniqueConstraint("organisation_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class GroupMember(Base):
    """A member's place in a group."""

    __tablename__ = "group_members"
    __table_args__ = (belongs("group_id", "member_groups", cascades=True), belongs("member_id", "members"))

    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    position: Mapped[int] = mapped_column(default=0)
    """In the fixed order of ringing."""


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


class Contact(Base):
    """A name for a phone number, as an organisation keeps it."""

    __tablename__ = "contacts"
    __table_args__ = (UniqueConstraint("organisation_id", "number_hash"), UniqueConstraint("organisation_id", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(Encrypted)
    number: Mapped[str] = mapped_column(Encrypted)
    number_hash: Mapped[bytes]
    """As ``calls.customer_hash``."""
    do_not_call: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    do_not_transcribe: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BlockedNumber(Base):
    """A number whose calls are refused and never ring."""

    __tablename__ = "blocked_numbers"
    __table_args__ = (UniqueConstraint("organisation_id", "number_hash"), belongs("blocked_by", "members"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    number: Mapped[str] = mapped_column(Encrypted)
    number_hash: Mapped[bytes]
    """As ``calls.customer_hash``."""
    blocked_by: Mapped[UUID]
    blocked_at: Mapped[datetime] = mapped_column(server_default=func.now())

    member: Mapped[Member] = relationship(lazy="raise_on_sql", viewonly=True)


# -- programs of the organisation's own -------------------------------------------------------------------------


class ApiKey(Base):
    """What a program of an organisation's own shows at the API. Its secret is known to that program alone."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        belongs("created_by", "members"),
        Index("ix_api_keys_organisation_id", "organisation_id", text("created_at DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    """The part of the key that is shown again, and by which it is found."""
    secret_hash: Mapped[bytes]
    """SHA-256 of the rest."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """To the minute."""
    revoked_at: Mapped[datetime | None]


class KeptAnswer(Base):
    """The answer to a write that named an idempotency key: sent again, the write gets this and is not done twice."""

    __tablename__ = "kept_answers"
    __table_args__ = (
        belongs("key_id", "api_keys", cascades=True),
        Index("uq_kept_answers_key_id", "key_id", "idempotency_hash", unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    key_id: Mapped[UUID]
    idempotency_hash: Mapped[bytes]
    request_hash: Mapped[bytes]
    """SHA-256 of what was asked for: the key must not be used again for something else."""
    status: Mapped[int]
    answer: Mapped[str] = mapped_column(Encrypted)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class WebhookEndpoint(Base):
    """Where an organisation wants to be told what happens: an address of its own choice, and which events."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        one_of("off_reason", SwitchedOff),
        UniqueConstraint("organisation_id", "id"),
        belongs("created_by", "members"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    url: Mapped[str] = mapped_column(Encrypted)
    types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret: Mapped[str] = mapped_column(Encrypted)
    """``whsec_…``: what is sent there is signed with it."""
    former_secret: Mapped[str | None] = mapped_column(Encrypted)
    former_until: Mapped[datetime | None]
    """Until then it is signed with the former secret, too."""
    created_by: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    failing_since: Mapped[datetime | None]
    """When the first attempt failed after the last one that succeeded."""
    warned_at: Mapped[datetime | None]
    """When the admins were told that it fails."""
    off_at: Mapped[datetime | None]
    off_reason: Mapped[SwitchedOff | None]


class WebhookEvent(Base):
    """Something that somebody wanted to be told, written in the transaction in which it happened."""

    __tablename__ = "webhook_events"
    __table_args__ = (UniqueConstraint("organisation_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    type: Mapped[str]
    body: Mapped[str] = mapped_column(Encrypted)
    """JSON, as it is sent. Never what was said."""
    at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class WebhookDelivery(Base):
    """An event on its way to one endpoint."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        one_of("state", DeliveryState),
        belongs("endpoint_id", "webhook_endpoints", cascades=True),
        belongs("event_id", "webhook_events", cascades=True),
        Index("uq_webhook_deliveries_endpoint_id", "endpoint_id", "event_id", unique=True),
        Index("ix_webhook_deliveries_log", "endpoint_id", text("created_at DESC")),
        Index("ix_webhook_deliveries_event_id", "event_id"),
        Index("ix_webhook_deliveries_due", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    endpoint_id: Mapped[UUID]
    event_id: Mapped[UUID]
    state: Mapped[DeliveryState] = mapped_column(default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(server_default=func.now())
    """While it waits. Whoever sends it now has put this off, so that nobody else does."""
    tried_at: Mapped[datetime | None]
    status: Mapped[int | None]
    """The HTTP status of the last answer."""
    error: Mapped[str | None]
    """Why there was no answer, as a code."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


# -- limits and backups ------------------------------------------------------------------------------------------


class PhraseRuleRow(Base):
    """A phrase rule of the organisation's own. ``removed_at``: calls in which it fired still name it."""

    __tablename__ = "phrase_rules"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        Index("ix_phrase_rules_organisation_id", "organisation_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    definition: Mapped[str] = mapped_column(Encrypted)
    """`protocol.phrases.PhraseRule` as JSON."""
    is_on: Mapped[bool] = mapped_column(default=False)
    """Otherwise it is a draft, which media does not know."""
    removed_at: Mapped[datetime | None]


class PhraseHit(Base):
    """A phrase rule fired in a call: which, when and by whom. Never what was said."""

    __tablename__ = "phrase_hits"
    __table_args__ = (
        belongs("call_id", "calls", cascades=True),
        belongs("rule_id", "phrase_rules"),
        Index("ix_phrase_hits_rule_id", "organisation_id", "rule_id", text("at DESC")),
    )

    call_id: Mapped[UUID] = mapped_column(primary_key=True)
    rule_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    speaker: Mapped[str]


class UnsaidPhrase(Base):
    """A sentence that had to be said in a call, and was not heard in it: which. Never what was said instead."""

    __tablename__ = "unsaid_phrases"
    __table_args__ = (
        belongs("call_id", "calls", cascades=True),
        belongs("rule_id", "phrase_rules"),
        Index("ix_unsaid_phrases_rule_id", "organisation_id", "rule_id"),
    )

    call_id: Mapped[UUID] = mapped_column(primary_key=True)
    rule_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))


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


# -- who runs the installation ----------------------------------------------------------------------------------


class Operator(Base):
    """A person who runs the installation. No member of any organisation: an account of its own."""

    __tablename__ = "operators"
    __table_args__ = (
        one_of("role", OperatorRole),
        Index("uq_operators_email_hash", "email_hash", unique=True, postgresql_where=_STILL_HERE),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    email: Mapped[str] = mapped_column(Encrypted)
    email_hash: Mapped[bytes]
    name: Mapped[str] = mapped_column(Encrypted)
    role: Mapped[OperatorRole]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    signed_out_at: Mapped[datetime | None]
    """When they last signed out; older sign-ins are invalid."""
    removed_at: Mapped[datetime | None]


class OperatorLink(Base):
    """An operator's sign-in link. Only its token's SHA-256 is stored."""

    __tablename__ = "operator_links"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    operator_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class OperatorEntry(Base):
    """What an operator did. Append-only as the organisations' audit log; whom it was about is forgotten with them."""

    __tablename__ = "operator_entries"
    __table_args__ = (Index("ix_operator_entries_at", text("at DESC"), text("id DESC")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    operator_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id"))
    operator: Mapped[str] = mapped_column(Encrypted)
    """Their name at that time."""
    action: Mapped[str]
    organisation_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("organisations.id", ondelete="SET NULL"), index=True
    )
    details: Mapped[str | None] = mapped_column(Encrypted)
    from_hash: Mapped[bytes | None]


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


class Closure(Base):
    """An organisation that is to be closed: how far that is (`provisioning.billing.closing`). Gone with it."""

    __tablename__ = "closures"
    __table_args__ = (one_of("state", ClosureState), belongs("asked_by", "members"))

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    state: Mapped[ClosureState] = mapped_column(default="waiting")
    asked_by: Mapped[UUID]
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    due_at: Mapped[datetime]
    """Until then it can be taken back."""
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """When ``state`` was last changed."""
    reminded_at: Mapped[datetime | None]


class Erasure(Base):
    """What is left of an organisation that was closed: that it was erased, and how much. Nothing says which it was.

    Its owners know ``id`` from the last mail.
    """

    __tablename__ = "erasures"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    erased_at: Mapped[datetime] = mapped_column(server_default=func.now())
    calls: Mapped[int] = mapped_column(BigInteger)
    members: Mapped[int] = mapped_column(BigInteger)
    audit_entries: Mapped[int] = mapped_column(BigInteger)


class Notice(Base):
    """A mail sent to an organisation about payments: once per kind and occasion."""

    __tablename__ = "notices"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    about: Mapped[str] = mapped_column(primary_key=True)
    """The occasion: the subscription and the day it ran out of grace."""
    sent_at: Mapped[datetime] = mapped_column(server_default=func.now())
