"""How a number is bought, and the regulatory bundle that it needs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, BundleStatus, OrderState, Wanted, belongs, one_of
from db.encryption import Encrypted

_TAKEN = text("state NOT IN ('released', 'failed')")


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
