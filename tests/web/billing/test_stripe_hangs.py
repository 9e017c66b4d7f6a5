"""Stripe hangs, and webhooks come in a swarm: calls are answered all the same: web never waits for it."""

from __future__ import annotations

import asyncio
import json
import time

from sqlalchemy import select

from db.engine import Database
from db.models import StripeEvent
from provisioning.billing import customers
from sandbox.stripe.emulator import Fault
from tests.kit.vendors.twilio_caller import CALL, INBOUND, Twilio, available, calling, twilio_of
from tests.kit.web.cast import Cast
from tests.kit.web.paid_site import Shop
from tests.web.billing.test_webhook import event, post
from web.config import Settings

HANGS_SECONDS = 30.0
WEBHOOKS, CALLS = 20, 5


async def _call(twilio: Twilio, cast: Cast, number: int) -> tuple[list[str], float]:
    """The verbs that Twilio is answered, and after how many seconds."""
    began = time.monotonic()
    answer = await twilio.post(INBOUND, calling(cast.number) | {"CallSid": f"{CALL[:-2]}{number:02}"})
    return answer.tags, time.monotonic() - began


async def _calls(twilio: Twilio, cast: Cast, first: int = 0) -> list[tuple[list[str], float]]:
    """One call after the other."""
    return [await _call(twilio, cast, first + number) for number in range(CALLS)]


async def _webhook(shop: Shop, customer: str, number: int) -> int:
    """The status that Stripe is answered; all are about one organisation, whose rows they would lock in turn."""
    sent = json.loads(event("customer.subscription.updated", identifier=f"evt_{number}", customer=customer))
    return await post(shop, json.dumps(sent))


async def test_calls_are_answered_while_stripe_hangs(
    shop: Shop, settings: Settings, cast: Cast, database: Database
) -> None:
    customer = await customers.ensure(database, shop.api, cast.a.id, cast.alice.email)
    await available(database, cast.bob)
    shop.stripe.faults.extend(Fault("GET", "/v1/", hang_seconds=HANGS_SECONDS) for _ in range(1000))
    async with twilio_of(settings) as twilio:
        quiet = await _calls(twilio, cast, first=CALLS)
        statuses, calls = await asyncio.gather(
            asyncio.gather(*(_webhook(shop, customer, number) for number in range(WEBHOOKS))),
            _calls(twilio, cast),
        )
    async with database.begin() as session:
        kind = StripeEvent.type == "customer.subscription.updated"
        states = (await session.scalars(select(StripeEvent.state).where(kind))).all()
    shop.stripe.faults.clear()
    for when, some in (("before", quiet), ("beside 20 webhooks", calls)):
        times = ", ".join(f"{seconds * 1000:.0f}" for _, seconds in some)
        print(f"calls {when}, one after the other, in ms: {times}")
    assert statuses == [200] * WEBHOOKS
    assert [tags for tags, _ in calls] == [["Say", "Start", "Dial"]] * CALLS
    assert states == ["received"] * WEBHOOKS  # nothing waited until Stripe had answered
