"""The dashboard's tables: by line, group and agent, missed calls by reason, waits and lengths by band. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from db.models import Number
from db.queries.phone.groups import Group
from db.queries.reports.counts import Counts
from web.calls.log.view import BAND_WORDS, REASON_WORDS
from web.reports.figures import share
from web.reports.period import Period
from web.request.callers import shown

_UNKNOWN_LINE = "Unknown number"
_UNKNOWN_AGENT = "A former member"


@dataclass(frozen=True, slots=True)
class Row:
    """One line, group or agent. ``href``: its calls in the call log."""

    name: str
    counts: Counts
    href: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a whole: calls of a reason or a band. ``of_largest``: its bar, in per cent of the largest one's."""

    name: str
    count: int
    share: str
    of_largest: float


def lines(counts: Mapping[UUID | None, Counts], numbers: Mapping[UUID, Number], period: Period) -> list[Row]:
    """Return a row for each of our numbers with calls, the busiest first."""
    rows = []
    for number_id, counted in counts.items():
        number = None if number_id is None else numbers.get(number_id)
        name = _UNKNOWN_LINE if number is None else number.label or shown(number.e164)
        rows.append(Row(name, counted, _calls(period, line=number_id) if number else ""))
    return _sorted(rows)


def agents(counts: Mapping[UUID | None, Counts], names: Mapping[UUID, str], period: Period) -> list[Row]:
    """Return a row for each member who answered or dialled, the busiest first."""
    named = {member: names.get(member) or _UNKNOWN_AGENT for member in counts if member is not None}
    return _sorted([Row(name, counts[member], _calls(period, agent=member)) for member, name in named.items()])


def groups(counts: Mapping[UUID | None, Counts], kept: Sequence[Group], period: Period) -> list[Row]:
    """Return a row for each group: the calls of those who are in it now."""
    rows = []
    for group in kept:
        of_group = sum((counts.get(member, Counts()) for member in group.members), Counts())
        rows.append(Row(group.name, of_group, _calls(period, group=group.id)))
    return _sorted(rows)


def reasons(counts: Counts) -> list[Part]:
    """Return the missed calls by why no agent took them, as the call log says it."""
    named = [(words, int(getattr(counts, reason))) for reason, words in REASON_WORDS.items()]
    rest = counts.missed - sum(count for _, count in named)
    return _parts([*named, *([("Not known", rest)] if rest else [])])


def waits(counts: Counts) -> list[Part]:
    """Return the answered calls by how long their callers waited."""
    return _parts(list(zip(BAND_WORDS, counts.wait_bands, strict=True)))


def lengths(counts: Counts) -> list[Part]:
    """Return the calls in which people talked by how long they lasted."""
    return _parts(list(zip(BAND_WORDS, counts.length_bands, strict=True)))


def _parts(named: Sequence[tuple[str, int]]) -> list[Part]:
    whole, largest = sum(count for _, count in named), max((count for _, count in named), default=0)
    return [
        Part(name, count, share(count, whole), round(100 * count / largest, 1) if largest else 0)
        for name, count in named
    ]


def _sorted(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-row.counts.calls, row.name.casefold()))


def _calls(period: Period, **which: UUID | None) -> str:
    return f"/calls?{urlencode({**period.query, **which})}"
