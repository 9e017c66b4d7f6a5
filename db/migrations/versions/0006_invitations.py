"""An address is a member's once they have accepted; a member can be signed out everywhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PRESENT = "removed_at IS NULL"
_ACCEPTED = "removed_at IS NULL AND accepted_at IS NOT NULL"

# Whoever never came is only invited. An owner has come by founding, from before that was written down, too.
_ONLY_INVITED = """
UPDATE members SET accepted_at = NULL WHERE role <> 'owner' AND NOT EXISTS (
    SELECT FROM audit_entries WHERE actor_id = members.id AND action = 'member.signed_in'
)
"""


def upgrade() -> None:
    # The code before this one adds members without saying so: theirs are taken as before, at once.
    at = sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True, server_default=sa.func.now())
    op.add_column("members", at)
    op.add_column("members", sa.Column("signed_out_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_ONLY_INVITED)
    op.drop_index("uq_members_email_hash", "members")
    for name, columns, unique, where in (
        ("uq_members_email_hash", ["email_hash"], True, _ACCEPTED),
        ("uq_members_organisation_email", ["organisation_id", "email_hash"], True, _PRESENT),
        ("ix_members_email_hash", ["email_hash"], False, _PRESENT),
    ):
        op.create_index(name, "members", columns, unique=unique, postgresql_where=sa.text(where))


def downgrade() -> None:
    # Where an address was invited several times, who accepted stays, or else who was invited first.
    op.execute(
        """
        UPDATE members SET removed_at = now() WHERE removed_at IS NULL AND id NOT IN (
            SELECT DISTINCT ON (email_hash) id FROM members WHERE removed_at IS NULL
            ORDER BY email_hash, accepted_at IS NULL, created_at
        )
        """
    )
    for name in ("uq_members_email_hash", "uq_members_organisation_email", "ix_members_email_hash"):
        op.drop_index(name, "members")
    op.create_index(
        "uq_members_email_hash", "members", ["email_hash"], unique=True, postgresql_where=sa.text(_PRESENT)
    )
    op.drop_column("members", "signed_out_at")
    op.drop_column("members", "accepted_at")
