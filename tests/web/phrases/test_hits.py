"""What was noticed in a call stands in its row of the call log: rule, time, speaker, ticked or not; never words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from db.engine import Database
from db.queries.calls import Calls
from db.queries.words.phrase_rules import PhraseRuleRows
from protocol.messages import PhraseReport
from protocol.phrases import PhraseRule
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser

Sign = Callable[[], Browser]
CALLS = (f"CA{0:032x}", f"CA{1:032x}")
NOON = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)  # in Sydney
WORDS = "velvetwombat"


async def _noticed(database: Database, cast: Cast) -> None:
    """In Bob's call two rules fire, one three times, the other a sentence that must be said; in Dana's none."""
    async with database.begin() as session:
        rules, calls = PhraseRuleRows(session, cast.a.id), Calls(session, cast.a.id)
        for sid, agent in zip(CALLS, (cast.bob, cast.dana), strict=True):
            ends = ("+61400000001", cast.number.e164)
            await calls.open(sid, direction="inbound", from_number=ends[0], to_number=ends[1], agent_id=agent.id)
        leaving = await rules.save(PhraseRule("", "Leaving <b>", (WORDS,)), is_on=True)
        disclosed = await rules.save(PhraseRule("", "Recording disclosed", (WORDS,), must_say=True), is_on=True)
        for seconds in (0, 60, 90):
            await rules.note_hit(CALLS[0], PhraseReport(leaving.id, "caller", _ms(seconds)))
        await rules.note_hit(CALLS[0], PhraseReport(disclosed.id, "agent", _ms(30)))


def _ms(seconds: int) -> int:
    return round((NOON + timedelta(seconds=seconds)).timestamp() * 1000)


async def test_a_row_says_what_fired_when_by_whom_and_how_often(
    cast: Cast, database: Database, browser: Sign
) -> None:
    await _noticed(database, cast)
    page = await (await browser().sign_in(cast.sam)).page("/calls")
    shown = page.all("li", class_="hit")
    facts = [
        (each.one(class_="hit-name").text, each["data-speaker"], each["data-times"], each.get("data-ticked"))
        for each in shown
    ]
    assert facts == [
        ("✓ Recording disclosed", "agent", "1", ""),
        ("Leaving <b>", "caller", "3", None),
    ]
    at = [each.one("time")["datetime"] for each in shown]
    assert at == ["2026-11-20T12:00:30+11:00", "2026-11-20T12:00:00+11:00"]
    assert page.data("hits") == ["2"]


async def test_what_fired_is_named_when_its_rule_is_removed(cast: Cast, database: Database, browser: Sign) -> None:
    await _noticed(database, cast)
    async with database.begin() as session:
        rules = PhraseRuleRows(session, cast.a.id)
        for kept in await rules.all():
            await rules.remove(kept.id)
    page = await (await browser().sign_in(cast.sam)).page("/calls")
    assert len(page.all("li", class_="hit")) == 2


async def test_agents_see_it_of_their_own_calls_and_others_of_none(
    cast: Cast, database: Database, browser: Sign
) -> None:
    await _noticed(database, cast)
    for member, count in ((cast.bob, 2), (cast.dana, 0), (cast.charlie, 0)):
        page = await (await browser().sign_in(member)).page("/calls")
        assert len(page.all("li", class_="hit")) == count


async def test_phrases_themselves_are_not_on_the_page(cast: Cast, database: Database, browser: Sign) -> None:
    await _noticed(database, cast)
    answer = await (await browser().sign_in(cast.alice)).get("/calls")
    assert WORDS not in await answer.text()
