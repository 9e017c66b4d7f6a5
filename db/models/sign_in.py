"""Sign-in: mailed links, second factors (operators share the columns), the organisation's own identity provider."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import Base, Role, belongs, one_of
from db.encryption import Encrypted
from db.models.people import Member


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


class SignOut(Base):
    """A sign-in ended before its cookie expired, so that a copied cookie is invalid, too."""

    __tablename__ = "sign_outs"

    sign_in_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The ``jti`` of the cookie's JWT."""
    expires_at: Mapped[datetime] = mapped_column(index=True)
    """When the JWT expires and this row is no longer needed."""


class Authenticator:
    """What somebody's authenticator app shares with us (TOTP)."""

    secret: Mapped[str] = mapped_column(Encrypted)
    """In base32, as the app reads it."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    confirmed_at: Mapped[datetime | None]
    """When the app showed a right code; None: it is only proposed, and nobody is asked for one."""
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    """The step of time of the last code that was taken: neither it nor an earlier one is taken again."""


class OneTimeCode:
    """A code that stands in once for an authenticator app. Only its SHA-256 is stored."""

    code_hash: Mapped[bytes] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]


class SecondFactor(Authenticator, Base):
    """A member's authenticator app."""

    __tablename__ = "second_factors"
    __table_args__ = (belongs("member_id", "members"),)

    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))


class RecoveryCode(OneTimeCode, Base):
    """A member's recovery code."""

    __tablename__ = "recovery_codes"
    __table_args__ = (belongs("member_id", "members"), Index("ix_recovery_codes_member_id", "member_id"))

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    member_id: Mapped[UUID]


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
    """The role of a member with none of these values; None: they may not sign in."""
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
