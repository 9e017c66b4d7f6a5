"""A program of organisation A's, which may do everything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from db.engine import Database
from tests.kit.integrations.program import Program, issue, program
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site


@pytest_asyncio.fixture
async def crm(site: Site, database: Database, cast: Cast) -> AsyncIterator[Program]:
    """Shows a key of A's with every scope."""
    issued = await issue(database, cast.alice)
    async with program(site.url, issued.token) as opened:
        yield opened
