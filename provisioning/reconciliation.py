"""Every night: compare Stripe, our rows and Twilio's list of numbers; repair or report each difference.

`differences` decides from what was read; `_REPAIR` acts on one difference at a time, after reading its rows and
number again. A number without our tag, or with the tag of an unknown order, is never released.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import structlog
from sqlalchemy import select

from db.engine import Database
from db.models import Number, NumberOrder, Subscription
from db.queries import number_orders, numbers
from db.queries.audit import record
from db.queries.number_orders import UNDER_WAY
from provisioning.billing.release import RELEASE_ALL
from provisioning.jobs import enqueue
from provisioning.numbers.orders import enqueue_order
from provisioning.numbers.purchase import PurchaseContext, release, tag
from provisioning.numbers.twilio_config import differences as wrong_settings, repair
from provisioning.stripe.api import StripeError
from provisioning.twilio.client import REGION
from provisioning.twilio.numbers_api import FREE, TAG, Owned, TwilioError

SETTLED = timedelta(minutes=30)  # newer changes may still be in progress
OVERDUE = timedelta(days=1)

Kind = Literal[
    "a number nobody pays for",
    "a number with an unknown tag",
    "a number that Twilio does not have",
    "a number with another's tag",
    "a number with other settings",
    "an order that has stalled",
    "a subscription without a number",
    "a release that is overdue",
    "a subscription that differs at Stripe",
    "a subscription that Stripe does not have",
]

AskStripe = Callable[[Database, UUID], Awaitable[bool]]
"""Update an organisation's subscription from Stripe; return whether our row differed.

Raise `StripeError`.
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``about`` is the sid or id of the row or number concerned."""

    kind: Kind
    about: str
    organisation_id: UUID | None = None
    order_id: UUID | None = None
    number_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What Twilio has, and our rows."""

    owned: Sequence[Owned]
    orders: Sequence[NumberOrder]
    numbers: Sequence[Number]
    subscriptions: Sequence[Subscription]
    regions: Mapping[str, str]
    """Region that processes the calls of each number (by E.164), where Twilio answered."""
    web_public_url: str
    fallback_url: str
    now: datetime


def differences(snapshot: Snapshot) -> list[Difference]:
    """Return every difference. Pure."""
    return [*_at_twilio(snapshot), *_in_our_rows(snapshot), *_unfinished(snapshot), *_unserved(snapshot)]


def _at_twilio(snapshot: Snapshot) -> Iterator[Difference]:
    """Yield numbers at Twilio that have our tag and should not."""
    orders = {tag(order): order for order in snapshot.orders}
    rented = {number.twilio_sid for number in snapshot.numbers}
    for owned in snapshot.owned:
        if not owned.tag.startswith(TAG) or owned.tag == FREE or owned.sid in rented:
            continue
        order = orders.get(owned.tag)
        if order is None:
            yield Difference("a number with an unknown tag", owned.sid)
        elif is_superfluous(order, owned) and snapshot.now - order.updated_at > SETTLED:
            yield Difference("a number nobody pays for", owned.sid, order.organisation_id, order.id)


def is_superfluous(order: NumberOrder, owned: Owned) -> bool:
    """Return whether ``owned``, which has ``order``'s tag, is not the order's number."""
    return order.state in ("released", "failed") or order.candidate != owned.e164


def is_kept(order: NumberOrder) -> bool:
    """Return whether ``order`` has a number or will get one."""
    return order.state == "done" or (order.state in UNDER_WAY and order.state != "releasing")


def _in_our_rows(snapshot: Snapshot) -> Iterator[Difference]:
    """Yield differences between our rented numbers and Twilio's."""
    by_sid = {owned.sid: owned for owned in snapshot.owned}
    orders = {order.number_id: order for order in snapshot.orders if order.number_id and order.state == "done"}
    for number in snapshot.numbers:
        owned, order = by_sid.get(number.twilio_sid or ""), orders.get(number.id)
        known = (str(number.id), number.organisation_id, order.id if order else None, number.id)
        if owned is None:
            if snapshot.now - number.created_at > SETTLED:  # not one that was rented after Twilio was asked
                yield Difference("a number that Twilio does not have", *known)
            continue
        if owned.tag == FREE or (order and owned.tag != tag(order)):
            yield Difference("a number with another's tag", *known)
        elsewhere = snapshot.regions.get(owned.e164, REGION) != REGION
        if elsewhere or wrong_settings(owned, snapshot.web_public_url, snapshot.fallback_url):
            yield Difference("a number with other settings", *known)


def _unfinished(snapshot: Snapshot) -> Iterator[Difference]:
    """Yield orders without progress."""
    for order in snapshot.orders:
        last = max(order.updated_at, order.next_try_at or order.updated_at)
        if order.state in UNDER_WAY and snapshot.now - last > SETTLED:
            yield Difference("an order that has stalled", str(order.id), order.organisation_id, order.id)


def _unserved(snapshot: Snapshot) -> Iterator[Difference]:
    """Yield subscriptions without a number, and numbers whose release is overdue."""
    paid_by = [order.paid_by or "" for order in snapshot.orders]
    for each in snapshot.subscriptions:
        mine = [number for number in snapshot.numbers if number.organisation_id == each.organisation_id]
        subscription = each.stripe_subscription_id
        coming = [
            order for order in snapshot.orders if order.organisation_id == each.organisation_id and is_kept(order)
        ]
        # An organisation that paid again in time has kept a number that an earlier subscription paid for.
        served = mine or coming or any(payer.startswith(subscription or "") for payer in paid_by)
        if each.paid_at and each.status in ("active", "trialing") and subscription and not served:
            yield Difference("a subscription without a number", subscription, each.organisation_id)
        if each.release_after and snapshot.now - each.release_after > OVERDUE:
            for number in mine:
                yield Difference("a release that is overdue", str(number.id), each.organisation_id, None, number.id)


# -- repairs -----------------------------------------------------------------------------------------------------


async def reconcile(context: PurchaseContext, ask_stripe: AskStripe | None = None) -> list[Difference]:
    """Compare, repair and record; return the differences. Raise `TwilioError` if Twilio gives no list to compare."""
    found = await _stripe_differences(context.database, ask_stripe) if ask_stripe else []
    for difference in found:
        repaired = difference.kind == "a subscription that differs at Stripe"
        await _record(context.database, difference, repaired=repaired)
    snapshot = await _snapshot(context)
    for difference in differences(snapshot):
        found.append(difference)
        await _record(context.database, difference, await _repaired(context, difference))
    _log.info("reconciled", numbers=len(snapshot.numbers), owned=len(snapshot.owned), differences=len(found))
    return found


async def _stripe_differences(database: Database, ask_stripe: AskStripe) -> list[Difference]:
    """Update every organisation that has checked out from Stripe; return the differences."""
    async with database.begin() as session:
        everybody = (await session.scalars(select(Subscription.organisation_id))).all()
    found = list[Difference]()
    for each in everybody:
        try:
            if await ask_stripe(database, each):
                found.append(Difference("a subscription that differs at Stripe", str(each), each))
        except StripeError as error:
            _log.error("stripe comparison failed", organisation=str(each), code=error.code, retryable=error.retryable)
            if error.retryable:  # Stripe is down: do not wait for each of the others
                break
            found.append(Difference("a subscription that Stripe does not have", str(each), each))
    return found


async def _snapshot(context: PurchaseContext) -> Snapshot:
    owned = await context.api.everything()  # before our rows are read, so that no order is unknown
    async with context.database.begin() as session:
        orders = await number_orders.of_everybody(session)
        rented = await numbers.everywhere(session)
        subscriptions = (await session.scalars(select(Subscription))).all()
    regions = await _regions(context, rented)
    return Snapshot(
        owned, orders, rented, subscriptions, regions, context.web_public_url, context.fallback_url, datetime.now(UTC)
    )


async def _regions(context: PurchaseContext, rented: Sequence[Number]) -> dict[str, str]:
    """Return each number's region. One request at a time: there is no hurry, and Twilio limits the rate."""
    try:
        return {number.e164: await context.api.region(number.e164) for number in rented}
    except TwilioError as error:
        _log.warning("twilio region comparison failed", code=error.code)
        return {}


async def _repaired(context: PurchaseContext, difference: Difference) -> bool:
    repair = _REPAIR.get(difference.kind)
    try:
        return repair is not None and await repair(context, difference)
    except TwilioError as error:
        _log.warning("difference not repaired", kind=difference.kind, code=error.code)
        return False


async def _record(database: Database, difference: Difference, repaired: bool) -> None:
    log = _log.info if repaired else _log.error
    log("difference", kind=difference.kind, about=difference.about, repaired=repaired)
    if difference.organisation_id is not None:
        details = {"difference": difference.kind, "about": difference.about, "repaired": "yes" if repaired else "no"}
        action = "subscription.reconciled" if "Stripe" in difference.kind else "number.reconciled"
        async with database.begin() as session:
            await record(session, difference.organisation_id, action, details)


async def _release_number(context: PurchaseContext, difference: Difference) -> bool:
    """Release a number its order does not need, unless a worker is processing that order."""
    assert difference.order_id
    async with context.database.try_lock(f"order {difference.order_id}") as locked:
        async with context.database.begin() as session:
            order = await number_orders.find(session, difference.order_id)
        owned = await context.api.fetch(difference.about)
        if (
            not locked
            or order is None
            or owned is None
            or owned.tag != tag(order)
            or not is_superfluous(order, owned)
        ):
            return False
        await release(context, owned.sid)
    return True


async def _retag(context: PurchaseContext, difference: Difference) -> bool:
    async with context.database.begin() as session:
        number = await session.get(Number, difference.number_id)
        order = await number_orders.of_rented(session, number) if number else None
    if number is None or not number.twilio_sid or order is None:
        return False
    await context.api.change(number.twilio_sid, friendly_name=tag(order))
    return True


async def _repair(context: PurchaseContext, difference: Difference) -> bool:
    async with context.database.begin() as session:
        number = await session.get(Number, difference.number_id)
    if number is None or not number.twilio_sid:
        return False
    return bool(await repair(context.api, number.twilio_sid, context.web_public_url, context.fallback_url))


async def _resume(context: PurchaseContext, difference: Difference) -> bool:
    assert difference.order_id
    async with context.database.begin() as session:
        await enqueue_order(session, difference.order_id, f"{datetime.now(UTC):%Y%m%d}")
    return True


async def _order(context: PurchaseContext, difference: Difference) -> bool:
    assert difference.organisation_id
    async with context.database.begin() as session:
        order = await number_orders.pay(session, difference.organisation_id, difference.about, {})
        if order is not None:
            await enqueue_order(session, order.id)
    return order is not None


async def _release(context: PurchaseContext, difference: Difference) -> bool:
    """Enqueue the release of all the organisation's numbers: the job asks Stripe once more first."""
    organisation = str(difference.organisation_id)
    async with context.database.begin() as session:
        await enqueue(session, RELEASE_ALL, {"organisation": organisation}, key=organisation)
    return True


_REPAIR: Mapping[Kind, Callable[[PurchaseContext, Difference], Awaitable[bool]]] = {
    "a number nobody pays for": _release_number,
    "a number with another's tag": _retag,
    "a number with other settings": _repair,
    "an order that has stalled": _resume,
    "a subscription without a number": _order,
    "a release that is overdue": _release,
}
