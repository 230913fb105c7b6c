"""Migrations: one module a step, in versions/; `env` is what Alembic runs for each."""
