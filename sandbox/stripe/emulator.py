"""The emulated Stripe: REST, Checkout, billing portal and invoices as pages, signed webhooks, a movable clock.

::

    REST ─────► api: keys, forms, idempotency, routes ──────┐
    people ───► pages: checkout, portal, control ───────────┤
    time ─────► billing/clock: renewals, retries, debits ───┤
                                                            ▼
            billing: purchase ─► subscriptions ─► collection ─► payments
                                 prorations       lifecycle     invoices
                                                            ▼
      account: objects in Stripe's JSON ─► events ─► webhooks ─► the product

    async with stripe(StripeSettings("sk_test_…", "whsec_…", "price_…", webhook_url=…)) as emulator:
        emulator.buy(checkout_id, Filled("visa", quantity=3))
        emulator.clock.advance(days=31)

What is not Stripe's own (`sandbox.stripe.pages.control`) lies at ``/`` and under ``/sandbox/``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace

import aiohttp
from aiohttp import web

from sandbox.stripe.account import Account, Object
from sandbox.stripe.api import (
    account as api_account,
    billing,
    checkout as api_checkout,
    customers as api_customers,
    framework as api_framework,
)
from sandbox.stripe.api.framework import STATE, ApiState, Fault
from sandbox.stripe.billing import collection, lifecycle, payments, purchase
from sandbox.stripe.billing.clock import Clock
from sandbox.stripe.billing.payment_methods import INSTRUMENTS, Instrument
from sandbox.stripe.billing.purchase import Filled, FillError
from sandbox.stripe.pages import checkout as pages_checkout, control as pages_control, layout, portal
from sandbox.stripe.seed import seed
from sandbox.stripe.settings import Manner, StripeSettings
from sandbox.stripe.webhooks import Webhooks

__all__ = [
    "INSTRUMENTS",
    "Fault",
    "FillError",
    "Filled",
    "Instrument",
    "Manner",
    "Stripe",
    "StripeSettings",
    "stripe",
]

ROUTES = (
    api_account.routes,
    api_customers.routes,
    billing.routes,
    api_checkout.routes,
    pages_checkout.routes,
    portal.routes,
    pages_control.routes,
)
PULSE_SECONDS = 0.5  # how late what falls due is played, and a change is written down


class Stripe:
    """A running emulator, for tests and for whoever wires the sandbox."""

    def __init__(self, account: Account, webhooks: Webhooks, faults: deque[Fault]) -> None:
        self.account = account
        self.webhooks = webhooks
        self.clock = Clock(account)
        self.faults = faults  # each spoils the next request it fits
        self.manner = account.settings.manner  # of deliveries; may be changed at any time

    @property
    def url(self) -> str:
        """STRIPE_API_BASE."""
        return self.account.url

    @property
    def events(self) -> list[Object]:
        """Every event, oldest first."""
        return list(self.account.events.values())

    def buy(self, checkout: str, filled: Filled | None = None) -> Object:
        """Do what a person does on Checkout's page. Raise `FillError`."""
        found = self.account.find("checkout.session", checkout)
        return purchase.complete(self.account, found, filled or Filled(email="owner@example.com.au", name="Acacia"))

    def give_card(self, customer: str, key: str) -> Object:
        """Let the customer pay with another of `INSTRUMENTS` from now on."""
        found = self.account.find("customer", customer)
        return payments.replace(self.account, found, INSTRUMENTS[key])

    def fail_next_payment(self, customer: str, times: int = 1) -> None:
        """Let the customer's bank decline the next attempts, whatever the card."""
        self.account.note(self.account.find("customer", customer)["id"])["fail_next"] = times

    def settle_debits(self, clears: bool | None = None) -> None:
        """Let every bank debit under way clear or bounce now (None: each as its account does)."""
        for intent in self.account.all("payment_intent", status="processing"):
            collection.settle(self.account, intent, clears)

    def pay_invoice(self, invoice: str) -> Object:
        """Press "Pay" on the invoice's page."""
        found = self.account.find("invoice", invoice)
        collection.collect(self.account, found, present=True)
        return found

    def refund(self, charge: str, amount: int | None = None) -> Object:
        """Give money back; see `sandbox.stripe.billing.payments.refund`."""
        return payments.refund(self.account, self.account.find("charge", charge), amount)

    def dispute(self, charge: str) -> Object:
        """Let the customer's bank take the money back."""
        return payments.dispute(self.account, self.account.find("charge", charge))

    def pause(self, subscription: str) -> None:
        """Pause a subscription."""
        lifecycle.pause(self.account, self.account.find("subscription", subscription))

    def resend(self, event: str) -> None:
        """Deliver an event once more."""
        self.webhooks.send(self.account.events[event])

    async def delivered(self, seconds: float = 30.0) -> None:
        """Wait until every event was taken or given up. Raise `TimeoutError`."""
        await self.webhooks.settled(seconds)


@contextlib.asynccontextmanager
async def stripe(settings: StripeSettings) -> AsyncIterator[Stripe]:
    """Run an emulator on ``settings.host``:``port``. Raise `OSError` when the port is taken.

    Raise `ValueError` for a state file that is not one.
    """
    failure: BaseException | None = None
    account = _account(replace(settings, manner=replace(settings.manner)))  # changed while it runs: its own
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
        spawned: set[asyncio.Task[None]] = set()

        def spawn(work: Coroutine[None, None, None]) -> None:
            task = tasks.create_task(work)
            spawned.add(task)
            task.add_done_callback(spawned.discard)

        emulator = Stripe(account, Webhooks(account, http, spawn), deque())
        runner = web.AppRunner(_app(emulator), access_log=None, shutdown_timeout=1)
        try:
            await runner.setup()
            await web.TCPSite(runner, settings.host, settings.port).start()
            account.url = f"http://{settings.host}:{runner.addresses[0][1]}"
            account.on_event.append(emulator.webhooks.send)
            _send_missed(emulator)
            spawn(_live(emulator))
            yield emulator
        except BaseException as error:  # kept, so that the group does not wrap it
            failure = error
        await runner.cleanup()
        for task in spawned:
            task.cancel()
        _save(account)
    if failure is not None:
        raise failure


def _account(settings: StripeSettings) -> Account:
    account = Account(settings)
    if settings.state and settings.state.exists():
        account.load(settings.state.read_text())
    seed(account)
    return account


def _app(emulator: Stripe) -> web.Application:
    app = web.Application(middlewares=[layout.own_origin, api_framework.stripe_shape])
    app[STATE] = ApiState(emulator.account, emulator.faults, {})
    app[pages_control.CLOCK] = emulator.clock
    app[pages_control.WEBHOOKS] = emulator.webhooks
    for routes in ROUTES:
        app.add_routes(routes)
    return app


def _send_missed(emulator: Stripe) -> None:
    """Send again what was not taken when the last run ended: Stripe, too, would still be trying."""
    for event in emulator.events:
        if event["pending_webhooks"]:
            emulator.webhooks.send(event)


async def _live(emulator: Stripe) -> None:
    """Play what falls due as time passes, and write changes down."""
    while True:
        await asyncio.sleep(PULSE_SECONDS)
        emulator.clock.catch_up()
        if emulator.account.dirty:
            _save(emulator.account)


def _save(account: Account) -> None:
    account.dirty = False
    if state := account.settings.state:
        fresh = state.with_suffix(".new")
        fresh.write_text(account.dump())
        fresh.replace(state)  # the whole of it or nothing
