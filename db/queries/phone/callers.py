"""Who is calling: what is known of the customers of some calls, for the phone of whoever answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from db.base import among
from db.encryption import keyring_of
from db.models import Call, Choice, Conference
from db.queries.contacts.contact_notes import ContactNotes, Note
from db.queries.contacts.contacts import Card, Contacts

LATEST_NOTES = 3
"""As many of a customer's notes are shown while they call."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The calls of a customer before this one: how many, when the last began, and what came of it.

    ``outcome`` is the organisation's own word where somebody chose one, else `db.call_progress.Outcome`.
    """

    count: int = 0
    last_at: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A call, and what is known of its customer. ``label`` is that of our number, if it has one.

    Remembered beyond the transaction: of ``call`` only the columns may be read.
    """

    call: Call
    card: Card | None
    earlier: Earlier
    label: str
    notes: Sequence[Note] = ()
    """The latest about this customer, the newest first."""

    @property
    def name(self) -> str | None:
        """What the customer is called."""
        return None if self.card is None else self.card.name


class Callers:
    """The calls and customers of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def position(self, call: UUID) -> int:
        """Return the place of a call among those that wait at the same number, 1 for the next one."""
        mine = select(Call.number_id, Conference.created_at).join(Conference, Conference.call_id == Call.id)
        own = mine.where(Call.organisation_id == self._organisation_id, Call.id == call).subquery()
        before = (
            select(func.count())
            .select_from(Conference)
            .join(Call, Call.id == Conference.call_id)
            .join(own, own.c.number_id == Call.number_id)
            .where(
                Conference.organisation_id == self._organisation_id,
                Conference.phase == "waiting",
                Conference.created_at < own.c.created_at,
            )
        )
        return 1 + (await self._session.scalar(before) or 0)

    async def of(self, calls: Collection[UUID]) -> Sequence[Known]:
        """Return what is known of these calls' customers. Calls of other organisations are left out."""
        if not calls:
            return []
        theirs = select(Call).where(Call.organisation_id == self._organisation_id, among(Call.id, calls))
        found = (await self._session.scalars(theirs.options(joinedload(Call.number)))).all()
        customers = {each.customer for each in found if each.customer_hash is not None}
        cards = await Contacts(self._session, self._organisation_id).cards(customers)
        earlier = await self._earlier(customers, calls)
        people = {customer: card.person for customer, card in cards.items() if card.person is not None}
        notes = await ContactNotes(self._session, self._organisation_id).of(set(people.values()), LATEST_NOTES)
        return [
            Known(
                each,
                cards.get(each.customer),
                earlier.get(each.customer, Earlier()),
                _label(each),
                notes.get(people[each.customer], ()) if each.customer in people else (),
            )
            for each in found
        ]

    async def _earlier(self, customers: Collection[str], besides: Collection[UUID]) -> dict[str, Earlier]:
        hashes = keyring_of(self._session).by_hash("number", customers)
        if not hashes:
            return {}
        last_first = (
            select(
                Call.customer_hash,
                func.count().over(partition_by=Call.customer_hash),
                Call.started_at,
                func.coalesce(Choice.label, Call.outcome, ""),
            )
            .outerjoin(Choice, Choice.id == Call.outcome_choice_id)
            .where(
                Call.organisation_id == self._organisation_id,
                among(Call.customer_hash, hashes),
                ~among(Call.id, besides),
            )
            .ext(distinct_on(Call.customer_hash))
            .order_by(Call.customer_hash, Call.started_at.desc())
        )
        found: dict[str, Earlier] = {}
        for hashed, count, at, outcome in await self._session.execute(last_first):
            customer = hashes[hashed or b""]
            before = found.get(customer, Earlier())  # under another encryption key
            is_later = before.last_at is None or at > before.last_at
            last = (at, outcome) if is_later else (before.last_at, before.outcome)
            found[customer] = Earlier(before.count + count, *last)
        return found


def _label(call: Call) -> str:
    return call.number.label if call.number is not None else ""
