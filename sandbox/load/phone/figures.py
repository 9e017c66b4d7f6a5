"""What was measured: times in seconds as the pages saw them, web's own histograms, and who used how much CPU."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TICK = 0.02
_SAMPLE = re.compile(r"^(\w+)_bucket\{(.*)\} (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(slots=True)
class Figures:
    """Times are of this process, and include its own lateness, which is ``late``."""

    claims: list[float] = field(default_factory=list)
    """Of claims that were answered 200, or 409 because somebody was faster."""
    joins: list[float] = field(default_factory=list)
    """From a claim's answer to the page's event that says that its agent is in the room."""
    rings: list[float] = field(default_factory=list)
    """From the webhook that makes a call ring to the event, for each page at which it rings."""
    rings_to_all: list[float] = field(default_factory=list)
    """Likewise, to the last page of all that were free: where at least `MANY` were."""
    webhooks: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """By how much this process woke up later than it wanted to."""
    results: Counter[str] = field(default_factory=Counter)
    """What else happened, by name."""

    async def watch_lateness(self) -> None:
        """Measure ``late`` until cancelled."""
        while True:
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            self.late.append(max(0.0, time.perf_counter() - due))


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of ``values`` do not exceed; NaN without any."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else math.nan


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram of Prometheus: how many were at most so long, by bound in seconds."""

    buckets: Mapping[float, float]

    def since(self, before: Histogram) -> Histogram:
        """Return what came after ``before``."""
        return Histogram({bound: count - before.buckets.get(bound, 0) for bound, count in self.buckets.items()})

    @property
    def count(self) -> float:
        return self.buckets.get(math.inf, 0)

    def at_most(self, share: float) -> float:
        """Return the least bound that ``share`` of them did not exceed."""
        return next((bound for bound, count in sorted(self.buckets.items()) if count >= share * self.count), math.inf)


def request_seconds(metrics: str, route: str) -> float:
    """Return how long web has worked on that route in all."""
    found = re.search(rf'^bilby_web_request_seconds_sum{{route="{re.escape(route)}"}} (\S+)$', metrics, re.MULTILINE)
    return float(found[1]) if found is not None else 0.0


def histograms(metrics: str) -> Mapping[tuple[str, str], Histogram]:
    """Return the histograms of a page of metrics, by name and route; the route is empty for those without one."""
    found: dict[tuple[str, str], dict[float, float]] = {}
    for name, labels, value in _SAMPLE.findall(metrics):
        given = dict(_LABEL.findall(labels))
        found.setdefault((name, given.get("route", "")), {})[float(given["le"])] = float(value)
    return {key: Histogram(buckets) for key, buckets in found.items()}
