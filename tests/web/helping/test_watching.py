"""Who watched whom is written down before they can; the notice says what may be watched, and who has read it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import Member
from db.queries.audit import AuditFilter, AuditLog, details_of
from protocol.tickets import verify_reading
from tests.kit.web.cast import Cast
from tests.kit.web.phones import JSON
from tests.kit.web.site import Browser, Site
from web.config import SETTINGS

Browsers = Callable[[], Browser]
SID = "CA" + "5" * 32


async def watched(database: Database, cast: Cast) -> list[tuple[str, str]]:
    async with database.begin() as session:
        entries = await AuditLog(session, cast.a.id).page(AuditFilter(action="watching"))
    return [(each.actor, each.action.partition(".")[2]) for each in reversed(entries)]


async def test_a_transcript_opens_once_it_is_written_down(
    browser: Browsers, cast: Cast, database: Database, site: Site
) -> None:
    sam = await browser().sign_in(cast.sam)
    for _ in range(2):
        answer = await sam.post(f"/helping/{SID}/read", json={}, headers=JSON)
        ticket = verify_reading(
            site.app[SETTINGS].stream_shared_secret.get_secret_value(), (await answer.json())["ticket"]
        )
        assert (ticket.org, ticket.sub, ticket.call) == (str(cast.a.id), str(cast.sam.id), SID)
        assert (ticket.name, ticket.shown) == ("Sam Singh", True)
    assert await watched(database, cast) == [("Sam Singh", "opened_transcript")]
    await sam.post(f"/helping/CA{'6' * 32}/read", json={}, headers=JSON)
    assert len(await watched(database, cast)) == 2


async def test_the_entry_names_whose_call_it_is_and_nothing_that_was_said(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    sam = await browser().sign_in(cast.sam)
    await sam.post(f"/helping/{SID}/read", json={}, headers=JSON)
    async with database.begin() as session:
        [entry] = await AuditLog(session, cast.a.id).page(AuditFilter(action="watching.opened_transcript"))
    assert details_of(entry).keys() <= {"call", "agent"}


@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("sam", 200), ("alice", 200)])
async def test_supervisors_may_read(browser: Browsers, cast: Cast, who: str, status: int) -> None:
    mine = await browser().sign_in(getattr(cast, who))
    assert (await mine.post(f"/helping/{SID}/read", json={}, headers=JSON)).status == status


async def test_no_ticket_for_everybodys_words_without_an_entry(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    sam, bob = await browser().sign_in(cast.sam), await browser().sign_in(cast.bob)
    for mine in (sam, sam, bob):
        assert (await mine.post("/console/ticket", json={}, headers=JSON)).status == 200
    assert await watched(database, cast) == [("Sam Singh", "opened_live_calls")]


async def test_exports_are_written_down(browser: Browsers, cast: Cast, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    for path in ("/calls.csv", "/audit.csv"):
        assert (await alice.get(path)).status == 200
    assert await watched(database, cast) == [
        ("Alice Ashby", "exported_calls"),
        ("Alice Ashby", "exported_audit_log"),
    ]
    page = await (await alice.get("/audit?what=watching")).text()
    assert page.count("watching.exported_calls") >= 1


async def test_the_notice_says_what_is_set_and_keeps_who_has_read_it(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    alice, bob = await browser().sign_in(cast.alice), await browser().sign_in(cast.bob)
    assert 'data-listening="prompt" data-shown="yes"' in await (await bob.get("/watching")).text()
    saved = await alice.post("/settings/listening", data={"csrf_token": alice.csrf, "listening": "tone"})
    assert saved.status == 303
    assert 'data-listening="tone" data-shown="no"' in await (await bob.get("/watching")).text()
    assert "confirmed-at" not in await (await bob.get("/watching")).text()
    assert (await bob.post("/watching", data={"csrf_token": bob.csrf})).status == 303
    assert "confirmed-at" in await (await bob.get("/watching")).text()
    page = await (await alice.get("/settings/listening")).text()
    assert (page.count('data-confirmed="yes"'), page.count('data-confirmed="no"')) == (1, 3)
    async with database.begin() as session:
        at = await session.scalar(select(Member.notice_confirmed_at).where(Member.id == cast.bob.id))
        [entry] = await AuditLog(session, cast.a.id).page(AuditFilter(action="listening.changed"))
    assert at is not None
    assert details_of(entry) == {"announced": "prompt → tone", "shown_to_agents": "off"}


async def test_only_admins_set_it_and_only_to_what_there_is(browser: Browsers, cast: Cast) -> None:
    alice, sam = await browser().sign_in(cast.alice), await browser().sign_in(cast.sam)
    sent = {"csrf_token": sam.csrf, "listening": "off"}
    assert (await sam.post("/settings/listening", data=sent)).status == 403
    sent = {"csrf_token": alice.csrf, "listening": "loudly"}
    assert (await alice.post("/settings/listening", data=sent)).status == 400


async def test_what_is_no_call_is_not_opened(browser: Browsers, cast: Cast, database: Database) -> None:
    sam = await browser().sign_in(cast.sam)
    assert (await sam.post("/helping/none/read", json={}, headers=JSON)).status == 404
    assert await watched(database, cast) == []
