"""The keys by which an organisation's own programs use the API.

A key is ``bilby_`` with a prefix of eight hex digits and a secret of 256 bits. The prefix finds the row and is shown
again; of the secret only a SHA-256 is stored, which is enough for what nobody can guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import ApiKey, Organisation

Scope = Literal[
    "calls:read",
    "numbers:read",
    "members:read",
    "presence:read",
    "choices:read",
    "contacts:read",
    "contacts:write",
    "notes:read",
    "notes:write",
    "blocked:read",
    "blocked:write",
    "hooks:read",
    "hooks:write",
]
"""What a key may be used for."""
MOST = 50  # keys of one organisation that are not revoked
_USE_NOTED = timedelta(minutes=1)
_TOKEN = re.compile(r"bilby_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")


class TooManyKeysError(Exception):
    """The organisation has as many keys as it may."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, and the text that is shown once."""

    key: ApiKey
    token: str


async def by_token(session: AsyncSession, token: str) -> ApiKey | None:
    """Return the key, and note that it was used; None if unknown, revoked, expired, or its owner suspended."""
    read = _TOKEN.fullmatch(token)
    if read is None:
        return None
    works = exists().where(Organisation.id == ApiKey.organisation_id, Organisation.suspended_at.is_(None))
    valid = select(ApiKey).where(
        works,
        ApiKey.prefix == read[1],
        ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now()),
    )
    key = await session.scalar(valid)
    if key is None or not hmac.compare_digest(key.secret_hash, _hash(read[2])):
        return None
    used = update(ApiKey).where(
        ApiKey.id == key.id, or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - _USE_NOTED)
    )
    await session.execute(used.values(last_used_at=func.now()).execution_options(synchronize_session=False))
    return key


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


class ApiKeys:
    """The keys of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def all(self) -> Sequence[ApiKey]:
        """Return the keys that are not revoked, expired ones too, newest first."""
        mine = select(ApiKey).where(ApiKey.organisation_id == self._organisation_id, ApiKey.revoked_at.is_(None))
        return (await self._session.scalars(mine.order_by(ApiKey.created_at.desc(), ApiKey.id))).all()

    async def issue(
        self, *, name: str, scopes: Collection[Scope], created_by: UUID, lasts: timedelta | None
    ) -> Issued:
        """Make a key. Raise `TooManyKeysError`; the organisation should be locked."""
        if len(await self.all()) >= MOST:
            raise TooManyKeysError
        prefix, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        now: datetime = (await self._session.scalars(select(func.now()))).one()
        key = ApiKey(
            organisation_id=self._organisation_id,
            name=name,
            prefix=prefix,
            secret_hash=_hash(secret),
            scopes=sorted(scopes),
            created_by=created_by,
            expires_at=None if lasts is None else now + lasts,
        )
        self._session.add(key)
        await self._session.flush()
        return Issued(key, f"bilby_{prefix}_{secret}")

    async def revoke(self, key_id: UUID) -> ApiKey | None:
        """End a key at once. Return it; None if there is no such key or it was revoked before."""
        mine = update(ApiKey).where(
            ApiKey.organisation_id == self._organisation_id, ApiKey.id == key_id, ApiKey.revoked_at.is_(None)
        )
        return await self._session.scalar(mine.values(revoked_at=func.now()).returning(ApiKey))
