"""The status page says in plain words what works, asks seldom, and tells nothing of the inside."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from db.engine import Database
from db.queries.billing import stripe_events
from provisioning.jobs import enqueue
from tests.kit.web.site import Browser, Site
from web.config import Settings
from web.serving.status import LATE_SECONDS, LOST_SECONDS, SILENT_SECONDS, STATUS, Health, Status, services

FINE = Health(oldest_job=0.0, events_failed=0, has_bus=True, heard=1.0)


@pytest.mark.parametrize(
    ("health", "works"),
    [
        (FINE, ["yes", "yes", "yes", "yes"]),
        (Health(None, 0, has_bus=True, heard=1.0), ["no", "no", "no", "no"]),
        (Health(0.0, 0, has_bus=False, heard=1.0), ["yes", "no", "yes", "yes"]),
        (Health(0.0, 0, has_bus=True, heard=None), ["yes", "no", "yes", "yes"]),
        (Health(0.0, 0, has_bus=True, heard=SILENT_SECONDS + 1), ["yes", "no", "yes", "yes"]),
        (Health(LATE_SECONDS + 1, 0, has_bus=True, heard=1.0), ["yes", "yes", "late", "late"]),
        (Health(LOST_SECONDS + 1, 0, has_bus=True, heard=1.0), ["yes", "yes", "no", "no"]),
        (Health(0.0, 1, has_bus=True, heard=1.0), ["yes", "yes", "yes", "late"]),
    ],
)
def test_what_the_facts_mean(health: Health, works: list[str]) -> None:
    assert [each.works for each in services(health)] == works


async def test_it_is_read_from_what_is_there(site: Site, database: Database) -> None:
    """NATS is not there in this test, and nobody takes the job that is an hour late."""
    status = Status(kept_seconds=0.0)
    assert [each.works for each in await status.services(site.app)] == ["yes", "no", "yes", "yes"]
    async with database.begin() as session:
        await enqueue(session, "send_mail", {}, key="a")
        await session.execute(text("UPDATE pgqueuer SET execute_after = now() - interval '1 hour'"))
        await stripe_events.receive(session, "evt_1", "invoice.paid", None)
    assert [each.works for each in await status.services(site.app)] == ["yes", "no", "no", "no"]


async def test_one_reads_for_everybody(site: Site, database: Database) -> None:
    status = Status(kept_seconds=3600.0)
    first = await status.services(site.app)
    async with database.begin() as session:
        await enqueue(session, "send_mail", {}, key="a")
        await session.execute(text("UPDATE pgqueuer SET execute_after = now() - interval '1 hour'"))
    assert await status.services(site.app) is first


async def test_everybody_may_look(site: Site, browser: Callable[[], Browser]) -> None:
    site.app[STATUS].alive()
    answer = await browser().get("/status")
    page = await answer.text()
    assert (answer.status, page.count("data-service")) == (200, 4)
    inside = ("postgres", "nats", "pgqueuer", "twilio", "stripe", "transcribe", "amazon", "127.0.0.1", "worker")
    main = page.lower().partition("<main")[2].partition("</main>")[0]
    assert [each for each in inside if each in main] == []


class TestWithoutADatabase:
    @pytest.fixture
    def settings(self, settings: Settings, free_port: Callable[[], int]) -> Settings:
        """Nobody listens where the database should be."""
        return settings.model_copy(update={"database_url": SecretStr(f"postgresql://web@127.0.0.1:{free_port()}/a")})

    async def test_it_says_so(self, site: Site, browser: Callable[[], Browser]) -> None:
        del site
        answer = await browser().get("/status")
        assert answer.status == 200
        assert 'data-worst="no"' in await answer.text()
