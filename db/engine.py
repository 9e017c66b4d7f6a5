"""Transactions on Postgres: every wait is bounded, and an unavailable database raises errors of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import event, exc, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import LRUCache

from db.encryption import Keyring

POOL_SIZE = 8  # connections of one process: a transaction takes milliseconds, and none waits for a vendor
BACKGROUND_CONNECTIONS = 3  # of these, at most, for what nobody waits for: `Database.background`
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 10.0
LOCK_SECONDS = 4.0
POOL_WAIT_SECONDS = 5.0
STATEMENTS_KEPT = 250  # prepared, by each connection: as many as a process has that it needs all the time
STATEMENTS_COMPILED = 1000  # from expressions to SQL, by the whole process, whichever of its databases asks
PROVEN_SECONDS = 1.0  # a connection that was used so lately is not asked for a sign of life before it is used again
CLOSE_SECONDS = 5.0  # for transactions that are being undone when the process ends

_compiled: LRUCache[Any, Any] = LRUCache(STATEMENTS_COMPILED)

_ENTER = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_LEAVE = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")

# SQLSTATEs that say "not now" and nothing about the statement: connection failure, not admitted, no such database
# yet, out of resources, an operator stepping in (57P01 shutdown, 57P03 starting up, 57014 our own
# statement_timeout), lock_timeout.
_PASSING = ("08", "28", "3D000", "53", "57", "55P03")


# SQLSTATEs of a value that cannot be stored: too large a number, no text, no such time, a NUL, half a surrogate pair.
_VALUES = ("22003", "22007", "22008", "22021", "22P02", "22P05")


class DatabaseUnavailableError(Exception):
    """The database is unreachable or did not answer in time. A retry may help."""


class UnstorableError(Exception):
    """A received text cannot be stored by Postgres, for example with a NUL or a lone surrogate."""


class HeldTransactionError(RuntimeError):
    """Something slow was called inside a transaction: a programming error."""


@dataclass(slots=True)
class _Transaction:
    """A transaction opened by a task. Tasks started inside it see the same object, even after it ended."""

    outer: _Transaction | None
    is_open: bool = True


_transaction: ContextVar[_Transaction | None] = ContextVar("transaction", default=None)


def refuse_in_transaction(vendor: str) -> None:
    """Raise `HeldTransactionError` if the running task has an open transaction.

    Every client of a ``vendor`` (Stripe, Twilio, SMTP) calls it before each request: a vendor that hangs would
    otherwise hold row locks and connections of the pool for as long, and incoming calls would wait for them.
    """
    transaction = _transaction.get()
    while transaction is not None:
        if transaction.is_open:
            raise HeldTransactionError(f"{vendor} must not be asked inside a database transaction")
        transaction = transaction.outer


@contextmanager
def _holding_transaction() -> Iterator[None]:
    outer = _transaction.get()
    transaction = _Transaction(outer)
    _transaction.set(transaction)
    try:
        yield
    finally:
        transaction.is_open = False
        _transaction.set(outer)  # not by token: a test's fixture may end in another context than it began in


def asyncpg_dsn(url: str) -> str:
    """Return ``url`` in asyncpg's form, ``postgresql://…``, also from SQLAlchemy's ``postgresql+asyncpg://…``."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.removesuffix('+asyncpg')}://{rest}"


class Database:
    """A pool of connections to ``url``. Encrypted columns are read with ``keys``; the first one encrypts."""

    def __init__(
        self,
        url: str,
        keys: Sequence[str],
        *,
        pool_size: int = POOL_SIZE,
        application: str = "bilby",
        statement_seconds: float = STATEMENT_SECONDS,
        pool_wait_seconds: float = POOL_WAIT_SECONDS,
        proven_seconds: float = PROVEN_SECONDS,
    ) -> None:
        self._dsn = asyncpg_dsn(url)
        keyring = Keyring(keys)
        self._application = named(application, keyring)
        self._statement_seconds = statement_seconds
        self._engine = create_async_engine(
            "postgresql+bilby://",
            keyring=keyring,
            async_creator=self._connect,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_wait_seconds,
            hide_parameters=True,  # error texts reach the log; bound values must not
            connect_args={"prepared_statement_cache_size": STATEMENTS_KEPT},
            execution_options={"compiled_cache": _compiled},
        )
        _prove_before_use(self._engine, proven_seconds)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        single = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._statements = async_sessionmaker(single, expire_on_commit=False)
        self._background = asyncio.Semaphore(max(1, min(BACKGROUND_CONNECTIONS, pool_size - 1)))
        self._users = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction: committed at the end, undone by an exception.

        Raise `DatabaseUnavailableError`, and `UnstorableError` for a value that no column can hold.
        """
        async with self._opened(self._sessions) as session:
            yield session

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[AsyncSession]:
        """Let each statement be a transaction of its own, without the two round trips that others need around them.

        For reading, and for a single change. Raise as `begin` does.
        """
        async with self._opened(self._statements) as session:
            yield session

    @asynccontextmanager
    async def unmanaged(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection whose transactions are the caller's own; closed at the end, with all that was set on it.

        Raise `DatabaseUnavailableError`.
        """
        try:
            async with self._connected() as connection:
                try:
                    yield connection
                finally:
                    await connection.invalidate()
        except exc.PendingRollbackError as error:  # whoever ends a transaction does not see why the connection broke
            raise DatabaseUnavailableError(type(error).__name__) from error

    @asynccontextmanager
    async def background(self) -> AsyncIterator[None]:
        """Limit the connections used by work that no request waits for: the others are left to requests."""
        async with self._background:
            yield

    @asynccontextmanager
    async def _opened(self, sessions: async_sessionmaker[AsyncSession]) -> AsyncIterator[AsyncSession]:
        try:
            with self._in_use(), _holding_transaction():
                async with sessions.begin() as session:
                    yield session
        except (exc.StatementError, exc.TimeoutError, asyncpg.PostgresError, OSError) as error:
            if _is_passing(error):
                raise DatabaseUnavailableError(type(error).__name__) from error
            if _is_about_a_value(error):
                raise UnstorableError(type(error).__name__) from error
            raise

    @asynccontextmanager
    async def try_lock(self, name: str) -> AsyncIterator[bool]:
        """Yield whether the lock ``name`` was free, for any process; if so it is held meanwhile.

        It never waits. Whoever dies inside lets the next one in, for the lock goes with the connection.
        """
        arguments = {"name": name}
        async with self._connected() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            entered = bool(await connection.scalar(_ENTER, arguments))
            try:
                yield entered
            finally:
                if entered:
                    await connection.execute(_LEAVE, arguments)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection of the pool without a transaction. Raise `DatabaseUnavailableError`."""
        try:
            with self._in_use():
                async with self._engine.connect() as connection:
                    yield connection
        except (exc.DBAPIError, exc.TimeoutError, asyncpg.PostgresError, OSError) as error:
            if _is_passing(error):
                raise DatabaseUnavailableError(type(error).__name__) from error
            raise

    @asynccontextmanager
    async def listening(
        self, channel: str, heard: Callable[[str], None]
    ) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Give ``heard`` the payload of every NOTIFY on ``channel``, over a connection of its own.

        What is yielded asks the server for a sign of life. Raise `DatabaseUnavailableError`, also then.
        """

        def take(_: object, __: int, ___: str, payload: object) -> None:
            heard(str(payload))

        async def prove() -> None:
            await connection.execute("SELECT 'listening'", timeout=CONNECT_SECONDS)  # so named in pg_stat_activity

        broken = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
        try:
            connection = await self._connect()
        except broken as error:
            raise DatabaseUnavailableError(type(error).__name__) from error
        try:
            await connection.add_listener(channel, take)
            yield prove
        except broken as error:
            raise DatabaseUnavailableError(type(error).__name__) from error
        finally:
            connection.terminate()

    async def close(self, *, seconds: float = CLOSE_SECONDS) -> None:
        """Close every connection, those in use once they are given back, for which it waits ``seconds``. Idempotent.

        A server that ends cancels its last requests and does not wait for them; a connection that comes back to a
        pool that is closed already is closed by nobody.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_idle.wait(), seconds)
        await self._engine.dispose()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        self._users += 1
        self._is_idle.clear()
        try:
            yield
        finally:
            self._users -= 1
            if self._users == 0:
                self._is_idle.set()

    async def _connect(self, *_: Any, **__: Any) -> Any:
        connection = await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_SECONDS,
            command_timeout=self._statement_seconds + 1,  # in case the server no longer answers at all
            server_settings={"application_name": self._application},
        )
        try:
            # After connecting: PgBouncer lets nobody in who names other settings than the name while connecting.
            await connection.execute(
                f"SET statement_timeout = '{self._statement_seconds:g}s'; SET lock_timeout = '{LOCK_SECONDS:g}s';"
                f"SET idle_in_transaction_session_timeout = '{self._statement_seconds * 3:g}s'"
            )
        except BaseException:  # cancelled, too: the pool does not know the connection yet, so nobody else closes it
            connection.terminate()
            raise
        return connection


def _prove_before_use(engine: AsyncEngine, proven_seconds: float) -> None:
    """Make sure that a connection of the pool works before it is used.

    Whether the server has closed it is known without asking. Asking costs three round trips, as much as a short
    transaction, so that is done only for a connection that was idle for ``proven_seconds``.
    """

    def came_back(_: object, record: ConnectionPoolEntry) -> None:
        record.info["used_at"] = time.monotonic()

    def is_taken(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        used_at = record.info.get("used_at")
        if used_at is None:  # a new one
            return
        if connection.driver_connection.is_closed() or (
            time.monotonic() - used_at > proven_seconds and not _answers(engine, connection)
        ):
            raise exc.InvalidatePoolError

    event.listen(engine.sync_engine, "checkin", came_back)
    event.listen(engine.sync_engine, "checkout", is_taken)


def _answers(engine: AsyncEngine, connection: DBAPIConnection) -> bool:
    dialect = engine.sync_engine.dialect
    try:
        return dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        if dialect.is_disconnect(error, connection, None):
            return False
        raise


def named(application: str, keyring: Keyring) -> str:
    """Return how a process is shown in pg_stat_activity: its name, and the fingerprints of the keys it holds.

    Postgres keeps 63 characters, enough for five keys behind our longest name. See `db.rotate`.
    """
    return f"{application} keys={','.join(keyring.fingerprints)}"


def _is_about_a_value(error: BaseException) -> bool:
    """Return whether a text or number that was bound is at fault: Postgres' class 22, or no UTF-8 to begin with."""
    original = error.orig if isinstance(error, exc.StatementError) else error
    while original is not None:
        state = getattr(original, "sqlstate", None)
        if isinstance(original, UnicodeEncodeError) or (isinstance(state, str) and state in _VALUES):
            return True
        original = original.__cause__
    return False


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or (error.orig is not None and _is_passing(error.orig))
    if isinstance(error, exc.TimeoutError | OSError):
        return True
    state = getattr(error, "sqlstate", None)
    return isinstance(state, str) and state.startswith(_PASSING)
