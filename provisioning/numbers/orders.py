"""Number orders: the jobs that process and release them, and what members do: pick, buy one more, try again.

One worker at a time processes an order (`Database.try_lock`), step by step (`purchase`), until it is done, must
wait or is stuck; then its row says why, and when it is retried.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db.engine import Database
from db.models import Number, NumberOrder
from db.queries import number_orders
from db.queries.number_orders import NumberOrders, NumberTakenError
from provisioning.jobs import Payload, TryAgain, enqueue
from provisioning.numbers.purchase import STEPS, Overtaken, PurchaseContext, WaitForPick, advance
from provisioning.twilio.numbers_api import TwilioError
from provisioning.twilio.settings import TwilioSettings
from provisioning.worker import JobHandler

PROVISION, RELEASE = "provision_number", "release_number"
BUSY = timedelta(seconds=3)  # another worker processes it
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=15)
PAUSES = {"operator": timedelta(minutes=15), "details": timedelta(hours=1)}
ALARMING = 8  # failed attempts after which an operator should look
_MOST_RACES = 8
MOST_STEPS = 40  # per run: an order can loop, for instance if its candidates are always taken
DAY = timedelta(days=1)

_log = structlog.get_logger(__name__)


class LimitError(Exception):
    """The organisation has reached a limit on numbers. The text is shown to the admin."""


def jobs(context: PurchaseContext) -> Mapping[str, JobHandler]:
    """Return the job handlers by name."""
    return {PROVISION: partial(_provision, context), RELEASE: _release}


async def enqueue_order(session: AsyncSession, order_id: UUID, why: str = "") -> None:
    """Enqueue a job for the order. A waiting job does not block one with another ``why``."""
    await enqueue(session, PROVISION, {"order": str(order_id)}, key=f"{order_id}:{why}" if why else str(order_id))


# -- actions of members ------------------------------------------------------------------------------------------


async def pick(session: AsyncSession, organisation_id: UUID, e164: str, order_id: UUID | None = None) -> NumberOrder:
    """Pick ``e164`` for what is already paid, or hold it until it is paid.

    Args:
        order_id: the order whose number the admin was choosing. It gets ``e164`` even if it was given a default
            number meanwhile: one order, one number.

    Raise `NumberTakenError`, also if another member has picked a number for that order.
    """
    orders = NumberOrders(session, organisation_id)
    for _ in range(_MOST_RACES):  # workers move the order on, but finish soon
        order = await (orders.find(order_id) if order_id else orders.open_to_choice())
        if order is None:
            return await orders.hold(e164)
        if not number_orders.may_be_picked_for(order):
            raise NumberTakenError
        if await number_orders.pick(session, order, e164):
            await enqueue_order(session, order.id, "picked")
            return order
    raise NumberTakenError


async def buy_another(
    session: AsyncSession, organisation_id: UUID, e164: str, key: str, limits: TwilioSettings, label: str = ""
) -> NumberOrder | None:
    """Order one more number; return None if the form ``key`` already did. Raise `LimitError`, `NumberTakenError`."""
    orders = NumberOrders(session, organisation_id)
    if await orders.open() >= limits.max_numbers_per_organisation:
        raise LimitError(f"You have {limits.max_numbers_per_organisation} numbers, the maximum for an organisation.")
    if await orders.placed_since(datetime.now(UTC) - DAY) >= limits.max_purchases_per_day:
        raise LimitError(f"You have ordered {limits.max_purchases_per_day} numbers today. Try again tomorrow.")
    order = await orders.buy(e164, key, label)
    if order is not None:
        await enqueue_order(session, order.id)
    return order


async def try_again(session: AsyncSession, order: NumberOrder) -> bool:
    """Resume an order that waits or has failed; return False if there is nothing to do or it moved on meanwhile."""
    if order.state not in STEPS and not (order.state == "failed" and await number_orders.reopen(session, order)):
        return False
    await enqueue_order(session, order.id, "asked")
    return True


async def cancel(session: AsyncSession, order: NumberOrder) -> bool:
    """Cancel ``order`` and release what it has bought; return False if it moved on meanwhile."""
    if order.state in ("released", "releasing"):
        return True
    if not await number_orders.move(session, order, "releasing"):
        return False
    await enqueue_order(session, order.id, "release")
    return True


# -- the jobs ----------------------------------------------------------------------------------------------------


async def _provision(context: PurchaseContext, database: Database, payload: Payload) -> None:
    order_id = UUID(payload["order"])
    async with database.try_lock(f"order {order_id}") as locked:
        pause = await _process(context, order_id) if locked else BUSY
    if pause is not None:
        raise TryAgain(pause)


async def _release(database: Database, payload: Payload) -> None:
    number_id = UUID(payload["number"])
    async with database.begin() as session:
        number = await session.get(Number, number_id)
        order = await number_orders.of_rented(session, number) if number else None
        overtaken = order is not None and not await cancel(session, order)
    if overtaken:
        raise TryAgain(BUSY)


async def _process(context: PurchaseContext, order_id: UUID) -> timedelta | None:
    """Process the order until it is done or stuck. Return the delay before the next attempt; None for no attempt."""
    for _ in range(MOST_STEPS):
        async with context.database.begin() as session:
            order = await number_orders.find(session, order_id)
        if order is None or order.state not in STEPS:
            return None
        try:
            await advance(context, order)
        except Overtaken:
            continue
        except WaitForPick as wait:
            async with context.database.begin() as session:
                await number_orders.wait(session, order, wait.until)
            return max(wait.until - datetime.now(UTC), timedelta(seconds=0.1))
        except TwilioError as error:
            return await _stuck(context, order, error)
    return BUSY


async def _stuck(context: PurchaseContext, order: NumberOrder, error: TwilioError) -> timedelta | None:
    """Record the error and the time of the next attempt. Return the delay; None if there is no next attempt."""
    pause = pause_after(error, order.attempts)
    alarming = order.attempts >= ALARMING or error.remedy in ("operator", "nothing")
    _log.log(
        logging.ERROR if alarming else logging.WARNING,
        "number order stuck",
        order=str(order.id),
        state=order.state,
        code=error.code,
        remedy=error.remedy,
        attempts=order.attempts + 1,
        seconds=pause.total_seconds() if pause else None,
    )
    nothing_bought = pause is None and order.state in ("paid", "chosen")
    async with context.database.begin() as session:
        await number_orders.record_error(
            session,
            order,
            code=error.code,
            sentence=error.sentence,
            next_try_at=datetime.now(UTC) + pause if pause else None,
            state="failed" if nothing_bought else order.state,
        )
    context.progress.tell(order.organisation_id, order.id, order.state)
    return pause


def pause_after(error: TwilioError, attempts: int) -> timedelta | None:
    """Return the delay after ``attempts`` earlier failures; None if a retry is pointless."""
    if error.remedy == "nothing":
        return None
    if error.remedy in PAUSES:
        return PAUSES[error.remedy]
    if error.retry_after is not None:
        return min(timedelta(seconds=error.retry_after), LONGEST_PAUSE)
    longest: timedelta = min(FIRST_PAUSE * 2 ** min(attempts, 20), LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1)  # noqa: S311 (so that many do not come back at once)
