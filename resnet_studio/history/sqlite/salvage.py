"""A damaged database is set aside under a name of its own, and what can be read of it becomes the history.

The swap survives a death at any moment: the new file is written beside, made durable, and renamed in one step to a name
that says "put me in place"; whoever gets the right to write next finishes that first.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from resnet_studio.domain.series import Per, Series
from resnet_studio.history.schema import Base
from resnet_studio.history.sqlite.errors import explained
from resnet_studio.history.sqlite.migrate import PRESENT, Schema, migrate

log = logging.getLogger(__name__)

_LOGS = ("-wal", "-shm")
_NAMED_AT_MOST = 5
_NO_END = 2**24  # keys are looked for as far as this where the largest cannot be read
_LONGEST = 2**36  # bytes; a header that asks for more is nonsense
_STRIDES = (4, 256)  # keys that are skipped at most beyond a gap: where the largest key is known, and where it is not
Row = tuple[Any, ...]

_EACH_ITERATION = ", ".join(f"'{series}'" for series in Series if series.per is Per.ITERATION)
# Runs in which such a series has a hole or is cut short.
_INCOMPLETE = f"""
SELECT name FROM runs WHERE status != 'imported' AND (
    iteration > coalesce((SELECT max(last_iteration) FROM curve_chunks WHERE run_key = runs.key), 0)
    OR EXISTS (
        SELECT 1 FROM curve_chunks
        WHERE run_key = runs.key AND series IN ({_EACH_ITERATION})
        GROUP BY series HAVING sum(count) != max(last_iteration)))
ORDER BY key
"""


@dataclass(frozen=True, slots=True)
class Salvage:
    """What came of it.

    Attributes:
        aside: Where the damaged file lies now.
        runs: How many runs were read out of it.
        incomplete: Names of those among them whose curves lack points.
        unreadable: Places, over all tables, from which rows could not be read.
        detail: What was wrong.
    """

    aside: Path
    runs: int
    incomplete: tuple[str, ...]
    unreadable: int
    detail: str

    @property
    def sentence(self) -> str:
        if not self.runs:
            kept = "no run could be read out of it"
        else:
            kept = f"{self.runs} run{'s' if self.runs > 1 else ''} could be read out of it"
            if self.incomplete:
                kept += f", without some points of {_named(self.incomplete)}"
            elif self.unreadable:
                kept += ", but not everything else"
        return (
            f"The history was damaged ({self.detail}); the file was set aside as {self.aside}, and {kept}. "
            "The folders of all runs are as they were."
        )


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} others" if more > 0 else "")


def set_aside(database: Path, detail: str, schema: Schema = PRESENT) -> Salvage:
    """Put what can be read of ``database`` in its place, and keep the damaged file beside; for the writer alone.

    Raises:
        StoreError: If the disk is full or the folder cannot be written; the damaged file is then where it was.
    """
    aside = database.with_name(f"{database.stem}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}{database.suffix}")
    partial = _partial(database)
    with explained(database):
        _remove(partial)
        migrate(partial, schema)
        runs, incomplete, unreadable = _copy(_whole_length(database), partial)
        _remove(_padded(database))
        for name in ("", *_LOGS):
            source = database.with_name(database.name + name)
            if source.exists() and name != "-shm":
                _keep(source, aside.with_name(aside.name + name))
        _sync(partial)
        partial.rename(_ready(database))
        _sync(database.parent)
        finish(database)
    found = Salvage(aside, runs, incomplete, unreadable, detail)
    log.warning("%s", found.sentence)
    return found


def finish(database: Path) -> None:
    """Put a salvaged file in place that is ready; nothing to do without one. For the writer alone."""
    ready = _ready(database)
    if not ready.exists():
        return
    with explained(database):
        for name in _LOGS:  # they belong to the damaged file, and have been kept with it
            database.with_name(database.name + name).unlink(missing_ok=True)
        ready.replace(database)
        _sync(database.parent)


def _whole_length(database: Path) -> Path:
    """``database``, or a copy filled up with zeros where it is shorter than its header says: SQLite reads no such file.

    The layout of the header: https://sqlite.org/fileformat.html, section 1.3.
    """
    with database.open("rb") as file:
        header = file.read(100)
    page = int.from_bytes(header[16:18], "big")
    page = 2**16 if page == 1 else page
    wanted = page * int.from_bytes(header[28:32], "big")
    if not header.startswith(b"SQLite format 3\0") or not database.stat().st_size < wanted <= _LONGEST:
        return database
    padded = _padded(database)
    _remove(padded)
    shutil.copyfile(database, padded)
    log_file = database.with_name(f"{database.name}-wal")
    if log_file.exists():
        shutil.copyfile(log_file, padded.with_name(f"{padded.name}-wal"))
    os.truncate(padded, wanted)
    return padded


def _padded(database: Path) -> Path:
    return database.with_name(f"{database.name}.padded")


def _partial(database: Path) -> Path:
    return database.with_name(f"{database.name}.salvaging")


def _ready(database: Path) -> Path:
    return database.with_name(f"{database.name}.salvaged")


def _remove(file: Path) -> None:
    for name in ("", *_LOGS):
        file.with_name(file.name + name).unlink(missing_ok=True)


def _keep(source: Path, target: Path) -> None:
    """A second name for ``source``, or a copy where the file system knows no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
        _sync(target)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _copy(damaged: Path, target: Path) -> tuple[int, tuple[str, ...], int]:
    """Copy every row that can be read.

    Returns:
        Number of runs, names of those with incomplete curves, number of places that could not be read.
    """
    lost = 0
    with closing(sqlite3.connect(target, isolation_level=None)) as new:
        new.execute("PRAGMA foreign_keys=OFF")
        new.execute("BEGIN IMMEDIATE")
        try:  # read-only: what lies in the damaged file's log stays there
            with closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)) as old:
                for table in Base.metadata.sorted_tables:
                    lost += _copy_table(old, new, table.name)
        except sqlite3.DatabaseError as error:  # not even the list of tables can be read
            log.warning("nothing more can be read of %s: %s", damaged, error)
            lost += 1
        _mend(new)
        runs = int(new.execute("SELECT count(*) FROM runs").fetchone()[0])
        incomplete = tuple(str(name) for (name,) in new.execute(_INCOMPLETE))
        new.execute("COMMIT")
        new.execute("PRAGMA journal_mode=DELETE").fetchall()  # all of it in one file
    return runs, incomplete, lost


def _copy_table(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> int:
    """How many places of ``table`` could not be read, or held what the table does not allow."""
    there = {str(row[1]) for row in old.execute(f"PRAGMA table_info({table})")}
    columns = [str(row[1]) for row in new.execute(f"PRAGMA table_info({table})") if row[1] in there]
    if not columns:
        return 0
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    lost = 0
    for row in _readable(old, table, columns):
        lost += row is None or new.execute(insert, row).rowcount == 0
    return lost


def _readable(old: sqlite3.Connection, table: str, columns: Sequence[str]) -> Iterator[Row | None]:
    """Rows in the order of their keys; None for each gap of rows that are out of reach."""
    query = f"SELECT rowid, {', '.join(columns)} FROM {table} WHERE rowid > ? ORDER BY rowid"
    after, end = 0, _largest(old, table)
    while True:
        try:
            for row in old.execute(query, (after,)):
                after = row[0]
                yield row[1:]
            return
        except sqlite3.DatabaseError as error:
            log.info("%s cannot be read after key %d: %s", table, after, error)
            yield None
        found = _beyond_gap(old, query, after, end)
        if found is None:
            return
        after = found


def _beyond_gap(old: sqlite3.Connection, query: str, after: int, end: int | None) -> int | None:
    """The smallest key after which rows can be read again, None if there is none."""

    def can_read(key: int) -> bool:
        try:
            old.execute(f"{query} LIMIT 1", (key,)).fetchone()
        except sqlite3.DatabaseError:
            return False
        return True

    stride, longest = 1, _STRIDES[end is None]
    low = after
    while not can_read(low + stride):
        low += stride
        stride = min(2 * stride, longest)
        if low > (after + _NO_END if end is None else end):
            return None
    high = low + stride
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if can_read(middle) else (middle, high)
    return high


def _largest(old: sqlite3.Connection, table: str) -> int | None:
    """The largest key of ``table``, None if that is out of reach."""
    try:
        return int(old.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0)
    except sqlite3.DatabaseError:
        return None


def _mend(new: sqlite3.Connection) -> None:
    """Rows whose parents were lost: runs get a cohort of their own, everything else goes."""
    missing = "SELECT DISTINCT cohort_key FROM runs WHERE cohort_key NOT IN (SELECT key FROM cohorts)"
    for (key,) in new.execute(missing).fetchall():
        new.execute(
            "INSERT INTO cohorts (key, id, name, study, created_at) "
            "SELECT ?, ?, min(name), '', min(created_at) FROM runs WHERE cohort_key = ?",
            (key, uuid4().hex, key),
        )
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            for reference in column.foreign_keys:
                parent = f"SELECT {reference.column.name} FROM {reference.column.table.name}"
                new.execute(f"DELETE FROM {table.name} WHERE {column.name} NOT IN ({parent})")
    new.execute("DELETE FROM evaluations WHERE key NOT IN (SELECT evaluation_key FROM evaluation_members)")
