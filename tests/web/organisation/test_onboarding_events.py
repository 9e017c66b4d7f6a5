"""Progress pushed to open pages: over the real NATS under production's rules, and without it; bounded, ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from pydantic import SecretStr

from db.engine import Database
from db.models import NumberOrder
from db.queries import number_orders
from db.queries.members import Members
from provisioning.progress import Progress as Teller
from sandbox.engines.nats import NatsServer
from tests.kit.web.cast import Cast
from tests.kit.web.phones import page
from tests.kit.web.site import Browser, Site
from web.bus import BUS
from web.config import Settings
from web.organisation.onboarding_events import MOST_LISTENERS, PROGRESS, Progress, Timing

Browsers = Callable[[], Browser]
EVENTS = "/onboarding/events"
WAIT = 60  # seconds that any one wait may take


async def _pay(database: Database, organisation_id: UUID, by: str = "sub_1") -> NumberOrder:
    async with database.begin() as session:
        order = await number_orders.pay(session, organisation_id, by, {})
    assert order is not None
    return order


class TestWithNats:
    """A nudge, and nothing else: the page would look by itself only in ten minutes."""

    @pytest_asyncio.fixture
    async def nats(self, tmp_path: Path) -> AsyncIterator[NatsServer]:
        async with NatsServer(tmp_path) as server:
            yield server

    @pytest.fixture
    def settings(self, settings: Settings, nats: NatsServer) -> Settings:
        return settings.model_copy(update={"nats_url": SecretStr(nats.url("web"))})

    async def test_each_step_is_told_as_it_is_done(
        self, cast: Cast, browser: Browsers, database: Database, site: Site, nats: NatsServer
    ) -> None:
        site.app[PROGRESS].timing = Timing(look=600)
        teller, alice = Teller(nats.url("provisioning")), await browser().sign_in(cast.alice)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, page(alice, EVENTS) as stream:
            await site.app[BUS].ready.wait()
            running = tasks.create_task(teller.run())
            assert (await stream.next())["steps"] == []
            order = await _pay(database, cast.a.id)
            teller.tell(cast.a.id, order.id, "paid")
            assert _now(await stream.next()) == "paid"
            async with database.begin() as session:
                assert await number_orders.move(session, order, "chosen", candidate="+61255500037")
            teller.tell(cast.a.id, order.id, "chosen")
            answered = await stream.next()
            assert (_now(answered), answered["number"]) == ("chosen", "(02) 5550 0037")
            running.cancel()


def _now(answered: dict[str, Any]) -> str:
    (now,) = [step["key"] for step in answered["steps"] if step["state"] == "now"]
    return str(now)


class TestWithoutNats:
    """Nobody listens at the address of these settings: the page looks by itself."""

    @pytest.fixture(autouse=True)
    def often(self, site: Site) -> None:
        site.app[PROGRESS].timing = Timing(look=0.2)

    async def test_it_is_told_all_the_same(self, cast: Cast, browser: Browsers, database: Database) -> None:
        async with page(await browser().sign_in(cast.alice), EVENTS) as stream:
            before = await stream.next()
            await _pay(database, cast.a.id)
            after = await stream.next()
        assert (before["steps"], _now(after)) == ([], "paid")

    async def test_others_hear_nothing(self, cast: Cast, browser: Browsers, database: Database) -> None:
        async with page(await browser().sign_in(cast.charlie), EVENTS) as stream:
            await stream.next()
            order = await _pay(database, cast.a.id)
            mine = await _pay(database, cast.b.id, "sub_2")
            answered = await stream.next()
        assert (answered["order"], str(order.id) in json.dumps(answered)) == (str(mine.id), False)

    async def test_who_is_removed_hears_no_more(self, cast: Cast, browser: Browsers, database: Database) -> None:
        async with page(await browser().sign_in(cast.alice), EVENTS) as stream:
            await stream.next()
            async with database.begin() as session:
                await Members(session, cast.a.id).remove(cast.alice.id)
            await stream.ended()

    async def test_who_may_no_longer_hears_no_more(self, cast: Cast, browser: Browsers, database: Database) -> None:
        async with page(await browser().sign_in(cast.alice), EVENTS) as stream:
            await stream.next()
            async with database.begin() as session:
                alice = await Members(session, cast.a.id).locked(cast.alice.id)
                assert alice is not None
                alice.role = "agent"
            await stream.ended()

    async def test_a_stream_ends_and_the_browser_comes_back(self, cast: Cast, browser: Browsers, site: Site) -> None:
        site.app[PROGRESS].timing = Timing(look=0.2, stream=0.1)
        alice = await browser().sign_in(cast.alice)
        async with page(alice, EVENTS) as stream:
            assert await stream.answer.content.readline() == b"retry: 1000\n"
            await stream.ended()
        async with page(alice, EVENTS) as stream:
            await stream.next()

    async def test_streams_end_with_the_process(self, cast: Cast, browser: Browsers, site: Site) -> None:
        async with page(await browser().sign_in(cast.alice), EVENTS) as stream:
            await stream.next()
            site.app[PROGRESS].close()
            await stream.ended()

    async def test_there_are_only_so_many(self, cast: Cast, browser: Browsers, site: Site) -> None:
        site.app[PROGRESS].timing = Timing(look=1)  # twenty that look more often keep the database busy
        alice = await browser().sign_in(cast.alice)
        async with AsyncExitStack() as stack:
            streams = [await stack.enter_async_context(page(alice, EVENTS)) for _ in range(MOST_LISTENERS)]
            refused = await alice.get(EVENTS)
            assert refused.status == 429
            assert "Retry-After" in refused.headers
            async with page(await browser().sign_in(cast.charlie), EVENTS) as others:
                await others.next()
            streams[0].answer.close()
            async with asyncio.timeout(WAIT):
                # A closed one makes room once it is noticed, at the next look.
                while not await _let_in(alice):  # noqa: ASYNC110 (only asking tells)
                    await asyncio.sleep(0.05)


async def _let_in(browser: Browser) -> bool:
    async with browser.http.get(EVENTS) as answer:
        return answer.status == 200


async def test_several_nudges_are_one_and_only_for_whom_they_are() -> None:
    one, other = UUID(int=1), UUID(int=2)
    progress = Progress()
    with progress.listening(one) as mine, progress.listening(one) as too, progress.listening(other) as theirs:
        assert mine is not None
        assert too is not None
        assert theirs is not None
        progress.nudge(one)
        progress.nudge(one)
        assert (mine.is_set(), too.is_set(), theirs.is_set()) == (True, True, False)
        await progress.news(mine)
        assert not mine.is_set()
    progress.nudge(one)  # nobody is there any more
