"""The definitions of tables and indexes, as a database file keeps them: what lacks there, and how it is put right.

One wrong letter in them and SQLite reads no table at all, although every row is where it was.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

from resnet_studio.history.revisions import Schema, upgrade
from resnet_studio.history.schema import Base
from resnet_studio.history.sqlite import connections
from resnet_studio.history.sqlite.errors import BROKEN
from resnet_studio.text import _

log = logging.getLogger(__name__)

_ALIKE = 0.6  # of two definitions, 0..1: a damaged one and what it was


class _Definition(NamedTuple):
    kind: str
    name: str
    table: str
    sql: str | None


def lacking(connection: sqlite3.Connection) -> str:
    """Which table or column of the present schema is not there, in words; empty if all are."""
    for table in Base.metadata.sorted_tables:
        there = {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table.name})")}
        if not there:
            return _("the table {name} is missing", name=table.name)
        for column in table.columns:
            if column.name not in there:
                return _("the table {name} has no column {column}", name=table.name, column=column.name)
    return ""


def is_ours(tables: set[str]) -> bool:
    """Whether a database with these tables is a history, even if it does not say which."""
    return {"runs", "cohorts"} <= tables


def mend(copy: Path, schema: Schema) -> None:
    """Put the definitions in a copy of a damaged database right, where one of them cannot be read.

    Each is found by its name, or else by what it is most like. Where even their list is torn, nothing is changed.
    """
    try:
        if _can_be_read(copy):
            return
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.text_factory = lambda stored: stored.decode("utf-8", "replace")
            connection.execute("PRAGMA writable_schema=ON")  # SQLite then passes over what it cannot read of them, too
            rows = connection.execute("SELECT rowid, type, name, tbl_name, sql FROM sqlite_master").fetchall()
            found = {int(row[0]): _Definition(*row[1:]) for row in rows}
            connection.execute("BEGIN")
            for key, wanted in _matched(found, _definitions(_revision(connection, schema), schema)).items():
                if found[key] != wanted:
                    log.info("the definition of %s is put right", wanted.name)
                    connection.execute(
                        "UPDATE sqlite_master SET type = ?, name = ?, tbl_name = ?, sql = ? WHERE rowid = ?",
                        (*wanted, key),
                    )
            connection.execute("COMMIT")
    except BROKEN as error:
        log.info("the definitions in %s cannot be put right: %s", copy, error)


def _can_be_read(copy: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return not lacking(connection)
    except BROKEN:
        return False


def _revision(connection: sqlite3.Connection, schema: Schema) -> str:
    """That of the file where it can be read, else the present one."""
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except BROKEN:
        row = None
    return str(row[0]) if row is not None and row[0] in schema.revisions else schema.head


def _definitions(revision: str, schema: Schema) -> list[_Definition]:
    """Those of a new database of that revision."""
    up_to = schema.revisions[: schema.revisions.index(revision) + 1]
    engine = connections.migration_engine(connections.sqlite_url(Path(":memory:")))
    try:
        with engine.begin() as connection:
            upgrade(connection, Schema(up_to, schema.folder))
            rows = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    finally:
        engine.dispose()
    return [_Definition(*row) for row in rows]


def _matched(found: dict[int, _Definition], wanted: list[_Definition]) -> dict[int, _Definition]:
    """What each row has to say, by its key."""
    by_name = {definition.name: definition for definition in wanted}
    matched = {key: by_name.pop(row.name) for key, row in found.items() if row.name in by_name}
    for key in found.keys() - matched.keys():
        likeness, nearest = max(((_likeness(found[key], each), each) for each in by_name.values()), default=(0.0, None))
        if nearest is not None and likeness >= _ALIKE:
            matched[key] = by_name.pop(nearest.name)
    return matched


def _likeness(one: _Definition, other: _Definition) -> float:
    first, second = (f"{each.name} {each.table} {each.sql or ''}" for each in (one, other))
    return SequenceMatcher(None, first, second, autojunk=False).ratio()
