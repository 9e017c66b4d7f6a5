"""The onboarding checklist: seven steps to the first real call, and the page for each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from db.base import BundleStatus
from db.models import Bundle, Member, Number, NumberOrder, Organisation
from db.queries.organisations import entitlements
from web.numbers.view import STEPS
from web.organisation.details import details_of
from web.request.callers import shown

Key = Literal["plan", "details", "prompt", "number", "webhooks", "call", "team"]
_WAITS: dict[BundleStatus, str] = {
    "draft": "Your business details are being sent to Twilio, which must approve them before a number is rented.",
    "pending-review": "Twilio is checking your business details. It usually takes minutes, but may take some days.",
    "in-review": "Twilio is checking your business details. It usually takes minutes, but may take some days.",
    "twilio-rejected": "Twilio has rejected your business details. Correct them, and they will be sent again.",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One step. ``words`` describe its state; ``fix`` is the page to do it on, "" if the viewer cannot."""

    key: Key
    title: str
    done: bool
    words: str
    fix: str
    action: str


@dataclass(frozen=True, slots=True)
class Setup:
    """The rows that the checklist is made from."""

    organisation: Organisation
    bundle: Bundle | None
    has_platform_bundle: bool
    numbers: Sequence[Number]
    orders: Sequence[NumberOrder]
    answered: bool
    """A call to one of the numbers has been answered."""
    members: Sequence[Member]
    pays: bool
    """Whether the viewer may pay."""


def bundle_words(setup: Setup) -> str:
    """Return the state of the regulatory bundle as a sentence; "" when nothing waits for it."""
    if setup.has_platform_bundle or not details_of(setup.organisation).is_complete:
        return ""
    return _WAITS.get(setup.bundle.status, "") if setup.bundle else _WAITS["draft"]


def items(setup: Setup) -> list[Item]:
    """Return the checklist in the recommended order."""
    return [
        _details(setup),
        _plan(setup),
        _number(setup),
        _webhooks(setup),
        _prompt(setup),
        _call(setup),
        _team(setup),
    ]


def order_under_way(setup: Setup) -> NumberOrder | None:
    """Return the order whose steps are shown: the first that is not done, else the first that failed."""
    return next((each for each in setup.orders if each.state in STEPS and each.state != "done"), None) or next(
        (each for each in setup.orders if each.state == "failed"), None
    )


def again(order: NumberOrder | None, now: datetime) -> str:
    """Return a sentence that says when ``order`` is tried again by itself; "" if there is none."""
    if order is None:
        return ""
    if order.next_try_at is not None:
        soon = _soon(order.next_try_at, now)
        return (
            f"It will be tried again {soon}."
            if order.error_sentence
            else f"Choose one yourself, or we will choose one {soon}."
        )
    return "It is not tried again automatically." if order.state == "failed" else ""


def next_up(setup: Setup) -> Key | None:
    """Return the step that the viewer should do next; None if what is left needs nothing from them."""
    waits = {"number", "webhooks"} | (set() if number_to_ring(setup) else {"call"})
    return next((each.key for each in items(setup) if not each.done and each.fix and each.key not in waits), None)


def may_choose(order: NumberOrder | None) -> bool:
    """Return whether a number may still be chosen for ``order``."""
    return order is not None and order.state in ("paid", "failed")


def number_to_ring(setup: Setup) -> str:
    """Return the number for the first test call, formatted; "" until one is verified."""
    return next((shown(number.e164) for number in setup.numbers if number.verified_at), "")


def _soon(at: datetime, now: datetime) -> str:
    seconds = max(0, round((at - now).total_seconds()))
    if seconds < 5:
        return "now"
    return f"in {seconds} seconds" if seconds < 100 else f"in {round(seconds / 60)} minutes"


def _details(setup: Setup) -> Item:
    known = details_of(setup.organisation).is_complete
    rejected = setup.bundle is not None and setup.bundle.status == "twilio-rejected" and not setup.has_platform_bundle
    done = known and not rejected
    words = "Legal name, ABN and address: Australian numbers are only rented to identified businesses."
    if known:
        words = bundle_words(setup)
    action = "Change" if done else "Correct them" if known else "Enter details"
    return Item("details", "Organisation details", done, words, "/settings#details", action)


def _plan(setup: Setup) -> Item:
    at = entitlements(setup.organisation)
    done = at.connects and at.transcribes
    words = "" if done else at.problem
    if not setup.pays:
        return Item("plan", "Plan paid", done, f"{words} Ask an owner to fix the payment." if words else "", "", "")
    words = f"{words} {at.remedy}".strip() if words else ""
    if setup.organisation.status in ("incomplete", "cancelled"):
        return Item("plan", "Plan paid", done, words, "/checkout", "Choose seats and pay")
    return Item("plan", "Plan paid", done, words, "/billing", "Billing" if done else "Fix payment details")


def _number(setup: Setup) -> Item:
    ours = ", ".join(shown(number.e164) for number in setup.numbers)
    return Item("number", "Your number", bool(ours), ours or _number_words(setup), "/numbers", _number_action(setup))


def _number_words(setup: Setup) -> str:
    held = next((each for each in setup.orders if each.state == "held" and each.candidate), None)
    if held is not None and held.candidate:
        return f"{shown(held.candidate)} is kept for you until you have paid."
    if order_under_way(setup) is not None:
        return "In progress: see above."
    return "Choose one by town or digits. If you do not choose, you get one from your own town."


def _number_action(setup: Setup) -> str:
    order = order_under_way(setup)
    if setup.numbers:
        return "All numbers"
    return "Choose a number" if order is None or may_choose(order) else "See numbers"


def _webhooks(setup: Setup) -> Item:
    verified = bool(setup.numbers) and all(number.verified_at for number in setup.numbers)
    words = "" if verified else "Checked by asking Twilio where the number’s calls go. This happens automatically."
    action = "Check again" if setup.numbers else "See numbers"
    return Item("webhooks", "Calls reach Bilby", verified, words, "/numbers", action)


def _prompt(setup: Setup) -> Item:
    done = setup.organisation.consent_prompt is not None
    words = "What callers hear before their words are transcribed. Keep our standard prompt, or write your own."
    action = "Change" if done else "Choose the prompt"
    return Item("prompt", "Consent prompt", done, "" if done else words, "/settings#prompt", action)


def _call(setup: Setup) -> Item:
    number = number_to_ring(setup)
    words = f"Take calls in the console, then call {number} from any phone."
    if not number:
        words = "Once you have the number: take calls in the console, then call it from any phone."
    words = "" if setup.answered else words
    return Item("call", "First test call", setup.answered, words, "/console", "Open the console")


def _team(setup: Setup) -> Item:
    done = len(setup.members) > 1
    words = (
        f"{len(setup.members)} people" if done else "Agents answer calls; supervisors read along with all of them."
    )
    return Item("team", "Team invited", done, words, "/team", "Everybody" if done else "Invite somebody")
