"""Count every day's calls again, for the dashboard: ``python -m db.recount``.

Provisioning does it by itself whenever a call changes. This is for when somebody has changed rows by hand with
triggers off, or does not trust what is shown. It may run beside everything else, be stopped, and run again; while it
does, the dashboard shows what was counted before.
"""

from __future__ import annotations

import asyncio

from db.engine import Database, DatabaseUnavailableError
from db.queries.reports import recounts
from db.settings import DatabaseSettings
from runtime.settings import load, stop

_PAUSE_SECONDS = 0.2  # while a worker of provisioning counts


async def settle(database: Database) -> int:
    """Count again the days that are noted; return how many notes that settled.

    Left are those that came meanwhile, and those of organisations at which another process is.
    """
    async with database.begin() as session:
        organisations = await recounts.noted(session)
    count = 0
    for organisation_id in organisations:
        while True:
            async with database.begin() as session:
                settled = await recounts.recount(session, organisation_id)
            count += settled
            if not settled:
                break
    return count


async def rebuild(database: Database, *, pause_seconds: float = _PAUSE_SECONDS) -> None:
    """Count every day of every organisation again."""
    async with database.begin() as session:
        began = await recounts.note_everything(session)
    while True:
        await settle(database)
        async with database.begin() as session:
            left = await recounts.oldest(session)
        if left is None or left > began:
            return
        await asyncio.sleep(pause_seconds)


async def _main(settings: DatabaseSettings) -> None:
    database = settings.database("bilby recount", pool_size=1)
    try:
        await rebuild(database)
    finally:
        await database.close()


def main() -> None:
    """Run the command."""
    try:
        asyncio.run(_main(load("db.recount", DatabaseSettings)))
    except DatabaseUnavailableError as error:
        stop("db.recount", f"DATABASE_URL: the database did not answer ({error})")
    print("Every day's calls have been counted.")  # noqa: T201 (a command)


if __name__ == "__main__":
    main()
