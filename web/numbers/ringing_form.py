"""The form of a number's ringing plan: read what was typed, or say what is wrong with each field. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast, get_args
from uuid import UUID

from db.base import RingStrategy, WaitingSound
from db.queries.phone.groups import Group
from db.queries.phone.ringing_plans import RING_SECONDS, WAIT_SECONDS, RingingPlan
from web.request.typed import in_order, whole_number

FIELDS = ("strategy", "ring_seconds", "wait_seconds", "waiting", "offers_callback", "asks_consent")
STRATEGIES: Mapping[RingStrategy, tuple[str, str]] = {
    "longest_idle": (
        "Longest idle first",
        "One after the other, starting with the member who has been free for longest.",
    ),
    "all": (
        "All at once",
        "Everybody who is free, until somebody answers. After each ring time, another group is added.",
    ),
    "fixed": ("In a fixed order", "One after the other, always in the order of the groups and of their members."),
}
SOUNDS: Mapping[WaitingSound, str] = {
    "ringing": "A ringing tone",
    "music": "Music",
    "position": "Music, and their place in line",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form says: a plan, and what is ``wrong``, a sentence by field. The plan counts only without any."""

    plan: RingingPlan
    wrong: Mapping[str, str]


def place_field(group: UUID) -> str:
    """Return the name of the field for a group's place."""
    return f"place_{group.hex}"


def fields(groups: Sequence[Group]) -> list[str]:
    """Return the names of all fields."""
    return [*FIELDS, *(place_field(group.id) for group in groups)]


def typed(plan: RingingPlan, groups: Sequence[Group]) -> dict[str, str]:
    """Return the form's fields for ``plan``."""
    places = {group: place for place, group in enumerate(plan.groups, 1)}
    return {
        "strategy": plan.strategy,
        "ring_seconds": str(plan.ring_seconds),
        "wait_seconds": str(plan.wait_seconds),
        "waiting": plan.waiting,
        "offers_callback": "yes" if plan.offers_callback else "",
        "asks_consent": "yes" if plan.asks_consent else "",
        **{place_field(group.id): str(places.get(group.id, "")) for group in groups},
    }


def read(sent: Mapping[str, str], groups: Sequence[Group]) -> Typed:
    """Read the form."""
    places, wrong = in_order(sent, {place_field(group.id): group.id for group in groups})
    strategy, waiting = sent["strategy"], sent["waiting"]
    if strategy not in get_args(RingStrategy):
        wrong["strategy"] = "Choose how calls ring."
    if waiting not in get_args(WaitingSound):
        wrong["waiting"] = "Choose what callers hear."
    plan = RingingPlan(
        strategy=cast(RingStrategy, strategy),
        ring_seconds=_seconds("ring_seconds", sent, RING_SECONDS, wrong),
        wait_seconds=_seconds("wait_seconds", sent, WAIT_SECONDS, wrong),
        waiting=cast(WaitingSound, waiting),
        offers_callback=sent["offers_callback"] == "yes",
        asks_consent=sent["asks_consent"] == "yes",
        groups=places,
    )
    return Typed(plan, wrong)


def changes(before: RingingPlan, after: RingingPlan, groups: Mapping[UUID, str]) -> dict[str, str]:
    """Return what differs, for the audit log."""
    shown = (_shown(before, groups), _shown(after, groups))
    return {name: f"{was} → {shown[1][name]}" for name, was in shown[0].items() if was != shown[1][name]}


def _shown(plan: RingingPlan, groups: Mapping[UUID, str]) -> dict[str, str]:
    return {
        "rings": STRATEGIES[plan.strategy][0],
        "groups": ", ".join(groups.get(group, "?") for group in plan.groups) or "everybody",
        "ring_seconds": str(plan.ring_seconds),
        "wait_seconds": str(plan.wait_seconds),
        "callers_hear": SOUNDS[plan.waiting],
        "offers_call_back": "yes" if plan.offers_callback else "no",
        "asks_for_consent_key": "yes" if plan.asks_consent else "no",
    }


def _seconds(name: str, sent: Mapping[str, str], limits: tuple[int, int], wrong: dict[str, str]) -> int:
    value = whole_number(sent[name])
    if value is None or not limits[0] <= value <= limits[1]:
        wrong[name] = f"Enter a whole number of seconds, {limits[0]} to {limits[1]}."
    return value or 0
