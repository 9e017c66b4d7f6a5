"""A sign-in link opened by a mail scanner, in another browser, over somebody's sign-in, or mangled on its way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from yarl import URL

from db.engine import Database
from db.models import Member
from db.queries.sign_in import sign_in_links
from sandbox.mail import Mailbox
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site

pytestmark = pytest.mark.usefixtures("postman")

Browsers = Callable[[], Browser]
Post = tuple[Mailbox, int]


async def _link(database: Database, member: Member) -> str:
    async with database.begin() as session:
        return f"/sign-in/{await sign_in_links.create(session, member.id, b'test')}"


async def test_a_scanner_uses_no_link_up(cast: Cast, browser: Browsers, database: Database) -> None:
    link = await _link(database, cast.bob)
    page = await browser().get(link)
    assert page.status == 200
    assert "Set-Cookie" not in page.headers
    assert cast.bob.email in await page.text()
    assert (await browser().post(link)).status == 303


async def test_where_it_was_asked_for_a_link_needs_no_button(
    cast: Cast, browser: Browsers, outbox: Post, site: Site
) -> None:
    bob = browser()
    await bob.post("/sign-in", data={"email": cast.bob.email})
    link = (await outbox[0].letter_to(cast.bob.email)).links[0].removeprefix(site.url)
    other = browser()
    await other.post("/sign-in", data={"email": cast.dana.email})  # asked for another one
    assert (await other.get(link)).status == 200
    assert (await bob.get(link)).status == 303


async def test_anothers_link_replaces_no_sign_in_unasked(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    alice = await browser().sign_in(cast.alice)
    link = await _link(database, cast.charlie)
    page = await alice.get(link)
    assert page.status == 200
    assert 'role="alert"' in await page.text()
    csrf, alice.csrf = alice.csrf, ""
    assert (await alice.post(link)).status == 403  # another site's form has no token of hers
    assert "Alice Ashby" in await (await alice.get("/console")).text()
    alice.csrf = csrf
    assert (await alice.post(link)).status == 303
    assert "Charlie Cho" in await (await alice.get("/console")).text()


async def test_a_sign_in_that_was_replaced_is_over(cast: Cast, browser: Browsers, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    (cookie,) = list(alice.http.cookie_jar)
    await alice.post(await _link(database, cast.charlie))
    copied = browser()
    copied.http.cookie_jar.update_cookies({cookie.key: cookie.value})
    assert (await copied.get("/console")).status == 303


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
)
async def test_another_site_presses_no_button(
    cast: Cast, browser: Browsers, database: Database, headers: dict[str, str]
) -> None:
    link = await _link(database, cast.bob)
    assert (await browser().post(link, headers=headers)).status == 403
    assert (await browser().post(link, headers={"Sec-Fetch-Site": "same-origin"})).status == 303


@pytest.mark.parametrize("around", ["{}.", "{})", "{}>", "{}=", "{}%0A", "{}%E2%80%8B", "%20{}", "half%0D%0A{}"])
async def test_what_mail_programs_add_is_no_part_of_a_link(
    cast: Cast, browser: Browsers, database: Database, around: str
) -> None:
    token = (await _link(database, cast.bob)).rpartition("/")[2]
    mangled = f"{token[:9]}%0D%0A{token[9:]}" if around.startswith("half") else around.format(token)
    one = browser()
    async with one.http.post(URL(f"/sign-in/{mangled}", encoded=True), allow_redirects=False) as page:
        assert page.status == 303


# -- ending ------------------------------------------------------------------------------------------------------


async def test_using_a_link_and_signing_out_end_the_other_links(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    used, other, danas = [await _link(database, each) for each in (cast.bob, cast.bob, cast.dana)]
    bob = browser()
    assert (await bob.post(used)).status == 303
    assert (await browser().post(other)).status == 410
    bob = await browser().sign_in(cast.bob)
    later = await _link(database, cast.bob)
    assert (await bob.post("/sign-out")).status == 303
    assert (await browser().post(later)).status == 410
    assert (await browser().post(danas)).status == 303
