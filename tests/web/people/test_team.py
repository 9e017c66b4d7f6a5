"""The team: who is invited, to what, into how many seats; who changes and removes whom; what others may not see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import uuid4

import pytest
from sqlalchemy import select

from db.base import Role
from db.engine import Database
from db.models import Member, SignInLink
from db.queries import members
from sandbox.mail import Letter, Mailbox
from tests.kit.browser.page import page_of
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import Answer, recorded, stands
from tests.kit.web.paying_organisation import pays_for
from tests.kit.web.postman import all_sent
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser, Site
from web.people.team import INVITATIONS
from web.people.team_view import refusal

pytestmark = pytest.mark.usefixtures("postman")

Browsers = Callable[[], Browser]
Post = tuple[Mailbox, int]
ERIN = "erin@acacia.example"


async def role_of(database: Database, member: Member) -> str | None:
    """None once removed."""
    async with database.begin() as session:
        found = await members.by_id(session, member.id)
    return None if found is None else found.role


async def invite(browser: Browser, email: str = ERIN, role: str = "supervisor", name: str = "Erin Eyre") -> Answer:
    return await browser.post("/team/invite", data={"name": name, "email": email, "role": role})


async def invited(database: Database, email: str = ERIN) -> Member:
    async with database.begin() as session:
        found = await members.by_email(session, email)
    assert found is not None
    return found


def path_of(letter: Letter, site: Site) -> str:
    return letter.links[0].removeprefix(site.url)


# -- inviting ----------------------------------------------------------------------------------------------------


async def test_who_is_invited_arrives(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    alice = await browser().sign_in(cast.alice)
    answer = await invite(alice)
    erin = await invited(database)
    assert (answer.status, answer.headers["Location"]) == (303, f"/team#member-{erin.id}")
    letter = await outbox[0].letter_to(ERIN)
    for fact in (cast.alice.name, cast.a.name, "supervisor"):
        assert fact in letter.text
    row = (await alice.page("/team")).one("tr", id=f"member-{erin.id}")
    assert row["data-state"] == "invited"
    assert row.one("th").text == f"Erin Eyre {ERIN}"
    arrived = await browser().post(path_of(letter, site))
    assert (arrived.status, arrived.headers["Location"]) == (303, "/console")
    assert (await alice.page("/team")).one("tr", id=f"member-{erin.id}")["data-state"] == "member"
    details = {"member": "Erin Eyre", "email": ERIN, "role": "supervisor"}
    assert await recorded(database, cast.a, "member.invited") == [details]


async def test_an_invitation_sent_again_voids_the_first(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    alice = await browser().sign_in(cast.alice)
    await invite(alice)
    first = await outbox[0].letter_to(ERIN)
    erin = await invited(database)
    assert (await alice.post(f"/team/{erin.id}/invite")).status == 303
    await all_sent(site)
    second = outbox[0].letters[-1]
    assert path_of(first, site) != path_of(second, site)
    assert (await browser().get(path_of(first, site))).status == 410
    assert (await browser().post(path_of(second, site))).status == 303
    assert (await alice.post(f"/team/{erin.id}/invite")).status == 404  # she has arrived


async def test_a_withdrawn_invitation_opens_nothing(
    cast: Cast, browser: Browsers, database: Database, outbox: Post, site: Site
) -> None:
    alice = await browser().sign_in(cast.alice)
    await invite(alice)
    letter = await outbox[0].letter_to(ERIN)
    erin = await invited(database)
    assert (await alice.post(f"/team/{erin.id}/remove")).status == 303
    assert (await browser().get(path_of(letter, site))).status == 410
    assert (await alice.page("/team")).all(id=f"member-{erin.id}") == []
    assert await recorded(database, cast.a, "member.invitation_withdrawn")
    assert (await invite(alice)).status == 303  # a change of mind


async def test_an_invitation_holds_for_a_week(
    cast: Cast, browser: Browsers, database: Database, outbox: Post
) -> None:
    await invite(await browser().sign_in(cast.alice))
    await outbox[0].letter_to(ERIN)  # its link is made when it is written
    erin = await invited(database)
    async with database.begin() as session:
        link = (await session.scalars(select(SignInLink).where(SignInLink.member_id == erin.id))).one()
    assert timedelta(days=6) < link.expires_at - datetime.now(UTC) <= timedelta(days=7)


@pytest.mark.parametrize(
    ("name", "email", "role", "wrong"),
    [
        ("", ERIN, "agent", "name"),
        ("x" * 81, ERIN, "agent", "name"),
        ("Erin", "erin", "agent", "email"),
        ("Erin", "erin@acacia.example\r\nBcc: all@acacia.example", "agent", "email"),
        ("Erin", ERIN, "king", "role"),
        ("Erin", ERIN, "", "role"),
    ],
)
async def test_a_form_that_makes_no_sense_marks_the_field(
    cast: Cast, browser: Browsers, outbox: Post, name: str, email: str, role: str, wrong: str
) -> None:
    answer = await invite(await browser().sign_in(cast.alice), email, role, name)
    page = await page_of(answer)
    assert (answer.status, page.invalid, page.alerts) == (400, {wrong}, 1)
    assert not outbox[0].letters


async def test_an_address_is_one_members(cast: Cast, browser: Browsers) -> None:
    alice = await browser().sign_in(cast.alice)
    for email in ("BOB@acacia.example", "charlie@banksia.example"):
        answer = await invite(alice, email)
        page = await page_of(answer)
        assert (answer.status, page.invalid, page.alerts) == (409, {"email"}, 1)
        assert cast.charlie.name not in page.text


async def test_many_invitations_wait(cast: Cast, browser: Browsers, database: Database) -> None:
    await use_up(database, INVITATIONS, cast.a.id, leave=1)
    alice = await browser().sign_in(cast.alice)
    assert (await invite(alice)).status == 303
    limited = await invite(alice, "finn@acacia.example")
    assert limited.status == 429
    assert int(limited.headers["Retry-After"]) > 0
    assert (await page_of(limited)).fields["email"] == "finn@acacia.example"


# -- seats -------------------------------------------------------------------------------------------------------


async def test_one_agent_more_than_is_paid_for_is_refused(cast: Cast, browser: Browsers, database: Database) -> None:
    await pays_for(database, cast.a, 3)
    alice = await browser().sign_in(cast.alice)
    assert [each.text for each in (await alice.page("/team")).one(class_="seats-words").all("strong")] == ["2", "3"]
    assert (await invite(alice, role="agent")).status == 303  # takes the seat before she has come
    refused = await invite(alice, "finn@acacia.example", "agent")
    assert refused.status == 409
    problem = (await page_of(refused)).one(id="invite-problem")
    assert [link["href"] for link in problem.all("a")] == ["/billing"]
    changed = await alice.post(f"/team/{cast.sam.id}/role", data={"role": "agent"})
    assert changed.status == 409
    assert await role_of(database, cast.sam) == "supervisor"
    assert (await invite(alice, "gina@acacia.example", "supervisor")).status == 303  # needs none


async def test_two_at_once_do_not_share_the_last_seat(cast: Cast, browser: Browsers, database: Database) -> None:
    await pays_for(database, cast.a, 3)
    alice = await browser().sign_in(cast.alice)
    async with asyncio.TaskGroup() as tasks:
        sent = [tasks.create_task(invite(alice, f"agent{n}@acacia.example", "agent")) for n in range(4)]
    assert sorted(answer.result().status for answer in sent) == [303, 409, 409, 409]


async def test_before_payment_there_is_no_seat(cast: Cast, browser: Browsers, database: Database) -> None:
    await stands(database, cast.a, "incomplete")
    refused = await invite(await browser().sign_in(cast.alice), role="agent")
    assert refused.status == 409
    problem = (await page_of(refused)).one(id="invite-problem")
    assert [link["href"] for link in problem.all("a")] == ["/checkout"]


async def test_who_does_not_pay_has_no_link_to_billing(cast: Cast, browser: Browsers, database: Database) -> None:
    await pays_for(database, cast.a, 2)
    alice, sam = await browser().sign_in(cast.alice), await browser().sign_in(cast.sam)
    await alice.post(f"/team/{cast.sam.id}/role", data={"role": "admin"})
    refused = await invite(sam, role="agent")
    page = await page_of(refused)
    assert (refused.status, page.alerts, page.one(id="invite-problem").all("a")) == (409, 1, [])


# -- roles and removing ------------------------------------------------------------------------------------------


async def test_a_new_role_holds_at_once(cast: Cast, browser: Browsers, database: Database) -> None:
    alice, bob = await browser().sign_in(cast.alice), await browser().sign_in(cast.bob)
    assert (await alice.post(f"/team/{cast.bob.id}/role", data={"role": "admin"})).status == 303
    assert (await bob.get("/team")).status == 200
    details = {"member": "Bob Brown", "from": "agent", "to": "admin"}
    assert await recorded(database, cast.a, "member.role_changed") == [details]
    assert (await alice.post(f"/team/{cast.bob.id}/role", data={"role": "king"})).status == 400


async def test_who_is_removed_is_out(cast: Cast, browser: Browsers, database: Database) -> None:
    alice, bob = await browser().sign_in(cast.alice), await browser().sign_in(cast.bob)
    assert (await alice.post(f"/team/{cast.bob.id}/remove")).status == 303
    assert (await bob.get("/console")).status == 303
    assert (await bob.post("/console/ticket")).status == 401
    assert (await alice.page("/team")).all(id=f"member-{cast.bob.id}") == []
    assert await recorded(database, cast.a, "member.removed") == [{"member": "Bob Brown", "role": "agent"}]
    assert (await alice.post(f"/team/{cast.bob.id}/remove")).status == 404


async def test_the_last_owner_stays(cast: Cast, browser: Browsers, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    for path, sent in (("remove", {}), ("role", {"role": "admin"})):
        answer = await alice.post(f"/team/{cast.alice.id}/{path}", data=sent)
        assert (answer.status, (await page_of(answer)).one(role="alert")["id"]) == (400, f"problem-{cast.alice.id}")
    assert await role_of(database, cast.alice) == "owner"


async def test_two_owners_do_not_remove_each_other(cast: Cast, browser: Browsers, database: Database) -> None:
    alice, sam = await browser().sign_in(cast.alice), await browser().sign_in(cast.sam)
    await alice.post(f"/team/{cast.sam.id}/role", data={"role": "owner"})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(alice.post(f"/team/{cast.sam.id}/remove"))
        tasks.create_task(sam.post(f"/team/{cast.alice.id}/remove"))
    roles = [await role_of(database, cast.alice), await role_of(database, cast.sam)]
    assert sorted(roles, key=str) == [None, "owner"]


async def test_an_admin_does_not_touch_owners(cast: Cast, browser: Browsers, database: Database) -> None:
    alice, sam = await browser().sign_in(cast.alice), await browser().sign_in(cast.sam)
    await alice.post(f"/team/{cast.sam.id}/role", data={"role": "admin"})
    await alice.post(f"/team/{cast.dana.id}/role", data={"role": "owner"})
    assert (await sam.post(f"/team/{cast.dana.id}/remove")).status == 400
    assert (await sam.post(f"/team/{cast.dana.id}/role", data={"role": "agent"})).status == 400
    assert (await sam.post(f"/team/{cast.bob.id}/role", data={"role": "owner"})).status == 400
    assert (await invite(sam, role="owner")).status == 400
    assert [await role_of(database, each) for each in (cast.dana, cast.bob)] == ["owner", "agent"]


def test_nobody_makes_or_breaks_above_themselves() -> None:
    """Every pair of roles: what an admin may give and take is never an owner's."""
    team_of = {role: Member(id=uuid4(), role=role) for role in get_args(Role)}
    for role, member in team_of.items():
        other = Member(id=uuid4(), role=role)
        assert not refusal(team_of["owner"], other, 2, "agent")
        assert bool(refusal(team_of["admin"], other, 2, None)) == (role == "owner")
        assert refusal(team_of["admin"], other, 2, "owner")
        assert refusal(member, member, 2, "agent")


# -- whose it is -------------------------------------------------------------------------------------------------


async def test_charlie_sees_and_changes_nothing(cast: Cast, browser: Browsers, database: Database) -> None:
    await invite(await browser().sign_in(cast.alice))
    erin = await invited(database)
    charlie = await browser().sign_in(cast.charlie)
    page = await charlie.page("/team")
    assert [row["id"] for row in page.all("tr", class_="member")] == [f"member-{cast.charlie.id}"]
    assert "acacia" not in page.text.casefold()
    for member in (cast.bob, cast.alice, erin):
        assert (await charlie.post(f"/team/{member.id}/remove")).status == 404
        assert (await charlie.post(f"/team/{member.id}/role", data={"role": "admin"})).status == 404
        assert (await charlie.post(f"/team/{member.id}/invite")).status == 404
    assert await role_of(database, cast.bob) == "agent"
    assert (await charlie.post("/team/nobody/remove")).status == 404


async def test_only_who_runs_the_organisation_may(cast: Cast, browser: Browsers, database: Database) -> None:
    for member in (cast.sam, cast.bob):
        page = await browser().sign_in(member)
        assert (await page.get("/team")).status == 403
        assert (await invite(page)).status == 403
        assert (await page.post(f"/team/{cast.dana.id}/remove")).status == 403
    alice = await browser().sign_in(cast.alice)
    alice.csrf = "0" * 64
    assert (await invite(alice)).status == 403
    assert await role_of(database, cast.dana) == "agent"
