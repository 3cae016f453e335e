"""A thorough look at a database that does not change it: what ``doctor`` asks."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from resnet_studio.history.sqlite.backups import copies
from resnet_studio.history.sqlite.connections import READER_WAIT_SECONDS
from resnet_studio.history.sqlite.errors import explained, suspicion
from resnet_studio.history.storage import KeptCopies
from resnet_studio.text import _

_NAMED_AT_MOST = 20


def problems(database: Path) -> list[str]:
    """What SQLite's whole integrity check finds, indexes included, and rows that refer to missing ones; empty if sound.

    Some milliseconds a megabyte. Where something is found, who next opens the history for writing looks as
    thoroughly.

    Raises:
        StoreError: If the file cannot be read at all.
    """
    with explained(database):
        address = f"{database.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=READER_WAIT_SECONDS)) as connection:
            verdicts = connection.execute(f"PRAGMA integrity_check({_NAMED_AT_MOST})").fetchall()
            found = [" ".join(str(verdict).split()) for (verdict,) in verdicts if verdict != "ok"]
            for table, rowid, parent, _unused in connection.execute("PRAGMA foreign_key_check").fetchmany(
                _NAMED_AT_MOST
            ):
                found.append(
                    _(
                        "row {rowid} of {table} refers to a missing row of {parent}",
                        rowid=rowid,
                        table=table,
                        parent=parent,
                    )
                )
    if found:
        with suppress(OSError):
            suspicion(database).touch()
    return found


def kept_beside(database: Path) -> KeptCopies:
    """Damaged files that were set aside, and backups."""
    damaged = sorted(database.parent.glob(f"{database.stem}.damaged-*{database.suffix}"))
    return KeptCopies(tuple(map(str, damaged)), tuple(map(str, copies(database))))
