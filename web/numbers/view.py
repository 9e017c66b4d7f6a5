"""The numbers page as values: numbers, orders in progress, and what may be done next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal
from uuid import UUID

from db.base import OrderState
from db.models import AuditEntry, Number, NumberOrder, Organisation
from db.queries import audit
from db.queries.answering_plans import Plan
from db.queries.number_orders import UNDER_WAY, is_open_to_choice, may_be_cancelled
from db.queries.organisations import entitlements
from provisioning.numbers.twilio_config import Change
from provisioning.twilio.errors import FAILURES, outlook
from provisioning.twilio.settings import TwilioSettings
from web.numbers import hours_view
from web.numbers.hours_view import Status
from web.request.callers import shown

STEPS: dict[OrderState, str] = {
    "paid": "Looking for a number",
    "chosen": "Renting it",
    "bought": "Rented. Setting it up",
    "configured": "Set up. Routing its calls to Australia",
    "routed": "Routed. Assigning it to you",
    "assigned": "Yours. Checking it once more",
    "done": "Ready to ring",
}
"""The steps of an order, in sequence, as shown."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an order; ``key`` is the order's state while it is at this step."""

    key: OrderState
    words: str
    state: Literal["done", "now", "later"]


CHECKED = "number.checked"
"""The audit action of a check of Twilio's settings; the page shows the last one."""
Way = Literal["pick", "hold", "buy", ""]
Reason = Literal["unpaid", "full", "day"]
_ID, _FOUND = "id", "found"
_SETTINGS = {
    "voice_url": "Where calls are sent",
    "voice_method": "How calls are sent",
    "voice_fallback_url": "Where calls go if we do not answer",
    "voice_fallback_method": "How they are sent there",
    "voice_application_sid": "Application in charge",
    "status_callback": "Where status callbacks are sent",
    "status_callback_method": "How status callbacks are sent",
    "voice_region": "Region",
}


@dataclass(frozen=True, slots=True)
class Rented:
    """One number of the organisation. ``changes`` are the corrections of the last check: (setting, old → new)."""

    id: UUID
    e164: str
    number: str
    label: str
    checked_at: datetime | None
    is_missing: bool
    """Twilio no longer has it."""
    changes: Sequence[tuple[str, str]]
    is_leaving: bool
    words: str
    """What is in progress, and what has gone wrong."""
    hours: Status
    """Whether it is open now."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """One order that is not finished."""

    id: UUID
    number: str
    """Empty while a number is searched for."""
    state: OrderState
    words: str
    steps: Sequence[Step]
    problem: str
    code: int | None
    """Twilio's code of what went wrong."""
    for_settings: bool
    """It waits for corrected business details."""
    may_retry: bool
    may_cancel: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """Why no number may be chosen now: something is unpaid, or no more may be had, at all or within a day."""

    reason: Reason
    words: str


@dataclass(frozen=True, slots=True)
class NumbersPage:
    """The whole page. ``way`` is what choosing a number does now; "" if none may be chosen, because of ``closed``."""

    numbers: Sequence[Rented]
    orders: Sequence[UnderWay]
    held: str
    """A number on hold until payment."""
    held_until: datetime | None
    way: Way
    choice: UUID | None
    """The order that a number is chosen for."""
    closed: Closed | None
    used: int
    most: int
    today: int
    most_today: int

    @property
    def still_today(self) -> int:
        """How many more numbers may be ordered now."""
        return max(0, min(self.most_today - self.today, self.most - self.used))

    @property
    def is_moving(self) -> bool:
        """Whether the page should refresh soon."""
        return bool(self.orders) or any(number.words for number in self.numbers)


@dataclass(frozen=True, slots=True)
class NumbersData:
    """The rows that the page is made from."""

    organisation: Organisation
    numbers: Sequence[Number]
    orders: Sequence[NumberOrder]
    checks: Sequence[AuditEntry]
    """Of `CHECKED`, the newest first."""
    plans: Mapping[UUID, Plan]
    """What callers get, by number, of those for which something was set."""
    used: int
    today: int


def numbers_page(data: NumbersData, limits: TwilioSettings, zone: tzinfo, now: datetime) -> NumbersPage:
    """Return the page at ``now``."""
    last = _last_checks(data.checks)
    of_number = {each.number_id: each for each in data.orders if each.number_id}
    ours = {number.id for number in data.numbers}
    held = next((each for each in data.orders if _is_held(each, now)), None)
    way, closed = way_of(data, limits)
    return NumbersPage(
        numbers=[
            _rented(each, of_number.get(each.id), last.get(str(each.id), {}), zone, _hours(data, each, now))
            for each in data.numbers
        ],
        orders=[
            _under_way(each, zone)
            for each in data.orders
            if each.state in (*UNDER_WAY, "failed") and each.number_id not in ours
        ],
        held=shown(held.candidate) if held is not None and held.candidate else "",
        held_until=held.held_until.astimezone(zone) if held is not None and held.held_until else None,
        way=way,
        choice=next((each.id for each in data.orders if is_open_to_choice(each)), None),
        closed=closed,
        used=data.used,
        most=limits.max_numbers_per_organisation,
        today=data.today,
        most_today=limits.max_purchases_per_day,
    )


def way_of(data: NumbersData, limits: TwilioSettings) -> tuple[Way, Closed | None]:
    """Return what choosing a number does now; or "" and why none may be chosen."""
    if any(is_open_to_choice(order) for order in data.orders):
        return "pick", None
    at = entitlements(data.organisation)
    has_some = bool(data.numbers) or any(order.state in UNDER_WAY for order in data.orders)
    if data.organisation.status in ("incomplete", "cancelled") and not has_some:
        return "hold", None
    if not at.transcribes:
        return "", Closed("unpaid", f"{at.problem} {at.remedy}")
    if data.used >= limits.max_numbers_per_organisation:
        most = limits.max_numbers_per_organisation
        words = f"You have {data.used} of at most {most} numbers. Release one to make room, or write to us."
        return "", Closed("full", words)
    if data.today >= limits.max_purchases_per_day:
        words = f"You have already ordered {data.today} numbers today, the maximum for a day. Try again tomorrow."
        return "", Closed("day", words)
    return "buy", None


def check_details(number: Number, changes: Sequence[Change] | None) -> dict[str, str | int | bool | None]:
    """Return the audit details of a check; ``changes`` None: Twilio no longer has the number."""
    details: dict[str, str | int | bool | None] = {"number": number.e164, _ID: str(number.id)}
    if changes is None:
        return details | {_FOUND: False}
    return details | {each.what: f"{each.was or 'nothing'} → {each.now or 'nothing'}" for each in changes}


def _last_checks(checks: Sequence[AuditEntry]) -> dict[str, Mapping[str, object]]:
    """Return the details of each number's last check, by the number's id."""
    last: dict[str, Mapping[str, object]] = {}
    for entry in checks:
        details = audit.details_of(entry)
        last.setdefault(str(details.get(_ID)), details | {"at": entry.at})
    return last


def _hours(data: NumbersData, number: Number, now: datetime) -> Status:
    return hours_view.status(data.plans.get(number.id, Plan()), data.organisation.time_zone, now)


def _rented(
    number: Number, order: NumberOrder | None, check: Mapping[str, object], zone: tzinfo, hours: Status
) -> Rented:
    at = check.get("at") or number.verified_at
    return Rented(
        id=number.id,
        e164=number.e164,
        number=shown(number.e164),
        label=number.label,
        checked_at=at.astimezone(zone) if isinstance(at, datetime) else None,
        is_missing=check.get(_FOUND) is False,
        changes=[(words, str(check[name])) for name, words in _SETTINGS.items() if name in check],
        is_leaving=order is not None and order.state == "releasing",
        words=_doing(order, zone),
        hours=hours,
    )


def _doing(order: NumberOrder | None, zone: tzinfo) -> str:
    if order is None or order.state not in ("assigned", "releasing"):
        return ""
    words = "Being released." if order.state == "releasing" else f"{STEPS[order.state]}."
    return f"{words} {outlook(order.error_sentence, order.next_try_at, zone)}".strip()


def _under_way(order: NumberOrder, zone: tzinfo) -> UnderWay:
    known = FAILURES.get(order.error_code or 0)
    return UnderWay(
        id=order.id,
        number=shown(order.candidate) if order.candidate else "",
        state=order.state,
        words={"failed": "Failed", "releasing": "Being released"}.get(order.state) or STEPS[order.state],
        steps=steps(order),
        problem=outlook(order.error_sentence, order.next_try_at, zone),
        code=order.error_code,
        for_settings=order.error_sentence is not None and known is not None and known.remedy == "details",
        may_retry=order.error_sentence is not None and order.state != "releasing",
        may_cancel=may_be_cancelled(order),
    )


def _is_held(order: NumberOrder, now: datetime) -> bool:
    return order.state == "held" and order.held_until is not None and order.held_until > now


def steps(order: NumberOrder | None) -> list[Step]:
    """Return the steps of ``order``; empty if it is not in progress."""
    if order is None or order.state not in STEPS:
        return []
    reached = list(STEPS).index(order.state)
    return [Step(key, words, _step_state(at, reached)) for at, (key, words) in enumerate(STEPS.items())]


def _step_state(at: int, reached: int) -> Literal["done", "now", "later"]:
    if at < reached or reached == len(STEPS) - 1:
        return "done"
    return "now" if at == reached else "later"
