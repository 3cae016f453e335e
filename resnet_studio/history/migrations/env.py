"""Alembic's entry point: migrates on the connection it is handed, inside that connection's transaction."""

from __future__ import annotations

from alembic import context

from resnet_studio.history.schema import Base


def _migrate() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("hand over a connection in config.attributes['connection']; see history/revisions.py")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        transactional_ddl=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


_migrate()
