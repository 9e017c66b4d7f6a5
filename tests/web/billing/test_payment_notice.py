"""Without payment, consoles close for the roles that `ENTITLEMENTS` names; each viewer reads why, and whom to ask."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from db.base import OrganisationStatus, Role
from db.engine import Database
from db.models import Member, Subscription
from db.queries.members import Members
from db.queries.organisations import ENTITLEMENTS
from tests.kit.vendors.twilio_caller import stands
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.billing import payment_notice
from web.config import Settings

Browsers = Callable[[], Browser]
STATES = get_args(OrganisationStatus)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a phone."""
    return settings.model_copy(update={"voice_sdk_url": "http://127.0.0.1:1/voice-sdk.js"})


async def _member(database: Database, cast: Cast, role: Role) -> Member:
    """Somebody of A in that role."""
    there = {"owner": cast.alice, "supervisor": cast.sam, "agent": cast.bob}
    if role in there:
        return there[role]
    async with database.begin() as session:
        return await Members(session, cast.a.id).add(email="ada@acacia.example", name="Ada Ames", role=role)


async def _ticket(browser: Browser) -> tuple[int, dict[str, object]]:
    answer = await browser.post("/console/ticket", headers={"Accept": "*/*"})
    return answer.status, await answer.json()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("role", get_args(Role))
async def test_page_and_ticket_are_given_as_the_table_says(
    cast: Cast, database: Database, browser: Browsers, state: OrganisationStatus, role: Role
) -> None:
    await stands(database, cast.a, status=state)
    viewer = await browser().sign_in(await _member(database, cast, role))
    status, answered = await _ticket(viewer)
    page = await viewer.get("/console")
    text = await page.text()
    if role in ENTITLEMENTS[state].watchers:
        assert (status, page.status) == (200, 200)
        assert "call-list" in text
        assert (answered["trouble"] is None) == (state in ("active", "trialing"))
    else:
        assert (status, answered["reason"], page.status) == (403, state, 200)
        assert "ticket" not in answered
        assert ENTITLEMENTS[state].problem in text
        assert "call-list" not in text


async def test_who_pays_is_shown_how_to_fix_it(cast: Cast, database: Database, browser: Browsers) -> None:
    await stands(database, cast.a, status="past_due")
    _, answered = await _ticket(await browser().sign_in(cast.alice))
    entitlements = ENTITLEMENTS["past_due"]
    assert isinstance(answered["trouble"], dict)
    assert answered["trouble"] == {
        "state": "past_due",
        "words": entitlements.problem,
        "remedy": entitlements.remedy,
        "link": "/billing",
        "label": answered["trouble"]["label"],
        "connects": True,
    }


async def test_everybody_else_is_told_whom_to_ask(cast: Cast, database: Database, browser: Browsers) -> None:
    await stands(database, cast.a, status="past_due")
    for member in (cast.sam, cast.bob):
        _, answered = await _ticket(await browser().sign_in(member))
        trouble = answered["trouble"]
        assert isinstance(trouble, dict)
        assert (cast.alice.name in trouble["remedy"], trouble["link"]) == (True, "")
    page = await (await browser().sign_in(cast.bob)).page("/console")
    assert cast.alice.name in page.one("section", data_payment="past_due").text
    assert "/billing" not in page.links


def test_owners_who_have_no_name_are_asked_all_the_same() -> None:
    several = [Member(role="owner", name=name) for name in ("", "Alice", "Bo", "Cy", "Di")]
    asked = payment_notice.whom_to_ask(several)
    assert re.findall("Alice|Bo|Cy|Di", asked) == ["Alice", "Bo", "Cy"]
    assert payment_notice.whom_to_ask(several[:1]) not in ("", asked)


async def test_the_day_the_numbers_go_is_shown(cast: Cast, database: Database, browser: Browsers) -> None:
    after = datetime.now(UTC) + timedelta(days=9)
    async with database.begin() as session:
        session.add(Subscription(organisation_id=cast.a.id, seats=1, release_after=after))
    await stands(database, cast.a, status="unpaid", time_zone="UTC")
    page = await (await (await browser().sign_in(cast.alice)).get("/console")).text()
    written = f"{after:%A} {after.day} {after:%B %Y}"
    assert written in page
    assert written not in await (await (await browser().sign_in(cast.bob)).get("/console")).text()


@pytest.mark.parametrize(("state", "phone"), [("past_due", True), ("unpaid", False), ("incomplete", False)])
async def test_the_phone_stays_while_calls_connect(
    cast: Cast, database: Database, browser: Browsers, state: OrganisationStatus, phone: bool
) -> None:
    await stands(database, cast.a, status=state)
    page = await (await (await browser().sign_in(cast.bob)).get("/console")).text()
    assert ('id="phone"' in page) == phone


async def test_another_organisation_is_not_touched(cast: Cast, database: Database, browser: Browsers) -> None:
    await stands(database, cast.a, status="cancelled")
    status, answered = await _ticket(await browser().sign_in(cast.charlie))
    assert (status, answered["trouble"]) == (200, None)


async def test_a_forged_form_is_no_matter_of_money(cast: Cast, database: Database, browser: Browsers) -> None:
    await stands(database, cast.a, status="past_due")
    bob = await browser().sign_in(cast.bob)
    bob.csrf = "0" * 64
    status, answered = await _ticket(bob)
    assert (status, "trouble" in answered) == (403, False)
