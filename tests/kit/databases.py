"""Databases for tests on one server. Making one costs 100 ms of CPU, so an emptied one serves the next test.

So does the connection over which it is emptied: a new one must first read all it needs to know of the tables.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from sandbox.engines.postgres import EmbeddedPostgres

TEMPLATE = "bilby_template"
_SCHEMA = """
    SELECT md5(string_agg(fact, ',' ORDER BY fact))
    FROM (SELECT 'migrated ' || version_num FROM alembic_version
          UNION ALL SELECT 'class ' || oid || ' ' || xmin FROM pg_class
                    WHERE relnamespace = 'public'::regnamespace AND relkind <> 'S'
          UNION ALL SELECT 'column ' || attrelid || ' ' || attnum || ' ' || xmin FROM pg_attribute
                    WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
          UNION ALL SELECT 'type ' || oid || ' ' || xmin FROM pg_type WHERE typnamespace = 'public'::regnamespace
          UNION ALL SELECT 'function ' || oid || ' ' || xmin FROM pg_proc WHERE pronamespace = 'public'::regnamespace
          UNION ALL SELECT 'trigger ' || oid || ' ' || xmin FROM pg_trigger
          UNION ALL SELECT 'constraint ' || oid || ' ' || xmin FROM pg_constraint
          UNION ALL SELECT 'index ' || indexrelid || ' ' || xmin FROM pg_index
          UNION ALL SELECT 'default ' || oid || ' ' || xmin FROM pg_attrdef
          UNION ALL SELECT 'schema ' || oid || ' ' || xmin FROM pg_namespace
          UNION ALL SELECT 'setting ' || setdatabase || ' ' || xmin FROM pg_db_role_setting
    ) AS facts(fact)
"""
"""Every definition in the database, with the transaction that made it: differs after any change, even one undone."""
_TABLES = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
    AND pg_relation_size(oid) > 0
"""
"""Those that have, or had, a row."""
_SEQUENCES = """
    SELECT setval(oid::regclass, 1, false) FROM pg_class
    WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""


class Databases:
    """Migrated, empty databases on a server that has one named `TEMPLATE`."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._free: list[_Place] = []
        self._names = (f"test_{number}" for number in itertools.count(1))

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[str]:
        """Yield the SQLAlchemy URL of an empty database, as the owner of its tables. Nobody else has it meanwhile."""
        place = self._free.pop() if self._free else await self._create()
        yield url_of(self._server, place.name)
        if place.connection.is_closed():  # by the test
            place.connection = await _connect(self._server, place.name)
        if await _empty(place):
            self._free.append(place)
        else:
            await place.connection.close()
            await execute(self._server, f"DROP DATABASE {place.name} WITH (FORCE)")

    async def close(self) -> None:
        """Let go of the databases that nobody has."""
        while self._free:
            await self._free.pop().connection.close()

    async def _create(self) -> _Place:
        name = next(self._names)
        await execute(self._server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        connection = await _connect(self._server, name)
        return _Place(name, await connection.fetchval(_SCHEMA), connection)


@dataclass(slots=True)
class _Place:
    """A database: what its schema was when it was made, and a connection to it as the server's owner."""

    name: str
    schema: str
    connection: asyncpg.Connection


async def _empty(place: _Place) -> bool:
    """End whatever else is connected and delete every row; False if the test has changed a definition."""
    connection = place.connection
    others = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1 AND pid <> $2"
    await connection.fetch(others, place.name, connection.get_server_pid())
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return False
    if await connection.fetchval(_SCHEMA) != place.schema:
        return False
    tables = [row[0] for row in await connection.fetch(_TABLES)]
    deletions = (f'DELETE FROM "{table}"' for table in tables)
    # As a replica: neither triggers nor foreign keys have a say.
    await connection.execute("; ".join(["SET session_replication_role = replica", *deletions, _SEQUENCES]))
    return True


async def _connect(server: EmbeddedPostgres, name: str) -> asyncpg.Connection:
    return await asyncpg.connect(server.dsn.replace("@/postgres", f"@/{name}"))


def url_of(server: EmbeddedPostgres, name: str) -> str:
    """The URL of the database ``name`` on ``server``."""
    return server.sqlalchemy_url.replace("@/postgres", f"@/{name}")


async def execute(server: EmbeddedPostgres, statement: str) -> None:
    """Run ``statement`` in the server's own database."""
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
