"""Writes what a new history's file is made with: the definitions that all revisions, one after another, lead to.

    python -m tests.history.sqlite.write_new_history

For a new revision: again.
"""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from resnet_studio.history.revisions import PRESENT, upgrade
from resnet_studio.history.sqlite import connections
from resnet_studio.history.sqlite.migrate import NEW_HISTORY


def upgraded(database: Path) -> None:
    """Lead ``database``, which is not there yet, through every revision."""
    engine = connections.migration_engine(connections.sqlite_url(database))
    with engine.begin() as connection:
        upgrade(connection, PRESENT)
    engine.dispose()


def definitions(database: Path) -> list[tuple[str | None, ...]]:
    """Kind, name, table and text of each table and index, in their order; a text is None where SQLite made it."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid").fetchall()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "upgraded.sqlite3"
        upgraded(database)
        statements = [sql for *_place, sql in definitions(database) if sql]
    statements.append(f"INSERT INTO alembic_version VALUES ('{PRESENT.head}')")
    NEW_HISTORY.write_text("".join(f"{statement};\n" for statement in statements), encoding="utf-8")


if __name__ == "__main__":
    main()
