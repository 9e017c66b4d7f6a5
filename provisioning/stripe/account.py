"""How our Stripe account is set up: the price it sells, where its webhooks go, what it knows of tax. Only asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import stripe

from provisioning.stripe.client import connected, translate_errors
from provisioning.stripe.settings import StripeSettings

_MOST = 100  # Stripe's largest page: an account has 16 endpoints at most


@dataclass(frozen=True, slots=True)
class SeatPrice:
    """What a seat costs. ``cents`` is None for a price that is not one amount for each seat."""

    currency: str
    cents: int | None
    every: str
    """``month``; empty for a price that is paid once."""
    is_active: bool
    includes_tax: bool | None
    """None: not configured at Stripe."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where webhooks go, and of which kinds; ``*`` stands for all."""

    url: str
    is_enabled: bool
    kinds: frozenset[str]

    def lacks(self, wanted: frozenset[str]) -> list[str]:
        """Return the kinds among ``wanted`` that are not sent."""
        return [] if "*" in self.kinds else sorted(wanted - self.kinds)


@dataclass(frozen=True, slots=True)
class Tax:
    """Whether Stripe can calculate tax, what it lacks for that, and the countries we collect it for (``AU``)."""

    is_active: bool
    lacks: Sequence[str]
    countries: frozenset[str]


class StripeAccount:
    """The account behind a key. Each method raises `StripeError`."""

    def __init__(self, client: stripe.StripeClient, price: str) -> None:
        self._v1 = client.v1
        self._price = price

    async def price(self) -> SeatPrice:
        """Return the price of a seat."""
        with translate_errors():
            price = await self._v1.prices.retrieve_async(self._price)
        return SeatPrice(
            currency=price.currency,
            cents=price.unit_amount if price.billing_scheme == "per_unit" else None,
            every=_interval(price),
            is_active=price.active,
            includes_tax={"inclusive": True, "exclusive": False}.get(price.tax_behavior or ""),
        )

    async def endpoints(self) -> Sequence[Endpoint]:
        """Return all webhook endpoints of the account, up to `_MOST`."""
        with translate_errors():
            found = await self._v1.webhook_endpoints.list_async({"limit": _MOST})
        return [Endpoint(each.url, each.status == "enabled", frozenset(each.enabled_events)) for each in found.data]

    async def tax(self) -> Tax:
        """Return what Stripe Tax is set to."""
        with translate_errors():
            settings = await self._v1.tax.settings.retrieve_async()
            active = await self._v1.tax.registrations.list_async({"status": "active", "limit": _MOST})
        pending = getattr(settings.status_details, "pending", None)  # absent, not null, once all is there
        return Tax(
            is_active=settings.status == "active",
            lacks=list(pending.missing_fields or []) if pending else [],
            countries=frozenset(each.country for each in active.data),
        )


@asynccontextmanager
async def opened(settings: StripeSettings) -> AsyncIterator[StripeAccount]:
    """Open the account of ``settings``; its connections are closed at the end."""
    async with connected(settings.stripe_secret_key.get_secret_value(), settings.stripe_api_base) as client:
        yield StripeAccount(client, settings.stripe_price_id)


def _interval(price: stripe.Price) -> str:
    recurring = price.recurring
    if recurring is None or recurring.usage_type != "licensed":
        return ""
    count = recurring.interval_count
    return recurring.interval if count == 1 else f"{count} {recurring.interval}s"
