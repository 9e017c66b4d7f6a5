"""Operators and their sign-in links. A link's token is stored as its SHA-256 alone, and works once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db import email_addresses
from db.base import OperatorRole
from db.encryption import keyring_of
from db.models import Operator, OperatorLink
from db.queries import rate_limits
from db.queries.operators.factors import OperatorFactors
from db.queries.rate_limits import Limit

LIFETIME = timedelta(minutes=15)
MAILS = Limit("operator link", count=1, seconds=60)
"""To one address, whoever asks for them."""


async def by_email(session: AsyncSession, email: str) -> Operator | None:
    """Return the operator with that address."""
    hashes = keyring_of(session).hashes("email", email_addresses.key(email))
    here = select(Operator).where(Operator.email_hash.in_(hashes), Operator.removed_at.is_(None))
    return await session.scalar(here)


async def by_id(session: AsyncSession, operator_id: UUID) -> Operator | None:
    """Return that operator; None once removed."""
    return await session.scalar(select(Operator).where(Operator.id == operator_id, Operator.removed_at.is_(None)))


async def admit(session: AsyncSession, email: str, name: str, role: OperatorRole) -> Operator:
    """Return the operator with that address, with this name and role: a new one, or who has been there."""
    operator = await by_email(session, email)
    if operator is None:
        digest = keyring_of(session).hash("email", email_addresses.key(email))
        operator = Operator(email=email, email_hash=digest, name=name, role=role)
        session.add(operator)
    operator.name, operator.role = name, role
    await session.flush()
    return operator


async def remove(session: AsyncSession, operator: Operator) -> None:
    """End it: sign-ins and links are invalid at once. What was done stays in the log."""
    await OperatorFactors(session).remove(operator.id)
    operator.removed_at = await session.scalar(select(func.now()))
    await session.flush()


async def link(session: AsyncSession, operator_id: UUID) -> str:
    """Create a link for that operator; return its token, kept nowhere else."""
    token = secrets.token_urlsafe(32)
    expires = datetime.now(UTC) + LIFETIME
    session.add(OperatorLink(token_hash=_hash(token), operator_id=operator_id, expires_at=expires))
    await session.flush()
    return token


async def may_mail(session: AsyncSession, email: str) -> bool:
    """Return whether a link may go to ``email`` now because somebody asked for it; counted in `MAILS`."""
    return await rate_limits.hit(session, MAILS, email_addresses.key(email)) is None


async def of_link(session: AsyncSession, token: str) -> Operator | None:
    """Return whom a link signs in; None if it is unknown, used, too old, or theirs no more."""
    found = select(Operator).join(OperatorLink, OperatorLink.operator_id == Operator.id)
    return await session.scalar(found.where(*_opens(token), Operator.removed_at.is_(None)))


async def use(session: AsyncSession, token: str) -> Operator | None:
    """Use a link up, with the operator's others; return whom it signs in. Of two requests at once one succeeds."""
    used = update(OperatorLink).where(*_opens(token)).values(used_at=func.now())
    operator_id = await session.scalar(used.returning(OperatorLink.operator_id))
    if operator_id is None:
        return None
    rest = update(OperatorLink).where(OperatorLink.operator_id == operator_id, OperatorLink.used_at.is_(None))
    await session.execute(rest.values(used_at=func.now()))
    operator = await session.get(Operator, operator_id)
    return None if operator is None or operator.removed_at is not None else operator


async def signed_in(session: AsyncSession, operator_id: UUID, since: datetime) -> Operator | None:
    """Return the operator of a cookie issued at ``since``, whole or half; None once signed out or removed."""
    theirs = select(Operator).where(
        Operator.id == operator_id,
        Operator.removed_at.is_(None),
        or_(Operator.signed_out_at.is_(None), Operator.signed_out_at < since),
    )
    return await session.scalar(theirs)


async def reset(session: AsyncSession, operator: Operator) -> bool:
    """Forget the operator's second factor and end all their sign-ins; return whether they had one."""
    had_one = await OperatorFactors(session).remove(operator.id)
    await sign_out(session, operator.id)
    return had_one


async def sign_out(session: AsyncSession, operator_id: UUID) -> None:
    """End all sign-ins of that operator."""
    theirs = update(Operator).where(Operator.id == operator_id)
    await session.execute(theirs.values(signed_out_at=func.clock_timestamp()))


def _opens(token: str) -> tuple[ColumnElement[bool], ...]:
    return (
        OperatorLink.token_hash == _hash(token),
        OperatorLink.used_at.is_(None),
        OperatorLink.expires_at > func.now(),
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
