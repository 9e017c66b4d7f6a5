"""The calls of few days, sorted by how long they took, are read from an index alone; tables are vacuumed for that.

Postgres reads from an index alone what a vacuum has seen. By default it vacuums once a fifth of the rows are new: the
calls of months.
"""

from __future__ import annotations

from alembic import op

from db.migrations.concurrently import build_index, concurrently, drop_index

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_BY_TIME = "organisation_id, started_at DESC, id DESC"
_VACUUMED = ("autovacuum_vacuum_scale_factor", "autovacuum_vacuum_insert_scale_factor")
_TABLES = ("calls", "call_tags")


def upgrade() -> None:
    with concurrently():
        build_index("ix_calls_by_time", "calls", _BY_TIME, include="length_s, wait_s")
        drop_index("ix_calls_log")
        for table in _TABLES:
            op.execute(f"ALTER TABLE {table} SET ({', '.join(f'{name} = 0.02' for name in _VACUUMED)})")


def downgrade() -> None:
    with concurrently():
        for table in _TABLES:
            op.execute(f"ALTER TABLE {table} RESET ({', '.join(_VACUUMED)})")
        build_index("ix_calls_log", "calls", _BY_TIME)
        drop_index("ix_calls_by_time")
