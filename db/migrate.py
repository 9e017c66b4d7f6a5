"""Bring the tables to where the code expects them: ``python -m db.migrate [upgrade|downgrade] [revision]``.

Several processes may start it at once; one migrates, the others wait for it. A migration runs under the old code:
it waits at most 4 s for a lock (a queue of waiting statements would form behind it), and gives up otherwise. Each is
a transaction, so the tables stay where the last whole one has brought them, and the next run goes on from there.
What takes long in tables that grow with every call runs outside a transaction (`db.migrations.concurrently`).

It runs as the owner of the tables: ``MIGRATE_DATABASE_URL``. If ``DATABASE_URL`` names another user, that one is made
and given what web and provisioning need (`db.roles`). A database that a newer release has migrated further keeps its
tables as they are: the release before can still work with them.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from db.engine import Database, DatabaseUnavailableError
from db.pooling import TransactionModeError, refuse_transaction_mode
from db.roles import RoleError, grant, grant_if_missing, role_of
from db.settings import OwnerSettings
from runtime.settings import load, stop

if TYPE_CHECKING:  # its import takes long, and most processes only ask for the revision
    from alembic.config import Config

ONE_AT_A_TIME = 0x62696C6279  # number of the advisory lock: "bilby"
_LOCK_SECONDS = 4
_STATEMENT_SECONDS = 60
_LONGEST_SECONDS = 60 * 60  # of a statement that keeps nobody waiting
_TURN_SECONDS = 15 * 60
_LOOK_SECONDS = 0.1
_MIGRATIONS = Path(__file__).parent / "migrations"
_Direction = Literal["upgrade", "downgrade"]


async def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate up to ``revision``."""
    await _run(database, "upgrade", revision)


async def newer_revision(database: Database) -> str | None:
    """Return the database's revision if a newer release has migrated it beyond this one's; else None."""
    async with database.begin() as session:
        at = await current(session)
    return at if at is not None and at > head() else None


async def downgrade(database: Database, revision: str) -> None:
    """Migrate down to ``revision`` (``base`` for an empty schema)."""
    await _run(database, "downgrade", revision)


async def current(session: AsyncSession) -> str | None:
    """Return the database's revision; None if it was never migrated."""
    if await session.scalar(text("SELECT to_regclass('alembic_version') IS NULL")):
        return None
    revision: str | None = await session.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


async def is_ready(session: AsyncSession) -> bool:
    """Return whether the code works with the database: migrated to this release's revision or a newer one."""
    at = await current(session)
    return at is not None and at >= head()  # revisions are numbers of four digits


@functools.cache
def head() -> str:
    """Return the revision that the code expects: the last migration's, whose file begins with it."""
    return max(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


async def _run(database: Database, direction: _Direction, revision: str) -> None:
    async with database.unmanaged() as connection:
        await _take_turn(connection)
        await connection.run_sync(_migrate, direction, revision)


async def _take_turn(connection: AsyncConnection) -> None:
    """Wait until nobody else migrates. The lock is held until the connection is closed.

    A statement that waits for the lock would hold a snapshot, and an index that is built concurrently waits for
    those: both would wait for each other.
    """
    async with asyncio.timeout(_TURN_SECONDS):
        while not await connection.scalar(text(f"SELECT pg_try_advisory_lock({ONE_AT_A_TIME})")):
            await connection.commit()
            await asyncio.sleep(_LOOK_SECONDS)
    await connection.commit()


def _migrate(connection: Connection, direction: _Direction, revision: str) -> None:
    from alembic import command

    connection.execute(text(f"SET lock_timeout = '{_LOCK_SECONDS}s'"))
    connection.execute(text(f"SET statement_timeout = '{_STATEMENT_SECONDS}s'"))
    connection.commit()
    config = configuration()
    config.attributes["connection"] = connection
    (command.upgrade if direction == "upgrade" else command.downgrade)(config, revision)


def configuration() -> Config:
    """Return Alembic's configuration."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


async def _main(direction: str, revision: str, settings: OwnerSettings) -> None:
    database = settings.owners_database("bilby migrate", statement_seconds=_LONGEST_SECONDS)
    try:
        await refuse_transaction_mode(settings.owner_url.get_secret_value())
        further = await newer_revision(database)
        if further is not None:
            print(f"db.migrate: the database is at {further}, this release knows {head()}: left as it is")  # noqa: T201
        else:
            await (upgrade if direction == "upgrade" else downgrade)(database, revision)
        if direction == "upgrade" and settings.application_url is not None:
            async with database.begin() as session:
                admit = grant if further is None else grant_if_missing
                await admit(session, role_of(settings.application_url))
    finally:
        await database.close()


def main() -> None:
    """Run the command; without arguments, upgrade to the newest revision."""
    parser = argparse.ArgumentParser(prog="python -m db.migrate", description=__doc__)
    parser.add_argument("direction", nargs="?", choices=("upgrade", "downgrade"), default="upgrade")
    parser.add_argument("revision", nargs="?", help="head by default, going down: -1")
    asked = parser.parse_args()
    revision = asked.revision or ("head" if asked.direction == "upgrade" else "-1")
    try:
        asyncio.run(_main(asked.direction, revision, load("db.migrate", OwnerSettings)))
    except DatabaseUnavailableError as error:
        stop("db.migrate", f"MIGRATE_DATABASE_URL or DATABASE_URL: the database did not answer ({error})")
    except (RoleError, TransactionModeError) as error:
        stop("db.migrate", str(error))


if __name__ == "__main__":
    main()
