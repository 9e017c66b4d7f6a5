"""Organisations that are closed or suspended, proof of what was erased, and who operates the installation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_STATES = ("waiting", "ending", "releasing", "erasing")

# An audit log goes only with its organisation, once that is being erased: whoever may call this may delete no entry
# of an organisation that is to stay. The trigger lets nothing else through, not even the owner of the table.
_ERASE_AUDIT = """
CREATE FUNCTION erase_audit_entries(of_organisation uuid, most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    gone integer;
BEGIN
    IF NOT EXISTS (
        SELECT FROM closures WHERE closures.organisation_id = of_organisation AND closures.state = 'erasing'
    ) OR EXISTS (
        SELECT FROM members WHERE members.organisation_id = of_organisation AND members.removed_at IS NULL
    ) THEN
        RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM set_config('bilby.erasing', of_organisation::text, true);
    DELETE FROM audit_entries WHERE id IN (
        SELECT id FROM audit_entries WHERE organisation_id = of_organisation LIMIT most
    );
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('bilby.erasing', '', true);
    RETURN gone;
END $$
"""
_APPEND_ONLY = """
CREATE OR REPLACE FUNCTION audit_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('bilby.rotating', true) = 'on'
        AND (OLD.id, OLD.organisation_id, OLD.at, OLD.actor_id, OLD.action, OLD.from_hash)
            IS NOT DISTINCT FROM (NEW.id, NEW.organisation_id, NEW.at, NEW.actor_id, NEW.action, NEW.from_hash)
    THEN
        RETURN NEW;
    END IF;
    {erasing}
    RAISE EXCEPTION 'the audit log only grows' USING ERRCODE = 'insufficient_privilege';
END $$
"""
_ERASING = """IF TG_OP = 'DELETE' AND current_setting('bilby.erasing', true) = OLD.organisation_id::text THEN
        RETURN OLD;
    END IF;"""

# As the audit log of an organisation; what it was about may be forgotten, once that is erased.
_OPERATORS_APPEND_ONLY = """
CREATE FUNCTION operator_entries_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.id, OLD.at, OLD.operator_id, OLD.action, OLD.from_hash)
            IS NOT DISTINCT FROM (NEW.id, NEW.at, NEW.operator_id, NEW.action, NEW.from_hash)
        AND (
            (NEW.organisation_id IS NULL
                AND (OLD.operator, OLD.details) IS NOT DISTINCT FROM (NEW.operator, NEW.details))
            OR (NEW.organisation_id IS NOT DISTINCT FROM OLD.organisation_id
                AND current_setting('bilby.rotating', true) = 'on')
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the operators'' log only grows' USING ERRCODE = 'insufficient_privilege';
END $$
"""


def upgrade() -> None:
    op.add_column("organisations", _at("suspended_at"))
    op.add_column("organisations", sa.Column("suspended_for", sa.LargeBinary(), nullable=True))
    op.create_table(
        "closures",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        _at("asked_at", nullable=False, server_default=sa.func.now()),
        _at("due_at", nullable=False),
        _at("changed_at", nullable=False, server_default=sa.func.now()),
        _at("reminded_at"),
        sa.CheckConstraint("state IN " + str(_STATES), name=op.f("ck_closures_state")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_closures_organisation_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "asked_by"],
            ["members.organisation_id", "members.id"],
            name=op.f("fk_closures_organisation_id_asked_by"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_closures")),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        _at("erased_at", nullable=False, server_default=sa.func.now()),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.BigInteger(), nullable=False),
        sa.Column("audit_entries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.execute(_APPEND_ONLY.format(erasing=_ERASING))
    op.execute(_ERASE_AUDIT)
    _operators()
    _operator_entries()


def _operators() -> None:
    op.create_table(
        "operators",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.LargeBinary(), nullable=False),
        sa.Column("email_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        _at("created_at", nullable=False, server_default=sa.func.now()),
        _at("signed_out_at"),
        _at("removed_at"),
        sa.CheckConstraint("role IN ('observer', 'operator')", name=op.f("ck_operators_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operators")),
    )
    here = sa.text("removed_at IS NULL")
    op.create_index("uq_operators_email_hash", "operators", ["email_hash"], unique=True, postgresql_where=here)
    op.create_table(
        "operator_links",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        _at("created_at", nullable=False, server_default=sa.func.now()),
        _at("expires_at", nullable=False),
        _at("used_at"),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operators.id"], name=op.f("fk_operator_links_operator_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_operator_links")),
    )
    op.create_index(op.f("ix_operator_links_operator_id"), "operator_links", ["operator_id"])


def _operator_entries() -> None:
    op.create_table(
        "operator_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        _at("at", nullable=False, server_default=sa.func.clock_timestamp()),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("operator", sa.LargeBinary(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("details", sa.LargeBinary(), nullable=True),
        sa.Column("from_hash", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["operator_id"], ["operators.id"], name=op.f("fk_operator_entries_operator_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_operator_entries_organisation_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_entries")),
    )
    op.create_index("ix_operator_entries_at", "operator_entries", [sa.text("at DESC"), sa.text("id DESC")])
    op.create_index(op.f("ix_operator_entries_organisation_id"), "operator_entries", ["organisation_id"])
    op.execute(_OPERATORS_APPEND_ONLY)
    for name, what, each in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER operator_entries_{name} BEFORE {what} ON operator_entries "
            f"FOR EACH {each} EXECUTE FUNCTION operator_entries_append_only()"
        )


def downgrade() -> None:
    for table in ("operator_entries", "operator_links", "operators"):
        op.drop_table(table)
    op.execute("DROP FUNCTION operator_entries_append_only")
    op.execute("DROP FUNCTION erase_audit_entries(uuid, integer)")
    op.execute(_APPEND_ONLY.format(erasing=""))
    op.drop_table("erasures")
    op.drop_table("closures")
    op.drop_column("organisations", "suspended_for")
    op.drop_column("organisations", "suspended_at")


def _at(name: str, *, nullable: bool = True, server_default: object = None) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=server_default)  # type: ignore[arg-type]
