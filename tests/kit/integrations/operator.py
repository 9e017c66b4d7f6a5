"""An operator of the installation at a browser of their own."""

from __future__ import annotations

import re

import pyotp

from db.base import OperatorRole
from db.engine import Database
from db.queries.operators import accounts
from db.queries.operators.factors import OperatorFactors
from tests.kit.sign_in.authenticator import Authenticator
from tests.kit.web.site import Browser

EMAIL = "olga@bilby.example"
CODE = "/operator/second-factor"


async def link(database: Database, role: OperatorRole = "operator") -> str:
    """A fresh link of Olga's, who gets ``role``."""
    async with database.begin() as session:
        operator = await accounts.admit(session, EMAIL, "Olga Orr", role)
        return f"/operator/sign-in/{await accounts.link(session, operator.id)}"


async def enrolled(database: Database, role: OperatorRole = "operator") -> tuple[Authenticator, list[str]]:
    """A new app of Olga's, which the database knows, and her recovery codes."""
    async with database.begin() as session:
        operator = await accounts.admit(session, EMAIL, "Olga Orr", role)
        factors = OperatorFactors(session)
        await factors.remove(operator.id)
        factor = await factors.proposed(operator.id, pyotp.random_base32())
        return Authenticator(factor.secret), list(await factors.confirm(operator.id, factor, step=0))


async def operate(browser: Browser, database: Database, role: OperatorRole = "operator") -> Browser:
    """Sign Olga in, who is no member of any organisation: by a link and a code of her app."""
    app, _ = await enrolled(database, role)
    assert (await browser.post(await link(database, role))).headers["Location"] == CODE
    assert (await browser.post(CODE, data={"code": app.code()})).headers["Location"] == "/operator"
    found = re.search('name="csrf_token" value="([0-9a-f]+)"', await (await browser.get("/operator")).text())
    assert found
    browser.csrf = found[1]
    return browser
