"""The missed calls of an organisation: who called in vain, and whether somebody has called them back.

Calls of one customer are one entry. Whether they were called back is read from the calls that followed, so it is true
of every way to call. In the seconds before such a call exists, a claim keeps two agents from calling the same person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from db.encryption import keyring_of
from db.models import Call

KEPT = timedelta(days=7)
CLAIM = timedelta(seconds=90)  # until a call must have begun: time to allow the microphone, and to try again
_MOST = 200  # calls


@dataclass(frozen=True, slots=True)
class Missed:
    """A customer who called in vain: the last such call (with ``number``), and how many they were."""

    call: Call
    count: int
    contact: Call | None
    """The last call with them since (with ``agent``): theirs that was answered or goes on, or ours."""

    def claimed_by(self, now: datetime) -> UUID | None:
        """Return who is about to call them back."""
        at = self.call.callback_at
        if self.contact is not None or at is None or now - at >= CLAIM:
            return None
        return self.call.callback_by


class MissedCalls:
    """The missed calls of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def since(self, begin: datetime) -> list[Missed]:
        """Return who has called in vain since ``begin``, the newest first."""
        missed = self._inbound().where(Call.started_at >= begin).order_by(Call.started_at.desc()).limit(_MOST)
        return await self._with_contacts((await self._session.scalars(missed)).all())

    async def get(self, call_id: UUID) -> Missed | None:
        """Return the entry of the customer whose missed call that is. Its last call may be another one."""
        call = await self._session.scalar(self._inbound().where(Call.id == call_id))
        if call is None:
            return None
        theirs = [call]
        if call.customer_hash is not None:
            same = self._inbound().where(Call.customer_hash.in_(self._hashes([call])))
            theirs = list(await self._session.scalars(same.order_by(Call.started_at.desc()).limit(_MOST)))
        return (await self._with_contacts(theirs))[0]

    async def _with_contacts(self, missed: Sequence[Call]) -> list[Missed]:
        last: dict[str | UUID, Call] = {}
        counts: dict[str | UUID, int] = {}
        for call in missed:
            last.setdefault(_key(call), call)
            counts[_key(call)] = counts.get(_key(call), 0) + 1
        contacts = await self._contacts(list(last.values()))
        entries = []
        for key, call in last.items():
            contact = contacts.get(key)
            is_later = contact is not None and contact.started_at > call.started_at
            entries.append(Missed(call, counts[key], contact if is_later else None))
        return entries

    async def _contacts(self, missed: Sequence[Call]) -> dict[str | UUID, Call]:
        """Return the last call with each of these customers that was not missed."""
        hashes = self._hashes(missed)
        if not hashes:
            return {}
        others = (
            select(Call)
            .options(joinedload(Call.agent))
            .where(
                Call.organisation_id == self._organisation_id,
                Call.customer_hash.in_(hashes),
                Call.started_at > min(call.started_at for call in missed),
                or_(Call.outcome.is_(None), Call.outcome != "missed"),
            )
            .order_by(Call.started_at)
        )
        return {_key(call): call for call in await self._session.scalars(others)}

    def _hashes(self, calls: Iterable[Call]) -> list[bytes]:
        """Return what may find the calls of these customers: their hashes under every key."""
        numbers = {call.customer for call in calls if call.customer_hash is not None}
        return list(keyring_of(self._session).by_hash("number", numbers))

    def _inbound(self) -> Select[Call]:
        missed = select(Call).options(joinedload(Call.number))
        return missed.where(Call.organisation_id == self._organisation_id, Call.outcome == "missed")


def _key(call: Call) -> str | UUID:
    """Return what calls of one customer have in common."""
    return call.id if call.customer_hash is None else call.customer
