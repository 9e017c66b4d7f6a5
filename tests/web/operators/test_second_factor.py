"""No operator is signed in by the mailed link alone: an app is asked for, and set up where there is none.

They are told by mail what became of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from sqlalchemy import func, select

from db.engine import Database
from db.models import Mail, OperatorFactor, OperatorLink, OperatorRecoveryCode
from db.queries.operators import accounts, log
from db.queries.operators.factors import OperatorFactors
from protocol.times import milliseconds
from tests.kit.browser.page import page_of
from tests.kit.integrations.operator import CODE, EMAIL, enrolled, link, operate
from tests.kit.sign_in.authenticator import Authenticator
from tests.kit.web.cast import Cast
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser
from web import operate as command
from web.config import Settings
from web.operators import cookies
from web.operators.second_factor import ATTEMPTS, SET_UP

Browsers = Callable[[], Browser]
PAGES = ("/operator", "/operator/log", "/operator/account", "/operator/preflight", "/operator/preflight/findings")


async def _actions(database: Database) -> list[str]:
    async with database.begin() as session:
        return [each.action for each in reversed(await log.newest(session))]


async def _told(database: Database) -> list[tuple[str, str]]:
    """What mails to Olga wait, in the order of asking: what they tell, and where it was done."""
    async with database.begin() as session:
        operator = await accounts.by_email(session, EMAIL)
        waiting = [json.loads(each.sealed) for each in await session.scalars(select(Mail).order_by(Mail.created_at))]
    assert operator is not None
    assert {(each["kind"], each["facts"]["operator"]) for each in waiting} <= {("operator_factor", str(operator.id))}
    return [(each["facts"]["what"], each["facts"]["by"]) for each in waiting]


async def _is_in(browser: Browser) -> bool:
    return (await browser.get("/operator")).status == 200


async def _opened(browser: Browser, database: Database) -> str:
    answer = await browser.post(await link(database))
    assert answer.status == 303
    return answer.headers["Location"]


async def test_the_first_sign_in_sets_one_up(browser: Browsers, database: Database) -> None:
    olga = browser()
    assert await _opened(olga, database) == SET_UP
    for path in (*PAGES, "/console", "/account"):
        assert (await olga.get(path)).status == 303, path
    letters = (await olga.page(SET_UP)).one("code", class_="letters").text
    app = Authenticator(letters)
    assert (await olga.post(SET_UP, data={"code": app.wrong()})).status == 400
    assert (await olga.page(SET_UP)).one("code", class_="letters").text == letters  # the same to try again
    assert not await _is_in(olga)
    done = await page_of(await olga.post(SET_UP, data={"code": app.code()}))
    assert len(done.one(class_="recovery").all("code")) == 10
    assert await _is_in(olga)
    assert await _actions(database) == [
        "operator.second_factor_failed",
        "operator.second_factor_set_up",
        "operator.signed_in",
    ]
    assert await _told(database) == [("on", "account")]


async def test_the_link_alone_opens_nothing(browser: Browsers, database: Database) -> None:
    await enrolled(database)
    olga = browser()
    assert await _opened(olga, database) == CODE
    for path in PAGES:
        assert (await olga.get(path)).headers["Location"] == "/operator/sign-in", path
    for path in ("/operator/account/codes", "/operator/account/phone", "/operator/sign-out"):
        assert (await olga.post(path)).status == 401, path
    assert (await olga.get(SET_UP)).headers["Location"] == CODE  # no second app beside the first
    assert (await olga.post(SET_UP, data={"code": "000000"})).headers["Location"] == CODE
    assert await _actions(database) == []


async def test_a_right_code_signs_in_and_works_once(browser: Browsers, database: Database) -> None:
    app, _ = await enrolled(database)
    first, second, code = browser(), browser(), app.code()
    for each in (first, second):
        assert await _opened(each, database) == CODE
    assert (await first.post(CODE, data={"code": code})).headers["Location"] == "/operator"
    assert (await second.post(CODE, data={"code": code})).status == 400
    assert (await _is_in(first), await _is_in(second)) == (True, False)
    assert (await first.get(CODE)).status == 303  # half a sign-in is used up by the whole one
    assert await _told(database) == []


async def test_a_recovery_code_signs_in_once(browser: Browsers, database: Database) -> None:
    _, codes = await enrolled(database)
    first, second = browser(), browser()
    for each in (first, second):
        await _opened(each, database)
    assert (await first.post(CODE, data={"code": codes[0].upper()})).status == 303
    assert (await second.post(CODE, data={"code": codes[0]})).status == 400
    assert await _actions(database) == [
        "operator.recovery_code_used",
        "operator.signed_in",
        "operator.second_factor_failed",
    ]
    assert (await first.page("/operator/account")).one("strong", **{"data-codes-left": "9"})
    assert await _told(database) == [("recovered", "account")]


async def test_guessing_ends(browser: Browsers, database: Database) -> None:
    app, _ = await enrolled(database)
    olga = browser()
    await _opened(olga, database)
    async with database.begin() as session:
        operator = await accounts.by_email(session, EMAIL)
        assert operator is not None
    await use_up(database, ATTEMPTS, operator.id)
    answer = await olga.post(CODE, data={"code": app.code()})
    assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (429, True)
    assert not await _is_in(olga)


async def test_half_a_sign_in_is_neither_a_whole_one_nor_a_members(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    await enrolled(database)
    olga, alice = browser(), await browser().sign_in(cast.alice)
    await _opened(olga, database)
    (half,) = [each for each in olga.http.cookie_jar if each.key == "bilby_operator_half"]
    assert half["path"] == "/operator"
    olga.http.cookie_jar.update_cookies({"bilby_operator": half.value, "bilby_session": half.value})
    assert not await _is_in(olga)
    assert (await olga.get("/console")).headers["Location"] == "/sign-in"
    (member,) = [each.value for each in alice.http.cookie_jar if each.key == "bilby_session"]
    alice.http.cookie_jar.update_cookies({"bilby_operator_half": member})
    assert (await alice.get(CODE)).status == 303


async def test_other_sites_cannot_send_a_code(browser: Browsers, database: Database) -> None:
    app, _ = await enrolled(database)
    olga = browser()
    await _opened(olga, database)
    sent = olga.http.post(CODE, data={"code": app.code()}, headers={"Origin": "https://evil.example"})
    async with sent as answer:
        assert answer.status == 403
    assert not await _is_in(olga)


async def test_new_recovery_codes_end_the_old_ones(browser: Browsers, database: Database) -> None:
    olga = await operate(browser(), database)
    app, old = await enrolled(database)
    here = "/operator/account/codes"
    assert (await olga.post(here, data={"code": app.wrong()})).status == 400
    page = await page_of(await olga.post(here, data={"code": app.code()}))
    new = [each.text for each in page.one(class_="recovery").all("code")]
    async with database.begin() as session:
        operator = await accounts.by_email(session, EMAIL)
        assert operator is not None
        used = [await OperatorFactors(session).use_code(operator.id, each) for each in (old[0], new[0])]
    assert used == [False, True]
    assert (await _actions(database))[-1] == "operator.recovery_codes_replaced"
    assert await _told(database) == [("renewed", "account")]


async def test_another_phone_ends_every_sign_in(browser: Browsers, database: Database) -> None:
    other = await operate(browser(), database)
    olga = await operate(browser(), database)
    app, _ = await enrolled(database)
    answer = await olga.post("/operator/account/phone", data={"code": app.code()})
    assert answer.headers["Location"] == SET_UP
    assert (await _is_in(olga), await _is_in(other)) == (False, False)
    fresh = Authenticator((await olga.page(SET_UP)).one("code", class_="letters").text)
    assert (await olga.post(SET_UP, data={"code": fresh.code()})).status == 200
    assert (await _is_in(olga), await _is_in(other)) == (True, False)
    assert "operator.second_factor_reset" in await _actions(database)
    assert await _told(database) == [("reset", "account"), ("on", "account")]


async def test_the_command_resets_one_and_the_log_says_so(browser: Browsers, database: Database) -> None:
    olga, waiting = await operate(browser(), database), browser()
    await _opened(waiting, database)
    token = await command.operate(database, command.parsed([EMAIL, "--reset-factor"]))
    assert not await _is_in(olga)
    assert (await waiting.get(CODE)).status == 303  # a half sign-in from before is none any more
    answer = await browser().post(f"/operator/sign-in/{token}")
    assert answer.headers["Location"] == SET_UP
    assert (await _actions(database))[-1] == "operator.second_factor_reset"
    async with database.begin() as session:
        operator = await accounts.by_email(session, EMAIL)
        assert operator is not None
        assert (operator.name, operator.role) == ("Olga Orr", "operator")
    assert await _told(database) == [("reset", "server")]


async def test_the_command_tells_nobody_who_had_none(database: Database) -> None:
    await link(database)
    await command.operate(database, command.parsed([EMAIL, "--reset-factor"]))
    assert await _told(database) == []


async def test_the_command_resets_nobody_unknown(database: Database) -> None:
    with pytest.raises(command.NobodyError):
        await command.operate(database, command.parsed(["nobody@bilby.example", "--reset-factor"]))
    async with database.begin() as session:
        assert await session.scalar(select(func.count()).select_from(OperatorLink)) == 0


async def test_nothing_is_left_of_who_was_removed(database: Database) -> None:
    await enrolled(database)
    await command.operate(database, command.parsed([EMAIL, "--remove"]))
    async with database.begin() as session:
        for table in (OperatorFactor, OperatorRecoveryCode):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_a_sign_in_of_a_release_without_codes_is_none(
    browser: Browsers, database: Database, settings: Settings
) -> None:
    """The cookie of then had the audience ``operator``."""
    olga = browser()
    await enrolled(database)
    async with database.begin() as session:
        operator = await accounts.by_email(session, EMAIL)
    assert operator is not None
    now = datetime.now(UTC)
    claims = {"sub": str(operator.id), "at": milliseconds(now), "exp": now + timedelta(hours=1)}
    for audience, is_in in (("operator with factor", True), ("operator", False)):
        secret = settings.session_secret.get_secret_value()
        cookie = jwt.encode(claims | {"aud": audience}, secret, algorithm="HS256")
        answer = await olga.get("/operator", headers={"Cookie": f"{cookies.name(settings, 'whole')}={cookie}"})
        assert (answer.status == 200) == is_in
