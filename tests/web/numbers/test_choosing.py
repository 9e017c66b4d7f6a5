"""The page of numbers: what is found, chosen, named, checked and given back, and what nobody else may see of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import update

from db.engine import Database
from db.models import NumberOrder
from db.queries import number_orders
from db.queries.number_orders import NumberOrders
from db.queries.numbers import Numbers
from sandbox.twilio.emulator import Number as TwilioNumber, RestFault
from tests.kit.browser.page import page_of
from tests.kit.vendors.twilio_account import Account, account
from tests.kit.web.cast import Cast
from tests.kit.web.number_orders import shop
from tests.kit.web.numbers_site import (
    asking,
    at_twilio,
    choose,
    offered,
    orders,
    recorded,
    stands,
)
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser
from web.config import Settings
from web.numbers.page import CHOICES, SEARCHES

Browsers = Callable[[], Browser]
OURS = "+61255501234"
FIRST, SECOND = "+61255500000", "+61255500037"
SEARCH, NUMBER = r"/AvailablePhoneNumbers/", r"/IncomingPhoneNumbers/PN"


@pytest_asyncio.fixture
async def twilio() -> AsyncIterator[Account]:
    async with account(TwilioNumber(OURS, voice_url="https://else.example", friendly_name="ours")) as opened:
        yield opened


@pytest.fixture
def settings(settings: Settings, twilio: Account) -> Settings:
    return asking(settings, twilio)


@pytest_asyncio.fixture
async def alice(browser: Browsers, cast: Cast, database: Database) -> Browser:
    await at_twilio(database, cast)
    return await browser().sign_in(cast.alice)


# -- searching ---------------------------------------------------------------------------------------------------


async def test_a_search_by_town_and_by_digits(alice: Browser) -> None:
    assert (await offered(await alice.get("/numbers?locality=Hobart")))[0] == "+61370100000"
    begun = await offered(await alice.get("/numbers?digits=(03) 555&where=start"))
    assert begun
    assert all(number.startswith("+613555") for number in begun)
    patterned = await offered(await alice.get("/numbers?digits=77*7&where=anywhere&locality=Sydney"))
    assert patterned
    assert all(number.startswith("+612") and "77" in number for number in patterned)


async def test_without_a_question_nobody_asks_twilio(alice: Browser, twilio: Account) -> None:
    assert (await alice.get("/numbers")).status == 200
    assert twilio.registry.asked == []


async def test_nothing_found_is_shown(alice: Browser) -> None:
    assert (await alice.page("/numbers?locality=Broome")).data("for-sale") == ["0"]


@pytest.mark.parametrize(
    "query",
    ["digits=13", "digits=02x", "digits=0255501234567", "digits=7&where=anywhere", "digits=abc&where=anywhere"],
)
async def test_a_search_that_makes_no_sense_marks_the_digits(alice: Browser, query: str) -> None:
    page = await alice.page(f"/numbers?{query}", 400)
    assert (page.invalid, page.alerts) == ({"digits"}, 1)
    assert page.one("li", class_="number").one("h2").text == "(02) 5550 1234"  # the rest of the page is there


async def test_too_many_searches_are_told_when_to_come_back(alice: Browser, cast: Cast, database: Database) -> None:
    await use_up(database, SEARCHES, cast.a.id, leave=2)
    answers = [await alice.get("/numbers?locality=Sydney") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["Retry-After"]) <= SEARCHES.seconds + 1


async def test_while_twilio_fails_the_page_says_so(alice: Browser, twilio: Account) -> None:
    twilio.registry.faults.append(RestFault("GET", SEARCH, status=429, code=20429, retry_after="7"))
    busy = await alice.get("/numbers?locality=Sydney")
    assert (busy.status, busy.headers["Retry-After"]) == (503, "7")
    assert (await page_of(busy)).one(id="search-problem")["role"] == "alert"
    twilio.registry.faults.append(RestFault("GET", SEARCH, status=401, code=20003))
    page = await alice.page("/numbers?locality=Sydney", 503)
    assert (page.alerts, page.invalid) == (1, set())


# -- choosing ----------------------------------------------------------------------------------------------------


async def test_one_more_number_is_ordered_once(
    alice: Browser, cast: Cast, database: Database, twilio: Account
) -> None:
    key = uuid4()
    for _ in range(2):
        answer = await choose(alice, FIRST, key, label=" Front   desk ")
        assert (answer.status, answer.headers["Location"]) == (303, "/numbers")
    (order,) = await orders(database, cast.a)
    assert (order.state, order.candidate) == ("chosen", FIRST)
    (shown,) = (await alice.page("/numbers")).all("li", class_="order")
    assert (shown.one(class_="numeral").text, shown["data-state"]) == ("(02) 5550 0000", "chosen")
    async with shop(twilio, database) as here:
        assert await here.work(order) is None
    verdicts = {
        number.one("h2").text: number.one(class_="verdict")["data-verdict"]
        for number in (await alice.page("/numbers/state")).all("li", class_="number")
    }
    assert verdicts["(02) 5550 0000"] == "good"
    labels = (await alice.page("/numbers")).all("input", name="label", value="Front desk")
    assert len(labels) == 1
    assert await recorded(database, cast.a, "number.ordered") == [{"number": FIRST}]


async def test_who_chooses_without_end_is_told_to_wait(alice: Browser, cast: Cast, database: Database) -> None:
    await use_up(database, CHOICES, cast.a.id, leave=1)
    assert (await choose(alice, FIRST)).status == 303
    limited = await choose(alice, SECOND)
    assert limited.status == 429
    assert int(limited.headers["Retry-After"]) > 0


async def test_a_double_click_orders_once(alice: Browser, cast: Cast, database: Database) -> None:
    assert (await choose(alice, FIRST)).status == 303
    assert (await choose(alice, FIRST)).status == 303
    assert len(await orders(database, cast.a)) == 1


async def test_what_somebody_else_has_taken_is_refused(
    alice: Browser, browser: Browsers, cast: Cast, database: Database
) -> None:
    charlie = await browser().sign_in(cast.charlie)
    assert (await choose(charlie, FIRST)).status == 303
    answer = await choose(alice, FIRST, locality="Sydney")
    assert answer.status == 409
    assert (await page_of(answer)).alerts == 1
    assert SECOND in await offered(answer)
    assert await orders(database, cast.a) == []


@pytest.mark.parametrize(
    "number", ["", "+15005550006", "+61400000001", "+61190000000", "02 5550 0000", "+612555000001"]
)
async def test_only_australian_local_numbers_are_ordered(
    alice: Browser, cast: Cast, database: Database, number: str
) -> None:
    assert (await choose(alice, number)).status == 400
    assert await orders(database, cast.a) == []


async def test_before_payment_a_number_is_held(
    alice: Browser, browser: Browsers, cast: Cast, database: Database
) -> None:
    async with database.begin() as session:
        await Numbers(session, cast.a.id).release(cast.number.id)
    await stands(database, cast.a, "incomplete")
    assert (await alice.page("/numbers?locality=Sydney")).data("way") == ["hold"]
    assert (await choose(alice, FIRST)).status == 303
    assert (await choose(alice, SECOND)).status == 303  # a change of mind
    kept = (await alice.page("/numbers")).one(class_="held")
    assert (kept.one(class_="numeral").text, len(kept.all("time"))) == ("(02) 5550 0037", 1)
    assert [order.state for order in await orders(database, cast.a)] == ["held"]
    async with database.begin() as session:
        late = update(NumberOrder).values(held_until=datetime.now(UTC) - timedelta(seconds=1))
        await session.execute(late)
    assert (await alice.page("/numbers")).all(class_="held") == []


async def test_a_number_rented_by_default_meanwhile_is_replaced(
    alice: Browser, cast: Cast, database: Database, twilio: Account
) -> None:
    async with database.begin() as session:
        order = await number_orders.pay(session, cast.a.id, "sub_1", {})
    assert order is not None
    async with shop(twilio, database) as counter:
        counter.choose_at_once()
        page = await alice.get("/numbers?locality=Sydney")
        assert await counter.work(order) is not None  # she is choosing
        offer = re.search(r'name="order" value="([^"]+)"', await page.text())
        assert offer
        async with database.begin() as session:
            await session.execute(update(NumberOrder).values(choosing_until=None))
        assert await counter.work(order) is None  # she has thought about it for too long
        first = await counter.look(order)
        assert (first.state, str(first.id)) == ("done", offer[1])
        assert (await choose(alice, SECOND, order=offer[1])).status == 303
        assert (await choose(alice, SECOND, order=offer[1])).status == 303  # the form comes twice
        assert await counter.work(order) is None
    mine = await orders(database, cast.a)
    assert [(each.state, each.candidate) for each in mine if each.paid_by == "sub_1"] == [("done", SECOND)]
    assert set(twilio.numbers) == {OURS, SECOND}


async def test_what_is_paid_for_is_chosen(alice: Browser, cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        await number_orders.pay(session, cast.a.id, "sub_1", {})
    page = await alice.page("/numbers?locality=Sydney")
    assert (page.one("li", class_="order")["data-state"], page.data("way")) == ("paid", ["pick"])
    assert (await choose(alice, SECOND)).status == 303
    assert [(order.paid_by, order.candidate) for order in await orders(database, cast.a)] == [("sub_1", SECOND)]


@pytest.mark.parametrize("status", ["past_due", "unpaid", "cancelled"])
async def test_who_has_not_paid_gets_no_more(alice: Browser, cast: Cast, database: Database, status: str) -> None:
    await stands(database, cast.a, status)  # type: ignore[arg-type]
    answer = await choose(alice, FIRST)
    assert answer.status == 400
    search = (await page_of(answer)).one(id="search")
    assert search.one(class_="closed")["data-closed"] == "unpaid"
    assert [link["href"] for link in search.all("a")] == ["/billing"]
    assert await orders(database, cast.a) == []


async def test_the_cap_on_numbers_holds(alice: Browser, cast: Cast, database: Database, settings: Settings) -> None:
    for n in range(settings.max_purchases_per_day):
        assert (await choose(alice, f"+6125550{n:04d}")).status == 303
    refused = await choose(alice, FIRST.replace("0000", "9999"))
    assert (refused.status, (await page_of(refused)).data("closed")) == (400, ["day"])
    async with database.begin() as session:
        await session.execute(update(NumberOrder).values(created_at=datetime.now(UTC) - timedelta(days=2)))
        for n in range(settings.max_numbers_per_organisation - settings.max_purchases_per_day - 1):
            await NumberOrders(session, cast.a.id).buy(f"+6125551{n:04d}", str(n))
        await session.execute(update(NumberOrder).values(created_at=datetime.now(UTC) - timedelta(days=2)))
    assert (await alice.page("/numbers")).data("closed") == ["full"]
    assert (await choose(alice, FIRST.replace("0000", "9999"))).status == 400
