"""Parameters of REST requests, read strictly: what Twilio's specification does not know is refused (20001)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from multidict import MultiMapping

from sandbox.twilio.rest.framework import RestError

METHODS = ("GET", "POST")
_COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    "<": lambda at, limit: at <= limit,
    ">": lambda at, limit: at >= limit,
    "": lambda at, day: day <= at < day + timedelta(days=1),
}


def known(fields: Mapping[str, str], names: str) -> Mapping[str, str]:
    """Return ``fields``, all of which are among ``names``, apart by spaces. Raise `RestError`."""
    for name in fields:
        if name not in names.split():
            raise RestError(400, 20001, f"{name} is not a parameter of this resource")
    return fields


def flag(fields: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """Return a boolean. Raise `RestError`."""
    return choice(fields, name, ("true", "false"), str(default).lower()) == "true"


def whole(fields: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """Return a whole number. Raise `RestError`."""
    text = fields.get(name, str(default))
    if not text.isdecimal() or not least <= int(text) <= most:
        raise RestError(400, 20001, f"{name} is not a number from {least} to {most}")
    return int(text)


def choice(fields: Mapping[str, str], name: str, allowed: Sequence[str], default: str) -> str:
    """Return one of ``allowed``. Raise `RestError`."""
    value = fields.get(name, default)
    if value != default and value not in allowed:
        raise RestError(400, 20001, f"{name} must be one of {', '.join(allowed)}")
    return value


def url(fields: Mapping[str, str], name: str) -> str:
    """Return an absolute URL; empty if there is none. Raise `RestError`."""
    text = fields.get(name, "")
    if text and not text.startswith(("http://", "https://")):
        raise RestError(400, 21205, f"{name} is not a valid URL: {text}")
    return text


def at_times(query: MultiMapping[str], names: Sequence[str]) -> Callable[[Mapping[str, datetime | None]], bool]:
    """Return the test that ``query`` makes of times: at (a day), before (<) or after (>). Raise `RestError`."""
    times = [
        (name, compare, _time(query[name + sign]))
        for name in names
        for sign, compare in _COMPARISONS.items()
        if query.get(name + sign)
    ]

    def wanted(moments: Mapping[str, datetime | None]) -> bool:
        return all((at := moments[name]) is not None and compare(at, limit) for name, compare, limit in times)

    return wanted


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise RestError(400, 20001, f"'{text}' is not a time") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
