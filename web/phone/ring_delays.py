"""How long a call that is to ring takes to get to the pages, measured for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from prometheus_client import Histogram

from db.queries.phone.offers import Offer

_seconds = Histogram(
    "bilby_web_phone_ring_seconds",
    "From the look that decided to ring a member to the event at their page, by the clocks of Postgres and web.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


class RingDelays:
    """The offers that one page was sent, and rings for."""

    def __init__(self) -> None:
        self._told: set[UUID] = set()

    def told(self, offers: Sequence[Offer]) -> None:
        """Note that the page has been sent ``offers``, which are all that it rings for."""
        now = time.time()
        for offer in offers:
            if offer.id not in self._told:
                _seconds.observe(max(0.0, now - offer.offered_at.timestamp()))
        self._told = {offer.id for offer in offers}
