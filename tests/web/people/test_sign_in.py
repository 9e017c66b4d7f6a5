"""Signing in by a mailed link: works once, for 15 minutes, and tells nobody who is a member."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from yarl import URL

from db.engine import Database
from db.models import Member, RateLimit, SignInLink
from db.queries.members import Members
from db.queries.sign_in import sign_in_links
from sandbox.mail import Mailbox
from tests.kit.web.cast import Cast
from tests.kit.web.postman import all_sent
from tests.kit.web.site import Browser, Site
from web.request import limits

pytestmark = pytest.mark.usefixtures("postman")

Browsers = Callable[[], Browser]
Post = tuple[Mailbox, int]


async def _link(database: Database, member: Member) -> str:
    async with database.begin() as session:
        return f"/sign-in/{await sign_in_links.create(session, member.id, b'test')}"


async def test_a_mailed_link_signs_in(cast: Cast, browser: Browsers, outbox: Post, site: Site) -> None:
    alice = browser()
    page = await alice.post("/sign-in", data={"email": " Alice@Acacia.Example "})
    assert page.status == 200
    letter = await outbox[0].letter_to("alice@acacia.example")
    assert letter.links[0].startswith(f"{site.url}/sign-in/")
    arrived = await alice.get(letter.links[0].removeprefix(site.url))
    assert (arrived.status, arrived.headers["Location"]) == (303, "/console")
    console = await alice.get("/console")
    assert console.status == 200
    assert "Alice Ashby" in await console.text()


async def test_a_link_works_once(cast: Cast, browser: Browsers, database: Database) -> None:
    link = await _link(database, cast.bob)
    assert (await browser().post(link)).status == 303
    again = await browser().post(link)
    assert again.status == 410
    assert 'action="/sign-in"' in await again.text()  # and a new one is offered


async def test_of_two_at_once_one_gets_in(cast: Cast, browser: Browsers, database: Database) -> None:
    link = await _link(database, cast.bob)
    async with asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(browser().post(link)) for _ in range(5)]
    assert sorted(answer.result().status for answer in answers) == [303, 410, 410, 410, 410]


async def test_a_link_runs_out(cast: Cast, browser: Browsers, database: Database) -> None:
    link = await _link(database, cast.bob)
    async with database.begin() as session:
        kept = (await session.scalars(select(SignInLink))).one()
        assert timedelta(minutes=14) < kept.expires_at - datetime.now(UTC) <= timedelta(minutes=15)
        await session.execute(update(SignInLink).values(expires_at=datetime.now(UTC)))
    assert (await browser().get(link)).status == 410


async def test_a_link_is_stored_hashed(cast: Cast, browser: Browsers, database: Database) -> None:
    link = await _link(database, cast.bob)
    token = link.rpartition("/")[2]
    async with database.begin() as session:
        kept = (await session.scalars(select(SignInLink))).one()
    assert len(kept.token_hash) == 32
    assert token.encode() not in kept.token_hash
    assert (await browser().get(f"/sign-in/{kept.token_hash.hex()}")).status == 410


@pytest.mark.parametrize(
    "ahead", [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Moz": "prefetch"}]
)
async def test_a_look_ahead_does_not_use_a_link_up(
    cast: Cast, browser: Browsers, database: Database, ahead: dict[str, str]
) -> None:
    link = await _link(database, cast.bob)
    assert (await browser().get(link, headers=ahead)).status == 204
    async with browser().http.head(link) as answer:
        assert answer.status == 204
        assert "Set-Cookie" not in answer.headers
    assert (await browser().post(link)).status == 303


async def test_a_stranger_gets_the_same_answer_and_no_mail(
    cast: Cast, browser: Browsers, outbox: Post, site: Site
) -> None:
    known = await browser().post("/sign-in", data={"email": "alice@acacia.example"})
    unknown = await browser().post("/sign-in", data={"email": "nobody@acacia.example"})
    assert known.status == unknown.status == 200
    text = (await known.text()).replace("alice@", "nobody@")
    assert text == await unknown.text()
    assert known.headers.keys() == unknown.headers.keys()
    await all_sent(site)
    assert [letter.recipients for letter in outbox[0].letters] == [("alice@acacia.example",)]


async def test_a_removed_member_gets_no_mail(
    cast: Cast, browser: Browsers, outbox: Post, site: Site, database: Database
) -> None:
    link = await _link(database, cast.bob)
    async with database.begin() as session:
        await Members(session, cast.a.id).remove(cast.bob.id)
    assert (await browser().post("/sign-in", data={"email": cast.bob.email})).status == 200
    await all_sent(site)
    assert not outbox[0].letters
    assert (await browser().get(link)).status == 410  # nor does a link from before help


@pytest.mark.parametrize(
    "typed",
    ["", "alice", "alice@acacia", "a@b@c.example", "a b@c.example", "a@c.example\r\nBcc: x@y.example", "<a@b.c>"],
)
async def test_what_is_no_address_is_refused(cast: Cast, browser: Browsers, typed: str, outbox: Post) -> None:
    page = await browser().post("/sign-in", data={"email": typed})
    assert page.status == 400
    assert 'role="alert"' in await page.text()
    assert not outbox[0].letters


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"email=\xff\xfe"),
        ("application/x-www-form-urlencoded; charset=klingon", b"email=a@b.example"),
        ("application/x-www-form-urlencoded", b"email=%ff%00"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=email\r\n\r\na@b"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x"),
        ("multipart/form-data", b"email=a@b.example"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\na@b.example\r\n--x--\r\n',
        ),
        ("application/json", b'{"email": "a@b.example"}'),
    ],
)
async def test_a_body_that_is_no_form_is_refused(
    cast: Cast, browser: Browsers, outbox: Post, kind: str, body: bytes
) -> None:
    page = await browser().post("/sign-in", data=body, headers={"Content-Type": kind})
    assert page.status == (415 if kind.startswith("multipart/") else 400)
    assert not outbox[0].letters


@pytest.mark.parametrize("token", ["%00", "%ff", "%ed%a0%80", "a" * 5000, "%F0%9F%A6%98"])
async def test_a_link_that_is_no_link_is_one_that_no_longer_works(cast: Cast, browser: Browsers, token: str) -> None:
    one = browser()
    async with one.http.get(URL(f"/sign-in/{token}", encoded=True), allow_redirects=False) as page:
        assert page.status in (404, 410)


async def test_an_address_gets_one_mail_a_minute_and_is_never_locked(
    cast: Cast, browser: Browsers, outbox: Post, site: Site, database: Database
) -> None:
    for typed in ("alice@acacia.example", "ALICE@acacia.example", "alice@ACACIA.example") * 3:
        assert (await browser().post("/sign-in", data={"email": typed})).status == 200
    await all_sent(site)
    assert len(outbox[0].letters) == 1
    await _let_minutes_pass(database)
    assert (await browser().post("/sign-in", data={"email": "alice@acacia.example"})).status == 200
    await all_sent(site)
    assert len(outbox[0].letters) == 2


async def test_a_call_centre_comes_in_at_nine(
    cast: Cast, browser: Browsers, outbox: Post, site: Site, database: Database
) -> None:
    """A hundred agents behind one address of their network."""
    agents = [f"agent{number}@acacia.example" for number in range(100)]
    async with database.begin() as session:
        for email in agents:
            await Members(session, cast.a.id).add(email=email, name="", role="agent")
    for email in agents:
        one = browser()
        assert (await one.post("/sign-in", data={"email": email})).status == 200
        letter = await outbox[0].letter_to(email)
        assert (await one.get(letter.links[0].removeprefix(site.url))).status == 303


async def test_strangers_count_against_their_network_and_lock_no_member_out(
    cast: Cast, browser: Browsers, outbox: Post, site: Site
) -> None:
    one, most = browser(), sign_in_links.STRANGERS.count
    for number in range(most):
        assert (await one.post("/sign-in", data={"email": f"no-{number}@acacia.example"})).status == 200
    await all_sent(site)
    stranger = await one.post("/sign-in", data={"email": "nobody@acacia.example"})
    member = await browser().post("/sign-in", data={"email": "alice@acacia.example"})
    assert stranger.status == member.status == 429  # the answer tells nobody who is a member
    assert 0 < int(stranger.headers["Retry-After"]) <= sign_in_links.STRANGERS.seconds
    letter = await outbox[0].letter_to("alice@acacia.example")  # and she gets in all the same
    assert (await browser().post(letter.links[0].removeprefix(site.url))).status == 303


async def test_dead_links_are_not_tried_for_ever_and_live_ones_open(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    one = browser()
    answers = [await one.get("/sign-in/guess") for _ in range(limits.DEAD_LINKS.count + 1)]
    assert {answer.status for answer in answers[:-1]} == {410}
    assert answers[-1].status == 429
    assert (await one.post(await _link(database, cast.bob))).status == 303


async def _let_minutes_pass(database: Database) -> None:
    async with database.begin() as session:
        await session.execute(update(RateLimit).values(expires_at=datetime.now(UTC)))


async def test_another_site_cannot_ask(cast: Cast, browser: Browsers, outbox: Post) -> None:
    page = await browser().post("/sign-in", data={"email": cast.bob.email}, headers={"Sec-Fetch-Site": "cross-site"})
    assert page.status == 403
    assert not outbox[0].letters
