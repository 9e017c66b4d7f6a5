"""The job engine's own tables (pgqueuer 1.6)."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQL = Path(__file__).parents[1] / "pgqueuer_1_6.sql"


def upgrade() -> None:
    for statement in _SQL.read_text().split("\n--;\n"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for table in ("pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics"):
        op.drop_table(table)
    op.execute("DROP FUNCTION fn_pgqueuer_changed")
    op.execute("DROP TYPE pgqueuer_status")
