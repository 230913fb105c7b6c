"""What Alembic runs for every migration: in the transaction that `migrate` has begun."""

from alembic import context

from gateway.store.people_tables import metadata  # through it, so that all tables are known

options = context.config.attributes
context.configure(
    connection=options["connection"],
    target_metadata=metadata,
    on_version_apply=options.get("on_version_apply"),
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
