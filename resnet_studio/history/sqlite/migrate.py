"""From whatever lies at the database's place to a database of the present schema: look, back up, migrate, or refuse."""

from __future__ import annotations

import logging
import re
import sqlite3
from pathlib import Path

from resnet_studio.domain.errors import StoreError
from resnet_studio.history.revisions import PRESENT, Schema, upgrade
from resnet_studio.history.sqlite import backups, connections, schema_text
from resnet_studio.history.sqlite.errors import damaged, explained, refuse_no_file, suspicion
from resnet_studio.text import _

log = logging.getLogger(__name__)

NEW_HISTORY = Path(__file__).with_name("new_history.sql")
"""What the revisions together make of a file that is not there yet, in a tenth of their time and without Alembic."""

_REVISION = re.compile(r"\d{4}", re.ASCII)
_SMALLEST_BYTES = 512  # one page at least; SQLite takes a shorter file for an empty database
_ALWAYS_CHECKED_BYTES = 16 * 2**20  # some 15 ms; a larger file is checked only after a crash


def at_rest(database: Path) -> bool:
    """Everything lies in the file itself: SQLite keeps a log beside it as long as somebody writes, and after a crash.

    An empty log is what a full disk leaves of an attempt to open the file.
    """
    try:
        return database.with_name(database.name + "-wal").stat().st_size == 0
    except FileNotFoundError:
        return True


def look(database: Path, *, check: bool, frozen: bool = False, schema: Schema = PRESENT) -> str | None:
    """Revision of the schema in ``database``; None where there is no database yet. Changes nothing.

    The file is opened by SQLite alone, never by ``open``: on POSIX, closing any descriptor of a file drops every lock
    this process holds on it, and then another process that closes the database removes the log under our feet.

    Args:
        database: Its file.
        check: Look for damage as well. Only for who holds the writer lock.
        frozen: Trust that nobody writes meanwhile, and leave no trace in the folder.
        schema: What it is compared with.

    Raises:
        StoreError: If the file is damaged, is no file or something else, or was written by a newer program.
    """
    with explained(database):
        refuse_no_file(database)
        if not database.exists() or database.stat().st_size == 0:
            return None
        if database.stat().st_size < _SMALLEST_BYTES:
            raise damaged(database, _("it is not an SQLite file"))
        return _revision(database, schema, check=check, frozen=frozen)


def _revision(database: Path, schema: Schema, *, check: bool, frozen: bool) -> str | None:
    mode = "immutable=1" if frozen else "mode=ro"
    connection = sqlite3.connect(
        f"{database.absolute().as_uri()}?{mode}", uri=True, timeout=connections.READER_WAIT_SECONDS
    )
    try:
        tables = _tables(connection, database)
        if tables and "alembic_version" not in tables:
            if schema_text.is_ours(tables):
                raise damaged(database, _("the table {name} is missing", name="alembic_version"))
            raise StoreError(
                _(
                    "The file {database} is a database, but not a history of ResNet Studio; move it away, "
                    "or choose another folder with --home DIR.",
                    database=database,
                )
            )
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if tables else None
        found = None if row is None else str(row[0])
        if (found is None and schema_text.is_ours(tables)) or (found is not None and not _REVISION.fullmatch(found)):
            raise damaged(database, _("it does not say which schema it has"))
        if found is not None and found not in schema.revisions:
            raise StoreError(
                _(
                    "The history {database} was written by a newer ResNet Studio (schema {found}, this one knows up to "
                    "{head}); it was left untouched: install the newer version, or choose another folder with "
                    "--home DIR.",
                    database=database,
                    found=found,
                    head=schema.head,
                )
            )
        if found == PRESENT.head and (lacks := schema_text.lacking(connection)):
            raise damaged(database, lacks)
        if check:  # indexes are left out unless damage was met before
            pragma = "integrity_check" if suspicion(database).exists() else "quick_check"
            (verdict,) = connection.execute(f"PRAGMA {pragma}(1)").fetchone()
            if verdict != "ok":
                raise damaged(database, " ".join(str(verdict).replace("*** in database main ***", "").split()))
        return found
    finally:
        connection.close()


def _tables(connection: sqlite3.Connection, database: Path) -> set[str]:
    try:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {str(name) for (name,) in names}
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise damaged(database, _("it is not an SQLite file")) from None
        raise


def needs_check(database: Path, *, previous_died: bool) -> bool:
    """A full look costs about a millisecond per megabyte: taken for small files, and after a crash."""
    try:
        return previous_died or suspicion(database).exists() or database.stat().st_size <= _ALWAYS_CHECKED_BYTES
    except OSError:
        return False


def prepare(database: Path, *, previous_died: bool = False, schema: Schema = PRESENT) -> Path | None:
    """Make ``database`` one of the present schema; only for who holds the writer lock.

    Returns:
        The copy made before an older schema was migrated, else None.

    Raises:
        StoreError: If the file is damaged, newer, or cannot be written; it is then as it was.
    """
    check = needs_check(database, previous_died=previous_died)
    found = look(database, check=check, frozen=at_rest(database), schema=schema)
    if found == schema.head:
        return None
    with explained(database):
        copy = backups.back_up(database, found) if found is not None else None
        if copy is not None:
            log.warning("the history's schema %s is older than %s; a copy was kept at %s", found, schema.head, copy)
        migrate(database, schema)
    return copy


def migrate(database: Path, schema: Schema = PRESENT) -> None:
    """Lead ``database`` through every missing revision in one transaction: all of it or nothing."""
    engine = connections.migration_engine(connections.sqlite_url(database))
    try:
        with engine.begin() as connection:
            if schema == PRESENT and connections.is_empty(connection):
                for statement in NEW_HISTORY.read_text(encoding="utf-8").split(";\n")[:-1]:
                    connection.exec_driver_sql(statement)
            else:
                upgrade(connection, schema)
            connections.check_foreign_keys(connection)
    finally:
        engine.dispose()
