"""The demo organisation is made once, and its links are links like any other."""

from __future__ import annotations

from sqlalchemy import func, select

from db.engine import Database
from db.models import Member, Organisation
from db.queries import organisations
from db.queries.members import by_email
from db.queries.sign_in import sign_in_links
from sandbox.demo_organisation import DETAILS, MEMBERS, ORGANISATION, STAND_IN, invitations, invite_stand_in, seed
from web.organisation import details as organisation_details


async def test_is_made_once(database: Database) -> None:
    for _ in range(2):
        await seed(database)
    async with database.begin() as session:
        counts = [await session.scalar(select(func.count()).select_from(table)) for table in (Organisation, Member)]
    assert counts == [1, len(MEMBERS) + 1], "and who stands in for them"


async def test_is_a_business_that_the_product_would_take(database: Database) -> None:
    owner = await seed(database)
    async with database.begin() as session:
        organisation = await organisations.find(session, owner.organisation_id)
    assert organisation is not None
    assert (organisation.name, organisation.status) == (ORGANISATION, "incomplete"), "until it has paid"
    details = organisation_details.read_details({"name": ORGANISATION, **DETAILS})
    assert (organisation_details.problems(details), details.is_complete) == ({}, True)
    assert organisation.consent_prompt == "", "ours, read and kept"


async def test_what_people_have_changed_stays(database: Database) -> None:
    owner = await seed(database)
    changed = "Red Gum Pty Ltd", "This call is written down."
    async with database.begin() as session:
        organisation = await organisations.find(session, owner.organisation_id)
        assert organisation is not None
        organisation.legal_name, organisation.consent_prompt = changed
    await seed(database)
    async with database.begin() as session:
        organisation = await organisations.find(session, owner.organisation_id)
    assert organisation is not None
    assert (organisation.legal_name, organisation.consent_prompt) == changed


async def test_who_stands_in_is_invited_apart(database: Database) -> None:
    await seed(database)
    link = await invite_stand_in(database, "http://web")
    async with database.begin() as session:
        agent = await by_email(session, STAND_IN)
        assert agent is not None
        assert await sign_in_links.use(session, link.removeprefix("http://web/sign-in/")) == agent.id


async def test_links_are_fresh_and_work_once(database: Database) -> None:
    await seed(database)
    first, second = await invitations(database, "http://web"), await invitations(database, "http://web")
    assert [invitation.role for invitation in first] == ["owner", "supervisor", "agent", "agent"]
    links = [invitation.link for invitation in (*first, *second)]
    assert len(set(links)) == 8
    async with database.begin() as session:
        token = links[0].removeprefix("http://web/sign-in/")
        assert await sign_in_links.use(session, token) is not None
        assert await sign_in_links.use(session, token) is None
