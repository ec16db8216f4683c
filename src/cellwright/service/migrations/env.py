"""Alembic's entry: migrates over the connection that the store hands over."""

from __future__ import annotations

from alembic import context

from cellwright.service.tables import Table


def migrate() -> None:
    """Bring the tables up to date."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Table.metadata,
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


# Only while Alembic migrates does its context hold a config: an import alone changes nothing.
if hasattr(context, "config"):
    migrate()
