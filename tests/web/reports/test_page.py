"""The dashboard: who sees it, what it shows, its empty, wrong and late states, its export."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pypdf import PdfReader
from sqlalchemy import update

from db import recount
from db.engine import Database
from db.models import Call, Member, Number, Recount
from db.queries.audit import AuditFilter, AuditLog, details_of
from db.queries.log.call_times import band
from db.queries.members import Members
from db.queries.numbers import Numbers
from db.queries.phone.groups import Groups
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.calls.log.view import REASON_WORDS

Browsers = Callable[[], Browser]
SYDNEY = ZoneInfo("Australia/Sydney")
NOON = datetime(2026, 11, 20, 12, tzinfo=SYDNEY)
DAY = "?from=2026-11-20&to=2026-11-20"


async def log(database: Database, organisation: UUID, *calls: dict[str, Any]) -> None:
    """Store calls that are over, unless ``outcome`` is None, and count them."""
    async with database.begin() as session:
        for n, values in enumerate(calls):
            usual = {"direction": "inbound", "outcome": "missed", "started_at": NOON, "wait_s": 5, "length_s": 60}
            call = Call(
                organisation_id=organisation,
                call_sid=f"CA{organisation.hex[:8]}{n:024x}",
                from_number="",
                to_number="",
                status="completed",
                **{**usual, **values},
            )
            call.wait_band = None if call.wait_s is None else band(call.wait_s)
            call.length_band = None if call.length_s is None else band(call.length_s)
            session.add(call)
    await recount.settle(database)


def answered(agent: Member, number: Number, **values: Any) -> dict[str, Any]:
    return {"outcome": "answered", "agent_id": agent.id, "number_id": number.id, "talk_s": 50, **values}


def figure(page: str, key: str) -> str:
    """The value of a figure of the period."""
    found = re.search(rf'data-figure="{key}">.*?class="figure value">([^<]*)<', page, re.DOTALL)
    assert found, key
    return found[1]


def counter(page: str, key: str) -> str:
    found = re.search(rf'id="{key}">([^<]*)<', page)
    assert found, key
    return found[1]


def rows(page: str, section: str) -> dict[str, list[str]]:
    """The cells of one table, by the name in front."""
    table = page.partition(f'id="{section}"')[2].partition("</table>")[0].partition("<tbody>")[2]
    found = {}
    for row in table.split("<tr>")[1:]:
        name, *cells = [re.sub(r"<[^>]*>", "", cell) for cell in re.split(r"</t[hd]>", row)][:-1]
        found[name.strip()] = [cell.strip() for cell in cells]
    return found


async def test_supervisors_and_above_see_their_own_organisations(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    await log(database, cast.a.id, answered(cast.bob, cast.number), {})
    await log(database, cast.b.id, {})
    for member in (cast.alice, cast.sam):
        page = await (await (await browser().sign_in(member)).get(f"/dashboard{DAY}")).text()
        assert (figure(page, "answered"), figure(page, "missed")) == ("1", "1")
    charlie = await (await (await browser().sign_in(cast.charlie)).get(f"/dashboard{DAY}")).text()
    assert (figure(charlie, "answered"), figure(charlie, "missed")) == ("0", "1")
    assert "Bob Brown" not in charlie
    bob = await browser().sign_in(cast.bob)
    for path in ("/dashboard", "/dashboard/now", "/dashboard.csv", "/dashboard.pdf"):
        assert (await bob.get(path)).status == 403
    assert 'href="/dashboard"' not in await (await bob.get("/calls")).text()
    assert 'href="/dashboard"' in await (await charlie_again(browser, cast)).text()


async def charlie_again(browser: Browsers, cast: Cast) -> Any:
    return await (await browser().sign_in(cast.charlie)).get("/calls")


async def test_the_page_says_the_same_as_its_tables(cast: Cast, database: Database, browser: Browsers) -> None:
    async with database.begin() as session:
        numbers, groups = Numbers(session, cast.a.id), Groups(session, cast.a.id)
        shop = await numbers.add(e164="+61255505678", twilio_sid=None, label="Shop")
        await groups.change(await groups.add("Bookings"), "Bookings", [cast.bob.id, cast.dana.id])
        await numbers.release(shop.id)
        await Members(session, cast.a.id).remove(cast.dana.id)
    await log(
        database,
        cast.a.id,
        answered(cast.bob, cast.number, wait_s=10),
        answered(cast.dana, shop, wait_s=40, started_at=NOON + timedelta(hours=1)),
        answered(cast.dana, shop, direction="outbound"),
        {"reason": "outside_hours", "number_id": cast.number.id},
        {"reason": "caller_left", "number_id": shop.id},
        {"started_at": NOON - timedelta(days=1)},
    )
    sam = await browser().sign_in(cast.sam)
    page = await (await sam.get(f"/dashboard{DAY}")).text()
    assert [figure(page, key) for key in ("inbound", "answered", "missed", "wait", "soon")] == [
        *("4", "2", "2"),
        *("0:25", "50 %"),
    ]
    assert rows(page, "agents") == {
        "Bob Brown": ["1", "0:10", "0", "0", "0:50", "0:50", "0:00"],
        "Dana Dow": ["1", "0:40", "1", "1", "0:50", "1:40", "0:00"],
    }
    assert rows(page, "groups")["Bookings"][:1] == ["1"]  # Dana is in it no more
    assert rows(page, "lines")["Shop"][:4] == ["2", "1", "1", "50 %"]
    reasons = {name: cells[0] for name, cells in rows(page, "reasons").items()}
    counted = {reason: reasons[words] for reason, words in REASON_WORDS.items()}
    assert counted == dict.fromkeys(REASON_WORDS, "0") | {"outside_hours": "1", "caller_left": "1"}
    hours = rows(page, "by-hour")
    assert (hours["12 pm to 1 pm"][:3], hours["1 pm to 2 pm"][:3]) == (["3", "1", "2"], ["1", "1", "0"])
    assert page.count("<rect data-series=") == 3 + 1  # noon has all three
    page = await (await sam.get("/dashboard?from=2026-11-19&to=2026-11-20")).text()
    assert list(rows(page, "by-day").values()) == [["1", "0", "1", "–", "0"], ["4", "2", "2", "0:25", "1"]]


async def test_empty_wrong_and_swapped(cast: Cast, browser: Browsers) -> None:
    sam = await browser().sign_in(cast.sam)
    empty = await sam.get("/dashboard")
    assert empty.status == 200
    assert 'data-empty="yes"' in await empty.text()
    swapped = await sam.get("/dashboard?from=2026-11-20&to=2026-11-01")
    text = await swapped.text()
    assert (swapped.status, 'data-swapped="yes"' in text) == (200, True)
    assert 'name="from" type="date" value="2026-11-01"' in text
    wrong = await sam.get("/dashboard?from=soon")
    text = await wrong.text()
    assert (wrong.status, 'id="period-wrong"' in text, 'value="soon"' in text) == (400, True, True)
    for kind in ("csv", "pdf"):
        assert (await sam.get(f"/dashboard.{kind}?from=soon")).status == 400


async def test_counts_that_are_behind_are_said(cast: Cast, database: Database, browser: Browsers) -> None:
    sam = await browser().sign_in(cast.sam)
    await recount.settle(database)
    assert "data-behind" not in await (await sam.get("/dashboard")).text()
    async with database.begin() as session:
        session.add(Recount(organisation_id=cast.a.id, noted_at=datetime.now(UTC) - timedelta(minutes=6)))
    assert "data-behind" in await (await sam.get("/dashboard")).text()
    charlie = await browser().sign_in(cast.charlie)
    assert "data-behind" not in await (await charlie.get("/dashboard")).text()


async def test_live_counters_are_of_the_calls_themselves(cast: Cast, database: Database, browser: Browsers) -> None:
    now = datetime.now(UTC)
    going = {"outcome": None, "wait_s": None, "length_s": None, "started_at": now - timedelta(seconds=90)}
    await log(
        database,
        cast.a.id,
        {**going, "answered_at": now, "agent_id": cast.bob.id},
        going,
        {**going, "direction": "outbound", "agent_id": cast.dana.id},
        answered(cast.bob, cast.number, started_at=now - timedelta(hours=23)),
        answered(cast.bob, cast.number, started_at=now - timedelta(hours=25)),
        answered(cast.bob, cast.number, direction="outbound", started_at=now - timedelta(hours=1)),
        {"started_at": now - timedelta(hours=2)},
    )
    sam = await browser().sign_in(cast.sam)
    page = await (await sam.get("/dashboard")).text()
    names = ("talking", "waiting", "dialling", "answered-today", "missed-today", "reached-today")
    assert {name: counter(page, name) for name in names} == dict.fromkeys(names, "1")
    async with database.begin() as session:
        await session.execute(update(Call).where(Call.outcome.is_(None)).values(outcome="missed"))
    fresh = await (await sam.get("/dashboard/now")).json()
    assert [fresh[name] for name in names] == ["0", "0", "0", "1", "3", "1"]


async def test_the_spreadsheet_has_the_same_numbers_and_is_audited(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    async with database.begin() as session:
        await Numbers(session, cast.a.id).rename(cast.number.id, "=1+1")
    await log(database, cast.a.id, answered(cast.bob, cast.number, wait_s=10), {"number_id": cast.number.id})
    sam = await browser().sign_in(cast.sam)
    answer = await sam.get(f"/dashboard.csv{DAY}")
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    found = list(csv.DictReader(io.StringIO((await answer.text()).encode().decode("utf-8-sig"))))
    by = {(row["By"], row["Name"]): row for row in found}
    whole = by[("Period", "2026-11-20 to 2026-11-20")]
    for key in (("Day", "2026-11-20"), ("Hour", "12:00"), ("Our number", "'=1+1")):
        assert list(by[key].values())[2:] == list(whole.values())[2:], key
    assert (whole["Incoming"], whole["Answered"], whole["Missed"]) == ("2", "1", "1")
    assert "50" in by[("Agent", "Bob Brown")].values()
    assert by[("Period before", "2026-11-19 to 2026-11-19")]["Incoming"] == "0"
    assert sum(row["By"] == "Hour" for row in found) == 24
    async with database.begin() as session:
        [entry] = await AuditLog(session, cast.a.id).page(AuditFilter(action="watching.exported_dashboard"))
    assert (entry.actor_id, details_of(entry)["as"]) == (cast.sam.id, "csv")


async def test_the_pdf_is_the_organisations_own_and_is_audited(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    await log(database, cast.a.id, answered(cast.bob, cast.number))
    sam = await browser().sign_in(cast.sam)
    async with sam.http.get(f"/dashboard.pdf{DAY}") as answer:
        assert answer.content_type == "application/pdf"
        assert answer.headers["Content-Disposition"].endswith('.pdf"')
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(await answer.read())).pages)
    assert "Acacia Clinic" in text
    assert "Bob Brown" in text
    async with database.begin() as session:
        [entry] = await AuditLog(session, cast.a.id).page(AuditFilter(action="watching.exported_dashboard"))
    assert (entry.actor_id, details_of(entry)["as"]) == (cast.sam.id, "pdf")
