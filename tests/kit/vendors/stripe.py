"""An emulated Stripe with an endpoint that takes its webhooks, asked by the official package."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import stripe as official
from aiohttp import web

from sandbox.stripe.emulator import Filled, Stripe, StripeSettings, stripe

KEY = "sk_test_1234567890abcdef"
SECRET = "whsec_1234567890abcdef"
PRICE = "price_seat"
ABN = "51824753556"
SETTINGS = StripeSettings(KEY, SECRET, PRICE)
ACACIA = Filled(email="owner@acacia.example", name="Acacia Clinic", abn=ABN)


@dataclass
class Endpoint:
    """What Stripe's webhooks are sent to: checks each signature, and refuses the next ``refuse`` of them."""

    url: str = ""
    refuse: int = 0
    taken: list[official.Event] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        event = official.Webhook.construct_event(await request.read(), request.headers["Stripe-Signature"], SECRET)
        if self.refuse:
            self.refuse -= 1
            return web.Response(status=500)
        self.taken.append(event)
        return web.Response()

    @property
    def kinds(self) -> list[str]:
        return [event.type for event in self.taken]


@dataclass
class Till:
    """All three together."""

    emulator: Stripe
    endpoint: Endpoint
    client: official.StripeClient

    @property
    def v1(self) -> Any:
        return self.client.v1

    async def checkout(self, quantity: int = 2, **more: Any) -> Any:
        """A Checkout Session as the product asks for it."""
        limits = {"enabled": True, "minimum": 1, "maximum": 50}
        params: dict[str, Any] = {
            "mode": "subscription",
            "line_items": [{"price": PRICE, "quantity": quantity, "adjustable_quantity": limits}],
            "automatic_tax": {"enabled": True},
            "tax_id_collection": {"enabled": True},
            "subscription_data": {"metadata": {"organisation": "a"}},
            "success_url": "http://127.0.0.1:1/success?session_id={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:1/cancelled",
        }
        return await self.v1.checkout.sessions.create_async(params | more)

    async def bought(self, quantity: int = 2, instrument: str = "visa", **more: Any) -> Any:
        """The subscription of a checkout that somebody has completed."""
        checkout = await self.checkout(quantity, **more)
        done = self.emulator.buy(checkout.id, replace(ACACIA, instrument=instrument))
        return await self.subscription(done["subscription"])

    async def subscription(self, identifier: str) -> Any:
        return await self.v1.subscriptions.retrieve_async(identifier, {"expand": ["latest_invoice"]})

    def renew(self, identifier: str) -> None:
        self.emulator.clock.to_renewal(self.emulator.account.find("subscription", identifier))


@contextlib.asynccontextmanager
async def open_till(settings: StripeSettings = SETTINGS) -> AsyncIterator[Till]:
    endpoint, app = Endpoint(), web.Application()
    app.router.add_post("/stripe/webhook", endpoint.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}/stripe/webhook"
    http = official.AIOHTTPClient(timeout=60)
    try:
        async with stripe(replace(settings, webhook_url=endpoint.url)) as emulator:
            client = official.StripeClient(
                KEY, http_client=http, max_network_retries=1, base_addresses={"api": emulator.url}
            )
            yield Till(emulator, endpoint, client)
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]
        await runner.cleanup()
