"""The form of the phone's settings: an organisation's own lists, the time after a call, and notes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db.base import ChoiceKind
from db.models import Choice
from db.queries.phone.choices import MOST
from web.request.typed import tidy, whole_number

LISTS: Mapping[ChoiceKind, tuple[str, str]] = {
    "break": (
        "Reasons for a break",
        "What members choose when they do not want to be rung, such as Lunch or Training.",
    ),
    "outcome": ("Outcomes", "The result of a call, such as Booked or Wrong number. One per call."),
    "tag": ("Tags", "Anything else that you want to find again. Any number per call."),
}
LONGEST_LABEL = 40  # characters
LONGEST_WRAP_UP = 600  # seconds
FIELDS = (*LISTS, "wrap_up_seconds", "notes_on", "notification_numbers")


@dataclass(frozen=True, slots=True)
class PhoneSettings:
    """What an organisation chose; ``lists`` are the labels of each kind, in their order."""

    lists: Mapping[ChoiceKind, tuple[str, ...]]
    wrap_up_seconds: int
    notes_on: bool
    notification_numbers: bool


def of(choices: Sequence[Choice], *, wrap_up_seconds: int, notes_on: bool, numbers: bool) -> PhoneSettings:
    """Return what is stored."""
    lists = {kind: tuple(each.label for each in choices if each.kind == kind) for kind in LISTS}
    return PhoneSettings(lists, wrap_up_seconds, notes_on, numbers)


def typed(settings: PhoneSettings) -> dict[str, str]:
    """Return the form's fields: a list is one label a line."""
    return {
        **{kind: "\n".join(labels) for kind, labels in settings.lists.items()},
        "wrap_up_seconds": str(settings.wrap_up_seconds),
        "notes_on": "yes" if settings.notes_on else "",
        "notification_numbers": "yes" if settings.notification_numbers else "",
    }


def read(sent: Mapping[str, str]) -> tuple[PhoneSettings, dict[str, str]]:
    """Return what the form says, and what is wrong with it: a sentence by field."""
    wrong: dict[str, str] = {}
    lists = {kind: _labels(kind, sent[kind], wrong) for kind in LISTS}
    seconds = whole_number(sent["wrap_up_seconds"])
    if seconds is None or seconds > LONGEST_WRAP_UP:
        wrong["wrap_up_seconds"] = f"Enter a whole number of seconds, 0 to {LONGEST_WRAP_UP}."
    return (
        PhoneSettings(lists, seconds or 0, sent["notes_on"] == "yes", sent["notification_numbers"] == "yes"),
        wrong,
    )


def changes(before: PhoneSettings, after: PhoneSettings) -> dict[str, str]:
    """Return what differs, for the audit log."""
    found = {
        f"{kind}s": ", ".join(after.lists[kind]) or "none"
        for kind in LISTS
        if before.lists[kind] != after.lists[kind]
    }
    if before.wrap_up_seconds != after.wrap_up_seconds:
        found["wrap_up_seconds"] = f"{before.wrap_up_seconds} → {after.wrap_up_seconds}"
    for name, was, now in (
        ("notes", before.notes_on, after.notes_on),
        ("numbers_in_notifications", before.notification_numbers, after.notification_numbers),
    ):
        if was != now:
            found[name] = "on" if now else "off"
    return found


def _labels(kind: ChoiceKind, text: str, wrong: dict[str, str]) -> tuple[str, ...]:
    labels = tuple(dict.fromkeys(label for label in (tidy(line) for line in text.splitlines()) if label))
    if len(labels) > MOST:
        wrong[kind] = f"Enter at most {MOST}."
    elif too_long := next((label for label in labels if len(label) > LONGEST_LABEL), None):
        wrong[kind] = f"“{too_long[:LONGEST_LABEL]}…” is too long: {LONGEST_LABEL} characters at most."
    return labels
