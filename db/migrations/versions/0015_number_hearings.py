"""How calls of a number become words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "number_hearings",
        sa.Column("number_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("vocabulary", sa.Text(), nullable=True),
        sa.Column("redacts", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "number_id"],
            ["numbers.organisation_id", "numbers.id"],
            name=op.f("fk_number_hearings_organisation_id_number_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_number_hearings_organisation_id")
        ),
        sa.PrimaryKeyConstraint("number_id", name=op.f("pk_number_hearings")),
    )


def downgrade() -> None:
    op.drop_table("number_hearings")
