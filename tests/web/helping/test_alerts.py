"""An organisation's limits of alerts: admins change them, the audit log has it, and the wall is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import AuditEntry
from db.queries.audit import details_of
from tests.kit.browser.page import page_of
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser

Browsers = Callable[[], Browser]
USUAL = {"call": "30", "hold": "120", "late_words": "10", "silence": "60", "waiting": "60"}


async def limits(browser: Browser) -> dict[str, str]:
    fields = (await page_of(await browser.get("/settings/alerts"))).fields
    return {name: fields[name] for name in USUAL}


async def told(browser: Browser) -> dict[str, str]:
    """What a wall is opened with."""
    page = await page_of(await browser.get("/console"))
    return {each.text: each["value"] for each in page.one("template", id="alert-limits").all("data")}


async def test_limits_are_changed_written_down_and_told(browser: Browsers, cast: Cast, database: Database) -> None:
    alice, sam = await browser().sign_in(cast.alice), await browser().sign_in(cast.sam)
    assert await limits(alice) == USUAL
    assert await told(sam) == {"call": "1800", "hold": "120", "late_words": "10", "silence": "60", "waiting": "60"}
    wanted = USUAL | {"call": "45", "silence": ""}
    for _ in range(2):  # the second time changes nothing
        saved = await alice.post("/settings/alerts", data={"csrf_token": alice.csrf, **wanted})
        assert saved.status == 303
    assert await limits(alice) == wanted
    assert await told(sam) == {"call": "2700", "hold": "120", "late_words": "10", "waiting": "60"}
    async with database.begin() as session:
        entries = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "alerts.changed"))).all()
    assert [details_of(entry) for entry in entries] == [{"call": "1800 s → 2700 s", "silence": "60 s → never"}]


@pytest.mark.parametrize(
    "wrong",
    [
        {"call": "0"},
        {"hold": "9"},
        {"waiting": "-60"},
        {"silence": "1e3"},
        {"late_words": "９"},
        {"call": "9" * 99},
        {"waiting": "000000060" + "0" * 5000},
    ],
)
async def test_a_limit_is_a_number_in_its_range(browser: Browsers, cast: Cast, wrong: dict[str, str]) -> None:
    alice = await browser().sign_in(cast.alice)
    sent = {"csrf_token": alice.csrf, **USUAL, **wrong}
    assert (await alice.post("/settings/alerts", data=sent)).status == 400
    assert await limits(alice) == USUAL


async def test_who_has_no_say_in_settings_changes_none(browser: Browsers, cast: Cast) -> None:
    sam, bob = await browser().sign_in(cast.sam), await browser().sign_in(cast.bob)
    for member in (sam, bob):
        assert (await member.get("/settings/alerts")).status == 403
        assert (await member.post("/settings/alerts", data={"csrf_token": member.csrf, **USUAL})).status == 403
    assert (await page_of(await bob.get("/console"))).all("template", id="alert-limits") == []
