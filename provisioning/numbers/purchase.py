"""The steps of a number order: ``paid → chosen → bought → configured → routed → assigned → done``.

Twilio has no idempotency keys, and buying a number that the account already has is answered like a purchase. Our own
table and a tag make sure that exactly one number is bought:

- The candidate is stored, under a unique index, before anything is bought: two orders never buy the same number.
- Before buying, the account is checked for the number. Tagged with this order, an earlier attempt bought it; tagged
  free, it is reused; with any other name it is in use, and another candidate is chosen.
- Picking a number replaces the order's candidate, however far the order has come. Its worker then gets `Overtaken`,
  buys the picked number, and releases any other number with the order's tag.
- Each step is idempotent and ends with a compare-and-set of the state; after a crash in between, the next worker
  finds what was done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from db.base import OrderState
from db.engine import Database
from db.models import NumberOrder
from db.queries import bundles, number_orders, organisations
from db.queries.audit import record
from db.queries.number_orders import NumberOrders, NumberTakenError
from db.queries.numbers import Numbers
from provisioning.numbers import twilio_config
from provisioning.progress import Progress
from provisioning.twilio.errors import FAILURES
from provisioning.twilio.numbers_api import FREE, TAG, NumberSearch, Owned, TwilioApi, TwilioError

_GONE, _NONE, _NO_BUNDLE = 21422, 21452, 21649
_ALIKE = 8  # leading characters of +61255501234 that similar numbers share
AREAS: Mapping[str, str] = {
    **dict.fromkeys(("NSW", "ACT"), "+612"),
    **dict.fromkeys(("VIC", "TAS"), "+613"),
    "QLD": "+617",
    **dict.fromkeys(("SA", "WA", "NT"), "+618"),
}
"""Prefixes of geographic numbers by state or territory (ACMA's numbering plan: areas 02, 03, 07 and 08)."""
_SEARCH_FIELDS = ("locality", "prefix", "pattern")


class Overtaken(Exception):  # noqa: N818 (not an error: somebody else has moved the order)
    """Another transaction moved the order: read it again."""


@dataclass(frozen=True, slots=True)
class PurchaseContext:
    """What the steps need: database, Twilio, progress events and settings."""

    database: Database
    api: TwilioApi
    progress: Progress
    web_public_url: str
    fallback_url: str  # answers calls when `web` does not; empty: the document beside its webhooks
    platform_bundle: tuple[str, str] | None
    """BundleSid and AddressSid for organisations without their own."""
    keep_released: bool
    """Keep released numbers in the account, tagged `FREE`, under the platform's bundle: without one none is kept."""
    time_to_pick: timedelta = timedelta(seconds=30)
    """Since the payment, for a member to pick a number before one is chosen for them."""


def tag(order: NumberOrder) -> str:
    """Return the FriendlyName that marks ``order``'s number at Twilio, so that it is found again after a crash."""
    return f"{TAG}{order.id}"


async def advance(context: PurchaseContext, order: NumberOrder) -> None:
    """Do the next step of ``order``. Raise `TwilioError`, `Overtaken`, `WaitForPick`."""
    await STEPS[order.state](context, order)


class WaitForPick(Exception):  # noqa: N818 (not an error either)
    """A member may still pick a number, until ``until``."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


async def _move(context: PurchaseContext, order: NumberOrder, to: OrderState, **values: Any) -> None:
    async with context.database.begin() as session:
        if not await number_orders.move(session, order, to, **values):
            raise Overtaken
    context.progress.tell(order.organisation_id, order.id, to)


# -- paid: choose ------------------------------------------------------------------------------------------------


async def _choose(context: PurchaseContext, order: NumberOrder) -> None:
    if await _take_over_hold(context, order):
        return
    until = _chosen_for_them_at(order, context.time_to_pick)
    if datetime.now(UTC) < until:
        raise WaitForPick(until)
    for candidate in await _candidates(context, order):
        try:
            await _move(context, order, "chosen", candidate=candidate)
        except NumberTakenError:  # another order took it first
            continue
        return
    raise TwilioError(_NONE, 400)


def _chosen_for_them_at(order: NumberOrder, time_to_pick: timedelta) -> datetime:
    """Return when a number is chosen automatically for an organisation that has not picked one."""
    at_once = _known(order) or order.error_sentence
    first = order.created_at if at_once else order.created_at + time_to_pick
    return max(first, order.choosing_until or first)


async def _take_over_hold(context: PurchaseContext, order: NumberOrder) -> bool:
    """Make the number held before payment the candidate. Return whether there was one."""
    async with context.database.begin() as session:
        held = await NumberOrders(session, order.organisation_id).held()
        if held is None or held.candidate is None or not await number_orders.move(session, held, "released"):
            return False
        if not await number_orders.pick(session, order, held.candidate):
            raise Overtaken
    context.progress.tell(order.organisation_id, order.id, "chosen")
    return True


async def _candidates(context: PurchaseContext, order: NumberOrder) -> list[str]:
    """Return suitable numbers, best first: our own free ones, then those for sale."""
    async with context.database.begin() as session:
        organisation = await organisations.find(session, order.organisation_id)
    known, city = _known(order), organisation.locality if organisation else None
    area = AREAS.get(organisation.region or "", "") if organisation else ""
    free = [each.e164 for each in await context.api.tagged(FREE)]
    if known and (found := await _like(context, NumberSearch(**known), free, "")):
        return found
    for search in (NumberSearch(locality=city) if city else None, NumberSearch(prefix=area)):
        if search is not None and (found := await _like(context, search, free, area)):
            return found
    return [e164 for e164 in free if e164.startswith(area)]


async def _like(context: PurchaseContext, search: NumberSearch, free: Sequence[str], area: str) -> list[str]:
    """Return numbers that match ``search`` in ``area``: several states have towns of the same name."""
    start = search.contains if search.contains.startswith("+") else ""
    mine = [e164 for e164 in free if e164.startswith(start)] if not search.locality else []
    offers = [offer.e164 for offer in await context.api.search(search)]
    return [e164 for e164 in (*mine, *offers) if e164.startswith(area)]


def _known(order: NumberOrder) -> dict[str, str]:
    return {name: order.wanted[name] for name in _SEARCH_FIELDS if order.wanted.get(name)}


# -- chosen: buy -------------------------------------------------------------------------------------------------


async def _buy(context: PurchaseContext, order: NumberOrder) -> None:
    assert order.candidate, "a chosen order has its candidate"
    owned = await context.api.owned(order.candidate)
    if owned is None:
        owned = await _bought(context, order, order.candidate)
    elif owned.tag == FREE:
        owned = await context.api.change(owned.sid, friendly_name=tag(order))
    if owned is None or owned.tag != tag(order):
        await _choose_again(context, order)
    else:
        await _release_others(context, order, owned)
        await _move(context, order, "bought", twilio_sid=owned.sid)


async def _release_others(context: PurchaseContext, order: NumberOrder, bought: Owned) -> None:
    """Release what the order bought before another number was picked: one order, one number."""
    for each in await context.api.tagged(tag(order)):
        if each.sid != bought.sid:
            await release(context, each.sid)


async def _bought(context: PurchaseContext, order: NumberOrder, candidate: str) -> Owned | None:
    """Buy the candidate and return it, None if somebody else has it."""
    bundle, address = await _bundle(context, order)
    try:
        return await context.api.buy(candidate, tag(order), bundle, address)
    except TwilioError as error:
        if error.remedy != "another number":
            raise
        return await context.api.owned(candidate)  # an earlier request of ours may have succeeded late


async def _bundle(context: PurchaseContext, order: NumberOrder) -> tuple[str, str]:
    if context.platform_bundle:
        return context.platform_bundle
    async with context.database.begin() as session:
        approved = await bundles.approved(session, order.organisation_id)
    if approved is None:
        raise TwilioError(_NO_BUNDLE, 400)
    return approved


async def _choose_again(context: PurchaseContext, order: NumberOrder) -> None:
    alike = {"prefix": (order.candidate or "")[:_ALIKE]} if not _known(order) else {}
    async with context.database.begin() as session:
        wanted = {**order.wanted, **alike}
        if not await number_orders.drop_candidate(session, order, FAILURES[_GONE].sentence, wanted):
            raise Overtaken
    context.progress.tell(order.organisation_id, order.id, "paid")


# -- bought: set up, route, assign, verify -----------------------------------------------------------------------


async def _configure(context: PurchaseContext, order: NumberOrder) -> None:
    owned = await _ours(context, order)
    await twilio_config.configure(context.api, owned, context.web_public_url, context.fallback_url)
    await _move(context, order, "configured")


async def _route(context: PurchaseContext, order: NumberOrder) -> None:
    assert order.candidate
    await twilio_config.route(context.api, order.candidate)
    await _move(context, order, "routed")


async def _assign(context: PurchaseContext, order: NumberOrder) -> None:
    assert order.candidate
    async with context.database.begin() as session:
        numbers = Numbers(session, order.organisation_id)
        label = order.wanted.get("label", "")
        number = await numbers.add(e164=order.candidate, twilio_sid=order.twilio_sid, label=label)
        if not await number_orders.move(session, order, "assigned", number_id=number.id):
            raise Overtaken
    context.progress.tell(order.organisation_id, order.id, "assigned")


async def _verify(context: PurchaseContext, order: NumberOrder) -> None:
    """Read the settings back; correct what has changed meanwhile, and check again in the next step."""
    owned = await _ours(context, order)
    changes = await twilio_config.configure(context.api, owned, context.web_public_url, context.fallback_url)
    if changes or await twilio_config.route(context.api, owned.e164):
        raise Overtaken
    async with context.database.begin() as session:
        if not await number_orders.move(session, order, "done"):
            raise Overtaken
        if order.number_id:
            numbers = Numbers(session, order.organisation_id)
            await numbers.verified(order.number_id, datetime.now(UTC))
        await record(session, order.organisation_id, "number.ready", {"number": owned.e164, "order": str(order.id)})
    context.progress.tell(order.organisation_id, order.id, "done")


async def _ours(context: PurchaseContext, order: NumberOrder) -> Owned:
    """Return the order's number at Twilio, by its sid or else its tag. Raise `TwilioError` if it is gone."""
    owned = await context.api.fetch(order.twilio_sid) if order.twilio_sid else None
    if owned is None:
        owned = next(iter(await context.api.tagged(tag(order))), None)
    if owned is None:
        raise TwilioError(20404, 404)
    return owned


# -- releasing: give back ----------------------------------------------------------------------------------------


async def _release(context: PurchaseContext, order: NumberOrder) -> None:
    """Release every number with the order's tag, including one bought but never recorded."""
    for owned in await _belongings(context, order):
        await release(context, owned.sid)
    async with context.database.begin() as session:
        if order.number_id:
            await Numbers(session, order.organisation_id).release(order.number_id)
        if not await number_orders.move(session, order, "released"):
            raise Overtaken
        details = {"number": order.candidate or "", "order": str(order.id)}
        await record(session, order.organisation_id, "number.released", details)
    context.progress.tell(order.organisation_id, order.id, "released")


async def _belongings(context: PurchaseContext, order: NumberOrder) -> Sequence[Owned]:
    found = {each.sid: each for each in await context.api.tagged(tag(order))}
    if order.twilio_sid and (owned := await context.api.fetch(order.twilio_sid)) and not owned.tag.startswith(TAG):
        found[owned.sid] = owned  # somebody renamed it at Twilio
    return list(found.values())


async def release(context: PurchaseContext, sid: str) -> None:
    """Return the number to Twilio, or keep it for the next order, as configured. Raise `TwilioError`."""
    if context.keep_released and context.platform_bundle is not None:
        bundle, address = context.platform_bundle
        papers = {"bundle_sid": bundle, "address_sid": address}  # its last customer's go with them
        await context.api.change(sid, friendly_name=FREE, **papers, **twilio_config.NOWHERE)
    else:
        await context.api.give_back(sid)


STEPS: dict[OrderState, Callable[[PurchaseContext, NumberOrder], Awaitable[None]]] = {
    "paid": _choose,
    "chosen": _buy,
    "bought": _configure,
    "configured": _route,
    "routed": _assign,
    "assigned": _verify,
    "releasing": _release,
}
