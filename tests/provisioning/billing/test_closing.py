"""A closed organisation has nothing at Stripe, nothing at Twilio, and no row anywhere, wherever a process died."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from db.engine import Database
from db.models import Closure, Erasure, Member, NumberOrder, Organisation
from db.queries import organisations
from db.queries.integrations import api_keys
from db.queries.integrations.api_keys import ApiKeys
from db.queries.rights import closures, erasures
from provisioning.billing import closing
from provisioning.billing.closing import CLOSE, SUBJECTS, ClosingJob
from provisioning.jobs import TryAgain
from provisioning.numbers import bundles
from provisioning.twilio import bundles_api
from provisioning.twilio.bundles_api import BundlesApi
from sandbox.mail import Mailbox
from sandbox.stripe.emulator import Fault
from sandbox.twilio.emulator import RestFault
from tests.kit import tenant_rows
from tests.kit.vendors.stripe import KEY, PRICE, Till
from tests.kit.vendors.twilio_account import account
from tests.kit.web.cast import Cast
from tests.kit.web.number_orders import Shop, shop
from tests.kit.web.paying_organisation import Payer, with_number
from tests.kit.web.worker_process import worker_process

GRACE, PAST = timedelta(days=14), timedelta(hours=1)
GIVE_BACK = ("DELETE", r"/PN\w+\.json$")
FILED = [("DELETE", path) for path in (r"/BU\w+$", r"/IT\w+$", r"/RD\w+$", r"/AD\w+\.json$")]
HANGS: tuple[Literal["hangs", "answer hangs"], ...] = ("hangs", "answer hangs")
AT_STRIPE = (("DELETE", "/v1/subscriptions"), ("POST", "/v1/payment_methods"))


async def _with_number(payer: Payer, here: Shop) -> str:
    """Pay, and get a number; the subscription's id."""
    subscription, _ = await with_number(payer, here)
    assert len(here.account.numbers) == 1
    return subscription


async def _ask(payer: Payer, *, due: bool = True) -> None:
    async with payer.database.begin() as session:
        assert await closures.ask(session, payer.id, payer.owner.id, GRACE)
        if due:
            await session.execute(update(Closure).values(due_at=datetime.now(UTC) - PAST))


async def _close(
    payer: Payer, batch: int = 3, told: list[UUID] | None = None, filing: BundlesApi | None = None
) -> None:
    """Do the job once, as a worker does."""
    job = ClosingJob(payer.api, filing, (told if told is not None else []).append, batch)
    async with asyncio.timeout(60):
        await job.jobs()[CLOSE](payer.database, {"organisation": str(payer.id)})


@pytest_asyncio.fixture
async def own(database: Database) -> AsyncIterator[Shop]:
    """Where the platform has no bundle, and everybody files their own."""
    async with account(twilio_bundle_sid="", twilio_address_sid="") as place, shop(place, database) as opened:
        yield opened


async def _file(payer: Payer, own: Shop, filing: BundlesApi, *, approved: bool = True) -> None:
    """File the organisation's bundle; Twilio approves it, or takes its time."""
    details = {"legal_name": "Acacia Clinic Pty Ltd", "abn": "51824753556", "street": "1 George St"}
    async with payer.database.begin() as session:
        place = {"locality": "Sydney", "region": "NSW", "postcode": "2000"}
        await session.execute(update(Organisation).where(Organisation.id == payer.id).values(**details, **place))
        bundle = await bundles.begin(session, payer.id)
    follow = bundles.jobs(filing, "ops@bilby.example")[bundles.FOLLOW]
    with pytest.raises(TryAgain):
        await follow(payer.database, {"bundle": str(bundle.id)})
    if approved:
        (filed,) = [each for each in own.account.registry.bundles.values() if str(payer.id) in each["friendly_name"]]
        own.account.registry.decide(filed["sid"], "twilio-approved")
        await follow(payer.database, {"bundle": str(bundle.id)})


def _at_twilio(own: Shop) -> list[str]:
    """What is called after an organisation there, and what depends on it."""
    registry = own.account.registry
    tables = (registry.bundles, registry.end_users, registry.documents, registry.addresses)
    named = [row for table in tables for row in table.values() if str(row.get("friendly_name")).startswith("bilby:")]
    return [row["sid"][:2] for row in (*named, *registry.items.values())]


async def test_what_was_filed_at_twilio_goes_after_the_last_number(payer: Payer, own: Shop) -> None:
    async with bundles_api.opened(own.account.settings) as filing:
        await _file(payer, own, filing)
        await _with_number(payer, own)
        assert set(_at_twilio(own)) == {"BU", "IT", "RD", "AD", "BV"}
        await _ask(payer)
        with pytest.raises(TryAgain):  # the number is still there
            await _close(payer, filing=filing)
        assert set(_at_twilio(own)) == {"BU", "IT", "RD", "AD", "BV"}
        for order in await payer.orders():
            await own.work(order)
        await _close(payer, filing=filing)
    assert (await _state(payer), _at_twilio(own)) == (None, [])
    assert [row["friendly_name"] for row in own.account.registry.bundles.values()] == ["platform"]


async def test_while_twilio_looks_at_a_bundle_the_closing_waits(payer: Payer, own: Shop) -> None:
    async with bundles_api.opened(own.account.settings) as filing:
        await _file(payer, own, filing, approved=False)
        await _ask(payer)
        with pytest.raises(TryAgain):
            await _close(payer, filing=filing)
        assert (await _state(payer), set(_at_twilio(own))) == ("releasing", {"BU", "IT", "RD", "AD", "BV"})
        (filed,) = [each for each in own.account.registry.bundles.values() if each["friendly_name"] != "platform"]
        own.account.registry.decide(filed["sid"], "twilio-rejected", "The ABN is another business's.")
        await _close(payer, filing=filing)
    assert (await _state(payer), _at_twilio(own)) == (None, [])


async def test_nothing_is_filed_once_the_closing_has_begun(payer: Payer, own: Shop) -> None:
    await _ask(payer)
    async with payer.database.begin() as session:
        assert await closures.move(session, payer.id, "waiting", "ending")
        bundle = await bundles.begin(session, payer.id)
    async with bundles_api.opened(own.account.settings) as filing:
        await bundles.jobs(filing, "ops@bilby.example")[bundles.FOLLOW](payer.database, {"bundle": str(bundle.id)})
    assert _at_twilio(own) == []


async def test_at_stripe_the_invoices_stay_and_nothing_can_be_charged(payer: Payer, here: Shop, till: Till) -> None:
    await payer.buy()
    stripe = till.emulator.account
    invoices = [each["id"] for each in stripe.all("invoice", customer=payer.customer)]
    assert len(stripe.all("payment_method", customer=payer.customer)) == 1
    await _ask(payer)
    await _close(payer)
    assert await _state(payer) is None
    assert stripe.all("payment_method", customer=payer.customer) == []
    assert [each["id"] for each in stripe.all("invoice", customer=payer.customer)] == invoices
    customer = await till.v1.customers.retrieve_async(payer.customer)
    assert not getattr(customer, "deleted", False)


async def _state(payer: Payer) -> str | None:
    async with payer.database.begin() as session:
        closure = await closures.of(session, payer.id)
    return None if closure is None else closure.state


async def _members(database: Database, organisation_id: UUID) -> list[UUID]:
    async with database.begin() as session:
        return list(await session.scalars(select(Member.id).where(Member.organisation_id == organisation_id)))


async def test_a_closed_organisation_leaves_no_row(payer: Payer, here: Shop, till: Till, cast: Cast) -> None:
    subscription = await _with_number(payer, here)
    await tenant_rows.fill(payer.database, payer.id, payer.owner.id)
    before = await tenant_rows.mentions(payer.database, payer.id)
    filled = {name.partition(":")[0].removeprefix("public.") for name in before}
    assert {table.name for table in tenant_rows.tables()} <= filled
    members, told = await _members(payer.database, payer.id), list[UUID]()
    assert await _state(payer) == "waiting"  # one of the rows, and its day is long past
    with pytest.raises(TryAgain):  # Twilio has not taken the number back yet
        await _close(payer, told=told)
    assert (await _state(payer), told) == ("releasing", [payer.id])
    for order in await payer.orders():
        await here.work(order)
    async with payer.database.begin() as session:  # the rows that were made up ring nowhere
        await session.execute(update(NumberOrder).values(state="released"))
    await _close(payer)
    assert await tenant_rows.mentions(payer.database, payer.id, *members) == []
    assert here.account.numbers == {}
    assert (await till.v1.subscriptions.retrieve_async(subscription)).status == "canceled"
    async with payer.database.begin() as session:
        (receipt,) = (await session.scalars(select(Erasure))).all()
    assert (receipt.calls, receipt.members) == (1, len(members))
    assert receipt.audit_entries > 0
    assert await _members(payer.database, cast.a.id)


async def test_before_its_day_it_can_be_taken_back(payer: Payer, here: Shop) -> None:
    await _with_number(payer, here)
    await _ask(payer, due=False)
    await closing.sweep(payer.database)
    assert CLOSE not in await payer.jobs()
    await _close(payer)
    assert (await _state(payer), (await payer.organisation()).suspended_at) == ("waiting", None)
    async with payer.database.begin() as session:
        assert await closures.take_back(session, payer.id)
        assert not await closures.take_back(session, payer.id)
    await _close(payer)
    assert (await payer.organisation()).status == "active"
    assert len(here.account.numbers) == 1


async def test_from_its_day_on_nothing_works_and_nothing_is_taken_back(payer: Payer, here: Shop) -> None:
    await _with_number(payer, here)
    async with payer.database.begin() as session:
        key = await ApiKeys(session, payer.id).issue(
            name="Key", scopes=["calls:read"], created_by=payer.owner.id, lasts=None
        )
    await _ask(payer)
    with pytest.raises(TryAgain):
        await _close(payer)
    async with payer.database.begin() as session:
        assert not await closures.take_back(session, payer.id)
        assert await api_keys.by_token(session, key.token) is None
        organisation = await organisations.find(session, payer.id)
        assert organisation is not None
        works = organisations.entitlements(organisation)
    assert (works.connects, works.transcribes, works.watchers) == (False, False, frozenset())


async def test_without_stripes_word_no_number_is_given_back(payer: Payer, here: Shop, till: Till) -> None:
    await _with_number(payer, here)
    await _ask(payer)
    till.emulator.faults.extend([Fault("DELETE", "/v1/subscriptions", status=503)] * 4)
    with pytest.raises(TryAgain):
        await _close(payer)
    assert await _state(payer) == "ending"
    assert len(here.account.numbers) == 1


async def test_owners_are_reminded_once_the_day_before(payer: Payer) -> None:
    await _ask(payer, due=False)
    await closing.sweep(payer.database)
    assert "send_mail" not in await payer.jobs()
    async with payer.database.begin() as session:
        await session.execute(update(Closure).values(asked_at=datetime.now(UTC) - GRACE))
        await session.execute(update(Closure).values(due_at=datetime.now(UTC) + closing.BEFORE - PAST))
    for _ in range(2):
        await closing.sweep(payer.database)
    assert (await payer.jobs()).count("send_mail") == 1


async def test_an_audit_log_goes_only_with_its_organisation(payer: Payer, cast: Cast) -> None:
    """Nobody may use the way in which it goes for a log that is to stay: neither before nor while others leave."""
    await _ask(payer, due=False)
    for organisation in (payer.id, cast.a.id):
        with pytest.raises(DBAPIError):
            async with payer.database.begin() as session:
                await erasures.erase_audit(session, organisation, 100)
    async with payer.database.begin() as session:
        await session.execute(update(Closure).values(state="erasing"))
    with pytest.raises(DBAPIError):  # there are members who could miss it
        async with payer.database.begin() as session:
            await erasures.erase_audit(session, payer.id, 100)


@pytest.mark.slow
async def test_a_worker_killed_at_every_step_of_closing(
    payer: Payer, own: Shop, till: Till, database_url: str, encryption_key: str, outbox: tuple[Mailbox, int]
) -> None:
    """While Stripe is asked, while Twilio is, before and after it has let go: all is gone, and one mail came."""
    here = own
    async with bundles_api.opened(own.account.settings) as filing:
        await _file(payer, own, filing)
    subscription = await _with_number(payer, here)
    members = await _members(payer.database, payer.id)
    await _ask(payer)
    await closing.sweep(payer.database)
    stripe = {"STRIPE_SECRET_KEY": KEY, "STRIPE_PRICE_ID": PRICE, "STRIPE_API_BASE": till.emulator.url}
    mail = {"SMTP_URL": f"smtp://127.0.0.1:{outbox[1]}", "MAIL_FROM": "bilby@bilby.example"}
    place = (here.account, database_url, encryption_key)
    for stuck in (Fault(*each, hang_seconds=600) for each in AT_STRIPE):
        till.emulator.faults.clear()
        till.emulator.faults.append(stuck)
        async with worker_process(*place, stripe):
            async with asyncio.timeout(60):
                while stuck in till.emulator.faults:  # noqa: ASYNC110 (it is taken away once it was met)
                    await asyncio.sleep(0.05)
        assert await _state(payer) == "ending"
    for where, does in (
        *itertools.product((GIVE_BACK, *FILED[:1]), HANGS),
        *((each, HANGS[1]) for each in FILED[1:]),
    ):
        fault = RestFault(*where, does)
        here.account.registry.faults[:] = [fault]
        async with worker_process(*place, stripe):
            await asyncio.wait_for(fault.reached.wait(), 60)
    assert await _state(payer) == "releasing"
    here.account.registry.faults.clear()
    async with worker_process(*place, stripe | mail), asyncio.timeout(120):
        while await tenant_rows.mentions(payer.database, payer.id, *members):  # noqa: ASYNC110 (rows tell nobody)
            await asyncio.sleep(0.2)
        await outbox[0].letter_to(payer.owner.email, 60)
    assert (here.account.numbers, _at_twilio(own)) == ({}, [])
    assert till.emulator.account.all("payment_method", customer=payer.customer) == []
    assert (await till.v1.subscriptions.retrieve_async(subscription)).status == "canceled"
    subjects = [letter.subject for letter in outbox[0].letters if payer.owner.email in letter.recipients]
    assert subjects == [SUBJECTS["closed"]]
    async with payer.database.begin() as session:
        assert await session.get(Organisation, payer.id) is None
