"""How long pages of the call log and the dashboard take, asked one after the other through web: the whole route.

And how long it takes to count a day again after one of its calls has changed.
"""

from __future__ import annotations

import random
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import aiohttp

from db import recount
from db.engine import Database
from db.models import Recount
from db.queries.reports.counts import Reports
from db.queries.reports.days import beginning
from sandbox.load.log.rows import DAYS, Filled

PAGES = 40  # of each filter, each with another value where it has several
MOST_PAGES = 25  # of each kind of the dashboard: web lets an organisation have sixty exports in ten minutes
DAYS_COUNTED = 20
_OLDER = re.compile(r'href="([^"]*)" rel="next"')
_ROW = 'class="log-row"'
_LOOKED = "data-looked-to="
Query = Mapping[str, str]


@dataclass(slots=True)
class Measured:
    """The pages of one filter: how long each took, how many calls were on it, how often the search had to stop."""

    name: str
    took_ms: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    stopped: int = 0
    cpu_s: float = 0.0
    """Of web and of Postgres together, for all of these pages: what others do on the machine is not in it."""

    @property
    def p95_ms(self) -> float:
        return statistics.quantiles(self.took_ms, n=20)[18]


def filters(filled: Filled, contact: UUID, dice: random.Random) -> dict[str, Callable[[], Query]]:
    """Return what is asked, by name; ``contact`` has several numbers."""

    def often(of: Sequence[UUID]) -> str:
        return str(dice.choice(of[1:]))

    return {
        "none": dict,
        "a month": lambda: _days(dice, 30),
        "a day": lambda: _days(dice, 1),
        **_by_number(filled, dice),
        "a contact with several numbers": lambda: {"contact": str(contact)},
        "agent": lambda: {"agent": often(filled.agents)},
        "rare agent": lambda: {"agent": str(filled.agents[0])},
        "group": lambda: {"group": str(filled.group)},
        "our number": lambda: {"line": often(filled.numbers)},
        "source": lambda: {"source": f"Campaign {dice.randrange(3, 12)}"},
        "rare source": lambda: {"source": "Skywriting"},
        "outcome": lambda: {"outcome": dice.choice(["answered", "missed", "unanswered", "busy"])},
        "rare outcome": lambda: {"outcome": "failed"},
        "in progress": lambda: {"outcome": "live"},
        "state": lambda: {"state": dice.choice(["ringing", "talking", "held", "over"])},
        "words shown": lambda: {"words": "shown"},
        "words with gaps": lambda: {"words": "gaps"},
        "words failed (none)": lambda: {"words": "failed"},
        "words with gaps, of an agent": lambda: {"words": "gaps", "agent": often(filled.agents)},
        "noted outcome": lambda: {"result": often(filled.outcomes)},
        "rare noted outcome": lambda: {"result": str(filled.outcomes[0])},
        "tag": lambda: {"tag": often(filled.tags)},
        "rare tag": lambda: {"tag": str(filled.tags[0])},
        "direction": lambda: {"direction": dice.choice(["inbound", "outbound"])},
        "length": lambda: {"length": str(dice.randrange(7))},
        "wait": lambda: {"wait": str(dice.randrange(7))},
        "follow-up": lambda: {"follow-up": "yes"},
        "oldest first": lambda: {"sort": "oldest", "direction": "outbound"},
        **_longest_first(filled, dice),
        "agent, missed (none)": lambda: {"agent": often(filled.agents), "outcome": "missed"},
        "agent and tag in a month": lambda: {
            **_days(dice, 30),
            "agent": often(filled.agents),
            "tag": often(filled.tags),
        },
        "group, busy, long wait": lambda: {"group": str(filled.group), "outcome": "busy", "wait": "3"},
        "number, outcome, direction": lambda: {
            "line": often(filled.numbers),
            "outcome": "unanswered",
            "direction": "outbound",
        },
    }


def _by_number(filled: Filled, dice: random.Random) -> dict[str, Callable[[], Query]]:
    def number() -> str:
        return dice.choice(filled.customers)

    def national() -> str:
        return f"0{number()[3:]}"

    return {
        "whole number": lambda: {"number": number()},
        "last four digits": lambda: {"number": number()[-4:]},
        "last six digits": lambda: {"number": number()[-6:]},
        "first four digits": lambda: {"number": national()[:4]},
        "first six digits": lambda: {"number": national()[:6]},
        "first eight digits": lambda: {"number": national()[:8]},
        "four digits of nobody": lambda: {"number": "+99999"},
        "four digits and an agent": lambda: {"number": number()[-4:], "agent": str(dice.choice(filled.agents[1:]))},
    }


def _longest_first(filled: Filled, dice: random.Random) -> dict[str, Callable[[], Query]]:
    return {
        "longest first": lambda: {"sort": "longest"},
        "longest first of a day": lambda: {"sort": "longest", **_days(dice, 1)},
        "longest first of a month": lambda: {"sort": "longest", **_days(dice, 30)},
        "longest first of an agent": lambda: {"sort": "longest", "agent": str(dice.choice(filled.agents[1:]))},
        "longest wait first, missed": lambda: {"sort": "waited", "outcome": "missed"},
    }


def dashboards(dice: random.Random) -> dict[str, Callable[[], str]]:
    """Return which pages of the dashboard are asked for, by name."""

    def period(days: int) -> Callable[[], str]:
        return lambda: urlencode(_days(dice, days))

    return {
        "dashboard, as it opens": lambda: "/dashboard",
        "dashboard, 28 days": lambda: f"/dashboard?{period(28)()}",
        "dashboard, 92 days": lambda: f"/dashboard?{period(92)()}",
        "dashboard, 365 days": lambda: f"/dashboard?{period(365)()}",
        "its live counters": lambda: "/dashboard/now",
        "its CSV, 28 days": lambda: f"/dashboard.csv?{period(28)()}",
        "its PDF, 28 days": lambda: f"/dashboard.pdf?{period(28)()}",
    }


async def recounting(database: Database, filled: Filled, dice: random.Random, *, days: int = DAYS_COUNTED) -> str:
    """Count ``days`` days again, one after the other; return how long that takes and of how many calls, as text."""
    zone, took, calls = ZoneInfo("Australia/Sydney"), [], []
    for _ in range(days):
        day = datetime.now(zone).date() - timedelta(days=dice.randrange(2, DAYS - 5))
        async with database.begin() as session:
            session.add(Recount(organisation_id=filled.organisation_id, at=beginning(day, zone)))
        began = time.perf_counter()
        await recount.settle(database)
        took.append((time.perf_counter() - began) * 1000)
        async with database.begin() as session:
            calls.append((await Reports(session, filled.organisation_id).total(day, day)).calls)
    worst, middle = max(took), statistics.median(took)
    return f"A day of {statistics.mean(calls):,.0f} calls is counted again in {middle:.0f} ms (at most {worst:.0f})"


async def measure(
    http: aiohttp.ClientSession,
    filled: Filled,
    contact: UUID,
    cpu: Callable[[], float],
    *,
    pages: int = PAGES,
    seed: int = 1,
) -> list[Measured]:
    """Ask for ``pages`` first pages of every filter, then follow the links to later pages of the whole log.

    ``cpu`` says how many seconds of processor time web and Postgres have used.
    """
    dice = random.Random(seed)
    measured = []
    for name, query in filters(filled, contact, dice).items():
        one = Measured(name)
        await _page(http, f"/calls?{urlencode(query())}", Measured(""))  # what is read from disk for the first time
        before = cpu()
        for _ in range(pages):
            await _page(http, f"/calls?{urlencode(query())}", one)
        one.cpu_s = cpu() - before
        measured.append(one)
    for name, path_of in dashboards(dice).items():
        one = Measured(name)
        await _page(http, path_of(), Measured(""))
        before = cpu()
        for _ in range(min(pages, MOST_PAGES)):
            await _page(http, path_of(), one)
        one.cpu_s = cpu() - before
        measured.append(one)
    later, path, before = Measured("next pages, one after the other"), "/calls", cpu()
    for _ in range(pages):
        found = _OLDER.search(await _page(http, path, later))
        path = unescape(found[1]) if found else "/calls"
    later.cpu_s = cpu() - before
    measured.append(later)
    ids = re.findall(r'href="(/calls/[0-9a-f-]{36})"', await _page(http, "/calls", Measured("")))
    one, before = Measured("the page of one call"), cpu()
    for _ in range(pages):
        await _page(http, dice.choice(ids), one)
    one.cpu_s = cpu() - before
    return [*measured, one]


async def _page(http: aiohttp.ClientSession, path: str, measured: Measured) -> str:
    began = time.perf_counter()
    async with http.get(path) as answer:
        text = (await answer.read()).decode(errors="replace")
    measured.took_ms.append((time.perf_counter() - began) * 1000)
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    measured.calls.append(text.count(_ROW))
    measured.stopped += _LOOKED in text
    return text


def table(measured: Sequence[Measured]) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        "| filter | p50 ms | p95 ms | worst ms | CPU ms a page | calls on a page | searches that stopped first |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in measured:
        middle, worst = statistics.median(each.took_ms), max(each.took_ms)
        calls, of = statistics.mean(each.calls), len(each.took_ms)
        lines.append(
            f"| {each.name} | {middle:.0f} | {each.p95_ms:.0f} | {worst:.0f} | {1000 * each.cpu_s / of:.1f} "
            f"| {calls:.0f} | {each.stopped} of {of} |"
        )
    return "\n".join(lines)


def _days(dice: random.Random, count: int) -> Query:
    first = datetime.now(UTC).date() - timedelta(days=dice.randrange(count + 1, DAYS - 5))
    return {"from": first.isoformat(), "to": (first + timedelta(days=count - 1)).isoformat()}
