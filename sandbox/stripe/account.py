"""All the emulated Stripe knows: its objects in Stripe's own JSON, its notes beside them, its events, its time.

Objects are plain mappings, as the API shows them; ``stripe_shapes.json`` has an empty one of each kind (every field
that Stripe sends). What Stripe knows and does not show lies in `Account.notes`. Everything that changes an object
is synchronous, so that whoever asks sees all of a change or nothing.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import secrets
import string
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sandbox.stripe.errors import missing
from sandbox.stripe.settings import API_VERSION, StripeSettings

Object = dict[str, Any]
MAX_EVENTS = 1000  # kept; the oldest are forgotten, as Stripe forgets after 30 days
_ALPHABET = string.ascii_letters + string.digits
_PREFIXES = {
    "charge": "ch",
    "checkout.session": "cs_test",
    "customer": "cus",
    "billing_portal.session": "bps",
    "dispute": "dp",
    "event": "evt",
    "invoice": "in",
    "invoice_payment": "inpay",
    "invoiceitem": "ii",
    "item": "li",
    "line_item": "il",
    "payment_intent": "pi",
    "payment_method": "pm",
    "price": "price",
    "product": "prod",
    "refund": "re",
    "subscription": "sub",
    "subscription_item": "si",
    "tax.registration": "taxreg",
    "tax_id": "txi",
    "tax_rate": "txr",
    "webhook_endpoint": "we",
}
_SPOKEN = {"subscription": "customer.subscription", "tax_id": "customer.tax_id", "dispute": "charge.dispute"}


def token(length: int = 24) -> str:
    """Return letters and digits, as Stripe's ids end."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


@functools.cache
def _shapes() -> dict[str, Object]:
    shapes: dict[str, Object] = json.loads(Path(__file__).with_name("stripe_shapes.json").read_text())
    return shapes


def blank(kind: str) -> Object:
    """Return an object of ``kind`` with every field Stripe sends, and nothing in them."""
    return copy.deepcopy(_shapes()[kind])


class Account:
    """One Stripe account. ``on_event`` is called with each event, as soon as it has happened."""

    def __init__(self, settings: StripeSettings) -> None:
        self.settings = settings
        self.url = ""  # where we listen; known once we do
        self.objects: dict[str, Object] = {}  # by id, in order of creation
        self.notes: dict[str, dict[str, Any]] = {}
        self.events: dict[str, Object] = {}
        self.ahead = 0.0  # seconds that the clock was moved
        self.moment: int | None = None  # the moment being played while the clock moves
        self.on_event: list[Callable[[Object], None]] = []
        self.dirty = False  # something was changed since the state was written down
        self.request: tuple[str | None, str | None] = (None, None)  # id and idempotency key of the one that runs

    def now(self) -> int:
        """Stripe's time: Unix seconds."""
        return self.moment if self.moment is not None else int(time.time() + self.ahead)

    def make(self, kind: str, **fields: Any) -> Object:
        """Return an object with an id and a time, not kept: one that is part of another."""
        made = blank(kind) | {"id": f"{_PREFIXES[kind]}_{token()}"}
        if "created" in made:
            made["created"] = self.now()
        assert fields.keys() <= made.keys(), fields.keys() - made.keys()
        return made | copy.deepcopy(fields)

    def add(self, kind: str, **fields: Any) -> Object:
        """Make an object and keep it."""
        made = self.make(kind, **fields)
        self.objects[made["id"]] = made
        return made

    def find(self, kind: str, identifier: str | None, param: str = "id", status: int = 404) -> Object:
        """Return the object of that id. Raise `ApiError` with Stripe's sentence."""
        found = self.objects.get(identifier or "")
        if found is None or found["object"] != kind:
            raise missing(kind, identifier or "", param, status)
        return found

    def all(self, kind: str, **fields: Any) -> list[Object]:
        """Return every object of ``kind`` with these ``fields``, oldest first."""
        return [
            found
            for found in self.objects.values()
            if found["object"] == kind and all(found.get(name) == value for name, value in fields.items())
        ]

    def note(self, identifier: str) -> dict[str, Any]:
        """Return what is known and not shown about an object; to be written into."""
        return self.notes.setdefault(identifier, {})

    def emit(self, kind: str, about: Object, previous: Object | None = None) -> Object:
        """Let an event happen, with ``about`` as it is now."""
        data: Object = {"object": about}
        if previous is not None:
            data["previous_attributes"] = previous
        request, key = self.request
        event = self.make(
            "event",
            type=kind,
            api_version=API_VERSION,
            data=data,
            pending_webhooks=1 if self.settings.webhook_url else 0,
            request={"id": request, "idempotency_key": key},
        )
        self._keep(event)
        return event

    def _keep(self, event: Object) -> None:
        self.dirty = True
        self.events[event["id"]] = event
        while len(self.events) > MAX_EVENTS:
            del self.events[next(iter(self.events))]
        for tell in self.on_event:
            tell(event)

    @contextlib.contextmanager
    def changing(self, about: Object, event: str = "") -> Iterator[Object]:
        """Emit ``event`` (by default the kind's ``.updated``) for what changes inside, if anything does."""
        before = copy.deepcopy(about)
        yield about
        previous = {name: before.get(name) for name in about if about[name] != before.get(name)}
        if previous:
            self.emit(event or f"{_SPOKEN.get(about['object'], about['object'])}.updated", about, previous)

    def dump(self) -> str:
        """Return everything, as JSON."""
        kept = {"objects": self.objects, "notes": self.notes, "events": self.events, "ahead": self.ahead}
        return json.dumps(kept)

    def load(self, text: str) -> None:
        """Be as `dump` wrote. Raise `ValueError` for a text that it did not."""
        kept = json.loads(text)
        if not isinstance(kept, dict) or kept.keys() != {"objects", "notes", "events", "ahead"}:
            raise ValueError("not an emulated Stripe's state")
        self.objects, self.notes, self.events, self.ahead = (
            kept["objects"],
            kept["notes"],
            kept["events"],
            kept["ahead"],
        )


def listed(objects: list[Object], url: str, has_more: bool = False) -> Object:
    """Return Stripe's list around ``objects``."""
    return {"object": "list", "data": objects, "has_more": has_more, "url": url}
