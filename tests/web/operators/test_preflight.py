"""The installation's preflight is for operators and observers, and for no member of an organisation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from db.base import OperatorRole
from db.engine import Database
from db.queries.operators import accounts
from tests.kit.integrations.operator import EMAIL, operate
from tests.kit.web.cast import Cast
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser
from web.check import checks
from web.check.page import LOOKS

Browsers = Callable[[], Browser]
HERE = "/operator/preflight"


@pytest.mark.parametrize("role", ["operator", "observer"])
async def test_they_see_every_check(browser: Browsers, database: Database, role: OperatorRole) -> None:
    olga = await operate(browser(), database, role)
    page = await (await olga.get(HERE)).text()
    assert set(re.findall('data-name="([^"]+)"', page)) == set(checks.CHECKS)
    answered = [json.loads(line) for line in (await (await olga.get(f"{HERE}/findings")).text()).splitlines()]
    assert {finding["name"] for finding in answered} == set(checks.CHECKS)
    now = await (await olga.get(f"{HERE}?now=1")).text()
    bad, good = now.count('data-good="no"'), now.count('data-good="yes"')
    assert (bad > 0, bad + good) == (True, len(checks.CHECKS))


async def test_members_do_not_whatever_their_address(cast: Cast, browser: Browsers) -> None:
    """Alice's is among ``OPERATOR_EMAILS``."""
    for member in (cast.alice, cast.bob, cast.charlie):
        someone = await browser().sign_in(member)
        for path in (HERE, f"{HERE}?now=1", f"{HERE}/findings"):
            assert (await someone.get(path)).headers["Location"] == "/operator/sign-in"


async def test_looking_too_often_waits(browser: Browsers, database: Database) -> None:
    olga = await operate(browser(), database)
    async with database.begin() as session:
        operator = await accounts.by_email(session, EMAIL)
        assert operator is not None
    await use_up(database, LOOKS, operator.id, leave=1)
    assert [(await olga.get(f"{HERE}/findings")).status for _ in range(2)] == [200, 429]
