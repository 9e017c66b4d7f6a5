"""An operator of the installation at a browser of their own."""

from __future__ import annotations

import re

from db.base import OperatorRole
from db.engine import Database
from db.queries.operators import accounts
from tests.kit.web.site import Browser

EMAIL = "olga@bilby.example"


async def link(database: Database, role: OperatorRole = "operator") -> str:
    """A fresh link of Olga's, who gets ``role``."""
    async with database.begin() as session:
        operator = await accounts.admit(session, EMAIL, "Olga Orr", role)
        return f"/operator/sign-in/{await accounts.link(session, operator.id)}"


async def operate(browser: Browser, database: Database, role: OperatorRole = "operator") -> Browser:
    """Sign Olga in, who is no member of any organisation."""
    assert (await browser.post(await link(database, role))).status == 303
    found = re.search('name="csrf_token" value="([0-9a-f]+)"', await (await browser.get("/operator")).text())
    assert found
    browser.csrf = found[1]
    return browser
