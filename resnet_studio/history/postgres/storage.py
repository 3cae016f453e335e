"""A history in a PostgreSQL database: many programs read and write it at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from resnet_studio.domain.errors import HistoryAwayError, ServerFullError, StoreError
from resnet_studio.history.postgres import connections, migrate
from resnet_studio.history.postgres.errors import explained
from resnet_studio.history.postgres.place import url_of, where
from resnet_studio.history.revisions import PRESENT, Schema
from resnet_studio.history.schema import Base
from resnet_studio.history.sessions import PERHAPS_STORED, WRITES
from resnet_studio.history.storage import Inspection, KeptCopies, NoRequests, Requests
from resnet_studio.text import _

_AWAY_SECONDS = 2.0  # for so long after a failed attempt readers do not try to connect again: a window stays alive


class PostgresStorage:
    """A :class:`resnet_studio.history.storage.Storage` on a server.

    There is no writer's lock: transactions lock the rows that they change, and claims of the queue decide who trains
    what.
    """

    shared = True

    def __init__(self, url: str, schema: Schema = PRESENT) -> None:
        self.backup: Path | None = None
        self.restored = ""
        self.requests: Requests = NoRequests()
        self._url = url_of(url)
        self._where = where(self._url)
        self._schema = schema
        self._guard = threading.RLock()  # over every change of the fields below
        self._writer: Engine | None = None
        self._reader: Engine | None = None
        self._writable = self._closed = False
        self._unwritable = _("The history was opened for reading only; nothing can be changed in it.")
        self._away: tuple[float, HistoryAwayError] | None = None
        self._answered = 0.0  # when the server last did, by any connection
        self._thread = threading.local()  # .uncertain: a connection was lost while a transaction was stored

    @property
    def where(self) -> str:
        return self._where

    @property
    def writable(self) -> bool:
        return self._writable

    @property
    def held_elsewhere(self) -> bool:
        return False

    @property
    def why_read_only(self) -> str:
        return "" if self.writable else self._unwritable

    def missing(self) -> str:
        """A database that cannot be looked at is taken to hold one: opening it says why."""
        try:
            with self._connection() as session:
                found = migrate.look(session.connection(), self._schema)
        except StoreError:
            return ""
        return "" if found else _("is empty")

    def open_for_writing(self, wait_seconds: float = 0.0) -> bool:  # noqa: ARG002 - nobody keeps others from writing
        """Make or migrate the tables; False where this user may only read, or the server's disk is full.

        Raises:
            StoreError: If the server cannot be reached, or the history is newer or something else.
        """
        with self._guard:
            self._check_open()
            if self._writable:
                return True
            try:
                with explained(self._where), self._writing_engine().connect() as connection:
                    if why := _why_read_only(connection.scalar(text("SHOW transaction_read_only"))):
                        self._unwritable = why
                        return False
                    migrate.prepare(connection, self._schema)
                    connection.rollback()
                    may = connection.scalar(text("SELECT has_table_privilege('runs', 'INSERT, UPDATE, DELETE')"))
            except ServerFullError as error:
                self._unwritable = error.sentence
                return False
            if not may:
                self._unwritable = _("You may only read the history {where}; nothing can be changed.", where=self.where)
            self._writable = bool(may)
            return self._writable

    def give_up_writing(self) -> None:
        with self._guard:
            self._writable = False
            self._unwritable = _(
                "The server of the history {where} cannot store anything now, so the history is read-only; its disk is "
                "full, or it does not answer.",
                where=self.where,
            )

    def open_for_reading(self) -> None:
        """An older schema is migrated if this user may; no history at all is an empty one.

        Raises:
            StoreError: If the server cannot be reached, or the history is newer, or older and may not be changed.
        """
        with self._guard:
            self._check_open()
            with explained(self._where), self._writing_engine().connect() as connection:
                migrate.prepare(connection, self._schema)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One moment of the history, whatever others write meanwhile.

        Raises:
            StoreError: If the server does not answer.
        """
        with self._connection() as session:
            yield session

    @contextmanager
    def _connection(self) -> Iterator[Session]:
        engine = self._reading_engine()
        away = self._away
        if away is not None and away[0] > self._answered and time.monotonic() - away[0] < _AWAY_SECONDS:
            raise away[1]
        began = time.monotonic()
        try:
            with explained(self._where), Session(engine, expire_on_commit=False, autoflush=False) as session:
                yield session
            self._answered = time.monotonic()
        except HistoryAwayError as error:
            if self._answered < began:  # else it has answered another thread since this one began
                self._away = time.monotonic(), error
            raise

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction: all of it is stored when the block ends, or nothing.

        Where the connection is lost while the server stores it, nobody knows which: this raises HistoryAwayError, and
        the thread's later transactions have ``PERHAPS_STORED`` in their sessions' ``info``.

        Raises:
            StoreError: If this program may not write.
            DiskFullError: If the server's disk is full, it does not answer, or another program holds what is to be
                changed; the same transaction may be tried again.
        """
        self._check_open()
        if not self._writable:
            raise StoreError(self.why_read_only)
        info = {WRITES: True, PERHAPS_STORED: getattr(self._thread, "uncertain", False)}
        with explained(self._where), Session(self._writing_engine(), expire_on_commit=False, info=info) as session:
            yield session
            session.flush()
            try:
                session.commit()
            except Exception:
                self._thread.uncertain = True
                raise
        self._answered = time.monotonic()

    def note_keys(self, session: Session) -> None:
        for table in Base.metadata.sorted_tables:
            keys = [column for column in table.primary_key.columns if column.name == "key"]
            for key in keys:
                sequence = func.pg_get_serial_sequence(table.name, key.name)
                largest = select(func.coalesce(func.max(key), 0) + 1).scalar_subquery()
                session.execute(select(func.setval(sequence, largest, False)))

    def inspect(self) -> Inspection:
        """The server checks its pages itself; here the schema, constraints that do not hold and indexes that broke."""
        with self._connection() as session:
            found = migrate.look(session.connection(), self._schema)
            broken = session.scalars(
                text(
                    "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid "
                    "WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace"
                )
            ).all()
            unchecked = session.scalars(
                text(
                    "SELECT conname FROM pg_constraint WHERE NOT convalidated "
                    "AND connamespace = current_schema()::regnamespace"
                )
            ).all()
            size = session.scalar(text("SELECT pg_database_size(current_database())"))
        problems = [_("the index {name} is not valid", name=name) for name in broken]
        problems += [_("the constraint {name} was never checked", name=name) for name in unchecked]
        return Inspection(
            _("schema {found} of {head}", found=found or _("none"), head=self._schema.head),
            tuple(problems),
            int(size or 0),
        )

    def kept(self) -> KeptCopies:
        return KeptCopies(elsewhere=_("Copies of a history on a server are its administrator's: pg_dump makes them."))

    def close(self) -> None:
        with self._guard:
            self._closed, self._writable = True, False
            for engine in (self._writer, self._reader):
                if engine is not None:
                    engine.dispose()
            self._writer = self._reader = None

    def _writing_engine(self) -> Engine:
        with self._guard:
            self._check_open()
            if self._writer is None:
                self._writer = connections.writer_engine(self._url)
            return self._writer

    def _reading_engine(self) -> Engine:
        with self._guard:
            self._check_open()
            if self._reader is None:
                self._reader = connections.reader_engine(self._url)
            return self._reader

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this history was closed")


def _why_read_only(setting: object) -> str:
    if setting != "on":
        return ""
    return _("The server of the history is a copy that can only be read; nothing can be changed through it.")
