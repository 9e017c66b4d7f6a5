"""An organisation's members and their groups."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import DateTime, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Role, belongs, one_of
from db.encryption import Encrypted
from db.models.organisations import Organisation

_STILL_HERE = text("removed_at IS NULL")
_HAS_ACCEPTED = text("removed_at IS NULL AND accepted_at IS NOT NULL")


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
