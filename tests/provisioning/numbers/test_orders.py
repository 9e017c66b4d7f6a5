"""An order becomes exactly one number that rings, whatever Twilio answers meanwhile; and the number is given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import update

from db.base import OrderState
from db.engine import Database
from db.models import NumberOrder
from db.queries import number_orders
from db.queries.number_orders import NumberOrders, NumberTakenError
from db.queries.numbers import Numbers
from provisioning.numbers import orders as numbers_orders, purchase
from provisioning.numbers.orders import LimitError, buy_another, pick, try_again
from provisioning.twilio import numbers_api
from provisioning.twilio.errors import FAILURES
from provisioning.twilio.numbers_api import FREE
from provisioning.twilio.settings import TwilioSettings
from sandbox.twilio.emulator import Number, RestFault
from tests.kit.vendors.twilio_account import account
from tests.kit.web.cast import Cast
from tests.kit.web.number_orders import WEB, Shop, shop

FIRST = "+61255500000"  # what Sydney has on offer, in this order
SECOND, THIRD = "+61255500037", "+61255500074"
BUY = r"/IncomingPhoneNumbers\.json$"


@pytest_asyncio.fixture
async def here(database: Database) -> AsyncIterator[Shop]:
    async with account() as place, shop(place, database) as opened:
        yield opened


async def _rings(here: Shop, order: NumberOrder, e164: str) -> None:
    """The order has come to ``e164``, everywhere."""
    order = await here.look(order)
    assert (order.state, order.candidate, order.error_sentence, order.next_try_at) == ("done", e164, None, None)
    bought = here.account.numbers[e164]
    assert (bought.sid, bought.friendly_name) == (order.twilio_sid, f"bilby:{order.id}")
    assert bought.voice_url.startswith(f"{WEB}/twilio/voice/inbound#e=sydney")
    assert bought.voice_fallback_url.startswith(f"{WEB}/twilio/voice/fallback#e=sydney")
    assert bought.status_callback.startswith(f"{WEB}/twilio/voice/status#e=sydney")
    assert here.account.registry.routes[e164]["voice_region"] == "au1"
    async with here.database.begin() as session:
        (number,) = [each for each in await Numbers(session, order.organisation_id).all() if each.e164 == e164]
    assert (number.id, number.twilio_sid) == (order.number_id, bought.sid)
    assert number.verified_at is not None


async def test_what_is_paid_for_rings(here: Shop, cast: Cast) -> None:
    order = await here.paid(cast.a.id, label="Reception", locality="Sydney")
    assert await here.work(order) is None
    await _rings(here, order, FIRST)
    assert here.account.purchases() == 1
    assert await here.work(order) is None  # the job comes twice
    assert list(here.account.numbers) == [FIRST]
    async with here.database.begin() as session:
        assert (await Numbers(session, cast.a.id).all())[-1].label == "Reception"


async def test_paying_twice_for_the_same_orders_once(here: Shop, cast: Cast) -> None:
    await here.paid(cast.a.id)
    async with here.database.begin() as session:
        assert await number_orders.pay(session, cast.a.id, "sub_1", {}) is None


async def test_without_a_wish_the_number_is_near_the_organisation(here: Shop, cast: Cast) -> None:
    here.choose_at_once()
    async with here.database.begin() as session:
        (await session.merge(cast.a)).locality = "Hobart"
        order = await number_orders.pay(session, cast.a.id, "sub_1", {})
    assert order is not None
    assert await here.work(order) is None
    await _rings(here, order, "+61370100000")


async def test_where_nothing_is_for_sale_another_place_will_do(here: Shop, cast: Cast) -> None:
    order = await here.paid(cast.a.id, locality="Broome")
    assert await here.work(order) is None
    await _rings(here, order, FIRST)


async def test_there_is_time_to_pick(here: Shop, cast: Cast) -> None:
    async with here.database.begin() as session:
        order = await number_orders.pay(session, cast.a.id, "sub_1", {})
    assert order is not None
    pause = await here.work(order)
    assert pause is not None
    assert timedelta(0) < pause <= here.context.time_to_pick
    waiting = await here.look(order)
    assert (waiting.state, waiting.error_sentence) == ("paid", None)
    assert waiting.next_try_at is not None
    async with here.database.begin() as session:
        await pick(session, cast.a.id, THIRD)
    assert await here.jobs() == ["provision_number"]
    assert await here.work(order) is None
    await _rings(here, order, THIRD)


async def _default(here: Shop, cast: Cast) -> NumberOrder:
    """An order of the plan's own number that nobody picks one for."""
    here.choose_at_once()
    async with here.database.begin() as session:
        order = await number_orders.pay(session, cast.a.id, "sub_1", {})
    assert order is not None
    return order


async def test_nothing_is_chosen_for_who_is_choosing(here: Shop, cast: Cast) -> None:
    order = await _default(here, cast)
    async with here.database.begin() as session:
        await number_orders.keep_choosing(session, cast.a.id, datetime.now(UTC))
    pause = await here.work(order)
    assert pause is not None
    assert pause > timedelta(0)
    assert (await here.look(order)).state == "paid"
    assert here.account.purchases() == 0
    async with here.database.begin() as session:  # but not for ever
        longest = datetime.now(UTC) - number_orders.LONGEST_CHOOSING
        await session.execute(update(NumberOrder).values(created_at=longest, choosing_until=None))
        await number_orders.keep_choosing(session, cast.a.id, datetime.now(UTC))
    assert await here.work(order) is None
    assert (await here.look(order)).state == "done"


async def _bought_by_default(here: Shop, order: NumberOrder, until: OrderState) -> None:
    """Work on the order until it has come to that state."""
    while (now := await here.look(order)).state != until:
        await purchase.advance(here.context, now)


@pytest.mark.parametrize("state", ["chosen", "bought", "configured", "routed", "assigned", "done"])
async def test_a_pick_replaces_the_default_however_far_that_has_come(
    here: Shop, cast: Cast, state: OrderState
) -> None:
    order = await _default(here, cast)
    await _bought_by_default(here, order, state)
    async with here.database.begin() as session:
        picked = await pick(session, cast.a.id, THIRD, order.id)
    assert picked.id == order.id
    assert await here.work(order) is None
    await _rings(here, order, THIRD)
    assert list(here.account.numbers) == [THIRD]
    async with here.database.begin() as session:
        rented = {number.e164 for number in await Numbers(session, cast.a.id).all()}
    assert rented == {cast.number.e164, THIRD}
    with pytest.raises(NumberTakenError):  # it was picked: another form of the same page comes too late
        async with here.database.begin() as session:
            await pick(session, cast.a.id, SECOND, order.id)


async def test_a_pick_while_the_default_is_being_bought_wins(here: Shop, cast: Cast) -> None:
    order = await _default(here, cast)
    await _bought_by_default(here, order, "chosen")
    stale = await here.look(order)
    async with here.database.begin() as session:
        await pick(session, cast.a.id, THIRD)
    with pytest.raises(purchase.Overtaken):
        await purchase.advance(here.context, stale)  # Twilio has sold the default by now
    assert len(here.account.numbers) == 1
    assert await here.work(order) is None
    await _rings(here, order, THIRD)
    assert list(here.account.numbers) == [THIRD]


@pytest.mark.parametrize(
    ("region", "city", "area"),
    [
        ("NSW", "Broome", "+612"),
        ("ACT", "Canberra", "+612"),
        ("VIC", "Sydney", "+613"),
        ("TAS", None, "+613"),
        ("QLD", "Nowhere", "+617"),
        ("SA", None, "+618"),
        ("WA", None, "+618"),
        ("NT", None, "+618"),
    ],
)
async def test_a_default_number_is_of_the_organisations_own_area(
    here: Shop, cast: Cast, region: str, city: str | None, area: str
) -> None:
    order = await _default(here, cast)
    async with here.database.begin() as session:
        organisation = await session.merge(cast.a)
        organisation.region, organisation.locality = region, city
    await here.work(order)
    bought = list(here.account.numbers)
    assert all(e164.startswith(area) for e164 in bought)
    assert bought or (await here.look(order)).error_code == 21452  # none of that area is for sale


async def test_what_was_held_before_payment_is_bought(here: Shop, cast: Cast) -> None:
    async with here.database.begin() as session:
        await pick(session, cast.a.id, SECOND)
        held = await pick(session, cast.a.id, THIRD)  # a change of mind
    assert held.state == "held"
    with pytest.raises(NumberTakenError):
        async with here.database.begin() as session:
            await pick(session, cast.b.id, THIRD)
    order = await here.paid(cast.a.id)
    assert await here.work(order) is None
    await _rings(here, order, THIRD)


async def test_a_hold_ends(here: Shop, cast: Cast) -> None:
    async with here.database.begin() as session:
        await pick(session, cast.a.id, THIRD)
        over = datetime.now(UTC) - timedelta(seconds=1)
        await session.execute(update(NumberOrder).values(held_until=over))
    async with here.database.begin() as session:
        assert (await pick(session, cast.b.id, THIRD)).organisation_id == cast.b.id
        assert await NumberOrders(session, cast.a.id).held() is None


async def test_a_number_taken_meanwhile_is_replaced_by_one_like_it(here: Shop, cast: Cast) -> None:
    here.account.registry.taken.append("+61355500037")  # the search still shows it
    async with here.database.begin() as session:
        order = await NumberOrders(session, cast.a.id).buy("+61355500037", "form-1")
    assert order is not None
    assert await here.work(order) is None
    await _rings(here, order, "+61355500000")


async def test_what_somebody_else_has_is_never_touched(here: Shop, cast: Cast) -> None:
    """The emulated Twilio answers a purchase of it with 201 and changes it, as the real one is said to."""
    for tag in ("Reception", "bilby:of-another-house"):
        here.account.numbers[SECOND] = Number(SECOND, friendly_name=tag, voice_url="https://theirs.example")
        async with here.database.begin() as session:
            order = await NumberOrders(session, cast.a.id).buy(SECOND, tag)
        assert order is not None
        assert await here.work(order) is None
        assert (await here.look(order)).candidate != SECOND
        assert here.account.numbers[SECOND].voice_url == "https://theirs.example"


async def test_two_orders_never_share_a_number(here: Shop, cast: Cast) -> None:
    orders = [await here.paid(cast.a.id, "sub_1"), await here.paid(cast.b.id, "sub_2")]
    async with asyncio.TaskGroup() as tasks:
        for order in orders:
            tasks.create_task(here.work(order))
    found = {(await here.look(order)).candidate for order in orders}
    assert found == {FIRST, SECOND}
    assert found == set(here.account.numbers)


async def test_a_free_number_of_ours_is_taken_before_one_is_bought(here: Shop, cast: Cast) -> None:
    here.account.numbers[THIRD] = Number(THIRD, friendly_name=FREE)
    order = await here.paid(cast.a.id, prefix="02 5550")
    assert await here.work(order) is None
    await _rings(here, order, THIRD)
    assert here.account.purchases() == 0


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_busy_is_waited_for_as_long_as_told(here: Shop, cast: Cast, status: int) -> None:
    here.account.registry.faults.append(RestFault("POST", BUY, status=status, code=20429, retry_after="7"))
    order = await here.paid(cast.a.id)
    assert await here.work(order) == timedelta(seconds=7)
    stuck = await here.look(order)
    assert (stuck.state, stuck.error_code, stuck.error_sentence) == ("chosen", 20429, FAILURES[20429].sentence)
    assert stuck.next_try_at is not None
    assert await here.work(order) is None
    await _rings(here, order, FIRST)


async def test_a_purchase_whose_answer_was_lost_is_not_made_again(here: Shop, cast: Cast) -> None:
    here.account.registry.faults.append(RestFault("POST", BUY, "answer hangs", seconds=1))
    order, patient = await here.paid(cast.a.id), here.context
    async with numbers_api.opened(here.account.settings, seconds=0.3) as hasty:
        here.context = replace(patient, api=hasty)
        assert await here.work(order) is not None
    stuck = await here.look(order)
    assert (stuck.state, stuck.error_code) == ("chosen", None)
    assert stuck.error_sentence
    here.context = patient
    assert await here.work(order) is None
    await _rings(here, order, FIRST)
    assert here.account.purchases() == 1


async def test_a_missing_bundle_waits_and_says_so(here: Shop, cast: Cast) -> None:
    here.account.registry.bundles.clear()
    order = await here.paid(cast.a.id)
    assert await here.work(order) == numbers_orders.PAUSES["details"]
    stuck = await here.look(order)
    assert (stuck.error_code, stuck.state) == (21649, "chosen")
    assert stuck.error_sentence


async def test_what_cannot_work_fails_and_may_be_tried_again(here: Shop, cast: Cast) -> None:
    here.account.registry.faults.append(RestFault("POST", BUY, status=400, code=20001))
    order = await here.paid(cast.a.id)
    assert await here.work(order) is None
    failed = await here.look(order)
    assert (failed.state, failed.error_code, failed.next_try_at) == ("failed", 20001, None)
    async with here.database.begin() as session:
        assert await try_again(session, failed)
    assert await here.work(order) is None
    await _rings(here, order, FIRST)


async def test_one_worker_at_a_time(here: Shop, cast: Cast) -> None:
    order = await here.paid(cast.a.id)
    async with here.database.try_lock(f"order {order.id}") as locked:
        assert locked
        assert await here.work(order) == numbers_orders.BUSY
    assert (await here.look(order)).state == "paid"


async def test_there_is_a_most_for_everything(here: Shop, cast: Cast) -> None:
    limits = TwilioSettings(max_numbers_per_organisation=3, max_purchases_per_day=9)  # each has one
    async with here.database.begin() as session:
        assert await buy_another(session, cast.a.id, FIRST, "1", limits)
        assert await buy_another(session, cast.a.id, FIRST, "1", limits) is None  # the form again
        assert await buy_another(session, cast.a.id, SECOND, "2", limits)
        for reached in (limits, TwilioSettings(max_purchases_per_day=2, max_numbers_per_organisation=9)):
            with pytest.raises(LimitError):
                await buy_another(session, cast.a.id, THIRD, "3", reached)
        with pytest.raises(NumberTakenError):
            await buy_another(session, cast.b.id, FIRST, "4", limits)


async def test_a_released_number_goes_back(here: Shop, cast: Cast) -> None:
    order = await here.paid(cast.a.id)
    await here.work(order)
    number_id = (await here.look(order)).number_id
    await here.release(number_id)
    await here.release(number_id)
    assert (await here.look(order)).state == "released"
    assert here.account.numbers == {}
    async with here.database.begin() as session:
        assert number_id not in [number.id for number in await Numbers(session, cast.a.id).all()]


async def test_a_kept_number_goes_to_the_next(database: Database, cast: Cast) -> None:
    async with account(released_numbers="keep") as place, shop(place, database) as here:
        first = await here.paid(cast.a.id)
        await here.work(first)
        await here.release((await here.look(first)).number_id)
        kept = place.numbers[FIRST]
        assert (kept.friendly_name, kept.voice_url) == (FREE, "")
        second = await here.paid(cast.b.id, "sub_2", prefix="02 5550")
        assert await here.work(second) is None
        await _rings(here, second, FIRST)
        assert place.purchases() == 1


async def test_a_release_finds_what_was_never_written_down(here: Shop, cast: Cast) -> None:
    here.account.registry.faults.append(RestFault("POST", BUY, "answer lost"))
    order = await here.paid(cast.a.id)
    await here.work(order)
    assert list(here.account.numbers) == [FIRST]
    async with here.database.begin() as session:
        assert await numbers_orders.cancel(session, await here.look(order))
    assert await here.work(order) is None
    assert here.account.numbers == {}


async def test_a_number_that_came_without_an_order_is_released_alike(here: Shop, cast: Cast) -> None:
    e164 = cast.number.e164
    here.account.numbers[e164] = Number(e164, friendly_name="Reception")
    async with here.database.begin() as session:
        (await session.merge(cast.number)).twilio_sid = Number(e164).sid
    await here.release(cast.number.id)
    assert here.account.numbers == {}
