"""The call log: who sees which calls, what filters mean, every page once, and a spreadsheet that runs nothing."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from db.engine import Database
from db.models import Call, Member, Organisation
from db.paging import PAGE
from db.queries.calls import Calls
from db.queries.phone.choices import Choices
from db.queries.phone.wrap_ups import WrapUp, WrapUps
from tests.kit.browser.page import page_of
from tests.kit.vendors.twilio_caller import stands
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.calls.log.view import REASON_WORDS
from web.request.csv_export import PAGE as EXPORT_PAGE

Browsers = Callable[[], Browser]
NOON = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)  # in Sydney
MIDNIGHT = datetime(2026, 11, 19, 13, 0, tzinfo=UTC)  # in Sydney, the beginning of the 20th


@dataclass(frozen=True)
class Logged:
    """One call for the log of A. ``customer`` tells it from the others."""

    customer: str
    at: datetime = NOON
    direction: str = "inbound"
    agent: Member | None = None
    values: tuple[tuple[str, Any], ...] = ()


async def log(database: Database, cast: Cast, *logged: Logged) -> None:
    async with database.begin() as session:
        for n, entry in enumerate(logged):
            ends = (entry.customer, cast.number.e164)
            call = await Calls(session, cast.a.id).open(
                f"CA{n:032x}",
                direction=entry.direction,  # type: ignore[arg-type]
                from_number=ends[0] if entry.direction == "inbound" else ends[1],
                to_number=ends[1] if entry.direction == "inbound" else ends[0],
                agent_id=None if entry.agent is None else entry.agent.id,
                number_id=cast.number.id,
            )
            values = {"started_at": entry.at, **dict(entry.values)}
            await session.execute(update(Call).where(Call.id == call.id).values(**values))


def customers(page: str) -> list[str]:
    """The customers in the table, top down."""
    return [html.unescape(cell) for cell in re.findall(r'<td class="customer"[^>]*>([^<]*)</td>', page)]


async def listed(browser: Browser, query: str = "") -> list[str]:
    answer = await browser.get(f"/calls{query}")
    assert answer.status == 200, await answer.text()
    return customers(await answer.text())


async def test_agents_see_their_own_calls_others_the_organisations_charlie_none(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    await log(
        database,
        cast,
        Logged("+61400000001", NOON, agent=cast.bob),
        Logged("+61400000002", NOON - timedelta(minutes=1), agent=cast.dana),
        Logged("+61400000003", NOON - timedelta(minutes=2)),
    )
    seen = {}
    for member in (cast.alice, cast.sam, cast.bob, cast.dana, cast.charlie):
        seen[member.name.split()[0]] = await listed(await browser().sign_in(member))
    everything = ["0400 000 001", "0400 000 002", "0400 000 003"]
    assert seen == {
        "Alice": everything,
        "Sam": everything,
        "Bob": everything[:1],
        "Dana": everything[1:2],
        "Charlie": [],
    }


async def test_an_agent_can_not_ask_for_another_ones_calls(cast: Cast, database: Database, browser: Browsers) -> None:
    await log(database, cast, Logged("+61400000001", agent=cast.dana))
    bob = await browser().sign_in(cast.bob)
    assert await listed(bob, f"?agent={cast.dana.id}") == []
    page = await (await bob.get("/calls")).text()
    assert "Dana" not in page
    assert "/calls.csv" not in page
    assert (await bob.get("/calls.csv")).status == 403


async def test_filters(cast: Cast, database: Database, browser: Browsers) -> None:
    await log(
        database,
        cast,
        Logged("+61400000001", MIDNIGHT - timedelta(seconds=1), values=(("outcome", "missed"),)),
        Logged("+61400000002", MIDNIGHT, agent=cast.bob, values=(("outcome", "answered"),)),
        Logged("+61400000003", NOON, direction="outbound", agent=cast.dana, values=(("outcome", "busy"),)),
        Logged("+61400000004", MIDNIGHT + timedelta(days=1), direction="outbound", agent=cast.bob),
    )
    sam = await browser().sign_in(cast.sam)
    one, two, three, four = (f"0400 000 00{n}" for n in (1, 2, 3, 4))
    assert await listed(sam) == [four, three, two, one]
    assert await listed(sam, "?from=2026-11-20&to=2026-11-20") == [three, two]
    assert await listed(sam, "?from=2026-11-21") == [four]
    assert await listed(sam, "?to=2026-11-19") == [one]
    assert await listed(sam, "?direction=outbound&outcome=&agent=") == [four, three]
    assert await listed(sam, "?outcome=missed") == [one]
    assert await listed(sam, f"?agent={cast.bob.id}") == [four, two]
    assert await listed(sam, f"?agent={cast.bob.id}&direction=inbound") == [two]
    assert await listed(sam, f"?agent={cast.charlie.id}") == []


async def test_calls_are_found_by_their_state_and_by_what_became_of_their_words(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    now = NOON
    await log(
        database,
        cast,
        Logged("+61400000001", now, values=(("outcome", None),)),
        Logged("+61400000002", now, values=(("outcome", None), ("answered_at", now))),
        Logged("+61400000003", now, values=(("outcome", None), ("answered_at", now), ("on_hold", True))),
        Logged("+61400000004", now, values=(("outcome", "answered"), ("transcription", "ended"))),
        Logged("+61400000005", now, values=(("outcome", "answered"), ("transcription", "ended"), ("gaps", 2))),
        Logged("+61400000006", now, values=(("outcome", "missed"), ("transcription", "failed"))),
        Logged("+61400000007", now, values=(("outcome", "answered"), ("words_stopped_at", now))),
    )
    sam = await browser().sign_in(cast.sam)
    found = {
        query: sorted(name[-1] for name in await listed(sam, f"?{query}"))
        for query in (
            *("state=ringing", "state=talking", "state=held", "state=over", "state=over&outcome=missed"),
            *("words=shown", "words=gaps", "words=failed", "words=stopped", "words=none", "words=waiting_for_slot"),
            "words=gaps&sort=oldest",
        )
    }
    assert found == {
        "state=ringing": ["1"],
        "state=talking": ["2"],
        "state=held": ["3"],
        "state=over": ["4", "5", "6", "7"],
        "state=over&outcome=missed": ["6"],
        "words=shown": ["4", "5"],
        "words=gaps": ["5"],
        "words=failed": ["6"],
        "words=stopped": ["7"],
        "words=none": ["1", "2", "3"],
        "words=waiting_for_slot": [],
        "words=gaps&sort=oldest": ["5"],
    }


@pytest.mark.parametrize(
    "query",
    [
        "from=20/11/2026",
        "to=2026-02-30",
        "to=9999-12-31",
        "direction=sideways",
        "outcome=%00",
        "agent=bob",
        "line=bob",
        "length=7",
        "sort=loudest",
        "state=asleep",
        "words=many",
        "before=yesterday",
        "before=99999999999999999999_00000000-0000-0000-0000-000000000000",
        "before=-62135596800000001_00000000-0000-0000-0000-000000000000",
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(cast: Cast, browser: Browsers, query: str) -> None:
    sam = await browser().sign_in(cast.sam)
    for path in ("/calls", "/calls.csv") if "before" not in query else ("/calls",):
        answer = await sam.get(f"{path}?{query}")
        assert (answer.status, (await page_of(answer)).data("field")) == (400, [query.partition("=")[0]])


async def test_every_call_stands_on_one_page(cast: Cast, database: Database, browser: Browsers) -> None:
    when = [NOON] * PAGE + [NOON - timedelta(microseconds=1), NOON - timedelta(hours=1)] + [NOON] * (PAGE - 1)
    await log(database, cast, *(Logged(f"+61400000{n:03}", at) for n, at in enumerate(when)))
    sam = await browser().sign_in(cast.sam)
    seen: list[Sequence[str]] = []
    path = "/calls?direction=inbound"
    while path:
        page = await (await sam.get(path)).text()
        seen.append(customers(page))
        older = re.search(r'href="([^"]*)" rel="next"', page)
        path = html.unescape(older[1]) if older else ""
        assert not path or "direction=inbound" in path
    assert [len(page) for page in seen] == [PAGE, PAGE, 1]
    assert len({customer for page in seen for customer in page}) == len(when)


async def test_an_empty_log_says_so(cast: Cast, browser: Browsers) -> None:
    sam = await browser().sign_in(cast.sam)
    assert (await sam.page("/calls")).data("empty") == ["no-calls"]
    assert (await sam.page("/calls?outcome=missed")).data("empty") == ["no-match"]


async def test_a_spreadsheet_of_all_that_matches_runs_nothing(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    await _rename(database, cast.bob, '=HYPERLINK("http://evil.example")')
    ended = (("outcome", "answered"), ("duration_s", 61), ("transcription", "ended"))
    await log(
        database,
        cast,
        Logged("+442079460958", NOON, agent=cast.bob, values=ended),
        *(Logged(f"+61400000{n:03}", NOON - timedelta(minutes=n)) for n in range(1, EXPORT_PAGE + 2)),
    )
    answer = await (await browser().sign_in(cast.sam)).get("/calls.csv")
    assert answer.content_type == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    text = await answer.text()
    assert text.startswith("\ufeff")
    head, first, *rest = csv.reader(text.removeprefix("\ufeff").splitlines())
    assert head[:5] == ["Started", "Direction", "Customer", "Number", "Agent"]
    assert first[:4] == ["2026-11-20 12:00:00+11:00", "inbound", "+442079460958", cast.number.e164]
    assert first[4:8] == ['\'=HYPERLINK("http://evil.example")', "answered", "61", "ended"]
    assert [row[2] for row in rest] == [f"+61400000{n:03}" for n in range(1, EXPORT_PAGE + 2)]
    cells = [cell for row in (first, *rest) for cell in row if not re.fullmatch("[+][0-9]+", cell)]
    assert not [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]


async def test_why_a_call_was_missed_is_on_the_page_and_in_the_spreadsheet(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    reasons = [*REASON_WORDS, None]
    logged = (
        Logged(f"+6140000000{n}", NOON - timedelta(minutes=n), values=(("outcome", "missed"), ("reason", reason)))
        for n, reason in enumerate(reasons)
    )
    await log(
        database, cast, *logged, Logged("+61400000009", NOON - timedelta(days=1), values=(("reason", "declined"),))
    )
    alice = await browser().sign_in(cast.alice)
    page = await (await alice.get("/calls")).text()
    assert re.findall(r'class="reason">([^<]*)<', page) == list(REASON_WORDS.values())
    text = await (await alice.get("/calls.csv")).text()
    rows = csv.DictReader(text.removeprefix("\ufeff").splitlines())
    assert [row["Reason"] for row in rows] == [*REASON_WORDS, "", ""]  # the last call goes on


async def test_a_foreign_organisations_spreadsheet_is_empty(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    await log(database, cast, Logged("+61400000001", agent=cast.bob))
    text = await (await (await browser().sign_in(cast.charlie)).get("/calls.csv")).text()
    assert len(text.splitlines()) == 1


async def _rename(database: Database, member: Member, name: str) -> None:
    async with database.begin() as session:
        await session.execute(update(Member).where(Member.id == member.id).values(name=name))


async def test_days_are_those_of_the_organisation(cast: Cast, database: Database, browser: Browsers) -> None:
    async with database.begin() as session:
        perth = update(Organisation).where(Organisation.id == cast.a.id).values(time_zone="Australia/Perth")
        await session.execute(perth)
    await log(database, cast, Logged("+61400000001", MIDNIGHT))
    sam = await browser().sign_in(cast.sam)
    assert await listed(sam, "?to=2026-11-19") == ["0400 000 001"]
    assert await listed(sam, "?from=2026-11-20") == []


async def test_what_was_said_of_a_call_is_on_the_page_and_in_the_spreadsheet(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    note = "=Rings back <b>Monday</b>"
    async with database.begin() as session:
        choices = Choices(session, cast.a.id)
        await choices.set("outcome", ["Booked"])
        await choices.set("tag", ["Urgent", "Complaint"])
        ids = {each.label: each.id for each in await choices.all()}
    await log(database, cast, Logged("+61400000001", NOON), Logged("+61400000002", NOON - timedelta(hours=1)))
    async with database.begin() as session:
        row = (await session.scalars(select(Call).where(Call.call_sid == f"CA{0:032x}"))).one()
        said = WrapUp(ids["Booked"], (ids["Complaint"], ids["Urgent"]), follow_up=True, note=note)
        await WrapUps(session, cast.a.id).store(row, said, NOON)
        await Choices(session, cast.a.id).set("outcome", [])  # taken out since
    alice = await browser().sign_in(cast.alice)
    for notes_on in (False, True):
        await stands(database, cast.a, notes_on=notes_on)
        page = await (await alice.get("/calls")).text()
        assert re.findall(r'class="(?:result|tag)">([^<]*)<', page) == ["Booked", "Urgent", "Complaint"]
        assert page.count('class="follow-up"') == 1
        assert ("Rings back &lt;b&gt;" in page) == notes_on
        text = await (await alice.get("/calls.csv")).text()
        first, second = csv.DictReader(text.removeprefix("\ufeff").splitlines())
        assert (first["Result"], first["Tags"], first["Follow-up"]) == ("Booked", "Urgent, Complaint", "yes")
        assert (second["Result"], second["Tags"], second["Follow-up"]) == ("", "", "")
        assert first.get("Note") == (f"'{note}" if notes_on else None)
