"""A history in an SQLite file: the writer's lock and connection, the readers' connections, and who may write."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from resnet_studio.domain.errors import DamagedHistoryError, DiskFullError, StoreError, UserError
from resnet_studio.history.revisions import PRESENT, Schema
from resnet_studio.history.schema import Base
from resnet_studio.history.sqlite import connections, inspect, migrate, salvage
from resnet_studio.history.sqlite.backups import DailyBackup
from resnet_studio.history.sqlite.errors import explained, moved, suspicion
from resnet_studio.history.sqlite.files import LOGS, beside, remove
from resnet_studio.history.sqlite.locking import WriterLock
from resnet_studio.history.sqlite.requests import FileRequests
from resnet_studio.history.storage import Inspection, KeptCopies, Requests
from resnet_studio.platform.files import identity, sync
from resnet_studio.platform.private_folder import FILE_MODE
from resnet_studio.text import _

log = logging.getLogger(__name__)

FILE_NAME = "history.sqlite3"


_PREFIX = "sqlite:///"


def url_in(folder: Path) -> str:
    """The URL of the history that lies in ``folder``; characters that mean something in a URL are quoted."""
    return _PREFIX + quote((folder.absolute() / FILE_NAME).as_posix())


def file_of(url: str) -> Path:
    """The file that a URL ``sqlite:///FILE`` names.

    Raises:
        UserError: If it names none.
    """
    name = unquote(url.removeprefix(_PREFIX)) if url.startswith(_PREFIX) else ""
    if not name or name == ":memory:":
        raise UserError(_("The URL {url!r} names no file; write {prefix}FILE.", url=url[:200], prefix=_PREFIX))
    return Path(name).absolute()


class _Source(Enum):
    """What readers read: only the live database stays what it is."""

    NOTHING = auto()  # no database yet
    FROZEN = auto()  # one that lies where nothing can be written, and nobody has open
    LIVE = auto()


class SqliteStorage:
    """A :class:`resnet_studio.history.storage.Storage` in one file, with its lock beside it."""

    shared = False

    def __init__(self, file: Path, schema: Schema = PRESENT) -> None:
        self.file = file
        self.backup: Path | None = None
        self.restored = ""
        self.requests: Requests = FileRequests(file.parent / "requests")
        self._schema = schema
        self._url = connections.sqlite_url(self.file)
        self._writer_lock = WriterLock(file.parent)
        self._guard = threading.RLock()  # over the writing connection and every change of the fields below
        self._daily = DailyBackup(file, schema.head)
        self._writer: Engine | None = None
        self._identity: tuple[int, int] | None = None  # of the file that the writer has open
        self._folder: tuple[int, int] | None = None  # and of the folder that it was in
        self._written_again = False
        self._reader: Engine | None = None
        self._source = _Source.NOTHING
        self._cannot_write_beside = False
        self._closed = False
        self._unwritable = _("The history was opened for reading only; nothing can be changed in it.")
        self._held_elsewhere = False

    @property
    def where(self) -> str:
        return str(self.file)

    @property
    def writable(self) -> bool:
        return self._writer is not None

    @property
    def held_elsewhere(self) -> bool:
        return not self.writable and self._held_elsewhere

    @property
    def why_read_only(self) -> str:
        """A sentence; empty when writable."""
        return "" if self.writable else self._unwritable

    def missing(self) -> str:
        """What cannot be looked at or is no file is taken to be there: opening it says why."""
        try:
            found = self.file.stat()
            return "" if found.st_size or not stat.S_ISREG(found.st_mode) else _("is empty")
        except FileNotFoundError:
            return _("is missing")
        except OSError:
            return ""

    def open_for_writing(self, wait_seconds: float = 0.0) -> bool:
        """Take the lock and make the database ready; False if that right is another process's or the disk is full.

        Raises:
            StoreError: If the database is damaged, newer, or cannot be written. The lock is then free again.
        """
        with self._guard:
            self._check_open()
            if self._writer is not None:
                return True
            if not self._take_lock(wait_seconds):
                return False
            is_new = bool(self.missing())
            try:
                self._prepare()
                try:
                    self._writer = self._connect()
                except DamagedHistoryError as error:
                    self._set_aside(error)
                    self._writer = self._connect()
            except DiskFullError:
                self.give_up_writing()
                return False
            except BaseException:
                self._writer_lock.release()
                raise
            self._cannot_write_beside = False
            if is_new:
                self._make_private()
            else:
                self._daily.start()
            return True

    def give_up_writing(self) -> None:
        """For want of room: the history can be read, and :meth:`open_for_writing` tried again."""
        with self._guard:
            self._daily.finish()
            if self._writer is not None:
                self._writer.dispose()
                self._writer = None
            self._writer_lock.release()
            self._cannot_write_beside = True
            self._unwritable = _(
                "The disk that holds the history {file} is full, so the history is read-only; make room there.",
                file=self.file,
            )

    def open_for_reading(self) -> None:
        """Look at what is there; the lock is not kept.

        If nobody is writing, an older schema is migrated and a damaged file set aside.

        Raises:
            StoreError: If the database is newer, or older or damaged and in use.
        """
        with self._guard:
            self._check_open()
            damage: DamagedHistoryError | None = None
            try:
                found = self._look()
            except DamagedHistoryError as error:
                found, damage = "damaged", error
            if found not in (None, self._schema.head) and self._take_lock(0.0):
                try:
                    self._prepare()
                finally:
                    self._writer_lock.release()
            elif damage is not None:
                raise damage
            self._find_reader()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view of the history; the latest that was written when the first statement runs."""
        reader = self._reader
        if reader is None or self._source is not _Source.LIVE:
            with self._guard:
                reader = self._find_reader()
        session = Session(reader, expire_on_commit=False, autoflush=False)
        with self._noting_damage(), explained(self.file), session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: all of it is stored when the block ends, or nothing.

        Raises:
            StoreError: If this program may not write, the disk is full or fails, or the file was renamed, removed or
                replaced: SQLite would go on in one that nobody finds again.
        """
        with self._guard:
            self._check_open()
            if self._writer is None:
                raise StoreError(self.why_read_only)
            if identity(self.file) != self._identity:
                raise moved(self.file, written_again=self._write_again(self._writer))
            session = Session(self._writer, expire_on_commit=False)
            with self._noting_damage(), explained(self.file), session, session.begin():
                yield session

    def note_keys(self, session: Session) -> None:
        """SQLite takes the next after the largest by itself."""

    def inspect(self) -> Inspection:
        found = migrate.look(self.file, check=False, schema=self._schema)
        problems = inspect.problems(self.file)
        return Inspection(
            _("schema {found} of {head}", found=found, head=self._schema.head),
            tuple(problems),
            self.file.stat().st_size,
        )

    def kept(self) -> KeptCopies:
        return inspect.kept_beside(self.file)

    def close(self) -> None:
        """Let go of everything; further calls do nothing."""
        with self._guard:
            self._closed = True
            self._daily.finish()
            if self._reader is not None:
                self._reader.dispose()
            if self._writer is not None:
                self._writer.dispose()  # the last connection: SQLite moves its log into the file
            self._reader = self._writer = None
            self._writer_lock.release()

    def _prepare(self) -> None:
        """For who holds the lock."""
        salvage.finish(self.file)
        died = self._writer_lock.previous_died
        try:
            copy = migrate.prepare(self.file, previous_died=died, schema=self._schema)
        except DamagedHistoryError as error:
            self._set_aside(error)
            copy = None
        self.backup = copy or self.backup
        with suppress(OSError):
            suspicion(self.file).unlink(missing_ok=True)

    def _make_private(self) -> None:
        """The new file and SQLite's own beside it, which later take its mode."""
        for file in self.file.parent.glob(f"{self.file.name}*"):
            with suppress(OSError):
                file.chmod(FILE_MODE)

    def _set_aside(self, error: DamagedHistoryError) -> None:
        self.restored = salvage.set_aside(self.file, error.detail, self._schema).sentence

    def _connect(self) -> Engine:
        """Trouble shows here and not at the first write."""
        engine = connections.writer_engine(self._url)
        try:
            with explained(self.file), engine.begin() as connection:
                connection.exec_driver_sql("DELETE FROM alembic_version WHERE 0")  # is refused where writing would be
        except BaseException:
            engine.dispose()
            raise
        self._identity, self._folder = identity(self.file), identity(self.file.parent)
        self._written_again = False
        return engine

    def _write_again(self, writer: Engine) -> bool:
        """Whether the history lies at its place again: SQLite keeps a file that was removed until it is closed.

        A file that has taken its place is left alone, and so is a folder that has taken that of its folder.
        """
        if self._written_again or self.file.exists() or identity(self.file.parent) != self._folder:
            return self._written_again
        part = beside(self.file, ".again")
        try:
            remove(part)
            held = writer.raw_connection()
            try:
                with closing(sqlite3.connect(part)) as copy:
                    held.driver_connection.backup(copy)  # type: ignore[union-attr]
                    copy.execute("PRAGMA journal_mode=DELETE").fetchall()  # all of it in one file
            finally:
                held.close()
            part.chmod(FILE_MODE)
            sync(part)
            for name in LOGS:  # they would be taken for those of the new file
                beside(self.file, name).unlink(missing_ok=True)
            part.rename(self.file)
            sync(self.file.parent)
        except (OSError, sqlite3.Error) as error:
            log.warning("the history cannot be written again: %s", error)
            return False
        self._written_again = True
        return True

    @contextmanager
    def _noting_damage(self) -> Iterator[None]:
        try:
            yield
        except DamagedHistoryError:
            with suppress(OSError):
                suspicion(self.file).touch()
            raise

    def _take_lock(self, wait_seconds: float) -> bool:
        try:
            taken = self._writer_lock.acquire(wait_seconds)
        except OSError as error:
            log.debug("no writer lock", exc_info=True)
            self._cannot_write_beside = True
            self._unwritable = _(
                "The folder {parent} cannot be written ({strerror}), so the history is "
                "read-only; change its permissions, or choose another folder with --home DIR.",
                parent=self.file.parent,
                strerror=error.strerror or error,
            )
            return False
        self._held_elsewhere = not taken
        if not taken:
            holder = self._writer_lock.holder()
            who = _("process {holder}", holder=holder) if holder is not None else _("another process")
            self._unwritable = _(
                "The history is in use by another ResNet Studio ({who}), which can change the queue for this one "
                "while it trains or has a window; close it to change anything else here, or choose another folder "
                "with --home DIR.",
                who=who,
            )
        return taken

    def _find_reader(self) -> Engine:
        """The engine to read from, after a look at what lies there as long as that may change."""
        self._check_open()
        if self._reader is not None and self._source is _Source.LIVE:
            return self._reader
        found = self._look()
        if found not in (None, self._schema.head):
            raise StoreError(
                _(
                    "The history {file} has an older form (schema {found}) and another ResNet Studio is using it; "
                    "close that one, then try again.",
                    file=self.file,
                    found=found,
                )
            )
        source = _Source.NOTHING if found is None else _Source.FROZEN if self._is_frozen() else _Source.LIVE
        if self._reader is None or source is not self._source:
            if self._reader is not None:
                self._reader.dispose()
            self._reader, self._source = self._make_reader(source), source
        return self._reader

    def _look(self) -> str | None:
        """See :func:`migrate.look`. A full disk has no room for what SQLite keeps beside a file that it reads."""
        try:
            return migrate.look(self.file, check=False, frozen=self._is_frozen(), schema=self._schema)
        except DiskFullError:
            if not migrate.at_rest(self.file):
                raise
            self._cannot_write_beside = True
            return migrate.look(self.file, check=False, frozen=True, schema=self._schema)

    def _is_frozen(self) -> bool:
        """Nobody has the database open, and nothing can be written beside it."""
        may_write = not self._cannot_write_beside and os.access(self.file.parent, os.W_OK)
        return not may_write and migrate.at_rest(self.file)

    def _make_reader(self, source: _Source) -> Engine:
        if source is _Source.NOTHING:
            return connections.empty_engine(Base.metadata)
        return connections.reader_engine(
            connections.frozen_sqlite_url(self.file) if source is _Source.FROZEN else self._url
        )

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this history was closed")
