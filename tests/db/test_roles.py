"""The role of web and provisioning is made by migrations, gets its password from DATABASE_URL, and owns nothing."""

from __future__ import annotations

import asyncio
import base64
import hmac
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text

from db import roles
from db.engine import Database, asyncpg_dsn
from db.roles import Role, RoleError, role_of, verifier
from sandbox.engines.postgres import APPLICATION

ROOT = Path(__file__).parents[2]
ROLE = 'it\'s "me"'
# RFC 7677, section 3: user "user", password "pencil", 4096 rounds; what both have said, and the server's proof.
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
_NONCE = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
MESSAGE = b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=" + _NONCE + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" + _NONCE
SIGNATURE = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest_asyncio.fixture
async def another(owners_database: Database) -> AsyncIterator[str]:
    """The name of a role that is not there yet, and is gone afterwards."""
    yield ROLE
    async with owners_database.begin() as session:
        quoted = await session.scalar(text("SELECT format('%I', CAST(:name AS text))"), {"name": ROLE})
        connection = await session.connection()
        for verb in ("DROP OWNED BY", "DROP ROLE"):
            await connection.exec_driver_sql(f"{verb} {quoted}")


async def test_a_role_is_made_once_and_gets_the_password_of_today(owners_database: Database, another: str) -> None:
    kept = text("SELECT rolpassword FROM pg_authid WHERE rolname = :name")
    seen = []
    for password in ("first", "first", "second"):
        async with owners_database.begin() as session:
            await roles.grant(session, Role(another, password))
            seen.append(await session.scalar(kept, {"name": another}))
    assert all(isinstance(each, str) and each.startswith("SCRAM-SHA-256$4096:") for each in seen)
    for password, stored in zip(("first", "first", "second"), seen, strict=True):
        assert stored == verifier(password, _salt(stored))
        assert stored != verifier("third", _salt(stored))


async def test_on_tables_of_a_newer_release_it_gets_its_password_and_rights_only_where_it_has_none(
    owners_database: Database, another: str
) -> None:
    kept = text("SELECT rolpassword FROM pg_authid WHERE rolname = :name")
    may = text("SELECT has_table_privilege(CAST(:name AS text), 'calls', 'DELETE')")
    async with owners_database.begin() as session:
        await roles.grant_if_missing(session, Role(another, "first"))
        assert await session.scalar(may, {"name": another}), "as after a restore, which brings no rights"
        quoted = await session.scalar(text("SELECT format('%I', CAST(:name AS text))"), {"name": another})
        await (await session.connection()).exec_driver_sql(f"REVOKE DELETE ON calls FROM {quoted}")
        await roles.grant_if_missing(session, Role(another, "second"))
        assert not await session.scalar(may, {"name": another}), "the newer release knows best"
        stored = await session.scalar(kept, {"name": another})
        assert stored == verifier("second", _salt(str(stored)))


def _salt(stored: str) -> bytes:
    return base64.b64decode(stored.partition(":")[2].partition("$")[0])


async def test_who_could_do_anything_is_not_taken(owners_database: Database) -> None:
    async with owners_database.begin() as session:
        with pytest.raises(RoleError):
            await roles.grant(session, Role("postgres", None))
        await session.execute(text(f"SET LOCAL ROLE {APPLICATION}"))
        with pytest.raises(RoleError):  # who runs the migrations owns the tables
            await roles.grant(session, Role(APPLICATION, None))


@pytest.mark.parametrize(
    ("url", "role"),
    [
        ("postgresql+asyncpg://bilby_app:p%2Fw@db/bilby", Role("bilby_app", "p/w")),
        ("postgresql://bilby_app@/bilby?host=/tmp/x", Role("bilby_app", None)),
    ],
)
def test_who_signs_in_stands_in_the_url(url: str, role: Role) -> None:
    assert role_of(url) == role


def test_a_url_without_a_name_is_refused() -> None:
    with pytest.raises(RoleError):
        role_of("postgresql://db/bilby")


async def test_the_command_makes_it(owner_url: str, another: str, encryption_key: str) -> None:
    theirs = owner_url.replace("//postgres@", "//it%27s%20%22me%22:secret@")
    environment = {"DATABASE_URL": theirs, "MIGRATE_DATABASE_URL": owner_url, "ENCRYPTION_KEYS": encryption_key}
    assert await _migrate(environment) == (0, "")
    connection = await asyncpg.connect(asyncpg_dsn(theirs))
    try:
        assert await connection.fetchval("SELECT count(*) FROM organisations") == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE mine (id int)")
    finally:
        await connection.close()


async def test_a_superuser_for_the_product_is_one_line_and_exit_2(owner_url: str, encryption_key: str) -> None:
    other = owner_url.replace("//postgres@", "//postgres:x@")  # another spelling of the owner
    environment = {"DATABASE_URL": other, "MIGRATE_DATABASE_URL": owner_url, "ENCRYPTION_KEYS": encryption_key}
    status, said = await _migrate(environment)
    assert (status, said.count("\n")) == (2, 1)
    assert said.startswith("db.migrate: DATABASE_URL: ")


async def _migrate(environment: dict[str, str]) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "db.migrate", env=environment, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode()


def test_what_is_kept_of_a_password_is_what_the_standard_says() -> None:
    stored = verifier("pencil", SALT)
    server_key = base64.b64decode(stored.rpartition(":")[2])
    assert hmac.digest(server_key, MESSAGE, "sha256") == base64.b64decode(SIGNATURE)
