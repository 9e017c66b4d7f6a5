"""Answers to writes that named an idempotency key, for a day: a write that is sent twice is done once.

The answer is stored in the transaction of the write itself, so that there is never one without the other.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import KeptAnswer


async def purge(session: AsyncSession, before: datetime) -> int:
    """Delete answers that are older; return how many."""
    old = delete(KeptAnswer).where(KeptAnswer.created_at < before).returning(KeptAnswer.id)
    return len((await session.scalars(old)).all())


class KeptAnswers:
    """The answers kept for the keys of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def claim(self, key_id: UUID, idempotency_key: str) -> bool:
        """Return whether no other request with that idempotency key goes on; then none can until the commit."""
        name = f"idempotency {key_id} {idempotency_key}"
        free = select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0)))
        return bool(await self._session.scalar(free))

    async def find(self, key_id: UUID, idempotency_key: str) -> KeptAnswer | None:
        """Return the answer that was given before."""
        mine = select(KeptAnswer).where(
            KeptAnswer.organisation_id == self._organisation_id,
            KeptAnswer.key_id == key_id,
            KeptAnswer.idempotency_hash == _hash(idempotency_key),
        )
        return await self._session.scalar(mine)

    async def keep(self, key_id: UUID, idempotency_key: str, request: bytes, *, status: int, answer: str) -> None:
        """Keep the answer to ``request``, a hash of it."""
        kept = KeptAnswer(
            organisation_id=self._organisation_id,
            key_id=key_id,
            idempotency_hash=_hash(idempotency_key),
            request_hash=request,
            status=status,
            answer=answer,
        )
        self._session.add(kept)
        await self._session.flush()


def _hash(idempotency_key: str) -> bytes:
    return hashlib.sha256(idempotency_key.encode(errors="surrogatepass")).digest()
