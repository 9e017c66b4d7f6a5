"""The status page: in plain words whether calls, words, sign-up and payments work. It tells nothing of the inside.

It is fed by what health checks know: whether the database answers, whether NATS sends back what it is asked, when a
media node was last heard, and how late provisioning's jobs are. An answer serves everybody for `KEPT_SECONDS`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from db import figures
from db.engine import DatabaseUnavailableError
from web.bus import BUS
from web.request import access
from web.request.render import render
from web.resources import DATABASE

KEPT_SECONDS = 10.0
READ_SECONDS = 3.0
SILENT_SECONDS = 15.0  # a media node sends a heartbeat every second
LATE_SECONDS, LOST_SECONDS = 60.0, 600.0  # for the oldest job: a worker takes one within seconds

Works = Literal["yes", "late", "no"]

routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of the installation's health.

    ``oldest_job``: seconds by which it is late; None if the database does not answer.
    """

    oldest_job: float | None
    events_failed: int
    has_bus: bool
    heard: float | None
    """Seconds since a media node was heard; None if none ever was."""


@dataclass(frozen=True, slots=True)
class Service:
    """One thing that people rely on."""

    name: str
    works: Works
    words: str


@dataclass(slots=True)
class Status:
    """The cached state of all services, and when a media node last sent a heartbeat."""

    kept_seconds: float = KEPT_SECONDS
    heard_at: float | None = None
    _services: Sequence[Service] = ()
    _read_at: float = 0.0
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def alive(self) -> None:
        """Note that a media node has sent a heartbeat."""
        self.heard_at = time.monotonic()

    async def services(self, app: web.Application) -> Sequence[Service]:
        """Return what works, as of `KEPT_SECONDS` ago at most: however many ask, one reads."""
        async with self._reading:
            now = time.monotonic()
            if not self._services or now - self._read_at >= self.kept_seconds:
                self._services, self._read_at = services(await self._health(app, now)), now
            return self._services

    async def _health(self, app: web.Application, now: float) -> Health:
        heard = None if self.heard_at is None else now - self.heard_at
        try:
            async with asyncio.timeout(READ_SECONDS), app[DATABASE].begin() as session:
                oldest, failed = await figures.lateness(session), await figures.events_failed(session)
        except (DatabaseUnavailableError, TimeoutError):
            return Health(None, 0, app[BUS].connected, heard)
        return Health(oldest, failed, app[BUS].connected, heard)


STATUS: web.AppKey[Status] = web.AppKey("status")


def services(health: Health) -> Sequence[Service]:
    """Return what ``health`` means for users. Pure."""
    reachable = health.oldest_job is not None
    calls: Works = "yes" if reachable else "no"
    has_words = health.has_bus and health.heard is not None and health.heard <= SILENT_SECONDS
    words: Works = "yes" if reachable and has_words else "no"
    jobs = _works(health.oldest_job)
    paid: Works = "late" if jobs == "yes" and health.events_failed else jobs
    return (
        Service("Calls", calls, _CALLS[calls]),
        Service("Live words", words, _WORDS[words]),
        Service("Sign-up and sign-in", jobs, _LINKS[jobs]),
        Service("Payments and numbers", paid, _PAID[paid]),
    )


def _works(oldest_job: float | None) -> Works:
    if oldest_job is None or oldest_job > LOST_SECONDS:
        return "no"
    return "yes" if oldest_job <= LATE_SECONDS else "late"


_CALLS = {
    "yes": "Calls ring and connect.",
    "no": "Callers may hear that we cannot connect them. Calls in progress continue.",
}
_WORDS = {
    "yes": "Words appear while people speak.",
    "no": "Calls connect, but consoles may show no words.",
}
_LINKS = {
    "yes": "Links are emailed immediately.",
    "late": "Links arrive late. There is no need to ask again.",
    "no": "Links cannot be emailed at the moment. Anyone who is signed in stays signed in.",
}
_PAID = {
    "yes": "Payments are processed and numbers are rented immediately.",
    "late": "Some payments or orders are processed late. Nothing is lost.",
    "no": "Payments and orders are waiting. Nothing is lost.",
}


@routes.get("/status")
async def show(request: web.Request) -> web.StreamResponse:
    """Show the page."""
    found = await request.app[STATUS].services(request.app)
    with suppress(DatabaseUnavailableError):
        await access.current(request)  # so that a signed-in member sees the navigation
    worst = max((("yes", "late", "no").index(each.works) for each in found), default=0)
    return render(request, "operators/status.html", services=found, worst=("yes", "late", "no")[worst])
