"""Signing up: a mail proves the address, a button founds the organisation, and nobody learns who is a member."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select
from yarl import URL

from db.engine import Database
from db.models import Member, Organisation
from db.queries import members
from db.queries.audit import AuditFilter, AuditLog
from sandbox.mail import Mailbox
from tests.kit.web.cast import Cast
from tests.kit.web.postman import all_sent
from tests.kit.web.site import Browser, Site
from web.config import Settings
from web.people.sign_up_link import LIFETIME_SECONDS, SignUp, seal
from web.request import limits

pytestmark = pytest.mark.usefixtures("postman")

Browsers = Callable[[], Browser]
Post = tuple[Mailbox, int]
NORA = {"organisation": "Numbat Nursery", "name": "Nora North", "email": "nora@numbat.example", "seats": "4"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Something is sold here."""
    return settings.model_copy(update={"stripe_secret_key": SecretStr("sk_test_1"), "stripe_price_id": "price_1"})


async def _mailed(browser: Browsers, outbox: Post, site: Site, **typed: str) -> str:
    """The path of the link that came by mail."""
    form = NORA | typed
    assert (await browser().post("/sign-up", data=form)).status == 200
    letter = await outbox[0].letter_to(form["email"])
    (link,) = letter.links
    assert link.startswith(f"{site.url}/sign-up/")
    return link.removeprefix(site.url)


async def _organisations(database: Database) -> int:
    async with database.begin() as session:
        return await session.scalar(select(func.count()).select_from(Organisation)) or 0


def _sealed(settings: Settings, age: int = 0, **typed: str) -> str:
    who = SignUp(NORA["organisation"], NORA["name"], typed.get("email", NORA["email"]), 4)
    return f"/sign-up/{seal(who, settings.session_secret.get_secret_value(), int(time.time()) - age)}"


async def test_from_the_form_to_payment(browser: Browsers, outbox: Post, site: Site, database: Database) -> None:
    link = await _mailed(browser, outbox, site)
    nora = browser()
    page = await nora.get(link)
    text = await page.text()
    assert page.status == 200
    assert all(value in text for value in NORA.values())
    assert await _organisations(database) == 0
    begun = await nora.post(link)
    assert (begun.status, begun.headers["Location"]) == (303, "/checkout?seats=4")
    assert (await nora.get("/onboarding")).status == 200  # signed in, as one who may run it
    async with database.begin() as session:
        owner = await members.by_email(session, NORA["email"])
        assert owner is not None
        assert (owner.name, owner.role, owner.available) == ("Nora North", "owner", False)
        assert (owner.organisation.name, owner.organisation.status) == ("Numbat Nursery", "incomplete")
        (entry,) = await AuditLog(session, owner.organisation_id).page(AuditFilter())
        assert (entry.action, entry.actor_id) == ("organisation.founded", owner.id)


async def test_a_look_at_the_link_founds_nothing(browser: Browsers, database: Database, settings: Settings) -> None:
    link = _sealed(settings)
    scanner = browser()
    async with scanner.http.head(link) as answer:
        assert answer.status == 200
    page = await scanner.get(link)
    assert "Set-Cookie" not in page.headers
    assert (await page.text()).count("<form") == 1
    assert await _organisations(database) == 0


async def test_a_link_works_once_in_effect(browser: Browsers, database: Database, settings: Settings) -> None:
    link = _sealed(settings)
    assert (await browser().post(link)).status == 303
    again = await browser().post(link)
    assert again.status == 410
    assert "Set-Cookie" not in again.headers
    assert NORA["email"] in await again.text()  # ready to ask for a sign-in link
    assert await _organisations(database) == 1


async def test_of_two_at_once_one_founds(browser: Browsers, database: Database, settings: Settings) -> None:
    link = _sealed(settings)
    async with asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(browser().post(link)) for _ in range(4)]
    assert sorted(answer.result().status for answer in answers) == [303, 410, 410, 410]
    assert await _organisations(database) == 1


async def test_a_link_runs_out(browser: Browsers, database: Database, settings: Settings) -> None:
    assert (await browser().get(_sealed(settings, LIFETIME_SECONDS - 60))).status == 200
    late = _sealed(settings, LIFETIME_SECONDS + 60)
    assert (await browser().get(late)).status == 410
    assert (await browser().post(late)).status == 410
    assert await _organisations(database) == 0


@pytest.mark.parametrize("token", ["", "x", "%00", "%ff", "%ed%a0%80", "a" * 5000, "%F0%9F%A6%98", "gAAAAA=="])
async def test_a_link_that_is_no_link_is_one_that_no_longer_works(browser: Browsers, token: str) -> None:
    one = browser()
    path = URL(f"/sign-up/{token}", encoded=True)
    for method in ("GET", "POST"):
        async with one.http.request(method, path, allow_redirects=False) as page:
            assert page.status in (404, 410)


async def test_a_member_gets_the_same_answer_and_a_sign_in_link(
    cast: Cast, browser: Browsers, outbox: Post, site: Site, database: Database
) -> None:
    stranger = await browser().post("/sign-up", data=NORA)
    member = await browser().post("/sign-up", data=NORA | {"email": "Alice@acacia.example"})
    assert stranger.status == member.status == 200
    assert (await member.text()).replace("Alice@acacia.example", NORA["email"]) == await stranger.text()
    assert member.headers.keys() == stranger.headers.keys()
    letter = await outbox[0].letter_to("alice@acacia.example")
    assert letter.links[0].startswith(f"{site.url}/sign-in/")
    assert (await browser().post(letter.links[0].removeprefix(site.url))).status == 303
    assert await _organisations(database) == 2


async def test_the_mail_says_nothing_that_was_typed(browser: Browsers, outbox: Post, site: Site) -> None:
    """Or anybody could send strangers whatever they like, in our name."""
    await _mailed(browser, outbox, site, organisation="Cheap pills at pills.example", name="pills.example")
    (letter,) = outbox[0].letters
    assert "pills" not in letter.text + letter.subject


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("organisation", ""),
        ("organisation", "  "),
        ("organisation", "x" * 81),
        ("name", ""),
        ("name", "\u200b\ufeff"),
        ("email", "nora"),
        ("email", "nora@numbat.example\r\nBcc: x@y.example"),
        ("seats", ""),
        ("seats", "0"),
        ("seats", "501"),
        ("seats", "2.5"),
        ("seats", "-1"),
        ("seats", "９"),
        ("seats", "9" * 5000),
    ],
)
async def test_a_slip_is_shown_beside_its_field(browser: Browsers, outbox: Post, field: str, typed: str) -> None:
    page = await browser().post("/sign-up", data=NORA | {field: typed})
    text = await page.text()
    assert page.status == 400
    assert 'role="alert"' in text
    assert f'aria-describedby="{field}-note"' in text
    assert re.findall(r'class="wrong" id="(\w+)-note"', text) == [field]
    kept = [value for name, value in NORA.items() if name != field]
    assert all(f'value="{value}"' in text for value in kept)
    assert not outbox[0].letters


@pytest.mark.parametrize("body", [b"\xff\xfe", b"email=%ff%00", b""])
async def test_a_body_that_is_no_form_is_refused(browser: Browsers, body: bytes) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await browser().post("/sign-up", data=body, headers=kind)).status == 400


async def test_what_was_typed_is_only_ever_text(browser: Browsers, settings: Settings) -> None:
    name = '"><script>alert(1)</script>'
    page = await browser().post("/sign-up", data=NORA | {"organisation": name, "seats": "0"})
    assert "<script>alert" not in await page.text()


async def test_an_address_gets_one_mail_a_minute_and_is_never_locked(
    browser: Browsers, outbox: Post, site: Site
) -> None:
    for email in (NORA["email"], "NORA@numbat.example", "nora@NUMBAT.example") * 3:
        assert (await browser().post("/sign-up", data=NORA | {"email": email})).status == 200
    await all_sent(site)
    assert len(outbox[0].letters) == 1


async def test_one_network_is_limited(browser: Browsers) -> None:
    one = browser()
    answers = [
        await one.post("/sign-up", data=NORA | {"email": f"no-{number}@numbat.example"})
        for number in range(limits.SIGN_UP_NETWORK.count + 1)
    ]
    assert [answer.status for answer in answers] == [200] * limits.SIGN_UP_NETWORK.count + [429]


async def test_links_are_not_tried_for_ever(browser: Browsers) -> None:
    one = browser()
    answers = [await one.post("/sign-up/guess") for _ in range(limits.DEAD_LINKS.count + 1)]
    assert {answer.status for answer in answers[:-1]} == {410}
    assert answers[-1].status == 429
    assert "Retry-After" in answers[-1].headers


async def test_who_is_signed_in_is_asked_first(
    cast: Cast, browser: Browsers, database: Database, settings: Settings
) -> None:
    alice, link = await browser().sign_in(cast.alice), _sealed(settings)
    assert 'role="alert"' in await (await alice.get(link)).text()
    csrf, alice.csrf = alice.csrf, ""
    assert (await alice.post(link)).status == 403
    assert await _organisations(database) == 2  # hers and Charlie's
    alice.csrf = csrf
    assert (await alice.post(link)).status == 303


def test_a_link_ends_in_nothing_that_mail_programs_cut(settings: Settings) -> None:
    for extra in range(8):
        token = _sealed(settings, extra).rpartition("/")[2]
        assert re.fullmatch("[A-Za-z0-9_-]+", token)


async def test_another_site_cannot_sign_anybody_up(browser: Browsers, settings: Settings, outbox: Post) -> None:
    for path in ("/sign-up", _sealed(settings)):
        page = await browser().post(path, data=NORA, headers={"Sec-Fetch-Site": "cross-site"})
        assert page.status == 403
    assert not outbox[0].letters


async def test_who_is_signed_in_goes_on_instead(cast: Cast, browser: Browsers) -> None:
    alice, bob = await browser().sign_in(cast.alice), await browser().sign_in(cast.bob)
    assert (await alice.get("/sign-up?seats=7")).headers["Location"] == "/checkout?seats=7"
    assert (await bob.get("/sign-up?seats=7")).headers["Location"] == "/console"
    assert 'action="/checkout"' in await (await alice.get("/pricing")).text()


async def test_the_price_page_leads_to_the_form(browser: Browsers) -> None:
    one = browser()
    pricing = await (await one.get("/pricing")).text()
    assert 'action="/sign-up"' in pricing
    assert 'href="/sign-up"' in await (await one.get("/")).text()
    for asked, seats in {"?seats=12": "12", "?seats=0": "3", "?seats=many": "3", "": "3"}.items():
        assert f'value="{seats}"' in await (await one.get(f"/sign-up{asked}")).text()


async def test_a_removed_member_may_begin_anew(
    cast: Cast, browser: Browsers, outbox: Post, site: Site, database: Database
) -> None:
    async with database.begin() as session:
        await members.Members(session, cast.a.id).remove(cast.bob.id)
    link = await _mailed(browser, outbox, site, email=cast.bob.email)
    assert (await browser().post(link)).status == 303
    async with database.begin() as session:
        bobs = (await session.scalars(select(Member).where(Member.removed_at.is_(None)))).all()
    assert [each.role for each in bobs if each.email == cast.bob.email] == ["owner"]


class TestClosed:
    """Where nothing is sold."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"stripe_secret_key": SecretStr("")})

    async def test_nobody_is_led_astray(self, browser: Browsers, site: Site, outbox: Post) -> None:
        page = await browser().get("/sign-up")
        assert page.status == 200
        assert "<form" not in (await page.text()).partition("<main")[2]
        assert (await browser().post("/sign-up", data=NORA)).status == 503
        await all_sent(site)
        assert not outbox[0].letters
        assert "/sign-up" not in await (await browser().get("/pricing")).text()
