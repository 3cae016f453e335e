"""The database's own clock: machines that share a history may disagree about the time, so only this one counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import FunctionElement


class _Now(FunctionElement[datetime]):
    """Naive UTC, to the millisecond or finer."""

    type = DateTime()
    inherit_cache = True


@compiles(_Now, "sqlite")
def _on_sqlite(_element: _Now, _compiler: Any, **_options: Any) -> str:
    return "(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"  # as SQLAlchemy writes and reads times


@compiles(_Now)
def _elsewhere(_element: _Now, _compiler: Any, **_options: Any) -> str:
    return "(clock_timestamp() AT TIME ZONE 'UTC')"


class _Since(FunctionElement[datetime]):
    """Naive UTC: when the server began to answer."""

    type = DateTime()
    inherit_cache = True


@compiles(_Since, "sqlite")
def _always(_element: _Since, _compiler: Any, **_options: Any) -> str:
    return "'1971-01-01 00:00:00.000000'"


@compiles(_Since)
def _postmaster(_element: _Since, _compiler: Any, **_options: Any) -> str:
    return "(pg_postmaster_start_time() AT TIME ZONE 'UTC')"


def answering_since(session: Session) -> datetime:
    """When the server was started, aware, UTC; of a file a time long ago."""
    return session.scalars(select(_Since())).one().replace(tzinfo=UTC)


def database_now(session: Session) -> datetime:
    """Aware, UTC."""
    return session.scalars(select(_Now())).one().replace(tzinfo=UTC)
