"""An organisation, its audit log, and how it is closed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, ClosureState, Listening, OrganisationStatus, belongs, one_of
from db.encryption import Encrypted


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
