"""Move every row to the first of ``ENCRYPTION_KEYS``: ``python -m db.rotate``.

Run it once every process has been started again with the new key in front; afterwards the old key may go. As long as
a process is connected that lacks the new key it refuses: that process could not read what is written under it. Rows
are taken in batches, each in a transaction of its own, so that it disturbs nobody and may be stopped and run again.

It runs as the owner of the tables (``MIGRATE_DATABASE_URL``): nobody else may touch what was audited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import inspect, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from db import email_addresses
from db.encryption import Encrypted, Purpose, keyring_of
from db.engine import Database, DatabaseUnavailableError
from db.models import Base, BlockedNumber, Call, Contact, Member, Number, NumberOrder, Operator
from db.queries.log.search_columns import store_parts
from db.settings import OwnerSettings
from runtime.settings import load, stop

BATCH = 500  # rows of a transaction
# Those that read rows; the worker's own connections and commands that only look carry no keys.
_PROCESSES = text(
    "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"
    " AND (application_name LIKE 'bilby web%' OR application_name LIKE 'bilby provisioning%')"
)


@dataclass(frozen=True, slots=True)
class _Hash:
    """How a hash column derives from the encrypted column beside it. One that is empty stays so."""

    column: str
    of: str
    purpose: Purpose
    form: Callable[[str], str] = str


_HASHES: dict[type[Base], _Hash] = {
    Member: _Hash("email_hash", of="email", purpose="email", form=email_addresses.key),
    Operator: _Hash("email_hash", of="email", purpose="email", form=email_addresses.key),
    Number: _Hash("e164_hash", of="e164", purpose="number"),
    Call: _Hash("customer_hash", of="customer", purpose="number"),
    NumberOrder: _Hash("candidate_hash", of="candidate", purpose="number"),
    Contact: _Hash("number_hash", of="number", purpose="number"),
    BlockedNumber: _Hash("number_hash", of="number", purpose="number"),
}


class KeyMissingError(Exception):
    """A live process does not hold the new key. The text is for the operator."""


async def rotate(database: Database, batch: int = BATCH) -> int:
    """Encrypt and hash every row again under the first key, ``batch`` in a transaction; return how many.

    Raise `UnreadableError`, and `KeyMissingError` as long as a live process lacks that key.
    """
    models = [mapper.class_ for mapper in Base.registry.mappers]
    return sum([await _rotate_table(database, model, batch) for model in models if _encrypted(model)])


async def _rotate_table(database: Database, model: type[Base], batch: int) -> int:
    count, last = 0, None
    while True:
        async with database.begin() as session:
            last, moved = await _rotate_batch(session, model, last, batch)
        count += moved
        if moved < batch:
            return count


async def _rotate_batch(session: AsyncSession, model: type[Base], last: Any, limit: int) -> tuple[Any, int]:
    key = inspect(model).primary_key[0]
    await _check_processes(session)
    await session.execute(text("SET LOCAL bilby.rotating = 'on'"))  # the audit log lets its ciphertexts change
    batch = select(model).order_by(key).limit(limit).with_for_update()
    rows = (await session.scalars(batch if last is None else batch.where(key > last))).all()
    for row in rows:
        _touch(row)
        if model in _HASHES:
            _rehash(session, row, _HASHES[model])
    return (getattr(rows[-1], key.name) if rows else last), len(rows)


async def _check_processes(session: AsyncSession) -> None:
    """Raise `KeyMissingError` if a connected process cannot read what this one writes."""
    new = keyring_of(session).fingerprints[0]
    names = set((await session.scalars(_PROCESSES)).all())
    if lacking := sorted(name for name in names if not _holds(name, new)):
        raise KeyMissingError(
            f"ENCRYPTION_KEYS: {', '.join(lacking)} does not hold the new key ({new}) yet."
            " Start every web and provisioning process again with it, then run this once more"
        )


def _holds(application: str, fingerprint: str) -> bool:
    """Return whether that process holds the key. Older releases do not report it, and count as lacking it."""
    return fingerprint in application.partition(" keys=")[2].split(",")


def _touch(row: Base) -> None:
    """Rewrite every encrypted column under the first key."""
    for name in _encrypted(type(row)):
        if getattr(row, name) is not None:
            flag_modified(row, name)


def _rehash(session: AsyncSession, row: Base, rule: _Hash) -> None:
    plain, keyring = getattr(row, rule.of), keyring_of(session)
    if plain is not None and getattr(row, rule.column) is not None:
        setattr(row, rule.column, keyring.hash(rule.purpose, rule.form(plain)))
        if isinstance(row, Call):
            store_parts(row, keyring)


def _encrypted(model: type[Base]) -> list[str]:
    columns = inspect(model).column_attrs
    return [each.key for each in columns if isinstance(each.columns[0].type, Encrypted)]


async def _main(settings: OwnerSettings) -> int:
    database = settings.owners_database("bilby rotate")
    try:
        return await rotate(database)
    finally:
        await database.close()


def main() -> None:
    """Run the command."""
    try:
        count = asyncio.run(_main(load("db.rotate", OwnerSettings)))
    except DatabaseUnavailableError as error:
        stop("db.rotate", f"MIGRATE_DATABASE_URL or DATABASE_URL: the database did not answer ({error})")
    except KeyMissingError as error:
        stop("db.rotate", str(error))
    print(f"{count} rows are under the first of ENCRYPTION_KEYS; the others may go.")  # noqa: T201 (a command)


if __name__ == "__main__":
    main()
