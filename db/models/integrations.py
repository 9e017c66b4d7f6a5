"""An organisation's own programs: API keys and webhooks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, DeliveryState, SwitchedOff, belongs, one_of
from db.encryption import Encrypted


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
