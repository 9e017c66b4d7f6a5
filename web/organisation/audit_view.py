"""The audit log's filters and rows. Pure: parses the query string, formats entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from db.models import AuditEntry
from db.queries.audit import AuditFilter, details_of
from web.request.callers import shown
from web.request.errors import InvalidError
from web.request.paging import days, filled_in
from web.request.price import Price

FIELDS = ("from", "to", "who", "what")
OUTSIDE = "outside"  # value of the filter `who` for Stripe, Twilio and Bilby
_LONGEST_ACTION = 60  # characters
_TROUBLE = ("failed", "rejected", "retried", "disputed", "action_required", "given_up", "not_finalized")
_SPELT = {"abn": "ABN", "papers": "regulatory bundle", "stripe": "Stripe", "twilio": "Twilio"}

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry as shown. ``at`` is in the organisation's time zone."""

    at: datetime
    who: str
    is_outside: bool
    """Done by Stripe, Twilio or Bilby, not by a member."""
    action: str
    what: str
    details: Sequence[tuple[str, str]]
    place: str
    """A code for the network it was done from: equal for equal networks, not reversible."""
    is_failure: bool


def asked(query: Mapping[str, str]) -> dict[str, str]:
    """Return the filters that are filled in, as typed."""
    return filled_in(query, FIELDS)


def audit_filter(asked: Mapping[str, str], zone: ZoneInfo) -> AuditFilter:
    """Parse the filters; days are in ``zone``, the last one included. Raise `InvalidError`."""
    since, until = days(asked, zone)
    who, what = asked.get("who"), asked.get("what")
    if what is not None and (len(what) > _LONGEST_ACTION or not what.isprintable()):
        raise InvalidError("There is no action with that name. Choose one from the list.", "what")
    return AuditFilter(
        action=what,
        actor_id=None if who in (None, OUTSIDE) else _member(who),
        outside=who == OUTSIDE,
        since=since,
        until=until,
    )


def line(entry: AuditEntry, zone: ZoneInfo) -> AuditRow:
    """Format ``entry`` for ``zone``."""
    return AuditRow(
        at=entry.at.astimezone(zone),
        who=entry.actor,
        is_outside=entry.actor_id is None,
        action=entry.action,
        what=words(entry.action),
        details=details_in_words(details_of(entry)),
        place="" if entry.from_hash is None else entry.from_hash.hex()[:8],
        is_failure=entry.action.endswith(_TROUBLE),
    )


def words(name: str) -> str:
    """Return ``number.released`` as ``Number released``."""
    text = " ".join(_SPELT.get(word, word) for word in name.replace(".", " ").replace("_", " ").split())
    return text[:1].upper() + text[1:]


def choices(actions: Sequence[str], chosen: str | None = None) -> dict[str, list[tuple[str, str]]]:
    """Return the actions to filter by, grouped by noun: those that occur in the log, and the one ``chosen``.

    A noun with several actions can be chosen as a whole.
    """
    nouns: dict[str, list[tuple[str, str]]] = {}
    for action in actions:
        nouns.setdefault(action.partition(".")[0], []).append((action, words(action)))
    for noun, of_noun in nouns.items():
        if len(of_noun) > 1 or chosen == noun:
            of_noun.insert(0, (noun, f"{words(noun)}: anything"))
    if chosen and chosen not in nouns and chosen not in actions:
        nouns[chosen] = [(chosen, words(chosen))]
    return nouns


def _member(text: str | None) -> UUID:
    try:
        return UUID(text or "")
    except ValueError:
        raise InvalidError("There is no such person. Choose one from the list.", "who") from None


def details_in_words(details: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Return the names and values of an entry's details as people read them; those that say nothing are left out."""
    currency = details.get("currency")
    return [
        (words(name), _value(name, value, currency))
        for name, value in details.items()
        if value not in (None, "") and not (name == "currency" and _has_amount(details))
    ]


def _has_amount(details: Mapping[str, Value]) -> bool:
    return any(_is_amount(name, value) for name, value in details.items())


def _is_amount(name: str, value: Value) -> bool:
    return name.startswith("amount") and isinstance(value, int) and not isinstance(value, bool)


def _value(name: str, value: Value, currency: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and _is_amount(name, value) and isinstance(currency, str):
        return str(Price(value)) if currency == "aud" else f"{value / 100:,.2f} {currency.upper()}"
    text = str(value)
    return shown(text) if text.startswith("+") and text[1:].isdecimal() else text
