"""What is known of an organisation before its card is charged, where it files a regulatory bundle of its own."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from sqlalchemy import update

from db.base import BundleStatus
from db.models import Bundle, Member, Organisation, Subscription
from tests.kit.web.paid_site import Shop, order
from web.billing.checkout_rules import bundle_state, is_subscribed, is_under_way, may_pay, payment_state

REASON = "The name does not match the ABN."


@pytest.mark.parametrize("status", get_args(BundleStatus))
def test_a_card_is_charged_only_when_twilio_has_the_bundle_and_has_not_rejected_it(status: BundleStatus) -> None:
    state = bundle_state(Bundle(status=status), platform=False)
    assert may_pay(state) == (status not in ("draft", "twilio-rejected"))


def test_the_bundle_of_the_platform_serves_all() -> None:
    assert bundle_state(Bundle(status="twilio-rejected"), platform=True) == "none"
    assert may_pay("none")
    assert not may_pay(bundle_state(None, platform=False))


def test_money_that_was_promised_is_not_money() -> None:
    promised = Subscription(status="active", stripe_subscription_id="sub_1")
    waiting = Organisation(status="incomplete")
    assert is_under_way(promised)
    assert payment_state(waiting, promised) == "under_way"
    assert payment_state(waiting, None) == "waiting"
    assert payment_state(waiting, Subscription(status="past_due")) == "failed"
    assert payment_state(Organisation(status="active"), promised) == "ready"


def test_who_has_a_subscription_needs_no_other() -> None:
    ended = Subscription(status="canceled", stripe_subscription_id="sub_1")
    assert not is_subscribed(Organisation(status="cancelled"), ended)
    assert not is_subscribed(Organisation(status="active"), None)
    assert is_subscribed(Organisation(status="unpaid"), Subscription(status="unpaid", stripe_subscription_id="sub_1"))


async def test_nothing_is_charged_before_twilio_has_them(shop: Shop) -> None:
    nora = await shop.newcomer()
    owner = await shop.browser().sign_in(nora)
    assert await order(owner, 7) == (303, "/checkout?seats=7")
    page = await owner.page("/checkout?seats=7")
    assert (page.data("bundle"), page.all("button", class_="primary")) == (["filing"], [])
    assert (await order(owner))[0] == 303
    assert shop.checkouts == []
    await judge(shop, nora, "pending-review")
    page = await owner.page("/checkout")
    assert (page.data("bundle"), len(page.all("button", class_="primary"))) == (["review"], 1)
    assert (await order(owner))[1] == shop.checkouts[0]["url"]


async def test_refused_ones_say_why(shop: Shop) -> None:
    nora = await shop.newcomer()
    owner = await shop.browser().sign_in(nora)
    await order(owner)
    await judge(shop, nora, "twilio-rejected", json.dumps([REASON]))
    page = await owner.page("/checkout")
    assert page.data("bundle") == ["rejected"]
    assert [reason.text for reason in page.one(class_="bundle").all("li")] == [REASON]
    assert (page.all("button", class_="primary"), "/settings#details" in page.links) == ([], True)
    assert await order(owner) == (303, "/checkout?seats=3")
    assert shop.checkouts == []


async def judge(shop: Shop, owner: Member, status: str, reasons: str | None = None) -> None:
    """What Twilio says of the organisation's bundle."""
    theirs = update(Bundle).where(Bundle.organisation_id == owner.organisation_id)
    async with shop.database.begin() as session:
        await session.execute(theirs.values(status=status, reasons=reasons))
