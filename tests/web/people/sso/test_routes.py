"""To the provider and back: whom it vouches for is signed in; whatever is wrong with its answer, nobody is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import IdentityRequest, Member, Organisation
from db.queries import members
from db.queries.billing import subscriptions
from db.queries.members import Members
from db.queries.sign_in import sign_in_links
from sandbox.identity.emulator import Identity
from sandbox.identity.people import Person
from sandbox.mail import Mailbox
from tests.kit.browser.page import page_of
from tests.kit.sign_in.authenticator import enrolled
from tests.kit.sign_in.provider_site import (
    ALICE,
    BOB,
    ERIN,
    OUTSIDER,
    SAM,
    UNVERIFIED,
    go,
    pick,
    provider_at,
    there_and_back,
    use,
)
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.postman import all_sent
from tests.kit.web.site import Browser, Site

Browsers = Callable[[], Browser]
Post = tuple[Mailbox, int]
GROUPS = {"role_claim": "groups", "role_values": {"admin": "bilby-admins", "supervisor": "bilby-watchers"}}


async def is_signed_in(browser: Browser) -> bool:
    return (await browser.get("/account")).status == 200


async def refused(browser: Browser, organisation: Organisation, person: Person | None, status: int = 403) -> str:
    """Go there and back, and be refused: why."""
    answer = await there_and_back(browser, organisation, person)
    assert answer.status == status
    assert not await is_signed_in(browser)
    return (await page_of(answer)).one(class_="card")["data-why"]


async def member_of(database: Database, email: str) -> Member | None:
    async with database.begin() as session:
        return await members.by_email(session, email)


async def test_a_member_is_signed_in(cast: Cast, browser: Browsers, database: Database, provider: Identity) -> None:
    await use(database, cast.a, provider)
    bob = browser()
    answer = await there_and_back(bob, cast.a, BOB)
    assert (answer.status, answer.headers["Location"]) == (303, "/console")
    assert "Bob Brown" in await (await bob.get("/account")).text()
    assert await recorded(database, cast.a, "member.signed_in") == [{"by": "single sign-on"}]


async def test_it_signs_in_at_a_provider_that_takes_the_secret_in_a_header(
    cast: Cast, browser: Browsers, database: Database, site: Site, free_port: Callable[[], int]
) -> None:
    async with provider_at(site, free_port, auth_method="client_secret_basic") as provider:
        await use(database, cast.a, provider)
        assert (await there_and_back(browser(), cast.a, BOB)).status == 303


async def test_it_asks_for_what_a_thin_token_lacks(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider)
    provider.server.faults.thin = True
    bob = browser()
    assert (await there_and_back(bob, cast.a, BOB)).status == 303
    assert await is_signed_in(bob)
    assert provider.asked[-1] == "/userinfo"


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": ["another"]},
        {"aud": ["bilby", "another"]},
        {"azp": "another"},
        {"iss": "https://login.evil.example"},
        {"exp": int(time.time()) - 3600},
        {"exp": "soon"},
        {"iat": int(time.time()) + 3600},
        {"at_hash": "another"},
        {"sub": None},
    ],
)
async def test_a_wrong_claim_lets_nobody_in(
    cast: Cast, browser: Browsers, database: Database, provider: Identity, claims: dict[str, Any]
) -> None:
    await use(database, cast.a, provider)
    provider.server.faults.claims = claims
    assert await refused(browser(), cast.a, BOB) == "bad_claim"
    assert len(await recorded(database, cast.a, "single_sign_on.failed")) == 1


async def test_a_forged_signature_lets_nobody_in(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider)
    provider.server.faults.signs_with_another_key = True
    assert await refused(browser(), cast.a, BOB) == "bad_signature"


async def test_keys_may_change_between_two_sign_ins_and_within_one(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider)
    assert (await there_and_back(browser(), cast.a, BOB)).status == 303
    provider.server.rotate()
    bob = browser()
    there = await go(bob, cast.a)
    provider.server.rotate()
    assert (await bob.get(await pick(there, BOB))).status == 303
    assert await is_signed_in(bob)


@pytest.mark.parametrize(
    ("person", "claims", "why"),
    [
        (UNVERIFIED, {}, "unverified_email"),
        (BOB, {"email_verified": None}, "unverified_email"),
        (OUTSIDER, {}, "other_domain"),
        (BOB, {"email": "bob@acacia.example.evil.example"}, "other_domain"),
        (BOB, {"email": "bob"}, "no_email"),
        (BOB, {"email": "bob@acacia.example\nx"}, "no_email"),
        (None, {}, "refused"),
    ],
)
async def test_whom_it_does_not_vouch_for_is_refused(
    cast: Cast,
    browser: Browsers,
    database: Database,
    provider: Identity,
    person: Person | None,
    claims: dict[str, Any],
    why: str,
) -> None:
    await use(database, cast.a, provider)
    provider.server.faults.claims = claims
    assert await refused(browser(), cast.a, person) == why


async def test_another_organisations_member_is_not_signed_in_by_ours(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider, domains=["acacia.example", "banksia.example"])
    assert await refused(browser(), cast.a, OUTSIDER) == "address_taken"


async def test_it_comes_back_once(cast: Cast, browser: Browsers, database: Database, provider: Identity) -> None:
    await use(database, cast.a, provider)
    bob = browser()
    back = await pick(await go(bob, cast.a), BOB)
    mark = "; ".join(f"{each.key}={each.value}" for each in bob.http.cookie_jar)
    assert (await bob.get(back)).status == 303
    assert (await browser().get(back, headers={"Cookie": mark})).status == 410


async def test_another_browser_is_not_signed_in_by_ones_return(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider)
    bob, sam = browser(), browser()
    back = await pick(await go(bob, cast.a), BOB)
    await go(sam, cast.a)
    assert (await sam.get(back)).status == 410
    assert not await is_signed_in(sam)
    assert (await bob.get(back)).status == 303  # and Bob's own is not used up by it


@pytest.mark.parametrize("query", ["", "?state=", "?state=x&code=y", "?code=y", "?error=access_denied", "?state=%00"])
async def test_who_never_went_does_not_come_back(
    cast: Cast, browser: Browsers, database: Database, provider: Identity, query: str
) -> None:
    await use(database, cast.a, provider)
    bob = browser()
    await go(bob, cast.a)
    assert (await bob.get(f"/sso/return{query}")).status == 410


async def test_an_answer_of_another_provider_is_refused(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider)
    bob = browser()
    back = await pick(await go(bob, cast.a), BOB)
    without = back.partition("&iss=")[0]
    answer = await bob.get(f"{without}&iss=https://login.evil.example")
    assert answer.status == 403
    assert (await page_of(answer)).one(class_="card")["data-why"] == "another_issuer"
    again = await pick(await go(bob, cast.a), BOB)
    assert (await bob.get(again.partition("&iss=")[0])).status == 403  # it says that it names itself, and does not


async def test_a_provider_that_is_down_is_said_to_be(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider)
    bob = browser()
    back = await pick(await go(bob, cast.a), BOB)
    provider.server.faults.status = 503
    for path in (back, f"/sso/{cast.a.id}"):
        answer = await bob.get(path)
        assert answer.status == 502
        page = await page_of(answer)
        assert page.one(class_="card")["data-why"] == "unreachable"
        assert page.all("a", href="/sign-in")  # the mailed link is another way
    provider.server.faults.status = 200
    assert (await there_and_back(bob, cast.a, BOB)).status == 303


@pytest.mark.usefixtures("postman")
async def test_who_needs_a_mailed_link_first_is_mailed_one(
    cast: Cast, browser: Browsers, database: Database, provider: Identity, outbox: Post, site: Site
) -> None:
    await use(database, cast.a, provider)
    erin = browser()
    answer = await there_and_back(erin, cast.a, ERIN)
    assert answer.status == 200
    assert (await page_of(answer)).one(class_="card")["data-mailed"]
    assert not await is_signed_in(erin)
    letter = await outbox[0].letter_to("erin@acacia.example")
    invited = await member_of(database, ERIN.email)
    assert invited is not None
    assert (invited.organisation_id, invited.role, invited.accepted_at) == (cast.a.id, "agent", None)
    assert (await erin.post(letter.links[0].removeprefix(site.url))).status == 303
    again = browser()
    assert (await there_and_back(again, cast.a, ERIN)).status == 303  # from now on at once
    assert await is_signed_in(again)


async def test_nobody_new_gets_in_without_a_seat(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider)
    async with database.begin() as session:
        row = await subscriptions.start(session, cast.a.id)
        row.status, row.seats = "active", 2  # Bob and Dana have them
    assert await refused(browser(), cast.a, ERIN) == "no_seat"
    assert await member_of(database, ERIN.email) is None
    await use(database, cast.a, provider, other_role="supervisor")
    assert (await there_and_back(browser(), cast.a, ERIN)).status == 200


async def test_nobody_new_gets_in_before_the_first_payment_or_without_a_role(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider, other_role=None)
    assert await refused(browser(), cast.a, ERIN) == "no_role"
    async with database.begin() as session:
        (await session.merge(cast.a)).status = "incomplete"
    await use(database, cast.a, provider)
    assert await refused(browser(), cast.a, ERIN) == "not_paid"
    assert await member_of(database, ERIN.email) is None


async def test_the_provider_says_the_role(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider, **GROUPS)
    provider.server.faults.claims = {"groups": ["other", "bilby-watchers", "bilby-admins"]}
    assert (await there_and_back(browser(), cast.a, SAM)).status == 303
    sam = await member_of(database, SAM.email)
    assert sam is not None
    assert sam.role == "admin"  # of several, the one with most rights
    provider.server.faults.claims = {"groups": "bilby-watchers"}
    assert (await there_and_back(browser(), cast.a, SAM)).status == 303
    sam = await member_of(database, SAM.email)
    assert sam is not None
    assert sam.role == "supervisor"
    assert [each["to"] for each in await recorded(database, cast.a, "member.role_changed")] == [
        "supervisor",
        "admin",
    ]


async def test_without_a_role_at_the_provider_nobody_gets_in_if_so_wished(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider, **GROUPS, other_role=None)
    assert await refused(browser(), cast.a, SAM) == "no_role"


async def test_an_owner_stays_one(cast: Cast, browser: Browsers, database: Database, provider: Identity) -> None:
    await use(database, cast.a, provider, **GROUPS)
    assert (await there_and_back(browser(), cast.a, ALICE)).status == 303
    alice = await member_of(database, ALICE.email)
    assert alice is not None
    assert alice.role == "owner"


async def test_the_providers_own_factors_are_enough(
    cast: Cast, browser: Browsers, database: Database, provider: Identity
) -> None:
    await use(database, cast.a, provider)
    await enrolled(database, cast.bob)
    bob = browser()
    assert (await there_and_back(bob, cast.a, BOB)).headers["Location"] == "/console"
    assert await is_signed_in(bob)


@pytest.mark.usefixtures("postman")
async def test_where_it_is_enforced_links_let_in_owners_alone(
    cast: Cast, browser: Browsers, database: Database, provider: Identity, outbox: Post, site: Site
) -> None:
    async with database.begin() as session:
        token = await sign_in_links.create(session, cast.bob.id, b"test")
    await use(database, cast.a, provider, is_enforced=True)
    bob = browser()
    for method in (bob.get, bob.post):
        answer = await method(f"/sign-in/{token}")
        assert answer.status == 403
        assert (await page_of(answer)).one("a", class_="primary")["href"] == f"/sso/{cast.a.id}"
    assert not await is_signed_in(bob)
    await bob.post("/sign-in", data={"email": cast.bob.email})
    letter = await outbox[0].letter_to(cast.bob.email)
    assert letter.links == [f"{site.url}/sso/{cast.a.id}"]
    await browser().sign_in_by_link(cast.alice)
    await browser().sign_in_by_link(cast.charlie)  # of another organisation
    assert (await there_and_back(bob, cast.a, BOB)).status == 303
    await use(database, cast.a, provider)
    assert (await browser().post(f"/sign-in/{token}")).status == 303  # it was not used up


@pytest.mark.usefixtures("postman")
async def test_the_form_tells_nobody_whose_provider_is_enforced(
    cast: Cast, browser: Browsers, database: Database, provider: Identity, site: Site
) -> None:
    await use(database, cast.a, provider, is_enforced=True)
    known = await (await browser().post("/sign-in", data={"email": cast.bob.email})).text()
    unknown = await (await browser().post("/sign-in", data={"email": "nob@acacia.example"})).text()
    assert known.replace("bob@", "nob@") == unknown
    await all_sent(site)


async def test_signing_out_leads_to_the_providers_end(
    cast: Cast, browser: Browsers, database: Database, provider: Identity, site: Site
) -> None:
    await use(database, cast.a, provider)
    bob = await browser().sign_in(cast.bob)
    left = await bob.post("/sign-out")
    assert left.headers["Location"] == f"/sso/{cast.a.id}/signed-out"
    assert not await is_signed_in(bob)
    page = await bob.page(left.headers["Location"])
    away = await bob.get(page.one("a", href=f"/sso/{cast.a.id}/leave")["href"])
    async with bob.http.get(away.headers["Location"], allow_redirects=False) as ended:
        assert (ended.status, ended.headers["Location"]) == (302, f"{site.url}/sign-in")
    assert provider.signed_out == 1
    charlie = await browser().sign_in(cast.charlie)
    assert (await charlie.post("/sign-out")).headers["Location"] == "/sign-in"


@pytest.mark.parametrize("end", ["", "/leave", "/signed-out"])
async def test_an_organisation_without_a_provider_has_no_such_page(
    cast: Cast, browser: Browsers, database: Database, end: str
) -> None:
    for organisation in (cast.b.id, uuid4(), "x"):
        assert (await browser().get(f"/sso/{organisation}{end}")).status == 404
    async with database.begin() as session:
        assert (await session.scalars(select(IdentityRequest))).all() == []


@pytest.mark.usefixtures("postman")
async def test_who_is_invited_is_mailed_again_and_let_in_by_that_alone(
    cast: Cast, browser: Browsers, database: Database, provider: Identity, outbox: Post
) -> None:
    await use(database, cast.a, provider, is_enforced=True)
    async with database.begin() as session:
        erin = await Members(session, cast.a.id).add(
            email=ERIN.email, name=ERIN.name, role="supervisor", invited=True
        )
    answer = await there_and_back(browser(), cast.a, ERIN)
    assert answer.status == 200
    await outbox[0].letter_to(ERIN.email)
    await browser().sign_in_by_link(erin)  # the link of who is invited works, enforced or not
    assert (await there_and_back(browser(), cast.a, ERIN)).status == 303
