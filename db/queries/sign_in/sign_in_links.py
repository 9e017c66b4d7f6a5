"""Sign-in links and the end of a sign-in. A link's token is stored as its SHA-256 alone, and works once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db import email_addresses
from db.encryption import keyring_of
from db.models import Member, SignInLink, SignOut
from db.queries import members, rate_limits
from db.queries.rate_limits import Limit

LIFETIME = timedelta(minutes=15)
INVITATION = timedelta(days=7)
MAILS = Limit("mailed link", count=1, seconds=60)
"""To one address, whoever asks for them."""
STRANGERS = Limit("sign-in strangers", count=30, seconds=15 * 60)
"""Per network, for addresses of no member."""
_TOKEN_BYTES = 32


async def may_mail(session: AsyncSession, email: str) -> bool:
    """Return whether a link may go to ``email`` now because somebody asked for it; counted in `MAILS`.

    Nobody is locked out by it: a link is on its way already, whoever asked for it.
    """
    return await rate_limits.hit(session, MAILS, email_addresses.key(email)) is None


async def create(
    session: AsyncSession, member_id: UUID, requested_from: bytes, lifetime: timedelta = LIFETIME
) -> str:
    """Create a link for that member; return its token, kept nowhere else. ``requested_from``: keyed hash."""
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


async def find(session: AsyncSession, token: str) -> Member | None:
    """Return the member whom a link signs in, with ``organisation``.

    None if it is unknown, used, too old, or its member was removed.
    """
    member_id = await session.scalar(select(SignInLink.member_id).where(*_opens(token)))
    return None if member_id is None else await members.by_id(session, member_id)


async def use(session: AsyncSession, token: str) -> UUID | None:
    """Use a link up, with the member's others; return whom it signs in, None where `find` gives None.

    One statement decides, so that of two requests at once only one succeeds. An invited member has accepted by it.
    Raise `members.AddressTakenError` where their address has become another's.
    """
    used = update(SignInLink).where(*_opens(token)).values(used_at=func.now()).returning(SignInLink.member_id)
    member_id = await session.scalar(used)
    if member_id is not None:
        await members.accept(session, member_id)
        await end_links(session, member_id)
    return member_id


async def end_links(session: AsyncSession, member_id: UUID) -> None:
    """Invalidate that member's unused links."""
    unused = update(SignInLink).where(SignInLink.member_id == member_id, SignInLink.used_at.is_(None))
    await session.execute(unused.values(used_at=func.now()))


def _opens(token: str) -> tuple[ColumnElement[bool], ...]:
    present = select(Member.id).where(Member.id == SignInLink.member_id, Member.removed_at.is_(None)).exists()
    return (
        SignInLink.token_hash == _hash(token),
        SignInLink.used_at.is_(None),
        SignInLink.expires_at > func.now(),
        present,
    )


class SignIns:
    """Links and sign-ins of members of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def invite(self, member_id: UUID, network: str) -> str:
        """Create a link of `INVITATION`, asked for from ``network``; return its token. Earlier links stop working."""
        await self.end_links(member_id)
        requested_from = keyring_of(self._session).hash("origin", network)
        return await create(self._session, member_id, requested_from, INVITATION)

    async def may_mail(self, email: str) -> bool:
        """Return whether a link may go to ``email`` now, and count it."""
        return await may_mail(self._session, email)

    async def end_links(self, member_id: UUID) -> None:
        """Invalidate that member's unused links."""
        if await self._is_here(member_id):
            await end_links(self._session, member_id)

    async def end_all(self, member_id: UUID) -> None:
        """Sign that member out wherever they are signed in, let their links open nothing, and ring them no more."""
        if not await self._is_here(member_id):
            return
        await end_links(self._session, member_id)
        mine = update(Member).where(Member.id == member_id)
        # By the clock that also says when a sign-in began.
        await self._session.execute(mine.values(signed_out_at=datetime.now(UTC), available=False))

    async def _is_here(self, member_id: UUID) -> bool:
        mine = select(Member.id).where(Member.organisation_id == self._organisation_id, Member.id == member_id)
        return await self._session.scalar(mine) is not None


async def sign_out(session: AsyncSession, sign_in_id: UUID, expires_at: datetime) -> None:
    """Invalidate a cookie before it expires at ``expires_at``. Idempotent."""
    ended = insert(SignOut).values(sign_in_id=sign_in_id, expires_at=expires_at)
    await session.execute(ended.on_conflict_do_nothing())


async def purge(session: AsyncSession) -> int:
    """Delete expired links and sign-outs; return how many."""
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
