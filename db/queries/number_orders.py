"""Orders of numbers: what was picked, what was paid for, and how far each has come on its way to ringing.

A row's state is changed by compare-and-set only (`move`): who finds another state or candidate than the one it acted
on has been overtaken, and looks again. The candidate's hash is unique among the orders under way, so that no two of
them ever go for the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import OrderState, Wanted
from db.encryption import keyring_of
from db.models import Number, NumberOrder

HOLD = timedelta(minutes=15)
UNDER_WAY: tuple[OrderState, ...] = ("paid", "chosen", "bought", "configured", "routed", "assigned", "releasing")
"""States in which a purchase has steps left."""
_OVER: tuple[OrderState, ...] = ("released", "failed")
_BY_MEMBER, _WITHOUT_ORDER = "member:", "number:"
_PICKED = "picked"
"""Set in an order's ``wanted`` once a member has picked its number."""
CHOOSING, LONGEST_CHOOSING = timedelta(minutes=10), timedelta(hours=1)
"""For how long after a search no number is chosen for somebody, and since the order for how long at most."""


class NumberTakenError(Exception):
    """Another order or a rented number has that number already."""


def may_be_picked_for(order: NumberOrder) -> bool:
    """Return whether a member may still pick the number of ``order``.

    So it is before it has a candidate, and for the plan's own number as long as nobody has: also if a default number
    was bought meanwhile.
    """
    by_plan = order.paid_by is not None and not order.paid_by.startswith((_BY_MEMBER, _WITHOUT_ORDER))
    is_default = by_plan and _PICKED not in order.wanted and order.state not in ("failed", "releasing", "released")
    return order.state == "paid" or is_default


def is_open_to_choice(order: NumberOrder) -> bool:
    """Return whether a pick that names no order is for ``order``: `may_be_picked_for`, and it has no number yet."""
    return may_be_picked_for(order) and order.state != "done"


def may_be_cancelled(order: NumberOrder) -> bool:
    """Return whether a member may cancel ``order``: an additional number that is stuck, not the plan's own."""
    stuck = order.state in ("paid", "chosen", "failed") and order.error_sentence is not None
    return stuck and (order.paid_by or "").startswith(_BY_MEMBER)


async def find(session: AsyncSession, order_id: UUID) -> NumberOrder | None:
    """Return the order of that id."""
    return await session.get(NumberOrder, order_id, populate_existing=True)


async def move(session: AsyncSession, order: NumberOrder, to: OrderState, **values: Any) -> bool:
    """Move ``order`` from the state it was read in to ``to``, with ``values``; return False if it moved on meanwhile.

    A state that is reached clears the errors noted on the way there. Raise `NumberTakenError` for a ``candidate``.
    """
    fresh = {"attempts": 0, "error_code": None, "error_sentence": None, "next_try_at": None}
    candidate = values.get("candidate")
    if candidate is not None:
        values["candidate_hash"] = keyring_of(session).hash("number", candidate)
        if await _rented(session, candidate):
            raise NumberTakenError
    try:
        async with session.begin_nested():
            return await _set(session, order, {"state": to, **fresh, **values})
    except IntegrityError:
        raise NumberTakenError from None


async def pick(session: AsyncSession, order: NumberOrder, e164: str) -> bool:
    """Make ``e164``, picked by a member, the candidate of ``order`` in any state; False if it moved on meanwhile.

    A number that it has come to already is the organisation's no longer; `purchase` returns it to Twilio once the
    picked one is bought. Raise `NumberTakenError`.
    """
    if order.candidate == e164:
        return await _set(session, order, {"wanted": {**order.wanted, _PICKED: "yes"}})
    if order.number_id is not None:
        got = update(Number).where(Number.id == order.number_id, Number.released_at.is_(None))
        await session.execute(got.values(released_at=func.now(), twilio_sid=None))
    wanted = {**order.wanted, _PICKED: "yes"}
    return await move(session, order, "chosen", candidate=e164, wanted=wanted, twilio_sid=None, number_id=None)


async def keep_choosing(session: AsyncSession, organisation_id: UUID, now: datetime) -> None:
    """Postpone the automatic choice of a number while a member looks at numbers."""
    mine = update(NumberOrder).where(
        NumberOrder.organisation_id == organisation_id,
        NumberOrder.state == "paid",
        NumberOrder.error_sentence.is_(None),
        NumberOrder.created_at > now - LONGEST_CHOOSING,
    )
    until = func.least(now + CHOOSING, NumberOrder.created_at + LONGEST_CHOOSING)
    await session.execute(mine.values(choosing_until=until, next_try_at=until))


async def drop_candidate(session: AsyncSession, order: NumberOrder, sentence: str, wanted: Wanted) -> bool:
    """Go back to `paid`, for something like ``wanted``: the candidate is not available, as ``sentence`` says."""
    nothing = {"candidate": None, "candidate_hash": None, "next_try_at": None}
    return await _set(session, order, {"state": "paid", "error_sentence": sentence, "wanted": wanted, **nothing})


async def record_error(
    session: AsyncSession,
    order: NumberOrder,
    *,
    code: int | None,
    sentence: str,
    next_try_at: datetime | None,
    state: OrderState,
) -> bool:
    """Record the error, and when the order is retried (None: never)."""
    failure = {"state": state, "error_code": code, "error_sentence": sentence, "next_try_at": next_try_at}
    return await _set(session, order, {**failure, "attempts": NumberOrder.attempts + 1})


async def reopen(session: AsyncSession, order: NumberOrder) -> bool:
    """Reopen a failed order; return False if it moved on meanwhile."""
    nothing = {"candidate": None, "candidate_hash": None, "twilio_sid": None}
    return await move(session, order, "paid", **nothing)


async def wait(session: AsyncSession, order: NumberOrder, until: datetime) -> bool:
    """Set when ``order`` continues, without an error."""
    return await _set(session, order, {"next_try_at": until})


async def of_rented(session: AsyncSession, number: Number) -> NumberOrder | None:
    """Return the order of ``number``; create one if it has none. None if it is being released."""
    got = (NumberOrder.number_id == number.id, NumberOrder.state.not_in(_OVER))
    order = await session.scalar(select(NumberOrder).where(*got))
    if order is not None or number.released_at is not None:
        return order
    order = NumberOrder(
        organisation_id=number.organisation_id,
        paid_by=f"{_WITHOUT_ORDER}{number.id}",
        state="done",
        wanted={},
        candidate=number.e164,
        candidate_hash=number.e164_hash,
        twilio_sid=number.twilio_sid,
        number_id=number.id,
    )
    session.add(order)
    await session.flush()
    return order


async def pay(session: AsyncSession, organisation_id: UUID, paid_by: str, wanted: Wanted) -> NumberOrder | None:
    """Create an order paid by ``paid_by`` (a subscription's id); return None if it has paid for one already."""
    if await session.scalar(select(NumberOrder.id).where(NumberOrder.paid_by == paid_by)):
        return None
    order = NumberOrder(organisation_id=organisation_id, paid_by=paid_by, state="paid", wanted=wanted)
    try:
        async with session.begin_nested():
            session.add(order)
    except IntegrityError:  # the same event, concurrently
        return None
    return order


async def free_expired_holds(session: AsyncSession) -> int:
    """Release holds that were not paid for in time; return how many."""
    late = update(NumberOrder).where(NumberOrder.state == "held", NumberOrder.held_until < func.now())
    gone = await session.scalars(late.values(state="released", updated_at=func.now()).returning(NumberOrder.id))
    return len(gone.all())


async def of_everybody(session: AsyncSession) -> Sequence[NumberOrder]:
    """Return every order, except those that were never paid for."""
    return (await session.scalars(select(NumberOrder).where(NumberOrder.state != "held"))).all()


class NumberOrders:
    """The orders of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def all(self) -> Sequence[NumberOrder]:
        """Return every order that is held, in progress, done or failed; oldest first."""
        return await self._where(NumberOrder.state != "released")

    async def find(self, order_id: UUID) -> NumberOrder | None:
        """Return one of this organisation's orders."""
        return next(iter(await self._where(NumberOrder.id == order_id)), None)

    async def held(self) -> NumberOrder | None:
        """Return the order that was picked and is not paid for yet."""
        return next(iter(await self._where(NumberOrder.state == "held")), None)

    async def open_to_choice(self) -> NumberOrder | None:
        """Return the order that the next pick is for, if it is not a hold."""
        return next((order for order in await self.all() if is_open_to_choice(order)), None)

    async def hold(self, e164: str) -> NumberOrder:
        """Reserve ``e164`` for `HOLD`, replacing an earlier hold. Raise `NumberTakenError`."""
        await free_expired_holds(self._session)
        for before in await self._where(NumberOrder.state == "held"):
            await move(self._session, before, "released")
        return await self._add(e164, state="held", held_until=datetime.now(UTC) + HOLD)

    async def buy(self, e164: str, key: str, label: str = "") -> NumberOrder | None:
        """Order one more number. Return None if ``key`` (of a form, say) has ordered. Raise `NumberTakenError`."""
        paid_by = f"{_BY_MEMBER}{key}"
        if await self._where(NumberOrder.paid_by == paid_by):
            return None
        await free_expired_holds(self._session)
        return await self._add(e164, state="chosen", paid_by=paid_by, wanted={"label": label} if label else {})

    async def placed_since(self, since: datetime) -> int:
        """Return how many orders were paid for or placed since then."""
        mine = (NumberOrder.organisation_id == self._organisation_id, NumberOrder.paid_by.is_not(None))
        counted = select(func.count()).where(*mine, NumberOrder.created_at >= since)
        return await self._session.scalar(counted) or 0

    async def open(self) -> int:
        """Return how many will become, or are, numbers of this organisation, by an order or without."""
        ended = ("held", *_OVER)
        mine = (NumberOrder.organisation_id == self._organisation_id, NumberOrder.state.not_in(ended))
        ordered = exists().where(NumberOrder.number_id == Number.id, NumberOrder.state.not_in(ended))
        rented = (Number.organisation_id == self._organisation_id, Number.released_at.is_(None), ~ordered)
        counts = [select(func.count()).select_from(NumberOrder).where(*mine), select(func.count()).where(*rented)]
        return sum([await self._session.scalar(count) or 0 for count in counts])

    async def _add(self, e164: str, *, state: OrderState, **values: Any) -> NumberOrder:
        if await _rented(self._session, e164):
            raise NumberTakenError
        order = NumberOrder(
            id=uuid4(),
            organisation_id=self._organisation_id,
            state=state,
            candidate=e164,
            candidate_hash=keyring_of(self._session).hash("number", e164),
            **{"wanted": {}, **values},
        )
        try:
            async with self._session.begin_nested():
                self._session.add(order)
        except IntegrityError:
            raise NumberTakenError from None
        return order

    async def _where(self, *conditions: Any) -> Sequence[NumberOrder]:
        mine = select(NumberOrder).where(NumberOrder.organisation_id == self._organisation_id, *conditions)
        ordered = mine.order_by(NumberOrder.created_at, NumberOrder.id).execution_options(populate_existing=True)
        return (await self._session.scalars(ordered)).all()


async def _set(session: AsyncSession, order: NumberOrder, values: dict[str, Any]) -> bool:
    same = update(NumberOrder).where(
        NumberOrder.id == order.id,
        NumberOrder.state == order.state,
        NumberOrder.candidate_hash.is_not_distinct_from(order.candidate_hash),  # nobody has picked another one
    )
    moved = await session.scalars(same.values(updated_at=func.now(), **values).returning(NumberOrder.id))
    return moved.one_or_none() is not None


async def _rented(session: AsyncSession, e164: str) -> bool:
    hashes = keyring_of(session).hashes("number", e164)
    rented = select(Number.id).where(Number.e164_hash.in_(hashes), Number.released_at.is_(None))
    return await session.scalar(rented) is not None
