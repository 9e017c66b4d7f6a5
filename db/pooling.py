"""Detect a pooler between us and PostgreSQL that shares server connections (transaction mode).

A connection of ours must keep its server connection: advisory locks, LISTEN and settings belong to that. It does in
PgBouncer's session mode. In its transaction mode each transaction may get another server connection, and nobody could
tell who holds a lock.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg

from db.engine import CONNECT_SECONDS, asyncpg_dsn
from runtime.settings import stop

_PID = "SELECT pg_backend_pid()"


class TransactionModeError(Exception):
    """A pooler in transaction mode is in between. The text is for the operator."""


async def refuse_transaction_mode(url: str) -> None:
    """Raise `TransactionModeError` if the connections of ``url`` share server connections.

    A database that does not answer is let pass: whoever uses it next says so.
    """
    with suppress(
        OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.InvalidAuthorizationSpecificationError
    ):
        if await _shares(asyncpg_dsn(url)):
            raise TransactionModeError(
                "DATABASE_URL: the pooler is in transaction mode (PgBouncer: pool_mode); it must be in session mode"
            )


def check(process: str, url: str) -> None:
    """Exit with one line if `refuse_transaction_mode` raises. Call before any event loop runs."""
    try:
        asyncio.run(refuse_transaction_mode(url))
    except TransactionModeError as error:
        stop(process, str(error))


async def _shares(dsn: str) -> bool:
    """Return whether a second connection is served by the server connection that the first one was served by.

    PgBouncer lends the connection that was given back last, so a second client that asks right after a first has
    ended its transaction gets the very same one; in session mode never, for the first client still has it.
    """
    first = await _connect(dsn)
    try:
        pid = await first.fetchval(_PID)
        second = await _connect(dsn)
        try:
            if await second.fetchval(_PID) == pid:
                return True
            async with second.transaction():  # or, where others ask as well, the first is served by another one now
                await second.fetchval(_PID)
                return bool(await first.fetchval(_PID) != pid)
        finally:
            await second.close(timeout=CONNECT_SECONDS)
    except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError):
        return True  # a statement prepared on one server connection was looked for on another
    finally:
        await first.close(timeout=CONNECT_SECONDS)


async def _connect(dsn: str) -> asyncpg.Connection:
    return await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=CONNECT_SECONDS,
        server_settings={"application_name": "bilby start"},
    )
