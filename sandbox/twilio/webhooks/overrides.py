"""What a webhook's URL says of how Twilio is to ask it, behind ``#``. Pure.

Source: Twilio, "Webhooks (HTTP callbacks): Connection Overrides". The fragment is neither sent nor signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

Trouble = Literal["ct", "rt", "4xx", "5xx"]
"""Why a request failed: no connection, no answer, or an answer with such a status."""

MOST_RETRIES = 5
_ALL: frozenset[Trouble] = frozenset({"ct", "rt", "4xx", "5xx"})


@dataclass(frozen=True, slots=True)
class Overrides:
    """How one URL is asked. ``retries`` come at once, after a trouble that is in ``after``; times are in seconds."""

    retries: int = 1
    after: frozenset[Trouble] = frozenset({"ct"})
    connect: float = 5.0
    read: float = 15.0
    total: float = 15.0
    """For all attempts together."""

    def again(self, trouble: Trouble, attempts: int) -> bool:
        """Return whether to ask again after so many ``attempts``, of which the last one ended in ``trouble``."""
        return trouble in self.after and attempts <= self.retries


def overrides_of(url: str) -> Overrides:
    """Return what ``url`` says. What it does not say, or says out of bounds, is as Twilio has it by itself."""
    said = dict(parse_qsl(url.partition("#")[2]))
    usual = Overrides()
    return Overrides(
        retries=_number(said.get("rc", ""), 0, MOST_RETRIES, usual.retries),
        after=_policies(said["rp"]) if "rp" in said else usual.after,
        connect=_number(said.get("ct", ""), 100, 10_000, 5_000) / 1000,
        read=_number(said.get("rt", ""), 100, 15_000, 15_000) / 1000,
        total=_number(said.get("tt", ""), 100, 15_000, 15_000) / 1000,
    )


def trouble_of(status: int) -> Trouble | None:
    """Return what trouble an HTTP status is; None if it is none."""
    return "5xx" if status >= 500 else "4xx" if status >= 400 else None


def _policies(said: str) -> frozenset[Trouble]:
    names = said.split(",")
    return _ALL if "all" in names else frozenset(each for each in _ALL if each in names)


def _number(said: str, least: int, most: int, usual: int) -> int:
    return int(said) if said.isdecimal() and least <= int(said) <= most else usual
