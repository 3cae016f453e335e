"""SQLAlchemy's engines for one SQLite file: one that writes, one that reads, one that migrates.

SQLite before 3.51.3 can corrupt a write-ahead log when two connections move it into the file at once. So there is one
writing connection, and readers neither write nor check-point.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool, StaticPool
from sqlalchemy.schema import CreateTable

WRITER_WAIT_SECONDS = 15.0
READER_WAIT_SECONDS = 5.0

_EVERY_CONNECTION = ("PRAGMA foreign_keys=ON", "PRAGMA temp_store=MEMORY")
# synchronous=FULL: a checkpoint's row must not be lost to a power cut once the checkpoint before it has been removed.
# One transaction a second pays for it.
_WRITER = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA journal_size_limit=16777216")
_READER = ("PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0")


def sqlite_url(path: Path) -> URL:
    """The URL of a database file, whatever characters its name has."""
    return URL.create("sqlite+pysqlite", database=str(path))


def frozen_sqlite_url(path: Path) -> URL:
    """The same for a file in a folder where nothing can be written: SQLite then takes no lock and keeps no log."""
    return URL.create("sqlite+pysqlite", database=path.absolute().as_uri(), query={"immutable": "1", "uri": "true"})


def writer_engine(url: URL) -> Engine:
    """One connection, kept for the engine's life. Its user must let only one thread at a time near it."""
    arguments = {"timeout": WRITER_WAIT_SECONDS, "check_same_thread": False}
    engine = create_engine(url, poolclass=StaticPool, connect_args=arguments)
    _prepare(engine, (*_EVERY_CONNECTION, *_WRITER), begin="BEGIN IMMEDIATE")
    return engine


def reader_engine(url: URL) -> Engine:
    """As many reading connections as threads ask for; none of them can write."""
    arguments = {"timeout": READER_WAIT_SECONDS, "check_same_thread": False}
    engine = create_engine(url, poolclass=QueuePool, pool_size=4, max_overflow=-1, connect_args=arguments)
    _prepare(engine, (*_EVERY_CONNECTION, *_READER), begin="BEGIN")
    return engine


def migration_engine(url: URL) -> Engine:
    """Like the writer, with foreign keys off: to change a table SQLite makes a new one and drops the old."""
    arguments = {"timeout": WRITER_WAIT_SECONDS, "check_same_thread": False}
    engine = create_engine(url, poolclass=StaticPool, connect_args=arguments)
    _prepare(engine, ("PRAGMA foreign_keys=OFF", *_WRITER), begin="BEGIN IMMEDIATE")
    return engine


def empty_engine(metadata: MetaData) -> Engine:
    """What a reader sees before anybody has written: the tables of ``metadata`` in memory, each time anew."""
    engine = create_engine("sqlite://", poolclass=NullPool)
    tables = [str(CreateTable(table).compile(engine)) for table in metadata.sorted_tables]

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        for table in tables:
            connection.execute(table)

    return engine


def _text(stored: bytes) -> str:
    """A damaged byte must not hide the other runs: it is shown as damaged, or found so where the text is read."""
    return stored.decode("utf-8", "replace")


def is_empty(connection: Connection) -> bool:
    """Whether there is no table yet."""
    return connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar() == 0


def check_foreign_keys(connection: Connection) -> None:
    """After work with foreign keys off.

    Raises:
        RuntimeError: If a row refers to one that does not exist.
    """
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if orphans:
        raise RuntimeError(f"{len(orphans)} rows refer to missing ones, the first in table {orphans[0][0]}")


def _prepare(engine: Engine, pragmas: tuple[str, ...], *, begin: str) -> None:
    """Run ``pragmas`` on each new connection, and begin transactions in words.

    Python's driver begins a transaction only before some statements; table definitions are not among them. With its
    own ways off, everything between ``begin`` and the commit is one transaction, definitions included.
    """

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.text_factory = _text
        try:
            for pragma in pragmas:
                connection.execute(pragma).fetchall()
        except BaseException:
            connection.close()  # else it stays open until it is collected
            raise

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
