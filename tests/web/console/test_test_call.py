"""A recording that calls the organisation's number: placed where the operator says, offered only there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from aiohttp import web

from db.engine import Database
from db.models import Number
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.config import Settings
from web.console.test_call import CALLS

Browsers = Callable[[], Browser]


class Dialler:
    """What places test calls: keeps what it was sent, and answers with ``status``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 201
        self.asked: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        """Take one request."""
        self.asked.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(status=self.status)


@pytest_asyncio.fixture
async def dialler() -> AsyncIterator[Dialler]:
    app, made = web.Application(), Dialler("")
    app.router.add_post("/calls", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/calls"
    yield made
    await runner.cleanup()


@pytest.fixture
def settings(settings: Settings, dialler: Dialler) -> Settings:
    return settings.model_copy(update={"test_call_url": dialler.url})


@pytest_asyncio.fixture
async def works(database: Database, cast: Cast) -> None:
    """A's number takes calls."""
    async with database.begin() as session:
        (await session.get_one(Number, cast.number.id)).verified_at = datetime.now(UTC)


@pytest.mark.usefixtures("works")
async def test_whoever_may_be_rung_has_the_number_of_their_own_organisation_called(
    browser: Browsers, cast: Cast, dialler: Dialler
) -> None:
    bob = await browser().sign_in(cast.bob)
    answer = await bob.post("/console/test-call")
    assert (answer.status, await answer.json()) == (200, {"number": "(02) 5550 1234"})
    assert dialler.asked == [{"to": cast.number.e164}]
    charlie = await browser().sign_in(cast.charlie)
    assert (await charlie.post("/console/test-call")).status == 400  # B's number is not set up yet
    assert (await browser().post("/console/test-call")).status in (303, 401, 403)
    assert len(dialler.asked) == 1


@pytest.mark.usefixtures("works")
async def test_what_the_dialler_refuses_or_nobody_answers_is_told(
    browser: Browsers, cast: Cast, dialler: Dialler
) -> None:
    bob = await browser().sign_in(cast.bob)
    for status in (400, 302, 500):
        dialler.status = status
        assert (await bob.post("/console/test-call")).status == 503


@pytest.mark.usefixtures("works")
async def test_so_many_calls_a_minute_are_enough(browser: Browsers, cast: Cast, dialler: Dialler) -> None:
    bob = await browser().sign_in(cast.bob)
    statuses = [(await bob.post("/console/test-call")).status for _ in range(CALLS.count + 1)]
    assert statuses == [200] * CALLS.count + [429]
    assert len(dialler.asked) == CALLS.count


async def test_the_pages_offer_it_where_it_is(browser: Browsers, cast: Cast) -> None:
    alice = await browser().sign_in(cast.alice)
    for page in ("/console", "/onboarding"):
        assert 'id="call-me"' in await (await alice.get(page)).text()


class TestWithoutADialler:
    """As in production."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"test_call_url": ""})

    async def test_it_is_not_there(self, browser: Browsers, cast: Cast) -> None:
        alice = await browser().sign_in(cast.alice)
        assert (await alice.post("/console/test-call")).status == 404
        for page in ("/console", "/onboarding"):
            assert "call-me" not in await (await alice.get(page)).text()
