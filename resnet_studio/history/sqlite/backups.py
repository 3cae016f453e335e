"""Copies of the history, made with SQLite's own backup call: one a day, and one before each migration.

They lie in a folder beside the file; of each schema the newest three are kept. A copy is checked before an older one
goes, so that damage that nobody has met yet does not take the place of a sound copy.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.history.sqlite.errors import damaged, suspicion
from resnet_studio.text import _

log = logging.getLogger(__name__)

KEPT = 3  # of each schema
DAILY = timedelta(days=1)
_TIME = "%Y%m%dT%H%M%S.%fZ"
_PAGES = 1024  # 4 MiB between two looks at whether to stop
_LEFT_FREE_BYTES = 64 * 2**20  # a daily copy never takes the room that training needs
_DELAY_SECONDS = 10.0  # what a program does at its start comes first
_WAIT_SECONDS = 1.0  # a program that ends waits so long for a copy that it has begun
_SHORT_BYTES = 32 * 2**20  # one that has not begun is made at the end if it is as small as this


def folder_of(database: Path) -> Path:
    return database.parent / "backups"


def copies(database: Path) -> list[Path]:
    """Every copy, oldest first; those beside the file were made by earlier versions."""
    pattern = f"{database.stem}.schema-*{database.suffix}"
    found = [*database.parent.glob(pattern), *folder_of(database).glob(pattern)]
    return sorted((each for each in found if time_of(each) is not None), key=lambda each: time_of(each) or datetime.min)


def time_of(copy: Path) -> datetime | None:
    """When it was made, by its name; None if that is no copy's name."""
    try:
        return datetime.strptime(copy.stem.partition(".schema-")[2].partition(".")[2], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def is_due(database: Path) -> bool:
    """A clock that was set back does not keep copies away for long."""
    known = [time for copy in copies(database)[-1:] if (time := time_of(copy)) is not None]
    return not known or abs(datetime.now(UTC) - known[0]) >= DAILY


def is_sound(copy: Path) -> bool:
    """Some milliseconds a megabyte."""
    try:
        with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?immutable=1", uri=True)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except (sqlite3.Error, UnicodeDecodeError):
        return False


def sound_copies(database: Path) -> Iterator[Path]:
    """Newest first."""
    return (copy for copy in reversed(copies(database)) if is_sound(copy))


def back_up(database: Path, revision: str, should_stop: StopCheck = never_stop) -> Path:
    """A whole, sound copy, named after its schema and the time; on disk for good when this returns.

    Raises:
        DamagedHistoryError: If what was copied is damaged; whoever opens the history next looks at all of it.
        Stopped: If asked to stop; nothing is left of the copy.
    """
    folder = folder_of(database)
    folder.mkdir(exist_ok=True)
    for left in folder.glob("*.partial*"):  # of a process that died
        left.unlink(missing_ok=True)
    name = f"{database.stem}.schema-{revision}.{datetime.now(UTC):{_TIME}}"
    target, partial = (folder / (name + suffix) for suffix in (database.suffix, ".partial"))
    try:
        _copy(database, partial, should_stop)
        if not is_sound(partial):
            suspicion(database).touch()
            raise damaged(database, _("its copy is not sound"))
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    of_this_schema = f"{database.stem}.schema-{revision}."
    mine = [copy for copy in copies(database) if copy.parent == folder and copy.name.startswith(of_this_schema)]
    for old in mine[:-KEPT]:
        old.unlink(missing_ok=True)
    return target


def _copy(database: Path, target: Path, should_stop: StopCheck) -> None:
    def look(*_unused: int) -> None:
        if should_stop():
            raise Stopped

    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(target)) as copy:
        for pragma in ("query_only=ON", "wal_autocheckpoint=0"):
            source.execute(f"PRAGMA {pragma}").fetchall()
        source.execute("BEGIN")  # one moment's view: else the copy begins again whenever somebody writes
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(copy, pages=_PAGES, progress=look, sleep=0)
        source.rollback()
        copy.execute("PRAGMA journal_mode=DELETE").fetchall()  # all of it in one file


class DailyBackup:
    """Makes the day's copy in a thread of its own, where there is none yet and there is room.

    It begins a while after the program has started, or when that ends.
    """

    def __init__(self, database: Path, revision: str) -> None:
        self._database, self._revision = database, revision
        self._begin, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._begun = False

    def start(self) -> None:
        """Returns at once. Call it for who holds the writer lock, and :meth:`finish` before that is released."""
        if self._thread is None and is_due(self._database) and self._has_room():
            self._thread = threading.Thread(target=self._work, name="history-backup", daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Make a short copy if it has not begun, wait a moment for one that is under way, then give it up."""
        if self._thread is not None:
            if not self._begun and not self._is_short():
                self._stop.set()
            self._begin.set()
            self._thread.join(_WAIT_SECONDS)
            self._stop.set()
            self._thread.join()
            self._thread = None
            self._begin.clear()
            self._stop.clear()
            self._begun = False

    def _is_short(self) -> bool:
        try:
            return self._database.stat().st_size <= _SHORT_BYTES
        except OSError:
            return False

    def _has_room(self) -> bool:
        try:
            wanted = self._database.stat().st_size + _LEFT_FREE_BYTES
            return shutil.disk_usage(self._database.parent).free >= wanted
        except OSError:
            return False

    def _work(self) -> None:
        self._begin.wait(_DELAY_SECONDS)
        self._begun = True
        try:
            made = back_up(self._database, self._revision, self._stop.is_set)
            log.info("the history was copied to %s", made)
        except Stopped:
            log.info("the day's copy of the history was given up; the next start makes it")
        except Exception as error:  # without a copy the history is as it was
            log.warning("the history could not be copied: %s", error)
