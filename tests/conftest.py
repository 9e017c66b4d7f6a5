"""What every test may ask for: a database of its own on a real Postgres, and a cast of people to put in it.

Alice owns organisation A, Sam supervises, Bob and Dana are its agents. Charlie owns organisation B and must see
nothing of A's.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from db import migrate, organisations
from db.engine import Database
from db.members import Members
from db.models import Member, Number, Organisation
from db.numbers import Numbers
from sandbox.postgres import EmbeddedPostgres

_TEMPLATE = "bilby_template"
_KEY = Fernet.generate_key().decode()
_counter = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Cast:
    """Two organisations and everybody in them. ``number`` is A's: (02) 5550 1234."""

    a: Organisation
    alice: Member
    sam: Member
    bob: Member
    dana: Member
    number: Number
    b: Organisation
    charlie: Member
    number_b: Number


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """One server for the whole run, with an up-to-date template database in it."""
    async with EmbeddedPostgres(tmp_path_factory.mktemp("postgres")) as server:
        await _sql(server, f"CREATE DATABASE {_TEMPLATE}")
        database = Database(url_of(server, _TEMPLATE), [_KEY])
        await migrate.upgrade(database)
        await database.close()
        yield server


@pytest.fixture
def encryption_key() -> str:
    """The one in ``ENCRYPTION_KEYS`` of this run."""
    return _KEY


@pytest_asyncio.fixture
async def database_url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A fresh, migrated, empty database of the test's own."""
    name = f"test_{next(_counter)}"
    await _sql(postgres, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    yield url_of(postgres, name)
    await _sql(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def database(database_url: str, encryption_key: str) -> AsyncIterator[Database]:
    """The test's own database, open."""
    opened = Database(database_url, [encryption_key])
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def cast(database: Database) -> Cast:
    """Everybody, in the test's own database."""
    async with database.begin() as session:
        a = await organisations.create(session, name="Acacia Clinic", status="active")
        team = Members(session, a.id)
        b = await organisations.create(session, name="Banksia Books", status="active")
        return Cast(
            a=a,
            alice=await team.add(email="alice@acacia.example", name="Alice Ashby", role="owner"),
            sam=await team.add(email="sam@acacia.example", name="Sam Singh", role="supervisor"),
            bob=await team.add(email="bob@acacia.example", name="Bob Brown", role="agent"),
            dana=await team.add(email="dana@acacia.example", name="Dana Dow", role="agent"),
            number=await Numbers(session, a.id).add(e164="+61255501234", twilio_sid=f"PN{'a' * 32}"),
            b=b,
            charlie=await Members(session, b.id).add(
                email="charlie@banksia.example", name="Charlie Cho", role="owner"
            ),
            number_b=await Numbers(session, b.id).add(e164="+61355509876", twilio_sid=f"PN{'b' * 32}"),
        )


def url_of(server: EmbeddedPostgres, name: str) -> str:
    """The URL of the database ``name`` on ``server``."""
    return server.sqlalchemy_url.replace("@/postgres", f"@/{name}")


async def _sql(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
