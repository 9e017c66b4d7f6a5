"""Invitations: not before there is money, no words of strangers, declined or accepted; leaving, signing out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import Member
from db.queries import members
from db.queries.members import AddressTakenError, Members
from db.queries.sign_in import sign_in_links
from sandbox.mail import Mailbox
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import Answer, recorded, stands
from tests.kit.web.postman import all_sent
from tests.kit.web.site import Browser, Site

pytestmark = pytest.mark.usefixtures("postman")

Browsers = Callable[[], Browser]
Post = tuple[Mailbox, int]
ERIN = "erin@eucalypt.example"


async def invite(browser: Browser, email: str = ERIN, role: str = "agent", name: str = "Erin Eyre") -> Answer:
    return await browser.post("/team/invite", data={"name": name, "email": email, "role": role})


async def link_to(outbox: Post, site: Site, email: str = ERIN) -> str:
    """The newest one that was mailed to ``email``."""
    await all_sent(site)
    mine = [letter for letter in outbox[0].letters if letter.recipients == (email,)]
    return mine[-1].links[0].removeprefix(site.url)


async def present(database: Database, email: str) -> list[Member]:
    """Members and invited people with that address, in any organisation."""
    async with database.begin() as session:
        rows = (await session.scalars(select(Member).where(Member.removed_at.is_(None)))).all()
    return sorted((row for row in rows if row.email == email), key=lambda row: row.created_at)


@pytest.mark.parametrize("role", ["admin", "supervisor", "agent"])
async def test_nobody_is_mailed_before_the_first_payment(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site, role: str
) -> None:
    await stands(database, cast.a, "incomplete")
    refused = await invite(await browser().sign_in(cast.alice), role=role)
    assert refused.status == 409
    await all_sent(site)
    assert not outbox[0].letters
    assert await present(database, ERIN) == []


async def test_a_mail_makes_no_link_of_a_name(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    name = "Win at evil.example/x, +61 255 501 234 <b>now</b>"
    await invite(await browser().sign_in(cast.alice), name=name)
    letter = await outbox[0].letter_to(ERIN)
    (erin,) = await present(database, ERIN)
    assert erin.name == name
    for part in ("evil.example", "255 501", "<b>now"):
        assert part not in letter.text
    assert {link.removeprefix(site.url).split("/")[1] for link in letter.links} == {"sign-in"}


async def test_an_invitation_says_to_what_before_it_is_accepted(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    await invite(await browser().sign_in(cast.alice))
    link, erin = await link_to(outbox, site), browser()
    page = await (await erin.get(link)).text()
    assert all(words in page for words in ("Acacia Clinic", "agent", ERIN))
    assert (await present(database, ERIN))[0].accepted_at is None
    assert (await erin.post(link)).status == 303
    assert (await present(database, ERIN))[0].accepted_at is not None
    assert (await erin.get("/console")).status == 200


async def test_an_invitation_claims_no_address(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    alice, charlie = await browser().sign_in(cast.alice), await browser().sign_in(cast.charlie)
    assert (await invite(alice)).status == 303
    first = await link_to(outbox, site)
    assert (await invite(alice)).status == 409  # once is enough here
    assert (await invite(charlie)).status == 303
    second = await link_to(outbox, site)
    erin = browser()
    assert (await erin.post(second)).status == 303
    assert "Banksia Books" in await (await erin.get("/console")).text()
    other = await browser().post(first)  # she is Charlie's now
    assert (other.status, "Set-Cookie" in other.headers) == (409, False)
    assert (await invite(await browser().sign_in(cast.sam), "erin@other.example")).status == 403


async def test_who_is_invited_may_sign_up_instead(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    async with database.begin() as session:
        await Members(session, cast.a.id).add(email=ERIN, name="Erin", role="agent", invited=True)
        await Members(session, cast.b.id).add(email=ERIN, name="Erin", role="owner")
        found = await members.by_email(session, ERIN)
    assert found is not None
    assert found.organisation_id == cast.b.id


async def test_who_is_invited_may_ask_for_another_link(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    await invite(await browser().sign_in(cast.alice))
    erin = browser()
    await erin.post("/sign-in", data={"email": ERIN})
    link = await link_to(outbox, site)
    assert (await erin.get(link)).status == 200  # accepting is always a button
    assert (await erin.post(link)).status == 303


async def test_an_invitation_can_be_declined(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    alice = await browser().sign_in(cast.alice)
    await invite(alice)
    link, erin = await link_to(outbox, site), browser()
    assert f'formaction="{link}/decline"' in await (await erin.get(link)).text()
    assert (await erin.post(f"{link}/decline", headers={"Sec-Fetch-Site": "cross-site"})).status == 403
    assert (await erin.post(f"{link}/decline")).status == 200
    assert await present(database, ERIN) == []
    assert (await erin.post(link)).status == 410
    details = {"member": "Erin Eyre", "role": "agent"}
    assert await recorded(database, cast.a, "member.declined") == [details]


async def test_a_member_declines_nothing(cast: Cast, browser: Browsers, database: Database) -> None:
    bob = browser()
    await bob.sign_in_by_link(cast.bob)
    async with database.begin() as session:
        token = await sign_in_links.create(session, cast.bob.id, b"test")
    assert (await bob.post(f"/sign-in/{token}/decline")).status == 403
    assert len(await present(database, cast.bob.email)) == 1


async def test_a_new_role_ends_the_old_invitation_and_sends_another(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    alice = await browser().sign_in(cast.alice)
    await invite(alice)
    old, (erin,) = await link_to(outbox, site), await present(database, ERIN)
    assert (await alice.post(f"/team/{erin.id}/role", data={"role": "admin"})).status == 303
    new = await link_to(outbox, site)
    assert new != old
    assert (await browser().post(old)).status == 410
    assert (await browser().post(new)).status == 303


async def test_a_new_role_ends_a_members_links(cast: Cast, browser: Browsers, database: Database) -> None:
    async with database.begin() as session:
        token = await sign_in_links.create(session, cast.bob.id, b"test")
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post(f"/team/{cast.bob.id}/role", data={"role": "admin"})).status == 303
    assert (await browser().post(f"/sign-in/{token}")).status == 410


# -- leaving, and signing out everywhere -------------------------------------------------------------------------


async def test_a_member_leaves_and_their_address_is_free(cast: Cast, browser: Browsers, database: Database) -> None:
    bob = await browser().sign_in(cast.bob)
    assert (await bob.get("/account")).status == 200
    assert (await bob.post("/account/leave")).status == 303
    assert (await bob.get("/account")).status == 303
    assert await recorded(database, cast.a, "member.left") == [{"member": "Bob Brown", "role": "agent"}]
    assert (await invite(await browser().sign_in(cast.charlie), cast.bob.email)).status == 303


async def test_the_only_owner_stays(cast: Cast, browser: Browsers, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/account/leave")).status == 409
    assert (await alice.get("/account")).status == 200
    await alice.post(f"/team/{cast.sam.id}/role", data={"role": "owner"})
    assert (await alice.post("/account/leave")).status == 303


async def test_a_member_signs_out_everywhere(cast: Cast, browser: Browsers, database: Database) -> None:
    here, there, dana = [await browser().sign_in(each) for each in (cast.bob, cast.bob, cast.dana)]
    assert (await here.post("/account/sign-out")).status == 303
    for one in (here, there):
        assert (await one.post("/console/ticket")).status == 401
    assert (await dana.get("/console")).status == 200
    again = await browser().sign_in(cast.bob)
    assert (await again.get("/console")).status == 200


async def test_an_admin_signs_a_member_out_everywhere(cast: Cast, browser: Browsers, database: Database) -> None:
    alice, bob, sam = [await browser().sign_in(each) for each in (cast.alice, cast.bob, cast.sam)]
    assert (await sam.post(f"/team/{cast.bob.id}/sign-out")).status == 403
    assert (await (await browser().sign_in(cast.charlie)).post(f"/team/{cast.bob.id}/sign-out")).status == 404
    assert (await alice.post(f"/team/{cast.bob.id}/sign-out")).status == 303
    assert (await bob.post("/console/ticket")).status == 401
    details = {"member": "Bob Brown", "role": "agent"}
    assert await recorded(database, cast.a, "member.signed_out_everywhere") == [details]
    await alice.post(f"/team/{cast.sam.id}/role", data={"role": "admin"})
    assert (await sam.post(f"/team/{cast.alice.id}/sign-out")).status == 403  # an owner


async def test_of_two_organisations_one_gets_the_address(cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        first = await Members(session, cast.a.id).add(email=ERIN, name="", role="agent", invited=True)
        second = await Members(session, cast.b.id).add(email=ERIN, name="", role="agent", invited=True)
    won = []
    for member in (second, first):
        with suppress(AddressTakenError):
            async with database.begin() as session:
                await members.accept(session, member.id)
                won.append(member.id)
    assert won == [second.id]
