"""Which phrase rules fired in a call, and which sentences that must be said were or were not, for the call log.

The organisation's own names, times and speakers; never what was said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from db.queries.words.phrase_rules import Fired


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that fired in a call. ``at``: the first time, in the organisation's time zone."""

    name: str
    ticked: bool
    """Whether it is a sentence that must be said, which was ticked off then."""
    speaker: str
    at: datetime
    times: int


def hits(fired: Iterable[Fired], zone: ZoneInfo) -> list[Hit]:
    """Return what fired in one call: the sentences that must be said first, then the others in order of time."""
    shown = [Hit(each.name, each.must_say, each.speaker, each.at.astimezone(zone), each.times) for each in fired]
    return sorted(shown, key=lambda hit: (not hit.ticked, hit.at))


def hit_cells(hits: Iterable[Hit], unsaid: Iterable[str]) -> tuple[str, str, str]:
    """Return three cells of a spreadsheet: what was noticed, what had to be said and was, and what was not."""
    noticed: list[str] = []
    said: list[str] = []
    for hit in hits:
        times = f" x{hit.times}" if hit.times > 1 else ""
        facts = f"{hit.name} ({hit.speaker} {hit.at.isoformat(sep=' ', timespec='seconds')}{times})"
        (said if hit.ticked else noticed).append(facts)
    return "; ".join(noticed), "; ".join(said), "; ".join(unsaid)
