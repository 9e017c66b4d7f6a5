"""The figures of a period, each beside that of the period before. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from db.queries.log.call_times import BANDS
from db.queries.reports.counts import Counts
from web.calls.log.view import duration

_SOON = BANDS.index(30) + 1  # bands in which a caller waits less than 30 seconds
NONE = "–"
SAME = "the same"
Verdict = Literal["better", "worse", "even"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as shown. ``change``: in words, against the period before; ``verdict``: None where none is due."""

    key: str
    name: str
    value: str
    before: str
    change: str
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class _Measure:
    key: str
    name: str
    of: Callable[[Counts], float | None]
    show: Callable[[float], str]
    compare: Callable[[float, float], str]
    better: Literal["more", "less"] | None = None


def share(part: int, whole: int) -> str:
    """Return a share in per cent; empty if there is nothing to share."""
    return f"{100 * part / whole:.0f} %" if whole else ""


def mean(seconds: int, count: int) -> str:
    """Return a mean length; a dash if there is none."""
    return duration(round(seconds / count)) if count else NONE


def within_30_s(counts: Counts) -> int:
    """Return how many of the answered callers waited less than 30 seconds."""
    return sum(counts.wait_bands[:_SOON])


def figures(now: Counts, before: Counts) -> Sequence[Figure]:
    """Return all figures of a period."""
    return [_figure(each, now, before) for each in _MEASURES]


def _figure(measure: _Measure, now: Counts, before: Counts) -> Figure:
    value, other = measure.of(now), measure.of(before)
    shown, earlier = (NONE if each is None else measure.show(each) for each in (value, other))
    if value is None or other is None:
        return Figure(measure.key, measure.name, shown, earlier, "", None)
    change = measure.compare(value, other)
    return Figure(measure.key, measure.name, shown, earlier, change, _verdict(measure, value, other))


def _verdict(measure: _Measure, value: float, before: float) -> Verdict | None:
    if measure.better is None or not before:
        return None
    if measure.show(value) == measure.show(before):
        return "even"
    return "better" if (value > before) == (measure.better == "more") else "worse"


def _whole(count: float) -> str:
    return f"{count:,.0f}"


def _per_cent(part: float) -> str:
    return f"{100 * part:.0f} %"


def _duration(seconds: float) -> str:
    return duration(round(seconds))


def _by_count(value: float, before: float) -> str:
    if value == before:
        return SAME
    if not before:
        return f"{value - before:+,.0f}"
    return f"{100 * (value - before) / before:+,.0f} %".replace("-", "−")


def _by_points(value: float, before: float) -> str:
    points = round(100 * value) - round(100 * before)
    if not points:
        return SAME
    return f"{points:+d} point{'' if abs(points) == 1 else 's'}".replace("-", "−")


def _by_seconds(value: float, before: float) -> str:
    seconds = round(value) - round(before)
    if not seconds:
        return SAME
    return f"{duration(abs(seconds))} {'longer' if seconds > 0 else 'shorter'}"


def _answered_share(counts: Counts) -> float | None:
    return _part(counts.answered, counts.answered + counts.missed)


def _soon_share(counts: Counts) -> float | None:
    return _part(within_30_s(counts), counts.answered)


def _reached_share(counts: Counts) -> float | None:
    return _part(counts.reached, counts.outbound)


def _mean_wait(counts: Counts) -> float | None:
    return _part(counts.answer_wait_s, counts.answered)


def _mean_talk(counts: Counts) -> float | None:
    return _part(counts.talk_s, counts.talked)


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None


_MEASURES = (
    _Measure("inbound", "Incoming calls", lambda each: each.inbound, _whole, _by_count),
    _Measure("answered", "Answered", lambda each: each.answered, _whole, _by_count),
    _Measure("answered-share", "Answered share", _answered_share, _per_cent, _by_points, "more"),
    _Measure("missed", "Missed", lambda each: each.missed, _whole, _by_count, "less"),
    _Measure("wait", "Mean wait until answered", _mean_wait, _duration, _by_seconds, "less"),
    _Measure("soon", "Answered in less than 30 s", _soon_share, _per_cent, _by_points, "more"),
    _Measure("outbound", "Outgoing calls", lambda each: each.outbound, _whole, _by_count),
    _Measure("reached", "Outgoing, reached", _reached_share, _per_cent, _by_points),
    _Measure("talk", "Mean talk", _mean_talk, _duration, _by_seconds),
)
