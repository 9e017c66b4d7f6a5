"""The first organisation without Stripe: a command founds it, and its link signs the owner in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import AuditEntry, Member, Organisation
from db.queries.members import AddressTakenError
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site
from web.found import found

ROOT = Path(__file__).parents[2]


async def _run(site: Site, url: str, key: str, *arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "web.found",
        *arguments,
        cwd=ROOT,
        env={"DATABASE_URL": url, "ENCRYPTION_KEYS": key, "WEB_PUBLIC_URL": site.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode(), complained.decode()


async def test_the_link_signs_in_and_everything_works(
    site: Site, database: Database, database_url: str, encryption_key: str
) -> None:
    status, said, _ = await _run(site, database_url, encryption_key, "Wattle Works", "wanda@wattle.example")
    assert status == 0
    assert said.rstrip().rpartition("\n")[2].startswith(f"{site.url}/sign-in/")
    async with database.begin() as session:
        organisation = (await session.scalars(select(Organisation))).one()
        owner = (await session.scalars(select(Member))).one()
        entry = (await session.scalars(select(AuditEntry))).one()
    assert (organisation.name, organisation.status) == ("Wattle Works", "active")
    assert (owner.email, owner.role, owner.organisation_id) == ("wanda@wattle.example", "owner", organisation.id)
    assert (entry.action, entry.organisation_id, entry.actor) == ("organisation.founded", organisation.id, "Operator")


async def test_the_owner_may_sign_in_with_the_token(browser: Callable[[], Browser], database: Database) -> None:
    await found(database, name="Wattle Works", owner="Wanda", email="wanda@wattle.example")
    async with database.begin() as session:
        owner = (await session.scalars(select(Member))).one()
    assert (await (await browser().sign_in(owner)).get("/numbers")).status == 200


@pytest.mark.parametrize("arguments", [("Wattle", "no address"), ("", "wanda@wattle.example"), ("x" * 81, "a@b.au")])
async def test_what_is_wrong_is_one_line_and_exit_2(
    site: Site, database_url: str, encryption_key: str, arguments: tuple[str, str]
) -> None:
    status, said, complained = await _run(site, database_url, encryption_key, *arguments)
    assert (status, said, complained.count("\n")) == (2, "", 1)


async def test_an_address_belongs_to_one_member(cast: Cast, database: Database) -> None:
    with pytest.raises(AddressTakenError):
        await found(database, name="Wattle", owner="Bob", email=cast.bob.email.upper())
    async with database.begin() as session:
        assert len((await session.scalars(select(Organisation))).all()) == 2
