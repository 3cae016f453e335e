"""SQLAlchemy's engines for one PostgreSQL database: one that writes, one that reads."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.types.string import StrDumper, StrDumperUnknown
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from resnet_studio.history.column_types import storable

CONNECT_SECONDS = 5
_IDLE_SECONDS, _INTERVAL_SECONDS, _PROBES = 10, 5, 3  # a cut network is found within half a minute
_UNANSWERED_MS = 20_000

# A program that was stopped in the middle of a transaction must not hold its rows for ever; who waits for a row gives
# up with a sentence.
_SETTINGS = {
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "20s",
    "TimeZone": "UTC",
}

_POOLED, _AT_MOST = 4, 12


def writer_engine(url: URL) -> Engine:
    """The engine of transactions that write.

    They see what was committed when each of their statements began; rows that are read to be changed are locked by who
    reads them.
    """
    return _engine(url, isolation_level="READ COMMITTED")


def reader_engine(url: URL) -> Engine:
    """Transactions see one moment and change nothing."""
    return _engine(url, isolation_level="REPEATABLE READ", postgresql_readonly=True)


def single_engine(url: URL) -> Engine:
    """For one piece of work: the connection is closed after it."""
    return _engine(url, pooled=False, isolation_level="READ COMMITTED")


def _engine(url: URL, *, pooled: bool = True, **options: Any) -> Engine:
    pool: dict[str, Any] = (
        {"pool_size": _POOLED, "max_overflow": _AT_MOST, "pool_pre_ping": True, "pool_timeout": CONNECT_SECONDS}
        if pooled
        else {"poolclass": NullPool}
    )
    engine = create_engine(
        url,
        execution_options=options,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "keepalives": 1,
            "keepalives_idle": _IDLE_SECONDS,
            "keepalives_interval": _INTERVAL_SECONDS,
            "keepalives_count": _PROBES,
            "tcp_user_timeout": _UNANSWERED_MS,
            "client_encoding": "utf8",
            "application_name": "resnet-studio",
            "options": " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items()),
        },
        **pool,
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: psycopg.Connection[Any], _record: object) -> None:
        connection.adapters.register_dumper(str, _StorableText)
        connection.adapters.register_dumper(str, _StorableUnknown)

    return engine


class _StorableText(StrDumper):
    def dump(self, obj: str) -> Any:
        return super().dump(storable(obj))


class _StorableUnknown(StrDumperUnknown):
    def dump(self, obj: str) -> Any:
        return super().dump(storable(obj))
