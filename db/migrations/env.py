"""Run by Alembic, over the connection that `db.migrate` opened; never by the `alembic` command itself."""

from alembic import context

from db.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # The job engine's tables are its own: no model of ours describes them.
    include_name=lambda name, kind, _: kind != "table" or not str(name).startswith("pgqueuer"),
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
