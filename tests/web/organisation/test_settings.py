"""Settings: what is changed is stored, recorded and, where the bundle needs it, filed; what is wrong is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from db.engine import Database
from db.models import AuditEntry, Bundle, Organisation
from db.queries.audit import details_of
from tests.kit.browser.page import page_of
from tests.kit.vendors.twilio_caller import OUTBOUND, dialling, twilio_of
from tests.kit.web.cast import Cast
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser, Site
from tests.web.organisation.test_details import GOOD
from web.config import CONSENT_PROMPT, Settings
from web.organisation.settings import CHANGES
from web.request.dialling import SENTENCES

Browsers = Callable[[], Browser]
SIGNED_IN = "member.signed_in"
REASON = "The <name> does not fit the ABN."
WORDS = "Acacia Clinic transcribes this call while we talk, and keeps none of it."


async def organisation(database: Database, cast: Cast) -> Organisation:
    async with database.begin() as session:
        return (await session.scalars(select(Organisation).where(Organisation.id == cast.a.id))).one()


async def recorded(database: Database, cast: Cast) -> list[tuple[str, dict[str, Any]]]:
    """Action and details of every entry of A's but of signing in, oldest first."""
    async with database.begin() as session:
        mine = select(AuditEntry).where(AuditEntry.organisation_id == cast.a.id, AuditEntry.action != SIGNED_IN)
        entries = await session.scalars(mine.order_by(AuditEntry.at))
        return [(entry.action, dict(details_of(entry))) for entry in entries]


async def filed_bundle(database: Database, cast: Cast) -> Bundle | None:
    async with database.begin() as session:
        return (await session.scalars(select(Bundle).where(Bundle.organisation_id == cast.a.id))).one_or_none()


async def jobs(database: Database) -> int:
    async with database.begin() as session:
        waiting = text("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'follow_bundle'")
        return int((await session.execute(waiting)).scalar_one())


async def reject(database: Database, cast: Cast, *reasons: str) -> None:
    async with database.begin() as session:
        stored = json.dumps(reasons) if reasons else None
        session.add(Bundle(organisation_id=cast.a.id, status="twilio-rejected", reasons=stored))


async def test_details_are_stored_filed_and_recorded(cast: Cast, database: Database, browser: Browsers) -> None:
    alice = await browser().sign_in(cast.alice)
    answer = await alice.post("/settings/details", data=GOOD)
    assert (answer.status, answer.headers["Location"]) == (303, "/settings#details")
    stored = await organisation(database, cast)
    assert (stored.legal_name, stored.abn, stored.region) == (GOOD["legal_name"], "51824753556", "NSW")
    filed = await filed_bundle(database, cast)
    assert filed is not None
    assert (filed.status, await jobs(database)) == ("draft", 1)
    (first, details), (second, _) = await recorded(database, cast)
    assert (first, second) == ("details.changed", "papers.filed")
    assert details["abn"] == "nothing → 51824753556"
    page = await alice.page("/settings")
    assert (page.fields["abn"], page.data("bundle")) == ("51 824 753 556", ["draft"])
    assert cast.alice.name in page.one("section", id="details").text  # who changed it last


async def test_what_did_not_change_is_not_recorded(cast: Cast, database: Database, browser: Browsers) -> None:
    alice = await browser().sign_in(cast.alice)
    for _ in range(2):
        await alice.post("/settings/details", data={"name": "Acacia"})
        await alice.post("/settings/prompt", data={"prompt": WORDS})
        await alice.post("/settings/zone", data={"zone": "Australia/Perth"})
    assert [action for action, _ in await recorded(database, cast)] == [
        "details.changed",
        "prompt.changed",
        "time_zone.changed",
    ]
    assert await filed_bundle(database, cast) is None


async def test_a_rejected_bundle_says_why_and_is_filed_again(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    await reject(database, cast, REASON)
    alice = await browser().sign_in(cast.alice)
    state = (await alice.page("/settings")).one(class_="bundle")
    assert state["data-bundle"] == "twilio-rejected"
    assert [reason.text for reason in state.all("li")] == [REASON]
    assert (await alice.post("/settings/details", data=GOOD)).status == 303
    filed = await filed_bundle(database, cast)
    assert filed is not None
    assert (filed.status, await jobs(database)) == ("draft", 1)


async def test_a_bundle_with_twilio_is_left_alone(cast: Cast, database: Database, browser: Browsers) -> None:
    async with database.begin() as session:
        session.add(Bundle(organisation_id=cast.a.id, status="in-review"))
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/settings/details", data=GOOD)).status == 303
    assert await jobs(database) == 0
    assert (await alice.page("/settings")).data("bundle") == ["in-review"]


async def test_nothing_wrong_is_stored(cast: Cast, database: Database, browser: Browsers) -> None:
    alice = await browser().sign_in(cast.alice)
    answer = await alice.post("/settings/details", data=GOOD | {"abn": "51 824 753 557", "street": "<i>PO Box 1"})
    page = await page_of(answer)
    assert (answer.status, page.invalid, page.alerts) == (400, {"abn", "street"}, 1)
    assert page.one("input", id="abn")["aria-describedby"] == page.one(class_="wrong", id="abn-wrong")["id"]
    assert page.fields["street"] == "<i>PO Box 1"  # what was typed stands there still
    assert (await organisation(database, cast)).legal_name is None
    assert (await recorded(database, cast), await jobs(database)) == ([], 0)


async def test_callers_hear_the_words_that_were_chosen(cast: Cast, database: Database, browser: Browsers) -> None:
    alice = await browser().sign_in(cast.alice)
    assert (await alice.page("/settings")).data("prompt") == ["unchosen"]
    answer = await alice.post("/settings/prompt", data={"prompt": f"  {WORDS}\r\n"})
    assert (answer.status, answer.headers["Location"]) == (303, "/settings#prompt")
    assert (await organisation(database, cast)).consent_prompt == WORDS
    page = await alice.page("/settings")
    assert (page.data("prompt"), page.one(id="preview").text) == (["own"], WORDS)


@pytest.mark.parametrize("form", [{"use": "ours", "prompt": ""}, {"prompt": CONSENT_PROMPT}])
async def test_our_words_are_a_choice_as_well(
    cast: Cast, database: Database, browser: Browsers, form: dict[str, str]
) -> None:
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/settings/prompt", data=form)).status == 303
    assert (await organisation(database, cast)).consent_prompt == ""
    page = await alice.page("/settings")
    assert (page.data("prompt"), page.one(id="preview").text) == (["ours"], CONSENT_PROMPT)


@pytest.mark.parametrize("prompt", ["", "Hello.", "x" * 601])
async def test_words_that_can_not_be_spoken_are_refused(
    cast: Cast, database: Database, browser: Browsers, prompt: str
) -> None:
    alice = await browser().sign_in(cast.alice)
    answer = await alice.post("/settings/prompt", data={"prompt": prompt})
    assert (answer.status, (await page_of(answer)).invalid) == (400, {"prompt"})
    assert (await organisation(database, cast)).consent_prompt is None


async def test_words_that_tell_nothing_are_pointed_out(cast: Cast, browser: Browsers) -> None:
    alice = await browser().sign_in(cast.alice)
    await alice.post("/settings/prompt", data={"prompt": "Welcome to Acacia Clinic, please hold the line."})
    assert (await alice.page("/settings")).one(id="preview-warning").get("hidden") is None


async def test_the_day_begins_where_it_was_said(cast: Cast, database: Database, browser: Browsers) -> None:
    alice = await browser().sign_in(cast.alice)
    answer = await alice.post("/settings/zone", data={"zone": "Australia/Perth"})
    assert (answer.status, answer.headers["Location"]) == (303, "/settings#zone")
    assert (await organisation(database, cast)).time_zone == "Australia/Perth"
    for wrong in ("Mars/Olympus", "../../etc/passwd", ""):
        assert (await alice.post("/settings/zone", data={"zone": wrong})).status == 400
    assert (await organisation(database, cast)).time_zone == "Australia/Perth"


async def test_calls_are_kept_as_long_as_was_said(cast: Cast, database: Database, browser: Browsers) -> None:
    alice = await browser().sign_in(cast.alice)
    for days, kept in (("30", 30), ("", None), (" 3650 ", 3650)):
        assert (await alice.post("/settings/retention", data={"days": days})).status == 303
        assert (await organisation(database, cast)).call_log_days == kept
    for wrong in ("0", "3651", "-1", "1.5", "ten", "9" * 50, "٣"):
        assert (await alice.post("/settings/retention", data={"days": wrong})).status == 400
        assert (await organisation(database, cast)).call_log_days == 3650
    changes = [details["days"] for action, details in await recorded(database, cast) if "call_log" in action]
    assert changes == ["400 → 30", "30 → 400", "400 → 3650"]


async def test_the_privacy_page_gives_the_period(browser: Browsers, settings: Settings) -> None:
    page = await (await browser().get("/privacy")).text()
    assert re.search(rf'data-keeps="calls">\s*{settings.call_log_days}\b', page)


async def test_only_admins_and_only_from_our_own_page(cast: Cast, database: Database, browser: Browsers) -> None:
    for member in (cast.sam, cast.bob):
        nobody = await browser().sign_in(member)
        assert (await nobody.get("/settings")).status == 403
        assert (await nobody.post("/settings/prompt", data={"prompt": WORDS})).status == 403
    alice = await browser().sign_in(cast.alice)
    alice.csrf = ""
    for path, form in (
        ("details", GOOD),
        ("prompt", {"prompt": WORDS}),
        ("zone", {"zone": "Australia/Perth"}),
        ("countries", {}),
    ):
        assert (await alice.post(f"/settings/{path}", data=form)).status == 403
    charlie = await browser().sign_in(cast.charlie)
    assert "Acacia" not in await (await charlie.get("/settings")).text()
    await charlie.post("/settings/details", data={"name": "Banksia"})
    assert (await organisation(database, cast)).name == "Acacia Clinic"


async def test_too_many_changes_wait(cast: Cast, browser: Browsers, database: Database) -> None:
    await use_up(database, CHANGES, cast.a.id, leave=1)
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/settings/zone", data={"zone": "Australia/Perth"})).status == 303
    answer = await alice.post("/settings/zone", data={"zone": "Australia/Perth"})
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 0


class TestWithThePlatformsBundle:
    """Numbers are rented in the operator's name: nothing of an organisation's is filed."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        sids = {"twilio_bundle_sid": f"BU{'0' * 32}", "twilio_address_sid": f"AD{'0' * 32}"}
        return settings.model_copy(update=sids)

    async def test_nothing_is_filed(self, cast: Cast, database: Database, browser: Browsers) -> None:
        alice = await browser().sign_in(cast.alice)
        assert (await alice.post("/settings/details", data=GOOD)).status == 303
        assert (await filed_bundle(database, cast), await jobs(database)) == (None, 0)
        assert (await alice.page("/settings")).data("bundle") == []


class TestWithMoreCountries:
    """The platform allows three countries."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"dial_countries": ("AU", "NZ", "GB")})

    @staticmethod
    async def _refused(browser: Browser, number: str) -> Any:
        answer = await browser.post("/voice/check", data={"number": number})
        return (await answer.json()).get("refused")

    async def test_an_organisation_chooses_among_the_platforms(
        self, cast: Cast, database: Database, browser: Browsers
    ) -> None:
        alice, charlie = await browser().sign_in(cast.alice), await browser().sign_in(cast.charlie)
        sydney, auckland, london, new_york = "02 9374 4000", "+64 9 374 4000", "+44 20 7946 0958", "+1 212 555 0100"
        asked = (sydney, auckland, london, new_york)
        assert [await self._refused(alice, number) for number in asked] == [None, None, "not chosen", "country"]
        form = {"country_AU": "on", "country_GB": "on", "country_US": "on"}
        assert (await alice.post("/settings/countries", data=form)).status == 303
        assert [await self._refused(alice, number) for number in asked] == [None, "not chosen", None, "country"]
        assert await self._refused(charlie, london) == "not chosen"
        await alice.post("/settings/countries", data=form)  # no change, so nothing is recorded
        await alice.post("/settings/countries", data={})
        assert await self._refused(alice, sydney) == "not chosen"
        changes = [
            details["countries"] for action, details in await recorded(database, cast) if "countries" in action
        ]
        assert changes == ["AU, NZ → AU, GB", "AU, GB → none"]

    async def test_twilio_is_answered_by_the_same_rule(
        self, cast: Cast, database: Database, site: Site, settings: Settings, browser: Browsers
    ) -> None:
        alice = await browser().sign_in(cast.alice)
        async with twilio_of(settings) as twilio:
            form = dialling(cast.bob) | {"To": "+442079460958"}
            assert (await twilio.post(OUTBOUND, form)).said == SENTENCES["not chosen"]
            await alice.post("/settings/countries", data={"country_GB": "on"})
            assert (await twilio.post(OUTBOUND, form)).tags[-1] == "Dial"
        assert site

    async def test_the_page_offers_what_the_platform_allows(self, cast: Cast, browser: Browsers) -> None:
        page = await (await (await browser().sign_in(cast.alice)).get("/settings")).text()
        boxes = re.findall(r'name="country_(..)" value="on"( checked)?', page)
        assert boxes == [("AU", " checked"), ("NZ", " checked"), ("GB", "")]
