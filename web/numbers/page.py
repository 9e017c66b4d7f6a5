"""The numbers page: search, choose, order another, label, check, release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from aiohttp import web

from db.models import Number
from db.queries.audit import AuditFilter
from db.queries.number_orders import NumberTakenError, may_be_picked_for
from db.queries.rate_limits import Limit
from provisioning.numbers import twilio_config
from provisioning.numbers.orders import DAY, LimitError
from provisioning.twilio.numbers_api import Offer, TwilioError
from web.config import SETTINGS
from web.numbers.addressed import addressed
from web.numbers.search import SEARCHED, Search, is_same_number, label_of, local_number, typed
from web.numbers.view import CHECKED, NumbersData, NumbersPage, check_details, numbers_page
from web.request import access, limits
from web.request.access import Rows, Viewer
from web.request.callers import shown
from web.request.errors import InvalidError, NotFoundError, TooManyError, status_of, whole_seconds
from web.request.forms import field as form_field, read_uuid
from web.request.render import render
from web.resources import PHONE_NUMBERS

SEARCHES = Limit("number search", count=20, seconds=60)
CHOICES = Limit("number choice", count=20, seconds=60)
CHECKS = Limit("number check", count=20, seconds=60)
_FOUND = 20  # numbers to choose from
_TAKEN = "Somebody else has just taken that number. Choose another one."

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong: the sentence, and ``place``, the part of the page that shows it."""

    place: str
    sentence: str
    status: int = 400
    typed: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The search and its result; ``for_sale`` None: no search, or it failed."""

    search: Search = field(default_factory=Search)
    for_sale: Sequence[tuple[Offer, str]] | None = None
    """Each with the number formatted for display."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A number chosen from the list."""

    e164: str
    label: str
    key: UUID
    order: UUID | None
    """The order it is chosen for: the plan's; None for an additional number, or one to hold."""


@routes.get("/numbers")
async def numbers(request: web.Request) -> web.StreamResponse:
    """Show the page, with the result of a search."""
    viewer = await access.require(request, "numbers")
    return await _page(request, viewer, typed(request.query))


@routes.get("/numbers/state")
async def state(request: web.Request) -> web.StreamResponse:
    """Render the part of the page that refreshes itself."""
    viewer = await access.require(request, "numbers")
    return render(request, "numbers/numbers_state.html", state=await _look(request, viewer), problem=None)


@routes.post("/numbers/choose")
async def choose(request: web.Request) -> web.StreamResponse:
    """Take a number: for the plan, on hold until payment, or as an additional one."""
    viewer = await access.require(request, "numbers")
    sent = {name: await form_field(request, name) for name in ("number", "label", "key", "order", *SEARCHED)}
    search = typed(sent)
    try:
        picked = _picked(sent)
        await limits.hit(
            request,
            CHOICES,
            str(viewer.organisation_id),
            lambda error: _page(request, viewer, search, _too_many("choose", error)),
        )
        async with access.rows(request, viewer) as rows:
            await rows.lock()
            await _choose(request, viewer, rows, picked)
    except (InvalidError, LimitError) as error:
        return await _page(request, viewer, search, Problem("choose", str(error)))
    except NumberTakenError:
        return await _page(request, viewer, search, Problem("choose", _TAKEN, status=409))
    raise web.HTTPSeeOther("/numbers")


@routes.post("/numbers/{number}/label")
async def label(request: web.Request) -> web.StreamResponse:
    """Set the number's label."""
    viewer = await access.require(request, "numbers")
    written = await form_field(request, "label")
    async with access.rows(request, viewer) as rows:
        number = await addressed(request, rows)
        problem = await _name(rows, number, written)
    if problem is not None:
        return await _page(request, viewer, problem=problem)
    raise web.HTTPSeeOther(_at(number))


@routes.post("/numbers/{number}/check")
async def check(request: web.Request) -> web.StreamResponse:
    """Compare the number's settings at Twilio and correct them; the page shows the changes."""
    viewer = await access.require(request, "numbers")
    async with access.rows(request, viewer) as rows:
        number = await addressed(request, rows)
    await limits.hit(
        request,
        CHECKS,
        str(viewer.organisation_id),
        lambda error: _page(request, viewer, problem=_too_many(f"check-{number.id}", error)),
    )
    try:
        changes = await _repair(request, number)
    except TwilioError as error:
        return await _page(request, viewer, problem=_refused(f"check-{number.id}", error))
    async with access.rows(request, viewer) as rows:
        if changes is not None:
            await rows.numbers.verified(number.id, datetime.now(UTC))
        await rows.audit.record(CHECKED, check_details(number, changes))
    raise web.HTTPSeeOther(_at(number))


@routes.post("/numbers/{number}/release")
async def release(request: web.Request) -> web.StreamResponse:
    """Release the number, if it was typed again as confirmation."""
    viewer = await access.require(request, "numbers")
    again = await form_field(request, "again")
    async with access.rows(request, viewer) as rows:
        number = await addressed(request, rows)
        confirmed = is_same_number(again, number.e164)
        if confirmed:
            await rows.ordering.release(number)
            await rows.audit.record("number.release_asked", {"number": number.e164})
    if confirmed:
        raise web.HTTPSeeOther(_at(number))
    sentence = f"That is not {shown(number.e164)}. Type the number as it is shown here. Nothing was released."
    return await _page(request, viewer, problem=Problem(f"release-{number.id}", sentence, typed=again[:40]))


@routes.post("/numbers/orders/{order}/again")
async def again(request: web.Request) -> web.StreamResponse:
    """Retry the order now."""
    viewer = await access.require(request, "numbers")
    async with access.rows(request, viewer) as rows:
        order = await rows.ordering.try_again(read_uuid(request.match_info["order"]))
        if order is None:
            raise NotFoundError
        await rows.audit.record("number.order_retried", {"order": str(order.id)})
    raise web.HTTPSeeOther("/numbers")


@routes.post("/numbers/orders/{order}/cancel")
async def cancel(request: web.Request) -> web.StreamResponse:
    """Cancel an order that is stuck."""
    viewer = await access.require(request, "numbers")
    async with access.rows(request, viewer) as rows:
        order = await rows.ordering.cancel(read_uuid(request.match_info["order"]))
        if order is None:
            raise NotFoundError
        await rows.audit.record("number.order_cancelled", {"order": str(order.id)})
    raise web.HTTPSeeOther("/numbers")


async def _choose(request: web.Request, viewer: Viewer, rows: Rows, picked: Picked) -> None:
    """Take the number in the way that the form offered. Raise `InvalidError`, `LimitError`, `NumberTakenError`."""
    same = [order for order in await rows.orders.all() if order.candidate == picked.e164 and order.state != "failed"]
    if any(not may_be_picked_for(order) for order in same):
        return  # the form was sent twice
    settings = request.app[SETTINGS]
    now = await _numbers_page(request, rows)
    if picked.order is None and now.closed is not None:
        raise InvalidError(now.closed.words)
    if picked.order is not None or now.way != "buy":
        await rows.ordering.pick(picked.e164, picked.order)
        await rows.audit.record("number.held" if now.way == "hold" else "number.picked", {"number": picked.e164})
    elif await rows.ordering.buy(picked.e164, f"{viewer.organisation_id}:{picked.key}", settings, picked.label):
        await rows.audit.record("number.ordered", {"number": picked.e164})


async def _name(rows: Rows, number: Number, written: str) -> Problem | None:
    try:
        name = label_of(written)
    except InvalidError as error:
        return Problem(f"label-{number.id}", str(error), typed=written[:200])
    if name != number.label:
        await rows.numbers.rename(number.id, name)
        await rows.audit.record("number.labelled", {"number": number.e164, "label": name})
    return None


async def _page(
    request: web.Request, viewer: Viewer, search: Search | None = None, problem: Problem | None = None
) -> web.Response:
    found = Found(search or Search())
    try:
        found = await _search(request, viewer, found.search)
    except InvalidError as error:
        problem = problem or Problem("search", str(error))
    except TooManyError:
        if problem is None:
            raise
    except TwilioError as error:
        problem = problem or _refused("search", error)
    return await _shown(request, viewer, found, problem)


async def _shown(request: web.Request, viewer: Viewer, found: Found, problem: Problem | None) -> web.Response:
    now = await _look(request, viewer)
    status = 200 if problem is None else problem.status
    return render(
        request,
        "numbers/numbers.html",
        status=status,
        retry_after=None if problem is None else problem.retry_after,
        state=now,
        found=found,
        problem=problem,
        key=uuid4(),
    )


async def _search(request: web.Request, viewer: Viewer, search: Search) -> Found:
    """Return the numbers for sale that ``search`` finds. Raise `InvalidError`, `TooManyError`, `TwilioError`."""
    if not search.is_asked:
        return Found(search)
    wanted = search.number_search()
    await limits.hit(
        request,
        SEARCHES,
        str(viewer.organisation_id),
        lambda error: _shown(request, viewer, Found(search), _too_many("search", error)),
    )
    async with access.rows(request, viewer) as rows:
        await rows.ordering.keep_choosing()
    offers = await request.app[PHONE_NUMBERS].search(wanted, _FOUND)
    return Found(search, [(offer, shown(offer.e164)) for offer in offers])


async def _look(request: web.Request, viewer: Viewer) -> NumbersPage:
    async with access.rows(request, viewer) as rows:
        return await _numbers_page(request, rows)


async def _numbers_page(request: web.Request, rows: Rows) -> NumbersPage:
    now = datetime.now(UTC)
    data = NumbersData(
        organisation=rows.organisation,
        numbers=await rows.numbers.all(),
        orders=await rows.orders.all(),
        checks=await rows.audit.page(AuditFilter(action=CHECKED)),
        plans=await rows.answering.all(),
        used=await rows.orders.open(),
        today=await rows.orders.placed_since(now - DAY),
    )
    return numbers_page(data, request.app[SETTINGS], ZoneInfo(rows.organisation.time_zone), now)


async def _repair(request: web.Request, number: Number) -> Sequence[twilio_config.Change] | None:
    """Correct the settings. Return the changes; None if Twilio no longer has the number. Raise `TwilioError`."""
    if number.twilio_sid is None:
        return None
    settings, api = request.app[SETTINGS], request.app[PHONE_NUMBERS]
    return await twilio_config.repair(api, number.twilio_sid, settings.web_public_url, settings.voice_fallback_url)


def _picked(sent: Mapping[str, str]) -> Picked:
    """Return the parsed choice of a number. Raise `InvalidError`."""
    order = read_uuid(sent["order"]) if sent["order"] else None
    return Picked(local_number(sent["number"]), label_of(sent["label"]), read_uuid(sent["key"]), order)


def _at(number: Number) -> str:
    return f"/numbers#number-{number.id}"


def _too_many(place: str, error: TooManyError) -> Problem:
    sentence = f"Too many requests. Try again in {whole_seconds(error.retry_after)} seconds."
    return Problem(place, sentence, status=status_of(error))


def _refused(place: str, error: TwilioError) -> Problem:
    again = " Please try again in a moment." if error.remedy == "again" else ""
    return Problem(place, error.sentence + again, status=503, retry_after=error.retry_after)
