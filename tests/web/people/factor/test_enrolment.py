"""The account page: set a second factor up, replace its recovery codes, switch it off, each with a code."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from db.engine import Database
from db.models import RecoveryCode, SecondFactor
from db.queries.members import Members
from db.queries.sign_in.second_factors import SecondFactors
from sandbox.mail import Mailbox
from tests.kit.browser.page import Page, page_of
from tests.kit.sign_in.authenticator import Authenticator, enrolled
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser
from web.people.factor.checking import ATTEMPTS

Browsers = Callable[[], Browser]
Post = tuple[Mailbox, int]
HERE = "/account/second-factor"


def _state(page: Page) -> str:
    return page.one(class_="card")["data-factor"]


async def _signed_in_with_factor(
    database: Database, browser: Browser, cast: Cast
) -> tuple[Browser, Authenticator, list[str]]:
    alice = await browser.sign_in(cast.alice)
    return alice, *await enrolled(database, cast.alice)


@pytest.mark.usefixtures("postman")
async def test_it_is_set_up_by_a_code_of_the_app(
    cast: Cast, browser: Browsers, database: Database, outbox: Post
) -> None:
    bob = await browser().sign_in(cast.bob)
    assert _state(await bob.page(HERE)) == "off"
    assert (await bob.post(f"{HERE}/start")).status == 303
    page = await bob.page(HERE)
    assert _state(page) == "proposed"
    letters = page.one("code", class_="letters").text
    app = Authenticator(letters)
    assert (await bob.post(f"{HERE}/confirm", data={"code": app.wrong()})).status == 400
    assert (await bob.page(HERE)).one("code", class_="letters").text == letters  # the same to try again
    done = await page_of(await bob.post(f"{HERE}/confirm", data={"code": app.code()}))
    assert len(done.one(class_="recovery").all("code")) == 10
    assert _state(await bob.page(HERE)) == "on"
    assert len(await recorded(database, cast.a, "second_factor.set_up")) == 1
    await outbox[0].letter_to("bob@acacia.example")


async def test_a_proposed_one_is_not_asked_for(cast: Cast, browser: Browsers, database: Database) -> None:
    bob = await browser().sign_in(cast.bob)
    await bob.post(f"{HERE}/start")
    await browser().sign_in_by_link(cast.bob)  # by the link alone


async def test_a_confirmed_secret_is_never_shown_again(cast: Cast, browser: Browsers, database: Database) -> None:
    alice, _, _ = await _signed_in_with_factor(database, browser(), cast)
    async with database.begin() as session:
        factor = await SecondFactors(session, cast.a.id).locked(cast.alice.id)
        secret = factor.secret if factor else ""
    await alice.post(f"{HERE}/start")
    text = await (await alice.get(HERE)).text()
    assert secret not in text.replace(" ", "")
    assert not (await alice.page(HERE)).all("svg")


async def test_secret_and_codes_are_not_stored_readably(cast: Cast, database: Database) -> None:
    _, codes = await enrolled(database, cast.alice)
    async with database.begin() as session:
        factor = await SecondFactors(session, cast.a.id).locked(cast.alice.id)
        stored = (await session.scalars(select(func.cast(SecondFactor.secret, SecondFactor.secret.type.impl)))).one()
        hashes = (await session.scalars(select(RecoveryCode.code_hash))).all()
    assert factor is not None
    assert factor.secret.encode() not in bytes(stored)
    assert len(hashes) == 10
    assert not any(code.encode() in each for code in codes for each in hashes)


@pytest.mark.usefixtures("postman")
async def test_new_recovery_codes_replace_the_old_ones(
    cast: Cast, browser: Browsers, database: Database, outbox: Post
) -> None:
    alice, app, codes = await _signed_in_with_factor(database, browser(), cast)
    assert (await alice.post(f"{HERE}/codes", data={"code": app.wrong()})).status == 400
    page = await page_of(await alice.post(f"{HERE}/codes", data={"code": app.code()}))
    fresh = {each.text for each in page.one(class_="recovery").all("code")}
    assert len(fresh) == 10
    assert not fresh & set(codes)
    async with database.begin() as session:
        factors = SecondFactors(session, cast.a.id)
        assert not await factors.use_code(cast.alice.id, codes[0])
        assert await factors.use_code(cast.alice.id, fresh.pop())
    await outbox[0].letter_to(cast.alice.email)


@pytest.mark.parametrize("action", ["codes", "off"])
async def test_nothing_changes_without_a_code(cast: Cast, browser: Browsers, database: Database, action: str) -> None:
    alice, _, _ = await _signed_in_with_factor(database, browser(), cast)
    assert (await alice.post(f"{HERE}/{action}")).status == 400
    await use_up(database, ATTEMPTS, cast.alice.id)
    limited = await alice.post(f"{HERE}/{action}", data={"code": "000000"})
    assert (limited.status, int(limited.headers["Retry-After"]) > 0) == (429, True)
    assert _state(await page_of(limited)) == "on"  # the form again, not a page of errors
    assert _state(await alice.page(HERE)) == "on"


async def test_it_is_switched_off_with_a_code(cast: Cast, browser: Browsers, database: Database) -> None:
    alice, app, _ = await _signed_in_with_factor(database, browser(), cast)
    assert (await alice.post(f"{HERE}/off", data={"code": app.code()})).status == 303
    assert _state(await alice.page(HERE)) == "off"
    assert len(await recorded(database, cast.a, "second_factor.switched_off")) == 1
    async with database.begin() as session:
        assert (await session.scalars(select(RecoveryCode))).all() == []


async def test_it_stays_on_where_it_is_required(cast: Cast, browser: Browsers, database: Database) -> None:
    alice, app, _ = await _signed_in_with_factor(database, browser(), cast)
    async with database.begin() as session:
        (await session.merge(cast.a)).second_factor_required = True
    assert (await alice.post(f"{HERE}/off", data={"code": app.code()})).status == 403
    assert _state(await alice.page(HERE)) == "on"


async def test_who_is_removed_leaves_no_secret(cast: Cast, database: Database) -> None:
    await enrolled(database, cast.bob)
    async with database.begin() as session:
        await Members(session, cast.a.id).remove(cast.bob.id)
    async with database.begin() as session:
        assert (await session.scalars(select(SecondFactor))).all() == []
        assert (await session.scalars(select(RecoveryCode))).all() == []
