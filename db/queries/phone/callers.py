"""Who is calling: what is known of the customers of some calls, for the phone of whoever answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Integer, all_, and_, any_, bindparam, column, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, joinedload

from db.base import among
from db.encryption import keyring_of
from db.models import Call, Choice, Conference, Contact
from db.queries.contacts.contact_notes import ContactNotes, Note
from db.queries.contacts.contacts import PERSON, Card

LATEST_NOTES = 3
"""As many of a customer's notes are shown while they call."""
MOST_EARLIER = 1_000
"""So many earlier calls of one number are counted while it rings."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The calls of a customer before this one: how many, when the last began, and what came of it.

    ``count``: of more than `MOST_EARLIER` it says no more than that.

    ``outcome`` is the organisation's own word where somebody chose one, else `db.call_progress.Outcome`.
    """

    count: int = 0
    last_at: datetime | None = None
    outcome: str = ""

    def __add__(self, other: Earlier) -> Earlier:
        """Return the calls of both: of two numbers of one customer."""
        is_later = other.last_at is not None and (self.last_at is None or other.last_at > self.last_at)
        last = other if is_later else self
        return Earlier(self.count + other.count, last.last_at, last.outcome)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept for a number, and all numbers of whoever has it."""

    card: Card | None = None
    numbers: Set[str] = frozenset()


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


_organisation = bindparam("of_organisation", type_=Call.organisation_id.type)
_hashes = bindparam("hashes", type_=ARRAY(Call.customer_hash.type))
_same = aliased(Contact)
_KEPT = (
    select(
        *(Contact.number_hash, Contact.name, Contact.do_not_call, Contact.do_not_transcribe),
        *(PERSON.label("person"), _same.number),
    )
    .join(
        _same,
        and_(_same.organisation_id == Contact.organisation_id, or_(_same.id == PERSON, _same.part_of == PERSON)),
    )
    .where(Contact.organisation_id == _organisation, Contact.number_hash == any_(_hashes))
)
"""What is kept for each number, once for each number of whoever has it."""
_asked = func.unnest(_hashes).table_valued(column("hash", Call.customer_hash.type)).render_derived("asked")
_of_number = (Call.organisation_id == _organisation, Call.customer_hash == _asked.c.hash)
_counted = select(literal(1)).where(*_of_number).limit(bindparam("most", type_=Integer)).correlate(_asked).subquery()
_last = (
    select(Call.started_at, func.coalesce(Choice.label, Call.outcome, "").label("outcome"))
    .outerjoin(Choice, Choice.id == Call.outcome_choice_id)
    .where(*_of_number, Call.id != all_(bindparam("besides", type_=ARRAY(Call.id.type))))
    .order_by(Call.started_at.desc())
    .limit(1)
    .lateral("last")
)
_EARLIER = select(
    _asked.c.hash,
    select(func.count()).select_from(_counted).scalar_subquery(),
    _last.c.started_at,
    _last.c.outcome,
).join_from(_asked, _last, true())
"""How many calls each number has, at most so many, and the last one besides some.

Those are counted, too: what the index does not hold would have every counted row read.
"""


class Callers:
    """The calls and customers of one organisation. A customer with a contact calls from any of its numbers."""

    def __init__(self, session: AsyncSession, organisation_id: UUID, *, most_earlier: int = MOST_EARLIER) -> None:
        self._session = session
        self._organisation_id = organisation_id
        self._most_earlier = most_earlier

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
        kept = await self._kept({each.customer for each in found if each.customer_hash is not None})
        earlier = await self._earlier({number for each in kept.values() for number in each.numbers}, found)
        people = {
            each.card.person for each in kept.values() if each.card is not None and each.card.person is not None
        }
        notes = await ContactNotes(self._session, self._organisation_id).of(people, LATEST_NOTES)
        known = []
        for each in found:
            whose = kept.get(each.customer, _Kept())
            before = sum((earlier.get(number, Earlier()) for number in whose.numbers), Earlier())
            noted = () if whose.card is None or whose.card.person is None else notes.get(whose.card.person, ())
            known.append(Known(each, whose.card, before, _label(each), noted))
        return known

    async def _kept(self, customers: Collection[str]) -> Mapping[str, _Kept]:
        """Return what is kept for each of ``customers``, by number."""
        hashes = keyring_of(self._session).by_hash("number", customers)
        found = {customer: _Kept(None, {customer}) for customer in customers}
        if not hashes:
            return found
        given = {"of_organisation": self._organisation_id, "hashes": list(hashes)}
        for row in await self._session.execute(_KEPT, given):
            customer = hashes[row.number_hash]
            card = Card(row.name, row.do_not_call, row.do_not_transcribe, row.person)
            found[customer] = _Kept(card, {*found[customer].numbers, row.number})
        return found

    async def _earlier(self, numbers: Collection[str], besides: Sequence[Call]) -> Mapping[str, Earlier]:
        """Return the calls of each of ``numbers``, ``besides`` these, by number: of each one more than the most."""
        hashes = keyring_of(self._session).by_hash("number", numbers)
        if not hashes:
            return {}
        given = {
            "of_organisation": self._organisation_id,
            "hashes": list(hashes),
            "besides": [each.id for each in besides],
            "most": self._most_earlier + 1 + len(besides),
        }
        own = Counter(each.customer_hash for each in besides)
        found: defaultdict[str, Earlier] = defaultdict(Earlier)
        for hashed, many, at, outcome in await self._session.execute(_EARLIER, given):
            found[hashes[hashed]] += Earlier(max(1, many - own[hashed]), at, outcome)
        return found


def _label(call: Call) -> str:
    return call.number.label if call.number is not None else ""
