"""One person with several numbers, and notes about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contacts", sa.Column("part_of", sa.Uuid(), nullable=True))
    op.add_column("contacts", sa.Column("own_name", sa.LargeBinary(), nullable=True))
    op.create_foreign_key(
        op.f("fk_contacts_organisation_id_part_of"),
        *("contacts", "contacts"),
        *(["organisation_id", "part_of"], ["organisation_id", "id"]),
    )
    op.create_index(
        "ix_contacts_part_of",
        "contacts",
        ["organisation_id", "part_of"],
        postgresql_where=sa.text("part_of IS NOT NULL"),
    )
    op.create_index(
        "ix_contacts_list",
        "contacts",
        ["organisation_id", sa.text("created_at DESC"), sa.text("id DESC")],
        postgresql_where=sa.text("part_of IS NULL"),
    )
    op.create_table(
        "contact_notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column(
            "written_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_contact_notes_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "contact_id"],
            ["contacts.organisation_id", "contacts.id"],
            name=op.f("fk_contact_notes_organisation_id_contact_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "author_id"],
            ["members.organisation_id", "members.id"],
            name=op.f("fk_contact_notes_organisation_id_author_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_notes")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_contact_notes_organisation_id_id")),
    )
    op.create_index("ix_contact_notes_contact_id", "contact_notes", ["contact_id", sa.text("written_at DESC")])
    op.create_index(
        "ix_contact_notes_list", "contact_notes", ["organisation_id", sa.text("written_at DESC"), sa.text("id DESC")]
    )


def downgrade() -> None:
    op.drop_table("contact_notes")
    for index in ("ix_contacts_list", "ix_contacts_part_of"):
        op.drop_index(index, "contacts")
    op.drop_constraint(op.f("fk_contacts_organisation_id_part_of"), "contacts")
    for column in ("own_name", "part_of"):
        op.drop_column("contacts", column)
