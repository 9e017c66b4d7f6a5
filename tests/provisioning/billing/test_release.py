"""Numbers are given back when grace is over, not before, not without asking Stripe, and not by halves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from db.queries.numbers import Numbers
from provisioning.billing import release
from provisioning.billing.notices import SUBJECTS
from provisioning.billing.release import RELEASE_ALL, ReleaseJob
from provisioning.jobs import TryAgain
from sandbox.mail import Mailbox
from sandbox.stripe.emulator import Fault
from sandbox.twilio.emulator import RestFault
from tests.kit.vendors.stripe import KEY, PRICE, Till
from tests.kit.web.number_orders import Shop
from tests.kit.web.paying_organisation import GRACE, Payer, with_number
from tests.kit.web.worker_process import worker_process

LIST, GIVE_BACK = ("GET", r"/IncomingPhoneNumbers\.json$"), ("DELETE", r"/PN\w+\.json$")
PAST = timedelta(hours=1)


async def _ended(payer: Payer, here: Shop) -> str:
    """Pay, get a number, and end the subscription; its id."""
    subscription, order = await with_number(payer, here)
    assert (await here.look(order)).state == "done"
    await payer.cancel(subscription)
    assert (await payer.look()).status == "cancelled"
    return subscription


async def _let_grace_pass(payer: Payer) -> None:
    await payer.change(release_after=datetime.now(UTC) - PAST)


async def _release(payer: Payer) -> None:
    """Do the job once, as a worker does."""
    async with asyncio.timeout(60):
        jobs = ReleaseJob(payer.api, GRACE).jobs()
        await jobs[RELEASE_ALL](payer.database, {"organisation": str(payer.id)})


async def _states(payer: Payer) -> list[str]:
    return sorted(order.state for order in await payer.orders())


async def test_the_sweep_waits_for_the_day(payer: Payer, here: Shop) -> None:
    await _ended(payer, here)
    await release.sweep(payer.database)
    assert RELEASE_ALL not in await payer.jobs()
    await _let_grace_pass(payer)
    for _ in range(2):
        await release.sweep(payer.database)
    assert (await payer.jobs()).count(RELEASE_ALL) == 1


async def test_on_the_day_all_is_given_back_and_the_owners_are_told_once(payer: Payer, here: Shop) -> None:
    await _ended(payer, here)
    await _let_grace_pass(payer)
    for _ in range(2):
        await _release(payer)
    assert await _states(payer) == ["releasing"]
    assert [action for action, _ in await payer.log("numbers.given_up")] == ["numbers.given_up"]
    for order in await payer.orders():
        await here.work(order)
    assert await _states(payer) == ["released"]
    assert here.account.numbers == {}
    async with payer.database.begin() as session:
        assert await Numbers(session, payer.id).all() == []


async def test_an_order_still_under_way_is_given_up_as_well(payer: Payer, here: Shop) -> None:
    subscription = await payer.buy()
    await payer.look()
    await payer.cancel(subscription)
    await payer.look()
    await _let_grace_pass(payer)
    await _release(payer)
    (order,) = await payer.orders()
    await here.work(order)
    assert (await _states(payer), here.account.purchases()) == (["released"], 0)


async def test_before_the_day_nothing_happens(payer: Payer, here: Shop) -> None:
    await _ended(payer, here)
    await _release(payer)
    assert await _states(payer) == ["done"]


async def test_who_has_paid_meanwhile_keeps_everything(payer: Payer, here: Shop) -> None:
    """Stripe is asked once more: the event that told of the payment may be on its way."""
    await _ended(payer, here)
    await _let_grace_pass(payer)
    await payer.buy()
    await _release(payer)
    assert await _states(payer) == ["done"]
    assert (await payer.organisation()).status == "active"
    assert (await payer.row()).release_after is None


async def test_without_stripes_word_nothing_is_given_back(payer: Payer, here: Shop, till: Till) -> None:
    await _ended(payer, here)
    await _let_grace_pass(payer)
    till.emulator.faults.extend([Fault("GET", "/v1/subscriptions", status=503)] * 4)
    with pytest.raises(TryAgain) as again:
        await _release(payer)
    assert again.value.after == release.LATER
    assert await _states(payer) == ["done"]


async def test_who_is_gone_is_no_error(payer: Payer) -> None:
    await _release(payer)
    assert (await payer.organisation()).status == "incomplete"


@asynccontextmanager
async def _deaf() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A Stripe that takes a request and never answers; set once one has come."""
    reached = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hang)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", reached
    finally:
        await runner.cleanup()


@pytest.mark.slow
async def test_a_worker_killed_at_every_step_of_giving_back(
    payer: Payer, here: Shop, till: Till, database_url: str, encryption_key: str, outbox: tuple[Mailbox, int]
) -> None:
    """While Stripe is asked, while Twilio is, before and after it has let go: one release, one mail."""
    await _ended(payer, here)
    await _let_grace_pass(payer)
    await release.sweep(payer.database)
    stripe = {"STRIPE_SECRET_KEY": KEY, "STRIPE_PRICE_ID": PRICE, "STRIPE_API_BASE": till.emulator.url}
    mail = {"SMTP_URL": f"smtp://127.0.0.1:{outbox[1]}", "MAIL_FROM": "bilby@bilby.example"}
    place = (here.account, database_url, encryption_key)
    async with _deaf() as (url, reached), worker_process(*place, stripe | {"STRIPE_API_BASE": url}):
        await asyncio.wait_for(reached.wait(), 30)
    assert await _states(payer) == ["done"]
    for point, done in ((LIST, False), (GIVE_BACK, False), (GIVE_BACK, True)):
        fault = RestFault(*point, "answer hangs" if done else "hangs")
        here.account.registry.faults[:] = [fault]
        async with worker_process(*place, stripe):
            await asyncio.wait_for(fault.reached.wait(), 30)
    here.account.registry.faults.clear()
    async with worker_process(*place, stripe | mail), asyncio.timeout(60):
        while await _states(payer) != ["released"]:  # noqa: ASYNC110 (the row is all there is to see it by)
            await asyncio.sleep(0.05)
        await outbox[0].letter_to(payer.owner.email, 30, subject=SUBJECTS["released"])
    assert here.account.numbers == {}
    assert len(await payer.log("numbers.given_up")) == 1
    subjects = [letter.subject for letter in outbox[0].letters if payer.owner.email in letter.recipients]
    assert subjects.count(SUBJECTS["released"]) == 1
