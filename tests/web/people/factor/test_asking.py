"""After the mailed link a code is asked for: a right one signs in, once; wrong ones are counted and audited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from db.engine import Database
from db.models import Member
from db.queries.members import Members
from db.queries.sign_in import sign_in_links
from sandbox.mail import Mailbox
from tests.kit.browser.page import page_of
from tests.kit.sign_in.authenticator import Authenticator, enrolled
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser
from web.people.factor.checking import ATTEMPTS

Browsers = Callable[[], Browser]
Post = tuple[Mailbox, int]
CODE, SET_UP = "/second-factor", "/second-factor/set-up"


async def opened(browser: Browser, database: Database, member: Member) -> str:
    """Where the mailed link leads."""
    async with database.begin() as session:
        token = await sign_in_links.create(session, member.id, b"test")
    answer = await browser.post(f"/sign-in/{token}")
    assert answer.status == 303
    return answer.headers["Location"]


async def require(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        organisation = await session.merge(cast.a)
        organisation.second_factor_required = True


async def is_signed_in(browser: Browser) -> bool:
    return (await browser.get("/account")).status == 200


async def test_who_has_none_is_signed_in_by_the_link(cast: Cast, browser: Browsers, database: Database) -> None:
    alice = browser()
    assert await opened(alice, database, cast.alice) == "/console"
    assert await is_signed_in(alice)


async def test_the_link_alone_opens_nothing(cast: Cast, browser: Browsers, database: Database) -> None:
    await enrolled(database, cast.alice)
    alice = browser()
    assert await opened(alice, database, cast.alice) == CODE
    for path in ("/account", "/console", "/team", "/account/second-factor"):
        assert (await alice.get(path)).status == 303
    assert await recorded(database, cast.a, "member.signed_in") == []
    assert (await alice.page(CODE)).all("input", name="code")


async def test_a_right_code_signs_in(cast: Cast, browser: Browsers, database: Database) -> None:
    app, _ = await enrolled(database, cast.alice)
    alice = browser()
    await opened(alice, database, cast.alice)
    code = app.code()
    answer = await alice.post(CODE, data={"code": f" {code[:3]} {code[3:]} "})
    assert (answer.status, answer.headers["Location"]) == (303, "/console")
    assert await is_signed_in(alice)
    assert len(await recorded(database, cast.a, "member.signed_in")) == 1
    assert (await alice.get(CODE)).status == 303  # half a sign-in is used up by the whole one


async def test_a_code_is_taken_once(cast: Cast, browser: Browsers, database: Database) -> None:
    app, _ = await enrolled(database, cast.alice)
    code = app.code()
    first, second = browser(), browser()
    for each in (first, second):
        await opened(each, database, cast.alice)
    assert (await first.post(CODE, data={"code": code})).status == 303
    assert (await second.post(CODE, data={"code": code})).status == 400
    assert not await is_signed_in(second)
    assert (await second.post(CODE, data={"code": app.code()})).status == 303


async def test_of_two_at_once_with_one_code_one_gets_in(cast: Cast, browser: Browsers, database: Database) -> None:
    app, _ = await enrolled(database, cast.alice)
    both = [browser(), browser()]
    for each in both:
        await opened(each, database, cast.alice)
    code = app.code()
    async with asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(each.post(CODE, data={"code": code})) for each in both]
    assert sorted(answer.result().status for answer in answers) == [303, 400]


async def test_a_wrong_code_is_refused_and_audited(cast: Cast, browser: Browsers, database: Database) -> None:
    app, _ = await enrolled(database, cast.alice)
    alice = browser()
    await opened(alice, database, cast.alice)
    page = await alice.post(CODE, data={"code": app.wrong()})
    assert page.status == 400
    assert (await page_of(page)).all(role="alert")
    assert not await is_signed_in(alice)
    assert len(await recorded(database, cast.a, "second_factor.failed")) == 1


async def test_another_members_code_does_not_do(cast: Cast, browser: Browsers, database: Database) -> None:
    await enrolled(database, cast.alice)
    of_charlie, codes_of_charlie = await enrolled(database, cast.charlie)
    alice = browser()
    await opened(alice, database, cast.alice)
    for code in (of_charlie.code(), codes_of_charlie[0]):
        assert (await alice.post(CODE, data={"code": code})).status == 400


async def test_guessing_ends_soon_also_with_the_right_code(cast: Cast, browser: Browsers, database: Database) -> None:
    app, _ = await enrolled(database, cast.alice)
    alice = browser()
    await opened(alice, database, cast.alice)
    await use_up(database, ATTEMPTS, cast.alice.id)
    answer = await alice.post(CODE, data={"code": app.code()})
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert not await is_signed_in(alice)


@pytest.mark.usefixtures("postman")
async def test_a_recovery_code_signs_in_once_and_the_member_is_told(
    cast: Cast, browser: Browsers, database: Database, outbox: Post
) -> None:
    _, codes = await enrolled(database, cast.alice)
    first, second = browser(), browser()
    for each in (first, second):
        await opened(each, database, cast.alice)
    assert (await first.post(CODE, data={"code": f" {codes[3].upper().replace('-', ' ')} "})).status == 303
    assert await is_signed_in(first)
    assert (await second.post(CODE, data={"code": codes[3]})).status == 400
    assert await recorded(database, cast.a, "second_factor.recovery_code_used") == [{"codes_left": 9}]
    await outbox[0].letter_to("alice@acacia.example")


@pytest.mark.parametrize("path", [CODE, SET_UP])
async def test_without_a_link_there_is_no_page(cast: Cast, browser: Browsers, path: str) -> None:
    stranger = browser()
    assert (await stranger.get(path)).headers["Location"] == "/sign-in"
    assert (await stranger.post(path, data={"code": "123456"})).status == 401


async def test_a_whole_cookie_is_no_half_one_nor_the_other_way_round(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    await enrolled(database, cast.alice)
    alice, bob = browser(), await browser().sign_in(cast.bob)
    await opened(alice, database, cast.alice)
    half = next(each.value for each in alice.http.cookie_jar if each.key == "bilby_half")
    whole = next(each.value for each in bob.http.cookie_jar if each.key == "bilby_session")
    stranger = browser()
    assert (await stranger.get("/account", headers={"Cookie": f"bilby_session={half}"})).status == 303
    assert (await stranger.get(CODE, headers={"Cookie": f"bilby_half={whole}"})).status == 303


async def test_a_removed_member_gets_no_further(cast: Cast, browser: Browsers, database: Database) -> None:
    app, _ = await enrolled(database, cast.bob)
    bob = browser()
    await opened(bob, database, cast.bob)
    async with database.begin() as session:
        await Members(session, cast.a.id).remove(cast.bob.id)
    assert (await bob.post(CODE, data={"code": app.code()})).status == 401


async def test_another_sites_form_is_refused(cast: Cast, browser: Browsers, database: Database) -> None:
    app, _ = await enrolled(database, cast.alice)
    alice = browser()
    await opened(alice, database, cast.alice)
    there = {"Sec-Fetch-Site": "cross-site"}
    assert (await alice.post(CODE, data={"code": app.code()}, headers=there)).status == 403


async def test_who_must_have_one_sets_it_up_before_they_are_signed_in(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    await require(database, cast)
    alice = browser()
    assert await opened(alice, database, cast.alice) == SET_UP
    assert not await is_signed_in(alice)
    app = Authenticator((await alice.page(SET_UP)).one("code", class_="letters").text)
    assert (await alice.post(SET_UP, data={"code": app.wrong()})).status == 400
    assert not await is_signed_in(alice)
    page = await page_of(await alice.post(SET_UP, data={"code": app.code()}))
    codes = [each.text for each in page.one(class_="recovery").all("code")]
    assert len(set(codes)) == 10
    assert await is_signed_in(alice)
    again = browser()
    assert await opened(again, database, cast.alice) == CODE
    assert (await again.post(CODE, data={"code": codes[0]})).status == 303


async def test_who_need_not_is_signed_in_by_the_link(cast: Cast, browser: Browsers, database: Database) -> None:
    await require(database, cast)
    for member in (cast.sam, cast.bob):
        assert await opened(browser(), database, member) == "/console"


async def test_who_has_one_cannot_set_up_another_with_the_link_alone(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    app, _ = await enrolled(database, cast.alice)
    await require(database, cast)
    alice = browser()
    assert await opened(alice, database, cast.alice) == CODE
    assert (await alice.get(SET_UP)).status == 303
    assert (await alice.post(SET_UP, data={"code": app.code()})).status == 401
    assert not await is_signed_in(alice)
