"""Who runs the installation. They are members of no organisation."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, OperatorRole, one_of
from db.encryption import Encrypted
from db.models.sign_in import Authenticator, OneTimeCode

_STILL_HERE = text("removed_at IS NULL")


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


class OperatorFactor(Authenticator, Base):
    """An operator's authenticator app. Nobody is signed in as an operator without one."""

    __tablename__ = "operator_factors"

    operator_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id"), primary_key=True)


class OperatorRecoveryCode(OneTimeCode, Base):
    """An operator's recovery code."""

    __tablename__ = "operator_recovery_codes"

    operator_id: Mapped[UUID] = mapped_column(ForeignKey("operators.id"), index=True)


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
