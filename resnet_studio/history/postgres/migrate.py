"""From whatever is in the database to tables of the present schema: look, migrate, or refuse."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, text

from resnet_studio.domain.errors import StoreError
from resnet_studio.history.postgres.connections import single_engine
from resnet_studio.history.postgres.place import where
from resnet_studio.history.revisions import Schema, upgrade
from resnet_studio.text import _

log = logging.getLogger(__name__)

_LOCK = 0x5265734E65745374  # "ResNetSt": the advisory lock of who migrates
_OURS = "alembic_version"


def look(connection: Connection, schema: Schema) -> str | None:
    """Revision of the stored schema; None where no history was stored yet. Changes nothing.

    Raises:
        StoreError: If the database holds something else, or was written by a newer program.
    """
    place = where(connection.engine.url)
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise StoreError(
            _(
                "The database {where} keeps text as {encoding}; create one with ENCODING 'UTF8' for the history.",
                where=place,
                encoding=encoding,
            )
        )
    tables = set(
        connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false))"))
    )
    if not tables:
        return None
    if _OURS not in tables:
        raise StoreError(
            _(
                "The database {where} holds tables of something else; create one of its own for the history.",
                where=place,
            )
        )
    found = connection.scalar(text(f"SELECT version_num FROM {_OURS}"))
    if found is not None and str(found) not in schema.revisions:
        raise StoreError(
            _(
                "The history {where} was written by a newer ResNet Studio (schema {found}, this one knows up to "
                "{head}); it was left untouched: install the newer version, or choose another history.",
                where=place,
                found=found,
                head=schema.head,
            )
        )
    return None if found is None else str(found)


def prepare(engine_of: Connection, schema: Schema) -> None:
    """Make the tables, or lead older ones to the present schema: in one transaction, and only one program at a time.

    What waits for the lock finds the work done. A copy of the data is not made: that is the administrator's pg_dump.

    Raises:
        StoreError: As :func:`look`; nothing was changed then.
    """
    if look(engine_of, schema) == schema.head:
        return
    engine_of.rollback()
    engine = single_engine(engine_of.engine.url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = 0"))  # the other migration may take its time
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            found = look(connection, schema)
            if found == schema.head:
                return
            if found is not None:
                log.warning("the history's schema %s is older than %s: migrating it", found, schema.head)
            upgrade(connection, schema)
    finally:
        engine.dispose()
