"""What the emulated account has been given: routes, addresses, regulatory bundles; and what may go wrong on purpose.

It stays the same while the product's processes come and go; with a ``place`` it is also kept in that file, and so
outlives the emulator. The numbers themselves are the exchange's, for calls ring at them.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from sandbox.twilio.phone.exchange import EXCHANGE
from sandbox.twilio.rest.framework import PREFIXES, Endpoint, RestError, form
from sandbox.twilio.settings import Number

Row = dict[str, Any]
Table = dict[str, Row]


@dataclass(eq=False, slots=True)
class RestFault:
    """What happens to the next ``times`` requests of ``method`` (``*``: any) in whose path ``path`` is found.

    ``fails``: answered with ``status`` and nothing done. ``answer lost``: done, but ``status`` is answered. ``hangs``
    and ``answer hangs``: no answer before ``seconds`` have passed, without or with what was asked being done.
    """

    method: str
    path: str
    does: Literal["fails", "answer lost", "hangs", "answer hangs"] = "fails"
    status: int = 503
    code: int = 20503
    seconds: float = 3600.0
    retry_after: str = ""  # the header's value
    text: str = "Emulated failure"
    times: int = 1
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def hits(self, method: str, path: str) -> bool:
        """Return whether it happens to this request, which then counts."""
        if self.times <= 0 or self.method not in ("*", method) or not re.search(self.path, path):
            return False
        self.times -= 1
        return True


@dataclass(frozen=True, slots=True)
class Passed:
    """One REST request and what it was answered: JSON as text, empty when there is none."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    status: int
    answer: str


@dataclass(slots=True)
class Registry:
    """Everything by its sid, newest last, as REST shows it; ``routes`` are voice regions by E.164."""

    place: Path | None = None
    routes: dict[str, Row] = field(default_factory=dict)
    addresses: Table = field(default_factory=dict)
    end_users: Table = field(default_factory=dict)
    documents: Table = field(default_factory=dict)
    bundles: Table = field(default_factory=dict)
    items: Table = field(default_factory=dict)
    evaluations: Table = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    """Numbers that somebody else has bought: a search may still show them, buying answers 21422."""
    regulated: bool = True
    """Australian rules: an approved bundle and an Australian address, or no number."""
    owned_again: Literal["update", "refuse"] = "update"
    """What buying a number that the account has already does: change it (201), as people report; or 21422."""
    review_seconds: float | None = None
    """After how long Twilio approves a bundle, or rejects one whose business name holds ``Reject``; None: never."""
    faults: list[RestFault] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every REST request."""
    watchers: list[Callable[[Passed], None]] = field(default_factory=list)
    """Called with every REST request and its answer."""

    def load(self, numbers: dict[str, Number]) -> None:
        """Take up what was kept, if anything was. ``numbers`` given now win over those kept."""
        if self.place is None or not self.place.exists():
            return
        kept = json.loads(self.place.read_text())
        for name in _KEPT:
            setattr(self, name, kept[name])
        for row in kept["numbers"]:
            numbers.setdefault(row["phone_number"], Number(**row))

    def save(self, numbers: Mapping[str, Number]) -> None:
        """Keep everything, or, if we are killed meanwhile, what was kept before."""
        if self.place is None:
            return
        kept = {name: getattr(self, name) for name in _KEPT}
        kept["numbers"] = [asdict(number) for number in numbers.values()]
        fresh = self.place.with_suffix(".new")
        fresh.write_text(json.dumps(kept))
        fresh.rename(self.place)

    def decide(self, bundle: str, status: str, reason: str = "") -> None:
        """Decide on ``bundle`` as Twilio's people do: ``twilio-approved``, or ``twilio-rejected`` for ``reason``."""
        self.bundles[bundle] |= {"status": status, "date_updated": now()}
        attached = [item["object_sid"] for item in self.items.values() if item["bundle_sid"] == bundle]
        for sid in attached:
            if sid in self.documents:
                judged = "approved" if status == "twilio-approved" else "rejected"
                self.documents[sid] |= {"status": judged, "failure_reason": reason or None}

    def count(self, method: str, path: str) -> int:
        """Return how many requests of ``method`` had a path that matches ``path``."""
        return sum(1 for asked in self.asked if asked[0] == method and re.search(path, asked[1]))

    def fault(self, method: str, path: str) -> RestFault | None:
        """Return the first fault that happens to this request."""
        return next((fault for fault in self.faults if fault.hits(method, path)), None)


_MOMENTARY = {"place", "faults", "asked", "watchers", "review_seconds"}
_KEPT = [each.name for each in fields(Registry) if each.name not in _MOMENTARY]

REGISTRY = web.AppKey("registry", Registry)


def fresh_sid(prefix: str) -> str:
    """Return a sid that nothing has yet."""
    return prefix + secrets.token_hex(16)


def now() -> str:
    """Return the time as the newer APIs write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@web.middleware
async def keep_registry(request: web.Request, handler: Endpoint) -> web.StreamResponse:
    """Write down every REST request, let faults happen to it, and keep what it changed."""
    if not request.path.startswith(PREFIXES):
        return await handler(request)
    registry = request.app[REGISTRY]
    registry.asked.append((request.method, request.path))
    fault = registry.fault(request.method, request.path)
    if fault is None:
        return await _done(request, handler)
    return await _suffered(fault, request, handler)


async def _done(request: web.Request, handler: Endpoint) -> web.StreamResponse:
    try:
        response = await handler(request)
    except RestError as error:
        response = error.response()
    await _show(request, response)
    if request.method != "GET":
        request.app[REGISTRY].save(request.app[EXCHANGE].numbers)
    return response


async def _show(request: web.Request, response: web.StreamResponse) -> None:
    asked = (request.method, request.path, dict(request.query), await form(request))
    text = response.text if isinstance(response, web.Response) else None
    for watch in request.app[REGISTRY].watchers:
        watch(Passed(*asked, response.status, text or ""))


async def _suffered(fault: RestFault, request: web.Request, handler: Endpoint) -> web.StreamResponse:
    response = await _done(request, handler) if fault.does in ("answer lost", "answer hangs") else None
    fault.reached.set()
    if fault.does in ("hangs", "answer hangs"):
        await asyncio.sleep(fault.seconds)
        return response or await _done(request, handler)
    failed = RestError(fault.status, fault.code, fault.text).response()
    if fault.retry_after:
        failed.headers["Retry-After"] = fault.retry_after
    return failed
