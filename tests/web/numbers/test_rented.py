"""Numbers that an organisation has: named, checked, given back; its orders that are stuck; and whose all of it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from db.engine import Database
from db.models import NumberOrder
from db.queries import number_orders
from db.queries.numbers import Numbers
from sandbox.twilio.emulator import Number as TwilioNumber, RestFault
from tests.kit.browser.page import page_of
from tests.kit.vendors.twilio_account import Account, account
from tests.kit.web.cast import Cast
from tests.kit.web.number_orders import shop
from tests.kit.web.numbers_site import asking, at_twilio, choose, orders, recorded
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser
from web.config import Settings
from web.numbers.page import CHECKS

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


# -- naming, checking, giving back -------------------------------------------------------------------------------


async def test_a_label_is_kept(alice: Browser, cast: Cast, database: Database) -> None:
    path = f"/numbers/{cast.number.id}/label"
    assert (await alice.post(path, data={"label": "Reception"})).status == 303
    assert (await alice.page("/numbers")).one("li", class_="number").one("input", name="label")[
        "value"
    ] == "Reception"
    refused = await alice.post(path, data={"label": "x" * 61})
    assert refused.status == 400
    assert (await page_of(refused)).invalid == {"label"}
    assert await recorded(database, cast.a, "number.labelled") == [{"number": OURS, "label": "Reception"}]


async def test_a_check_shows_what_it_changed(
    alice: Browser, cast: Cast, database: Database, settings: Settings
) -> None:
    assert (await alice.page("/numbers")).data("verdict") == ["open"]
    answer = await alice.post(f"/numbers/{cast.number.id}/check")
    assert (answer.status, answer.headers["Location"]) == (303, f"/numbers#number-{cast.number.id}")
    url = f"{settings.web_public_url}/twilio/voice/inbound"
    changes = [each.text for each in (await alice.page("/numbers")).one(class_="changes").all("dd")]
    assert len(changes) == 4
    assert {f"https://else.example → {url}", "us1 → au1"} < set(changes)
    await alice.post(f"/numbers/{cast.number.id}/check")
    page = await alice.page("/numbers")
    assert (page.data("verdict"), page.all(class_="changes")) == (["good"], [])
    assert len(await recorded(database, cast.a, "number.checked")) == 2
    async with database.begin() as session:
        number = await Numbers(session, cast.a.id).get(cast.number.id)
    assert number is not None
    assert number.verified_at is not None


async def test_a_number_that_twilio_lost_is_shown_as_gone(alice: Browser, cast: Cast, twilio: Account) -> None:
    del twilio.numbers[OURS]
    assert (await alice.post(f"/numbers/{cast.number.id}/check")).status == 303
    assert (await alice.page("/numbers")).data("verdict") == ["bad"]


async def test_a_check_that_fails_says_so(alice: Browser, cast: Cast, twilio: Account, database: Database) -> None:
    twilio.registry.faults.append(RestFault("GET", NUMBER, status=500, code=20500))
    answer = await alice.post(f"/numbers/{cast.number.id}/check")
    assert answer.status == 503
    assert (await page_of(answer)).one("li", class_="number").one(class_="problem")["role"] == "alert"
    await use_up(database, CHECKS, cast.a.id)
    limited = await alice.post(f"/numbers/{cast.number.id}/check")
    assert limited.status == 429
    assert int(limited.headers["Retry-After"]) > 0


@pytest.mark.parametrize("typed", ["", "(02) 5550 1235", "1234", "release"])
async def test_a_release_wants_the_number_typed(alice: Browser, cast: Cast, database: Database, typed: str) -> None:
    answer = await alice.post(f"/numbers/{cast.number.id}/release", data={"again": typed})
    assert answer.status == 400
    page = await page_of(answer)
    assert (page.invalid, page.alerts) == ({"again"}, 1)
    assert await orders(database, cast.a) == []


@pytest.mark.parametrize("typed", ["(02) 5550 1234", "0255501234", "+61 2 5550 1234"])
async def test_a_release_gives_back(
    alice: Browser, cast: Cast, database: Database, twilio: Account, typed: str
) -> None:
    path = f"/numbers/{cast.number.id}/release"
    for _ in range(2):
        assert (await alice.post(path, data={"again": typed})).status == 303
    assert (await alice.page("/numbers")).data("leaving") == ["yes"]
    (order,) = await orders(database, cast.a)
    assert order.state == "releasing"
    async with shop(twilio, database) as here:
        assert await here.work(order) is None
    assert OURS not in twilio.numbers
    assert (await alice.page("/numbers")).data("numbers") == ["0"]
    assert (await alice.post(path, data={"again": typed})).status == 404


# -- orders that are stuck ---------------------------------------------------------------------------------------


async def _stuck(database: Database, cast: Cast, paid_by: str = "member:1") -> NumberOrder:
    async with database.begin() as session:
        order = await number_orders.pay(session, cast.a.id, paid_by, {"locality": "Sydney"})
        assert order is not None
        sentence = "Twilio needs your business address."
        again = datetime.now(UTC) + timedelta(hours=1)
        await number_orders.record_error(
            session, order, code=21631, sentence=sentence, next_try_at=again, state="paid"
        )
    return order


async def test_a_stuck_order_says_why_and_when_it_goes_on(alice: Browser, cast: Cast, database: Database) -> None:
    order = await _stuck(database, cast)
    shown = (await alice.page("/numbers")).one("li", class_="order")
    problem = shown.one(class_="order-problem")
    assert (shown["data-state"], problem["data-code"]) == ("paid", "21631")
    assert [link["href"] for link in problem.all("a")] == ["/settings#details"]
    assert (await alice.post(f"/numbers/orders/{order.id}/again")).status == 303
    assert (await alice.post(f"/numbers/orders/{order.id}/cancel")).status == 303
    assert [each.state for each in await orders(database, cast.a)] == ["releasing"]
    assert (await alice.post(f"/numbers/orders/{order.id}/cancel")).status == 404


async def test_the_plans_own_number_is_not_cancelled(alice: Browser, cast: Cast, database: Database) -> None:
    order = await _stuck(database, cast, "sub_1")
    actions = (await alice.page("/numbers")).actions
    assert (f"/numbers/orders/{order.id}/again" in actions, f"/numbers/orders/{order.id}/cancel" in actions) == (
        True,
        False,
    )
    assert (await alice.post(f"/numbers/orders/{order.id}/cancel")).status == 404


# -- whose it is -------------------------------------------------------------------------------------------------


async def test_charlie_sees_and_changes_nothing(
    alice: Browser, browser: Browsers, cast: Cast, database: Database, twilio: Account
) -> None:
    order = await _stuck(database, cast)
    charlie = await browser().sign_in(cast.charlie)
    for path in ("/numbers", "/numbers/state"):
        page = await (await charlie.get(path)).text()
        assert "5550 1234" not in page
        assert str(cast.number.id) not in page
        assert "business address" not in page
    for path in ("label", "check", "release"):
        sent = {"label": "Mine", "again": OURS}
        assert (await charlie.post(f"/numbers/{cast.number.id}/{path}", data=sent)).status == 404
    for path in ("again", "cancel"):
        assert (await charlie.post(f"/numbers/orders/{order.id}/{path}")).status == 404
    assert twilio.registry.asked == []
    assert [each.state for each in await orders(database, cast.a)] == ["paid"]
    assert (await alice.post("/numbers/none/check")).status == 404


async def test_only_who_runs_the_organisation_may(browser: Browsers, cast: Cast) -> None:
    for member in (cast.sam, cast.bob):
        page = await browser().sign_in(member)
        assert (await page.get("/numbers")).status == 403
        assert (await choose(page, FIRST)).status == 403


async def test_a_form_from_elsewhere_is_refused(alice: Browser, cast: Cast, database: Database) -> None:
    alice.csrf = "0" * 64
    assert (await choose(alice, FIRST)).status == 403
    assert await orders(database, cast.a) == []
