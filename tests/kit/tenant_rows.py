"""A row of an organisation in every table that can hold one, made from the tables' own columns."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, CheckConstraint, Column, ForeignKey, Table, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from db.encryption import Encrypted
from db.engine import Database
from db.models import Base

_VALUES: Mapping[type, Any] = {
    bool: False,
    datetime: datetime(2026, 11, 1, tzinfo=UTC),
    date: date(2026, 11, 1),
    bytes: b"bytes",
}


async def fill(database: Database, organisation_id: UUID, member_id: UUID) -> None:
    """Give the organisation a row in each table where it has none, as far as possible in the name of the member."""
    async with database.begin() as session:
        for table in tables():
            mine = select(table).where(table.c.organisation_id == organisation_id).limit(1)
            if (await session.execute(mine)).first() is None:
                rows = {"organisations": {"id": organisation_id}, "members": {"id": member_id}}
                await session.execute(insert(table).values(await _row(session, table, organisation_id, rows)))
        link = Base.metadata.tables["sign_in_links"]
        await session.execute(
            insert(link).values(
                token_hash=b"link", member_id=member_id, requested_from=b"", expires_at=datetime.now(UTC)
            )
        )


def tables() -> list[Table]:
    """Every table that carries an organisation's id, those that others refer to first; but what operators did."""
    found = Base.metadata.sorted_tables
    return [table for table in found if "organisation_id" in table.columns and table.name != "operator_entries"]


async def mentions(database: Database, *ids: UUID) -> list[str]:
    """Every table of the database, whoever made it, with one of ``ids`` in any row, however it is written."""
    async with database.begin() as session:
        found = "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables"
        names = await session.scalars(text(f"{found} WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"))
        held = []
        for name in names.all():
            for written in itertools.chain.from_iterable(_written(each) for each in ids):
                rows = text(f"SELECT count(*) FROM {name} AS row WHERE row::text ILIKE :written")
                if await session.scalar(rows, {"written": f"%{written}%"}):
                    held.append(f"{name}: {written}")
    return held


def _written(one: UUID) -> Iterator[str]:
    """An id with hyphens and without, as a text and as its bytes in hexadecimal."""
    yield str(one)
    yield one.hex
    yield str(one).encode().hex()


async def _row(session: AsyncSession, table: Table, organisation: UUID, known: dict[str, dict[str, Any]]) -> Any:
    row: dict[str, Any] = {}
    for column in table.columns:
        key = next((each for each in column.foreign_keys if _leads_elsewhere(each, table)), None)
        if column.name == "organisation_id":
            row[column.name] = organisation
        elif key is not None:
            row[column.name] = await _of(session, key.column.table, key.column, organisation, known)
        elif _must_be_given(column):
            row[column.name] = _value(table, column)
    return row


def _leads_elsewhere(key: ForeignKey, table: Table) -> bool:
    return key.column.name != "organisation_id" and key.column.table is not table


def _must_be_given(column: Column[Any]) -> bool:
    made = column.server_default is not None or column.identity is not None
    return not made and (column.primary_key or (not column.nullable and column.default is None))


async def _of(
    session: AsyncSession, table: Table, column: Column[Any], organisation: UUID, known: dict[str, dict[str, Any]]
) -> Any:
    """What a foreign key refers to: a row of the same organisation."""
    if table.name in known:
        return known[table.name][column.name]
    mine = select(column).where(table.c.organisation_id == organisation).limit(1)
    return (await session.execute(mine)).scalar_one()


def _value(table: Table, column: Column[Any]) -> Any:
    words = next((_words(each) for each in table.constraints if _is_of(each, column)), None)
    if words:
        return words[0]
    if isinstance(column.type, ARRAY):
        return []
    if isinstance(column.type, JSONB):
        return {}
    kind = str if isinstance(column.type, Encrypted) else column.type.python_type
    if kind is UUID:
        return uuid4()
    if kind is str:
        return uuid4().hex
    return _VALUES.get(kind, 1)


def _is_of(constraint: Any, column: Column[Any]) -> bool:
    return isinstance(constraint, CheckConstraint) and str(constraint.sqltext).startswith(f"{column.name} IN")


def _words(constraint: Any) -> list[str]:
    return re.findall(r"'([^']*)'", str(constraint.sqltext))
