"""Every row that can be had: of a damaged database what can be read, of a sound copy what is missing then."""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from resnet_studio.domain.series import Per, Series
from resnet_studio.history.schema import REVISIONS, Base
from resnet_studio.history.sqlite import backups
from resnet_studio.history.sqlite.errors import BROKEN, is_full

log = logging.getLogger(__name__)

_NO_END = 2**24  # keys are looked for as far as this where the largest cannot be read
_LOOKS = 4000  # into gaps of one table

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

# Keys are used again after their rows are gone, so only rows of the same id count as the same.
_SAME_RUN = "run_key IN (SELECT r.key FROM runs r JOIN backup.runs b ON b.key = r.key AND b.id = r.id)"
_SAME_EVALUATION = (
    "evaluation_key IN (SELECT e.key FROM evaluations e JOIN backup.evaluations b ON b.key = e.key AND b.id = e.id)"
)
_SAME_ANALYSIS = (
    "analysis_key IN (SELECT a.key FROM analyses a JOIN backup.analyses b ON b.key = a.key AND b.id = a.id)"
)
_SAME_COHORT = "cohort_key IN (SELECT c.key FROM cohorts c JOIN backup.cohorts b ON b.key = c.key AND b.id = c.id)"
_FILL_WHERE = {
    "runs": _SAME_COHORT,
    "queue": _SAME_COHORT,
    "tags": _SAME_RUN,
    "checkpoints": _SAME_RUN,
    # No point twice, and none after where the run stands now: it may have been cut, or joined into other pieces.
    "curve_chunks": f"""{_SAME_RUN}
        AND old.last_iteration <= (SELECT iteration FROM runs WHERE key = old.run_key)
        AND NOT EXISTS (
            SELECT 1 FROM curve_chunks n WHERE n.run_key = old.run_key AND n.series = old.series
            AND n.first_iteration <= old.last_iteration AND n.last_iteration >= old.first_iteration)""",
    "evaluation_members": f"{_SAME_EVALUATION} AND {_SAME_RUN}",
    "analysis_members": f"{_SAME_ANALYSIS} AND {_SAME_RUN}",
}


@dataclass(frozen=True, slots=True)
class Gathered:
    """What could be had.

    Attributes:
        runs: How many runs could be read.
        incomplete: Names of the runs whose curves lack points.
        unreadable: Places, over all tables, from which rows could not be read.
        from_backup: How many runs more came from a backup.
        backup: When that was made, None if there was none or none was needed.
    """

    runs: int
    incomplete: tuple[str, ...]
    unreadable: int
    from_backup: int = 0
    backup: datetime | None = None


def gather(damaged: Path, target: Path, copies: Iterator[Path]) -> Gathered:
    """Copy every row that can be read of ``damaged`` into ``target``, then fill gaps from the first of ``copies``."""
    gaps = dict.fromkeys((table.name for table in Base.metadata.sorted_tables), 1)
    made = None
    with closing(sqlite3.connect(target, isolation_level=None, uri=True)) as new:
        new.execute("PRAGMA foreign_keys=OFF")
        new.execute("BEGIN IMMEDIATE")
        try:
            with closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)) as old:
                old.execute("PRAGMA writable_schema=ON")  # one definition that cannot be read hides no other table
                older = _is_older(old)
                for table in gaps:
                    gaps[table] = _copy_table(old, new, table, older=older)
        except BROKEN as error:  # not even the list of tables can be read
            if is_full(error, target):
                raise
            log.info("nothing more can be read of %s: %s", damaged, error)
        new.execute("COMMIT")
        before = _count(new)
        if any(gaps.values()) and (copy := next(copies, None)) is not None:
            made = backups.time_of(copy)
            new.execute("ATTACH ? AS backup", (f"{copy.absolute().as_uri()}?immutable=1",))
            new.execute("BEGIN IMMEDIATE")
            for table in (table for table, lost in gaps.items() if lost):
                _fill(new, table)
            new.execute("COMMIT")
            new.execute("DETACH backup")
        new.execute("BEGIN IMMEDIATE")
        _mend(new)
        runs = _count(new)
        incomplete = tuple(str(name) for (name,) in new.execute(_INCOMPLETE))
        new.execute("COMMIT")
        new.execute("PRAGMA journal_mode=DELETE").fetchall()  # all of it in one file
    from_backup = max(0, runs - before)
    return Gathered(runs - from_backup, incomplete, sum(gaps.values()), from_backup, made)


def _count(new: sqlite3.Connection) -> int:
    return int(new.execute("SELECT count(*) FROM runs").fetchone()[0])


def _columns(new: sqlite3.Connection, old: sqlite3.Connection, table: str, schema: str = "main") -> list[str]:
    """Those of ``table`` that both have: an older schema lacks some."""
    there = {str(row[1]) for row in old.execute(f"PRAGMA {schema}.table_info({table})")}
    return [str(row[1]) for row in new.execute(f"PRAGMA main.table_info({table})") if row[1] in there]


def _is_older(old: sqlite3.Connection) -> bool:
    """Its schema is known and not the present one, so that it may lack tables."""
    try:
        row = old.execute("SELECT version_num FROM alembic_version").fetchone()
    except BROKEN:
        return False
    return row is not None and row[0] in REVISIONS[:-1]


def _copy_table(old: sqlite3.Connection, new: sqlite3.Connection, table: str, *, older: bool) -> int:
    """How many places of ``table`` could not be read, or held what the table does not allow."""
    columns = _columns(new, old, table)
    if not columns:
        return 0 if older else 1
    insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    lost = 0
    for row in _readable(old, table, columns):
        lost += row is None or new.execute(insert, row).rowcount == 0
    return lost


def _fill(new: sqlite3.Connection, table: str) -> None:
    if columns := _columns(new, new, table, "backup"):
        names = ", ".join(columns)
        where = _FILL_WHERE.get(table, "1")
        new.execute(
            f"INSERT OR IGNORE INTO main.{table} ({names}) SELECT {names} FROM backup.{table} old WHERE {where}"
        )


def _readable(old: sqlite3.Connection, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...] | None]:
    """Every row that can be read; None for each place that cannot.

    From both ends of a range of keys up to what is torn, then the same in each half of what is left between.
    """
    query = f"SELECT rowid, {', '.join(columns)} FROM {table} WHERE rowid > ? AND rowid < ? ORDER BY rowid"
    ranges, looks = deque([(-1, _end(old, table))]), 0
    while ranges and looks < _LOOKS:
        low, high = ranges.popleft()
        looks += 1
        whole = False
        # Python reads a row ahead, so the last one before what is torn has to be asked for alone.
        for end in ("", " LIMIT 1", " DESC", " DESC LIMIT 1"):
            try:
                for row in old.execute(query + end, (low, high)):
                    low, high = (low, row[0]) if "DESC" in end else (row[0], high)
                    yield row[1:]
                whole = "LIMIT" not in end
            except BROKEN as error:
                log.debug("%s cannot be read between keys %d and %d: %s", table, low, high, error)
            if whole:
                break
        else:
            middle = (low + high) // 2
            ranges.extend(part for part in ((low, middle + 1), (middle, high)) if part != (low, high))
        if looks == 1 and not (whole and end == ""):
            yield None


def _end(old: sqlite3.Connection, table: str) -> int:
    """One more than the largest key of ``table``, or than any where that is out of reach."""
    try:
        return int(old.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0) + 1
    except BROKEN:
        return _NO_END


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
    new.execute("DELETE FROM analyses WHERE key NOT IN (SELECT analysis_key FROM analysis_members)")
    new.execute("DELETE FROM cohorts WHERE key NOT IN (SELECT cohort_key FROM runs)")
