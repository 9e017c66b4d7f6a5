"""How a supervisor who listens is announced, who has confirmed the notice about it, and who was switched off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "organisations", sa.Column("listening", sa.Text(), server_default=sa.text("'prompt'"), nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_organisations_listening"), "organisations", "listening IN ('off', 'prompt', 'tone', 'words')"
    )
    op.add_column(
        "organisations", sa.Column("watchers_shown", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    op.add_column("members", sa.Column("notice_confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("presence", sa.Column("switched_off_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_presence_organisation_id_switched_off_by"),
        "presence",
        "members",
        ["organisation_id", "switched_off_by"],
        ["organisation_id", "id"],
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_presence_organisation_id_switched_off_by"), "presence")
    op.drop_column("presence", "switched_off_by")
    op.drop_column("members", "notice_confirmed_at")
    op.drop_column("organisations", "watchers_shown")
    op.drop_column("organisations", "listening")
