"""What a migration does to tables that every call makes longer, while calls are written.

An index that is built in a transaction keeps calls from being written until it is committed, and so does a constraint
that is checked as it is added. Both can be had without, but in no transaction: what is done stays done if the next
statement fails. So a migration that does this does nothing else, and can run again, whatever it has come to.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

_IS_INVALID = sa.text("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
_LIMITS = ("lock_timeout", "statement_timeout")


@contextmanager
def concurrently() -> Iterator[None]:
    """Let each statement be a transaction of its own, however long it takes and waits: it keeps nobody waiting."""
    with op.get_context().autocommit_block():
        before = {name: op.get_bind().scalar(sa.text(f"SHOW {name}")) for name in _LIMITS}
        for name in _LIMITS:
            op.execute(f"SET {name} = 0")
        yield
        for name, value in before.items():
            op.execute(f"SET {name} = '{value}'")


def build_index(name: str, table: str, columns: str, where: str | None = None, *, include: str | None = None) -> None:
    """Build an index unless it is there. One that was interrupted is there, but invalid: it is built again.

    ``include`` names the columns that it has beside those that it is sorted by.
    """
    if op.get_bind().scalar(_IS_INVALID, {"name": name}):
        drop_index(name)
    beside = "" if include is None else f" INCLUDE ({include})"
    only = "" if where is None else f" WHERE {where}"
    op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} ({columns}){beside}{only}")


def drop_index(name: str) -> None:
    """Drop an index if it is there."""
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
