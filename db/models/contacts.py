"""What is kept of customers by their numbers, and numbers that are refused."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, belongs
from db.encryption import Encrypted
from db.models.people import Member


class Contact(Base):
    """What an organisation keeps for a phone number. One person's numbers are rows with the same name and wishes."""

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("organisation_id", "number_hash"),
        UniqueConstraint("organisation_id", "id"),
        belongs("part_of", "contacts"),
        Index("ix_contacts_part_of", "organisation_id", "part_of", postgresql_where=text("part_of IS NOT NULL")),
        Index(
            "ix_contacts_list",
            *("organisation_id", text("created_at DESC"), text("id DESC")),
            postgresql_where=text("part_of IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(Encrypted)
    number: Mapped[str] = mapped_column(Encrypted)
    number_hash: Mapped[bytes]
    """As ``calls.customer_hash``."""
    do_not_call: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    do_not_transcribe: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    part_of: Mapped[UUID | None]
    """The contact whose further number this is; None: it stands for a person. Never that of a further number."""
    own_name: Mapped[str | None] = mapped_column(Encrypted)
    """What it was called before it was merged: split off, it is called so again."""


class ContactNote(Base):
    """What a member wrote about a contact. It hangs on one of the person's numbers, and goes where that goes."""

    __tablename__ = "contact_notes"
    __table_args__ = (
        belongs("contact_id", "contacts", cascades=True),
        belongs("author_id", "members"),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_contact_notes_contact_id", "contact_id", text("written_at DESC")),
        Index("ix_contact_notes_list", "organisation_id", text("written_at DESC"), text("id DESC")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    contact_id: Mapped[UUID]
    author_id: Mapped[UUID]
    text: Mapped[str] = mapped_column(Encrypted)
    written_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    changed_at: Mapped[datetime | None]


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
