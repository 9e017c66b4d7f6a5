"""What had to be said in a call and was not: kept when its words end, shown with the call and in the export."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import pytest_asyncio

from db.call_progress import CallReport, LegReport
from db.engine import Database
from db.queries.calls import Calls
from db.queries.words.phrase_rules import PhraseRuleRows
from protocol.facts import Fact
from protocol.messages import PhraseReport
from protocol.phrases import PhraseRule
from tests.kit.browser.page import Page
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site
from web.facts import take_fact

Sign = Callable[[], Browser]
SID = "CA" + "6" * 32
WORDS = "velvetwombat"


@pytest_asyncio.fixture
async def rules(database: Database, cast: Cast) -> dict[str, str]:
    """Two sentences that must be said, a draft of another, and a rule that only notices: ids by name."""
    kinds = {"Disclosed": (True, True), "Greeted": (True, True), "Draft": (True, False), "Leaving": (False, True)}
    found = {}
    async with database.begin() as session:
        rows = PhraseRuleRows(session, cast.a.id)
        for name, (must_say, is_on) in kinds.items():
            found[name] = (await rows.save(PhraseRule("", name, (WORDS,), must_say=must_say), is_on=is_on)).id
    return found


async def _call(database: Database, cast: Cast, *, answered: bool = True) -> UUID:
    async with database.begin() as session:
        calls = Calls(session, cast.a.id)
        ends = ("+61400000001", cast.number.e164)
        call = await calls.open(SID, direction="inbound", from_number=ends[0], to_number=ends[1])
        if answered:
            at = call.started_at + timedelta(seconds=5)
            await calls.report(SID, LegReport("in-progress", at, member_id=cast.bob.id))
        await calls.set_transcription(SID, "transcribing")
        return call.id


async def _ends(site: Site, cast: Cast) -> None:
    """Media has heard the call's end, and web the rest; both may be told again."""
    for _ in range(2):
        await take_fact(site.app, Fact(cast.a.id, SID, "ended", "hung_up", "ended"))


async def _fires(site: Site, cast: Cast, rule: str, speaker: str = "agent") -> None:
    at = round(datetime.now(UTC).timestamp() * 1000)
    report = PhraseReport(rule, speaker, at)  # type: ignore[arg-type]
    await take_fact(site.app, Fact(cast.a.id, SID, None, kind="phrase", phrase=report))


def _unsaid(page: Page) -> list[str]:
    return [each.one(class_="hit-name").text for each in page.all("li", class_="unsaid")]


async def test_what_was_not_said_is_shown_counted_and_exported(
    site: Site, database: Database, cast: Cast, browser: Sign, rules: dict[str, str]
) -> None:
    call = await _call(database, cast)
    await _fires(site, cast, rules["Disclosed"])
    await _fires(site, cast, rules["Leaving"], "caller")
    alice = await browser().sign_in(cast.alice)
    assert _unsaid(await alice.page(f"/calls/{call}")) == []  # it may still be said
    await _ends(site, cast)
    page = await alice.page(f"/calls/{call}")
    assert _unsaid(page) == ["✗ Greeted"]
    assert [each["data-speaker"] for each in page.all("li", class_="hit")] == ["agent", "caller"]
    assert _unsaid(await alice.page("/calls")) == ["✗ Greeted"]
    assert (await alice.page("/phrases")).data("unsaid") == ["0", "0", "1"]  # Disclosed, Draft, Greeted
    [row] = csv.DictReader((await (await alice.get("/calls.csv")).text()).lstrip("\ufeff").splitlines())
    assert (row["Noticed"].split(" (")[0], row["Said"].split(" (")[0], row["Not said"]) == (
        *("Leaving", "Disclosed"),
        "Greeted",
    )
    assert "caller" in row["Noticed"]
    assert WORDS not in str(row)


async def test_what_is_told_late_was_said_all_the_same(
    site: Site, database: Database, cast: Cast, browser: Sign, rules: dict[str, str]
) -> None:
    call = await _call(database, cast)
    await _ends(site, cast)
    await _fires(site, cast, rules["Greeted"])
    page = await (await browser().sign_in(cast.sam)).page(f"/calls/{call}")
    assert _unsaid(page) == ["✗ Disclosed"]


@pytest.mark.parametrize("why", ["unanswered", "failed", "stopped"])
async def test_what_may_have_been_said_is_not_held_against_anybody(
    site: Site, database: Database, cast: Cast, browser: Sign, rules: dict[str, str], why: str
) -> None:
    call = await _call(database, cast, answered=why != "unanswered")
    async with database.begin() as session:
        calls = Calls(session, cast.a.id)
        if why == "failed":
            await calls.set_transcription(SID, "failed", "the stream broke")
        if why == "stopped":
            await calls.stop_words(SID)
        await calls.report(SID, CallReport("completed", datetime.now(UTC), duration_s=60))
    await _ends(site, cast)
    page = await (await browser().sign_in(cast.sam)).page(f"/calls/{call}")
    assert _unsaid(page) == []
