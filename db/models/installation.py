"""What belongs to no organisation: mails that wait, rate limits, backups."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base
from db.encryption import Encrypted


class Mail(Base):
    """A mail that waits to be sent. A sign-in link's token is not in it: that is made just before the mail leaves."""

    __tablename__ = "mails"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    sealed: Mapped[str] = mapped_column(Encrypted)
    """JSON: its kind, and what its writer needs to know."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    cleared_at: Mapped[datetime | None]
    """When an attempt was first allowed to send it."""


class RateLimit(Base):
    """How often something was done in one time window. ``key`` is a keyed hash of the limit and its subject."""

    __tablename__ = "rate_limits"

    key: Mapped[bytes] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    count: Mapped[int]


class Backup(Base):
    """A backup that was verified by restoring it (deploy/backup/backup.sh)."""

    __tablename__ = "backups"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    finished_at: Mapped[datetime] = mapped_column(server_default=func.now())
    bytes: Mapped[int] = mapped_column(BigInteger)
