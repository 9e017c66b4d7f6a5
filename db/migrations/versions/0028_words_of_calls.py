"""What callers of a number hear first; what is missing in a call's words, and how late they were.

Columns with a constant default or none: no row is rewritten. The indexes are of calls that lack words, so they are
small, but each reads all calls once, and calls cannot be written meanwhile: for seconds if there are millions.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_LACKING = {
    "ix_calls_gaps": ([], "gaps > 0"),
    "ix_calls_words_stopped": ([], "words_stopped_at IS NOT NULL"),
    "ix_calls_untranscribed": (["transcription"], "transcription IN ('failed', 'waiting_for_slot')"),
}


def upgrade() -> None:
    op.add_column("number_hearings", sa.Column("prompt", sa.Text(), nullable=True))
    for name in ("gaps", "gaps_ms"):
        op.add_column("calls", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    for name in ("delay_ms", "longest_delay_ms"):
        op.add_column("calls", sa.Column(name, sa.Integer(), nullable=True))
    newest = (sa.text("started_at DESC"), sa.text("id DESC"))
    for name, (columns, where) in _LACKING.items():
        op.create_index(name, "calls", ["organisation_id", *columns, *newest], postgresql_where=sa.text(where))


def downgrade() -> None:
    for name in _LACKING:
        op.drop_index(name, "calls")
    for name in ("longest_delay_ms", "delay_ms", "gaps_ms", "gaps"):
        op.drop_column("calls", name)
    op.drop_column("number_hearings", "prompt")
