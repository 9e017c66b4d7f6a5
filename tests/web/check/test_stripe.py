"""The preflight's checks of Stripe: each wrong setting is found, and names its fix."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from db.engine import Database
from db.queries.billing import stripe_events
from provisioning.billing.events import ACTED_ON
from provisioning.stripe.account import Endpoint, SeatPrice, Tax
from sandbox.stripe.emulator import Fault, Stripe, StripeSettings, stripe
from tests.kit.web.paid_site import KEY, PRICE, SECRET, stripe_values
from web.check import stripe as check_stripe
from web.check.result import CheckResult
from web.check.stripe import judge_endpoints, judge_price, judge_tax
from web.config import Settings

OURS = "https://app.bilby.example/stripe/webhook"
GOOD = SeatPrice("aud", 4000, "month", is_active=True, includes_tax=False)
LOOKS = (check_stripe.key, check_stripe.price, check_stripe.webhook, check_stripe.tax)


@asynccontextmanager
async def account(settings: Settings, **changes: Any) -> AsyncIterator[tuple[Stripe, Settings]]:
    """A Stripe account whose webhooks lead to us, and settings that know it."""
    hook = f"{settings.web_public_url}/stripe/webhook"
    facts = StripeSettings(KEY, SECRET, PRICE, **{"webhook_url": hook, **changes})
    async with stripe(facts) as emulator:
        yield emulator, settings.model_copy(update=stripe_values(emulator))


@pytest_asyncio.fixture
async def well(settings: Settings) -> AsyncIterator[tuple[Stripe, Settings]]:
    async with account(settings) as opened:
        yield opened


async def looked(settings: Settings) -> list[CheckResult]:
    return [await look(settings) for look in (*LOOKS, check_stripe.events)]


async def test_all_is_well(well: tuple[Stripe, Settings]) -> None:
    found = await looked(well[1])
    assert [finding for finding in found if not finding.good] == []
    assert "A$44" in found[1].said


async def test_without_stripe_nothing_is_sold(settings: Settings) -> None:
    assert "STRIPE_SECRET_KEY" in (await check_stripe.key(settings)).fix
    for look in (check_stripe.price, check_stripe.tax):
        assert not (await look(settings)).good
    assert "STRIPE_WEBHOOK_SECRET" in (await check_stripe.webhook(settings)).fix


async def test_a_key_that_stripe_does_not_know(well: tuple[Stripe, Settings]) -> None:
    wrong = Settings.model_validate(well[1].model_dump() | {"stripe_secret_key": "sk_test_rolled_rolled_rolled"})
    for look in LOOKS:
        finding = await look(wrong)
        assert (finding.good, "STRIPE_SECRET_KEY" in finding.fix) == (False, True)
        assert "rolled_" not in str(finding)


async def test_a_stripe_that_is_not_itself(well: tuple[Stripe, Settings]) -> None:
    emulator, settings = well
    for look in LOOKS:
        found: dict[int, CheckResult] = {}
        for status in (500, 0, 403, 402):
            emulator.faults.extend(Fault("GET", status=status) for _ in range(8))  # aiohttp, too, tries again
            found[status] = await look(settings)
            emulator.faults.clear()
        assert not [finding for finding in found.values() if finding.good]
        assert found[500] == found[0]  # neither is an answer
        assert len({finding.fix for finding in found.values()}) == 3
        assert "402" in found[402].said


async def test_a_price_of_another_account(well: tuple[Stripe, Settings]) -> None:
    other = well[1].model_copy(update={"stripe_price_id": "price_elsewhere"})
    assert (await check_stripe.key(other)).good
    finding = await check_stripe.price(other)
    assert (finding.good, "STRIPE_PRICE_ID" in finding.fix) == (False, True)


async def test_a_price_that_the_public_pages_do_not_say(settings: Settings) -> None:
    async with account(settings, unit_amount=5000) as (_, dearer):
        finding = await check_stripe.price(dearer)
    assert re.findall(r"A\$\d+", finding.said) == ["A$55", "A$44"]
    assert re.search(r"SEAT_PRICE_CENTS\b.*\b5500\b", finding.fix)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"is_active": False}, {"STRIPE_PRICE_ID"}),
        ({"currency": "usd"}, {"USD", "STRIPE_PRICE_ID"}),
        ({"every": ""}, {"AUD", "STRIPE_PRICE_ID"}),
        ({"every": "year"}, {"year", "STRIPE_PRICE_ID"}),
        ({"cents": None}, {"AUD", "STRIPE_PRICE_ID"}),
        ({"includes_tax": None}, {"GST"}),
        ({"includes_tax": True}, {"A$40", "4000", "SEAT_PRICE_CENTS"}),
    ],
)
def test_what_is_wrong_with_a_price(changes: dict[str, Any], named: set[str]) -> None:
    said, fix = judge_price(replace(GOOD, **changes), 4400)
    assert fix
    assert [name for name in named if name not in said + fix] == []


def test_prices_with_and_without_gst() -> None:
    assert judge_price(GOOD, 4400)[1] == ""
    assert judge_price(replace(GOOD, cents=4400, includes_tax=True), 4400)[1] == ""
    assert judge_price(replace(GOOD, cents=3999), 4399)[1] == ""  # 4398.9


async def test_webhooks_that_lead_elsewhere(settings: Settings) -> None:
    async with account(settings, webhook_url="https://elsewhere.example/stripe/webhook") as (_, astray):
        finding = await check_stripe.webhook(astray)
    assert f"{settings.web_public_url}/stripe/webhook" in finding.fix


async def test_webhooks_of_which_some_are_not_asked_for(settings: Settings) -> None:
    kinds = tuple(sorted(ACTED_ON - {"invoice.paid", "charge.refunded"}))
    async with account(settings, enabled_events=kinds) as (_, deaf):
        finding = await check_stripe.webhook(deaf)
    assert {*re.findall(r"[a-z]+\.[a-z_.]+", finding.said)} == {"charge.refunded", "invoice.paid"}


def test_endpoints() -> None:
    good = Endpoint(OURS, is_enabled=True, kinds=ACTED_ON | {"customer.updated"})
    other = Endpoint("https://elsewhere.example/hook", is_enabled=True, kinds=frozenset({"*"}))
    said, fix = judge_endpoints([other, good], OURS)
    assert (str(len(ACTED_ON)) in said, fix) == (True, "")
    remedies = {
        judge_endpoints(endpoints, OURS)[1]
        for endpoints in ([], [replace(good, is_enabled=False)], [good, replace(good, kinds=frozenset({"*"}))])
    }
    assert len(remedies - {""}) == 3  # a way out of each, and not the same one


async def test_tax_that_is_not_set_up(settings: Settings) -> None:
    async with account(settings, head_office=False) as (_, homeless):
        finding = await check_stripe.tax(homeless)
    assert not finding.good
    async with account(settings, gst_registered=False) as (_, unregistered):
        other = await check_stripe.tax(unregistered)
    assert (other.good, "GST" in other.said) == (False, True)
    assert other.fix != finding.fix


def test_tax_elsewhere_is_not_gst() -> None:
    assert judge_tax(Tax(True, (), frozenset({"NZ"})))[1]
    assert judge_tax(Tax(True, (), frozenset({"NZ", "AU"})))[1] == ""
    assert judge_tax(Tax(False, (), frozenset({"AU"})))[1]


async def test_events_that_could_not_be_acted_on(settings: Settings, database: Database) -> None:
    async with database.begin() as session:
        for number, kind in enumerate(("invoice.paid", "invoice.paid", "charge.refunded")):
            await stripe_events.receive(session, f"evt_{number}", kind, None)
            await stripe_events.settle(session, f"evt_{number}", "failed", error="TimeoutError")
    finding = await check_stripe.events(settings)
    assert finding.said.startswith("3 ")
    assert "2 × invoice.paid, 1 × charge.refunded" in finding.said
    assert not finding.good
