"""The audit log: everything once, filters, what Stripe could not get done, and a spreadsheet that runs nothing."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.engine import Database
from db.models import AuditEntry, Member
from db.paging import PAGE
from db.queries import audit
from db.queries.audit import BILBY, STRIPE, Actor, Details
from db.queries.billing import stripe_events
from tests.kit.browser.page import page_of
from tests.kit.web.cast import Cast
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser
from web.organisation.audit import EXPORTS
from web.request.csv_export import PAGE as EXPORT_PAGE

SIGNED_IN = "member.signed_in"
Browsers = Callable[[], Browser]
MIDNIGHT = datetime(2026, 11, 19, 13, 0, tzinfo=UTC)  # in Sydney, the beginning of the 20th


async def record(
    database: Database, cast: Cast, action: str, details: Details | None = None, actor: Actor = BILBY
) -> None:
    async with database.begin() as session:
        await audit.record(session, cast.a.id, action, details, actor)


async def written(database: Database, cast: Cast, action: str, at: datetime, **values: Any) -> None:
    """An entry of another time: rows may be added as one likes, only not changed."""
    async with database.begin() as session:
        session.add(AuditEntry(organisation_id=cast.a.id, actor="Bilby", action=action, at=at, **values))


async def failed(database: Database, organisation_id: Any, event: str, error: str, times: int = 1) -> None:
    async with database.begin() as session:
        row = await stripe_events.receive(session, event, "invoice.paid", organisation_id)
        for _ in range(times - 1):
            await stripe_events.try_again(session, row)
        await stripe_events.settle(session, event, "failed", error=error)


def by(member: Member, network: str = "203.0.113.7") -> Actor:
    return Actor(member.name, member.id, network)


def whats(page: str) -> list[str]:
    """What was done, top down, but for our own signing in."""
    found = re.findall(r'<td class="what"[^>]* data-action="([^"]*)">', page)
    return [what for what in found if what != SIGNED_IN]


async def listed(browser: Browser, query: str = "") -> list[str]:
    answer = await browser.get(f"/audit{query}")
    assert answer.status == 200, await answer.text()
    return whats(await answer.text())


async def test_who_did_what_and_from_where(cast: Cast, database: Database, browser: Browsers) -> None:
    await record(database, cast, "number.released", {"number": "+61255501234", "sure": True}, by(cast.alice))
    await record(database, cast, "payment.failed", {"amount_due": 8800, "currency": "aud"}, STRIPE)
    alice = await browser().sign_in(cast.alice)
    page = await (await alice.get("/audit")).text()
    assert whats(page) == ["payment.failed", "number.released"]
    assert page.count('<span class="failure">') == 1
    assert "<dt>Number</dt><dd>(02) 5550 1234</dd>" in page
    assert "<dt>Sure</dt><dd>yes</dd>" in page
    assert "<dt>Amount due</dt><dd>A$88</dd>" in page
    assert page.count('class="outside"') == 1
    assert "203.0.113.7" not in page  # the address is not kept, only a mark of it
    assert re.search("<code>[0-9a-f]{8}</code>", page)


async def test_filters(cast: Cast, database: Database, browser: Browsers) -> None:
    await written(database, cast, "payment.failed", MIDNIGHT - timedelta(seconds=1))
    await written(database, cast, "number.ready", MIDNIGHT)
    await written(database, cast, "number.released", MIDNIGHT + timedelta(days=1), actor_id=cast.alice.id)
    await record(database, cast, "numbering.changed", None, by(cast.sam))
    alice = await browser().sign_in(cast.alice)
    numbering, released, ready, payment = "numbering.changed", "number.released", "number.ready", "payment.failed"
    assert await listed(alice) == [numbering, released, ready, payment]
    assert await listed(alice, "?from=2026-11-20&to=2026-11-20") == [ready]
    assert await listed(alice, "?to=2026-11-19") == [payment]
    assert await listed(alice, "?what=number") == [released, ready]
    assert await listed(alice, "?what=number.ready&who=") == [ready]
    assert await listed(alice, "?what=numb%25") == []
    assert await listed(alice, f"?who={cast.alice.id}") == [released]
    assert await listed(alice, "?who=outside") == [ready, payment]
    assert await listed(alice, f"?who={cast.charlie.id}") == []
    page = await (await alice.get("/audit?who=outside")).text()
    assert '<option value="outside" selected>' in page
    assert f'<option value="{cast.sam.id}">Sam Singh</option>' in page
    assert '<option value="number">' in page


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=20/11/2026", "from"),
        ("from=2026-11-21&to=2026-11-20", "to"),
        ("who=bob", "who"),
        ("what=%00", "what"),
        (f"what={'x' * 61}", "what"),
        ("before=yesterday", "before"),
        ("before=99999999999999999999_00000000-0000-0000-0000-000000000000", "before"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(cast: Cast, browser: Browsers, query: str, field: str) -> None:
    alice = await browser().sign_in(cast.alice)
    for path in ("/audit", "/audit.csv") if "before" not in query else ("/audit",):
        answer = await alice.get(f"{path}?{query}")
        assert (answer.status, (await page_of(answer)).data("field")) == (400, [field])


async def test_every_entry_stands_on_one_page(cast: Cast, database: Database, browser: Browsers) -> None:
    for n in range(2 * PAGE + 1):
        await written(database, cast, f"thing.done_{n}", MIDNIGHT)
    alice = await browser().sign_in(cast.alice)
    seen: list[Sequence[str]] = []
    path = "/audit?what=thing"
    while path:
        page = await (await alice.get(path)).text()
        seen.append(whats(page))
        older = re.search(r'href="([^"]*)" rel="next"', page)
        path = html.unescape(older[1]) if older else ""
        assert not path or "what=thing" in path
    assert [len(page) for page in seen] == [PAGE, PAGE, 1]
    assert len({what for page in seen for what in page}) == 2 * PAGE + 1


async def test_what_stripe_could_not_get_done_is_seen_with_its_error(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    await failed(database, cast.a.id, "evt_mine", "StripeError: <No such> customer", times=3)
    await failed(database, cast.b.id, "evt_foreign", "TimeoutError")
    await failed(database, None, "evt_nobodys", "TimeoutError")
    alice = await browser().sign_in(cast.alice)
    page = await (await alice.get("/audit")).text()
    assert '<section class="failed"' in page
    assert "evt_mine" in page
    assert "StripeError: &lt;No such&gt; customer" in page
    assert 'data-attempts="3"' in page
    assert "evt_foreign" not in page
    assert "evt_nobodys" not in page


async def test_where_nothing_matches_the_page_says_so(cast: Cast, browser: Browsers) -> None:
    alice = await browser().sign_in(cast.alice)
    page = await (await alice.get("/audit")).text()
    assert '<section class="failed"' not in page
    assert (await alice.page("/audit?what=number")).data("empty") == ["no-match"]


async def test_a_spreadsheet_of_all_that_matches_runs_nothing(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    evil = Actor('=HYPERLINK("http://evil.example")', cast.alice.id, "203.0.113.7")
    await record(database, cast, "member.invited", {"=cmd|' /C calc'!A0": "@SUM(1)", "role": "agent"}, evil)
    done = [f"thing.done_{n}" for n in range(EXPORT_PAGE + 1)]
    async with database.begin() as session:
        for action in done:
            await audit.record(session, cast.a.id, action, None, BILBY)
    answer = await (await browser().sign_in(cast.alice)).get("/audit.csv")
    assert answer.content_type == "text/csv"
    assert 'filename="audit.csv"' in answer.headers["Content-Disposition"]
    head, *lines = csv.reader((await answer.text()).removeprefix("\ufeff").splitlines())
    rows = [line for line in lines if line[3] != SIGNED_IN]
    assert head == ["When", "Who", "What", "Action", "Details", "From"]
    assert [row[3] for row in rows] == ["watching.exported_audit_log", *reversed(done), "member.invited"]
    assert rows[-1][1] == '\'=HYPERLINK("http://evil.example")'
    assert rows[-1][4].startswith("'=cmd|")
    assert re.fullmatch("[0-9a-f]{8}", rows[-1][5])
    assert not [cell for row in rows for cell in row if cell[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"}]


async def test_a_spreadsheet_too_often_waits(cast: Cast, browser: Browsers, database: Database) -> None:
    await use_up(database, EXPORTS, cast.a.id, leave=1)
    alice = await browser().sign_in(cast.alice)
    assert (await alice.get("/audit.csv")).status == 200
    answer = await alice.get("/audit.csv")
    assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (429, True)


async def test_others_see_nothing(cast: Cast, database: Database, browser: Browsers) -> None:
    await record(database, cast, "number.released", None, by(cast.alice))
    for member in (cast.sam, cast.bob):
        nobody = await browser().sign_in(member)
        assert (await nobody.get("/audit")).status == 403
        assert (await nobody.get("/audit.csv")).status == 403
    charlie = await browser().sign_in(cast.charlie)
    page = await (await charlie.get("/audit")).text()
    assert whats(page) == []
    assert "Alice" not in page
    assert "Alice" not in await (await charlie.get("/audit.csv")).text()
