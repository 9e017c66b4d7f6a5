"""What Stripe, our rows and Twilio disagree about is repaired or reported, and nothing else is touched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select, update

from db.engine import Database
from db.models import AuditEntry, Number, NumberOrder, Subscription
from db.queries.audit import details_of
from db.queries.numbers import Numbers
from provisioning.reconciliation import Difference, Kind, reconcile
from provisioning.stripe.api import StripeError
from provisioning.twilio.numbers_api import FREE
from provisioning.twilio.webhook_url import is_same
from sandbox.twilio.emulator import Number as Owned, RestFault
from tests.kit.vendors.twilio_account import account
from tests.kit.web.cast import Cast
from tests.kit.web.number_orders import WEB, Shop, shop

FIRST, SECOND = "+61255500000", "+61255500037"

UNPAID: Kind = "a number nobody pays for"
UNKNOWN_TAG: Kind = "a number with an unknown tag"
NOT_AT_TWILIO: Kind = "a number that Twilio does not have"
OTHER_TAG: Kind = "a number with another's tag"
OTHER_SETTINGS: Kind = "a number with other settings"
STALLED: Kind = "an order that has stalled"
WITHOUT_NUMBER: Kind = "a subscription without a number"
OVERDUE_RELEASE: Kind = "a release that is overdue"
DIFFERS: Kind = "a subscription that differs at Stripe"
NOT_AT_STRIPE: Kind = "a subscription that Stripe does not have"


@pytest_asyncio.fixture
async def here(database: Database, cast: Cast) -> AsyncIterator[Shop]:
    """A shop whose two old numbers stand at Twilio as they have to."""
    async with account() as place, shop(place, database) as opened:
        for number in (cast.number, cast.number_b):
            place.numbers[number.e164] = Owned(
                number.e164,
                voice_url=f"{WEB}/twilio/voice/inbound",
                voice_fallback_url=f"{WEB}/twilio/voice/fallback",
                status_callback=f"{WEB}/twilio/voice/status",
                friendly_name="Reception",
            )
            async with database.begin() as session:
                (await session.merge(number)).twilio_sid = Owned(number.e164).sid
            await opened.context.api.route(number.e164)
        yield opened


async def _kinds(here: Shop) -> list[str]:
    return sorted(difference.kind for difference in await reconcile(here.context))


async def _repaired(here: Shop, kind: str) -> Difference:
    """The one difference there is, which is gone the next night."""
    (found,) = await reconcile(here.context)
    assert found.kind == kind
    assert await _kinds(here) == []
    return found


async def _bought(here: Shop, cast: Cast) -> NumberOrder:
    order = await here.paid(cast.a.id)
    assert await here.work(order) is None
    await here.age()
    return await here.look(order)


async def _subscribed(here: Shop, organisation_id: UUID, **values: Any) -> None:
    active = {"stripe_subscription_id": "sub_9", "status": "active", "paid_at": datetime.now(UTC)}
    async with here.database.begin() as session:
        session.add(Subscription(organisation_id=organisation_id, seats=1, **(active | values)))


async def test_what_agrees_is_left_alone(here: Shop, cast: Cast) -> None:
    await _bought(here, cast)
    before = dict(here.account.numbers)
    assert await _kinds(here) == []
    assert here.account.numbers == before


async def test_a_number_bought_for_an_order_that_went_elsewhere_is_given_up(here: Shop, cast: Cast) -> None:
    order = await _bought(here, cast)
    here.account.numbers[SECOND] = Owned(SECOND, friendly_name=f"bilby:{order.id}")
    await _repaired(here, UNPAID)
    assert (FIRST in here.account.numbers, SECOND in here.account.numbers) == (True, False)


async def test_an_order_that_is_being_worked_on_keeps_what_it_has(here: Shop, cast: Cast) -> None:
    order = await here.paid(cast.a.id)
    here.account.numbers[SECOND] = Owned(SECOND, friendly_name=f"bilby:{order.id}")
    assert await _kinds(here) == []
    assert SECOND in here.account.numbers


async def test_what_is_not_ours_is_reported_at_most(here: Shop, cast: Cast) -> None:
    for e164, tag in ((FIRST, "bilby:0d2f6c1e"), (SECOND, "Fax"), ("+61255500074", FREE)):
        here.account.numbers[e164] = Owned(e164, friendly_name=tag)
    before = dict(here.account.numbers)
    assert await _kinds(here) == [UNKNOWN_TAG]
    assert here.account.numbers == before


async def test_a_lost_number_is_reported(here: Shop, cast: Cast) -> None:
    del here.account.numbers[cast.number.e164]
    assert await _kinds(here) == []  # perhaps it was rented just now
    await here.age()
    (found,) = await reconcile(here.context)
    assert (found.kind, found.number_id) == (NOT_AT_TWILIO, cast.number.id)


@pytest.mark.parametrize("tag", [FREE, "Reception"])
async def test_a_rented_number_never_stays_free(here: Shop, cast: Cast, tag: str) -> None:
    order = await _bought(here, cast)
    here.account.emulator.exchange.set_number(FIRST, friendly_name=tag)
    await _repaired(here, OTHER_TAG)
    assert here.account.numbers[FIRST].friendly_name == f"bilby:{order.id}"


async def test_settings_are_put_right(here: Shop, cast: Cast) -> None:
    here.account.emulator.exchange.set_number(cast.number.e164, voice_url="https://else.example")
    await _repaired(here, OTHER_SETTINGS)
    assert is_same(here.account.numbers[cast.number.e164].voice_url, f"{WEB}/twilio/voice/inbound")


@pytest.mark.parametrize(("setting", "wrong"), [("voice_fallback_url", ""), ("voice_fallback_method", "GET")])
async def test_the_fallback_is_put_right(here: Shop, cast: Cast, setting: str, wrong: str) -> None:
    here.account.emulator.exchange.set_number(cast.number.e164, **{setting: wrong})
    await _repaired(here, OTHER_SETTINGS)
    repaired = here.account.numbers[cast.number.e164]
    assert is_same(repaired.voice_fallback_url, f"{WEB}/twilio/voice/fallback")
    assert repaired.voice_fallback_method == "POST"


async def test_calls_come_back_to_australia(here: Shop, cast: Cast) -> None:
    del here.account.registry.routes[cast.number.e164]
    await _repaired(here, OTHER_SETTINGS)
    assert here.account.registry.routes[cast.number.e164]["voice_region"] == "au1"


async def test_stripes_word_is_written_down(here: Shop, cast: Cast) -> None:
    await _subscribed(here, cast.a.id)

    async def ask(database: Database, organisation_id: UUID) -> bool:
        async with database.begin() as session:
            row = await session.get(Subscription, organisation_id)
            assert row is not None
            changed, row.status = row.status != "canceled", "canceled"
        return changed

    (found,) = await reconcile(here.context, ask)
    assert (found.kind, found.organisation_id) == (DIFFERS, cast.a.id)
    assert await reconcile(here.context, ask) == []


async def test_stripe_away_is_no_difference(here: Shop, cast: Cast) -> None:
    await _subscribed(here, cast.a.id)

    async def ask(_: Database, __: UUID) -> bool:
        raise StripeError("Stripe did not answer", retryable=True)

    assert await reconcile(here.context, ask) == []


async def test_what_stripe_does_not_know_is_reported(here: Shop, cast: Cast) -> None:
    await _subscribed(here, cast.a.id)

    async def ask(_: Database, __: UUID) -> bool:
        raise StripeError("No such customer", "resource_missing", retryable=False)

    (found,) = await reconcile(here.context, ask)
    assert found.kind == NOT_AT_STRIPE
    async with here.database.begin() as session:
        entry = (await session.scalars(select(AuditEntry))).one()
    assert (entry.action, details_of(entry)["repaired"]) == ("subscription.reconciled", "no")


async def test_a_forgotten_order_goes_on(here: Shop, cast: Cast) -> None:
    order = await here.paid(cast.a.id)
    await here.age()
    assert await _kinds(here) == [STALLED]
    assert await here.jobs() == ["provision_number"]
    await here.work(order)
    assert await _kinds(here) == []


async def test_an_order_that_waits_is_not_forgotten(here: Shop, cast: Cast) -> None:
    order = await here.paid(cast.a.id)
    await here.age()
    async with here.database.begin() as session:
        soon = datetime.now(UTC) + timedelta(minutes=5)
        await session.execute(update(NumberOrder).where(NumberOrder.id == order.id).values(next_try_at=soon))
    assert await _kinds(here) == []


async def test_who_pays_gets_a_number(here: Shop, cast: Cast) -> None:
    await _subscribed(here, cast.a.id)
    assert await _kinds(here) == []  # there is one already, as after a second subscription that came in time
    async with here.database.begin() as session:
        await session.execute(update(Number).where(Number.id == cast.number.id).values(released_at=datetime.now(UTC)))
    await _repaired(here, WITHOUT_NUMBER)
    (order,) = await here.everything()
    assert (order.paid_by, order.state) == ("sub_9", "paid")


async def test_who_has_not_paid_yet_does_not(here: Shop, cast: Cast) -> None:
    await _subscribed(here, cast.a.id, paid_at=None)
    await _subscribed(here, cast.b.id, stripe_subscription_id="sub_8", status="canceled")
    assert await _kinds(here) == []


async def test_an_overdue_release_is_done(here: Shop, cast: Cast) -> None:
    await _subscribed(here, cast.a.id, status="canceled", release_after=datetime.now(UTC) - timedelta(days=2))
    assert await _kinds(here) == [OVERDUE_RELEASE]
    assert await here.jobs() == ["release_organisation"]  # which asks Stripe first
    await here.release(cast.number.id)
    assert cast.number.e164 not in here.account.numbers
    assert await _kinds(here) == []
    async with here.database.begin() as session:
        assert await Numbers(session, cast.a.id).all() == []


async def test_what_cannot_be_mended_now_is_reported(here: Shop, cast: Cast) -> None:
    here.account.emulator.exchange.set_number(cast.number.e164, voice_url="https://else.example")
    here.account.registry.faults.append(RestFault("POST", r"/PN\w+\.json$"))
    assert await _kinds(here) == [OTHER_SETTINGS]
    async with here.database.begin() as session:
        actions = (await session.scalars(select(AuditEntry.action))).all()
    assert actions == ["number.reconciled"]
