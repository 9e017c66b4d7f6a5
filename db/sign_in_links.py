"""Sign-in links and the end of a sign-in. A link's token is stored as its SHA-256 alone, and works once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db import members
from db.encryption import keyring_of
from db.models import Member, SignInLink, SignOut

LIFETIME = timedelta(minutes=15)
INVITATION = timedelta(days=7)
_TOKEN_BYTES = 32


async def create_for(session: AsyncSession, email: str, requested_from: bytes) -> tuple[Member, str] | None:
    """A new link for the member whom ``email`` reaches: the member and the token; None if it reaches nobody."""
    member = await members.by_email(session, email)
    return None if member is None else (member, await create(session, member.id, requested_from))


async def create(
    session: AsyncSession, member_id: UUID, requested_from: bytes, lifetime: timedelta = LIFETIME
) -> str:
    """A new link for that member; returns its token, which is nowhere else. ``requested_from``: keyed hash."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    link = SignInLink(
        token_hash=_hash(token),
        member_id=member_id,
        requested_from=requested_from,
        expires_at=datetime.now(UTC) + lifetime,
    )
    session.add(link)
    await session.flush()
    return token


async def use(session: AsyncSession, token: str) -> UUID | None:
    """Use a link up: whom it signs in, or None if it is unknown, used, too old, or its member removed.

    One statement decides, so that of two requests at once only one succeeds.
    """
    present = select(Member.id).where(Member.id == SignInLink.member_id, Member.removed_at.is_(None)).exists()
    used = (
        update(SignInLink)
        .where(
            SignInLink.token_hash == _hash(token),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > func.now(),
            present,
        )
        .values(used_at=func.now())
        .returning(SignInLink.member_id)
    )
    return await session.scalar(used)


class Invitations:
    """Links by which members of one organisation sign in for the first time."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def make(self, member_id: UUID, network: str) -> str:
        """A link of `INVITATION`, asked for from ``network``; its token. Links sent before open nothing any more."""
        mine = select(Member.id).where(Member.organisation_id == self._organisation_id, Member.id == member_id)
        unused = (SignInLink.member_id.in_(mine), SignInLink.used_at.is_(None))
        await self._session.execute(delete(SignInLink).where(*unused))
        requested_from = keyring_of(self._session).hash("origin", network)
        return await create(self._session, member_id, requested_from, INVITATION)


async def sign_out(session: AsyncSession, sign_in_id: UUID, expires_at: datetime) -> None:
    """Make a cookie worthless before it runs out by itself at ``expires_at``. Repeatable."""
    ended = insert(SignOut).values(sign_in_id=sign_in_id, expires_at=expires_at)
    await session.execute(ended.on_conflict_do_nothing())


async def purge(session: AsyncSession) -> int:
    """Forget the links, and the ended sign-ins, that have run out anyway; how many."""
    links = await session.scalars(
        delete(SignInLink).where(SignInLink.expires_at < func.now()).returning(SignInLink.token_hash)
    )
    ended = await session.scalars(
        delete(SignOut).where(SignOut.expires_at < func.now()).returning(SignOut.sign_in_id)
    )
    return len(links.all()) + len(ended.all())


def _hash(token: str) -> bytes:
    # The token has 256 random bits, so a plain hash cannot be searched; a password's would need salt and work.
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
