"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Must run while the old code still does: add, fill, switch; take away in a later release.

    What reads all calls is a migration of its own: `db.migrations.concurrently`.
    """
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Back to where `upgrade` began."""
    ${downgrades if downgrades else "pass"}
