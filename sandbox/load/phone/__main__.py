"""``python -m sandbox.load.phone [--agents 200] [--calls 300] [--every 0.5] [--talk 40] [--answered 160]``.

A call comes in ``every`` so many seconds, rings at every agent who is free, and lasts for ``talk`` seconds once it is
answered. Further calls, which talk to an outside party, go on all the time, so that there are ``calls`` at once.
Commits do not wait for the disk. With ``--profile FILE`` web's CPU is profiled into that file (and is slower).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from sandbox.load.child import cpu_seconds
from sandbox.load.phone.figures import Figures, Histogram, histograms, quantile
from sandbox.load.phone.network import Network
from sandbox.load.phone.pages import Page
from sandbox.load.phone.shift import Shift
from sandbox.load.phone.site import NUMBER, Site, site

OPENING_SECONDS = 0.02  # between two pages
SETTLE_SECONDS = 3.0
CLAIM = ("bilby_web_request_seconds", "/phone/calls/{call}/claim")
RING = ("bilby_web_phone_ring_seconds", "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command was asked for."""

    agents: int
    calls: int
    every: float
    talk: float
    answered: int
    profile: str


@dataclass(frozen=True, slots=True)
class Used:
    """CPU in seconds: of web, of Postgres, and of this process; and how long it took."""

    web: float
    postgres: float
    load: float
    seconds: float


async def measure(wanted: Wanted) -> tuple[Figures, Used, Mapping[tuple[str, str], Histogram]]:
    """Return the figures of one run, the CPU it used, and web's own histograms."""
    profiled = ["-m", "cProfile", "-o", wanted.profile] if wanted.profile else []
    others = max(0, wanted.calls - round(wanted.talk / wanted.every))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = await stack.enter_async_context(site(folder, wanted.agents, others, [*profiled, "-m", "web"]))
        timeout, connector = aiohttp.ClientTimeout(30), aiohttp.TCPConnector(limit=0)
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])  # Postgres runs where there is room
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout, connector=connector))
        figures = Figures()
        shift = Shift(Network(http, ours.settings, NUMBER, figures), figures, wanted.talk)
        for member in ours.members:
            browser, headers = ours.browser(member)
            await stack.enter_async_context(browser)
            shift.pages.append(Page(member.id.hex, browser, headers, figures, shift.rang))
        return await _run(ours, shift, figures, http, wanted)


async def _run(
    ours: Site, shift: Shift, figures: Figures, http: aiohttp.ClientSession, wanted: Wanted
) -> tuple[Figures, Used, Mapping[tuple[str, str], Histogram]]:
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(figures.watch_lateness())]
        for page in shift.pages:
            running += [tasks.create_task(page.listen()), tasks.create_task(page.beat())]
            await asyncio.sleep(OPENING_SECONDS)
        for page in shift.pages:
            await page.is_open.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        figures.late.clear()
        before, began = histograms(await ours.metrics(http)), time.perf_counter()
        cpu = _cpu(ours)
        await shift.work(wanted.every, wanted.answered)
        web, postgres, load = (later - then for later, then in zip(_cpu(ours), cpu, strict=True))
        used = Used(web, postgres, load, time.perf_counter() - began)
        after = histograms(await ours.metrics(http))
        for task in running:
            task.cancel()
    return figures, used, {key: found.since(before[key]) if key in before else found for key, found in after.items()}


def _cpu(ours: Site) -> tuple[float, float, float]:
    return cpu_seconds(ours.web), sum(map(cpu_seconds, _family(ours.postgres))), cpu_seconds(os.getpid())


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def table(figures: Figures, used: Used, web: Mapping[tuple[str, str], Histogram], wanted: Wanted) -> str:
    """Return the figures as Markdown."""
    calls = wanted.answered
    lines = [
        f"{wanted.agents} agents, {wanted.calls} calls at once, one every {wanted.every:g} s, one web process,"
        f" Python {'.'.join(map(str, sys.version_info[:3]))}, load average {os.getloadavg()[0]:.1f}",
        "",
        "| | how many | p50 ms | p95 ms | p99 ms | web's own p95 |",
        "|---|---|---|---|---|---|",
        _row("claim answered", figures.claims, web.get(CLAIM)),
        _row("ring at one page", figures.rings, web.get(RING)),
        _row("ring at all pages", figures.rings_to_all),
        _row("claim to joined on the page", figures.joins),
        _row("webhook answered", figures.webhooks),
        _row("this process woke up late", figures.late),
        "",
        f"CPU: web {used.web / calls * 1000:.0f} ms a call and {used.web / used.seconds:.0%} of its core,"
        f" Postgres {used.postgres / used.seconds:.0%}, the load {used.load / used.seconds:.0%}.",
        ", ".join(f"{count} {name}" for name, count in sorted(figures.results.items())) + ".",
    ]
    return "\n".join(lines)


def _row(name: str, times: list[float], web: Histogram | None = None) -> str:
    cuts = [f"{quantile(times, share) * 1000:.0f}" for share in (0.5, 0.95, 0.99)]
    own = f"≤ {web.at_most(0.95) * 1000:.0f}" if web is not None and web.count else ""
    return f"| {name} | {len(times)} | {' | '.join(cuts)} | {own} |"


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Measure ringing and claiming at one web process.")
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--calls", type=int, default=300, help="at once, with those that go on all the time")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two calls that come in")
    parser.add_argument("--talk", type=float, default=40, help="seconds that each lasts; under a minute")
    parser.add_argument("--answered", type=int, default=160, help="how many calls come in")
    parser.add_argument("--profile", default="", help="a file for web's profile")
    wanted = Wanted(**vars(parser.parse_args()))
    print(table(*asyncio.run(measure(wanted)), wanted))


if __name__ == "__main__":
    main()
