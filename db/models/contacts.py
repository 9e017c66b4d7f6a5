"""Names for customers' numbers, and numbers that are refused."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, belongs
from db.encryption import Encrypted
from db.models.people import Member


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
