"""Trouble of the user's kind (server gone, its disk full, no permission) becomes one sentence; ours passes as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from resnet_studio.domain.errors import HistoryAwayError, ServerFullError, StoreError
from resnet_studio.text import N_, _

_AWAY = N_(
    "The server of the history {where} does not answer ({detail}); what was stored before is safe, and training "
    "goes on by itself once it answers again."
)
_FULL = N_(
    "The disk of the server that keeps the history {where} is full; its administrator must make room (what was stored "
    "before is safe)."
)
_BUSY = N_("Another program changes the same part of the history {where} at this moment ({detail}); try again.")
_DENIED = N_(
    "The history {where} does not let this user in or change anything ({detail}); ask its administrator for the right."
)
_UNKNOWN = N_("There is no history {where} ({detail}); check the URL, or let the administrator create the database.")
_MALFORMED = N_("The URL of the history {where} is not understood ({detail}); correct what stands behind its ?.")
_REFUSED = N_("The history {where} refused what was to be stored ({detail}).")

# Before each of them come those that are more special.
_AWAY_KINDS = (
    pg.AdminShutdown, pg.CrashShutdown, pg.CannotConnectNow, pg.ConnectionException, pg.TooManyConnections,
    pg.IdleInTransactionSessionTimeout, pg.QueryCanceled, pg.OutOfMemory, pg.IdleSessionTimeout,
)  # fmt: skip
_BUSY_KINDS = (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)
_DENIED_KINDS = (pg.InvalidAuthorizationSpecification, pg.InsufficientPrivilege, pg.ReadOnlySqlTransaction)
_UNKNOWN_KINDS = (pg.InvalidCatalogName,)
_REFUSED_KINDS = (pg.DataError, pg.ProgramLimitExceeded)


def trouble(error: BaseException, where: str) -> StoreError | None:
    """``error`` as one sentence for the user, or None if it is not of the user's kind."""
    if isinstance(error, PendingRollbackError | PoolTimeoutError):
        return HistoryAwayError(_(_AWAY, where=where, detail=_detail(error)))
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.Error):
        return None
    detail = _detail(cause)
    if isinstance(cause, pg.DiskFull):
        return ServerFullError(_(_FULL, where=where))
    if isinstance(cause, _BUSY_KINDS):
        return HistoryAwayError(_(_BUSY, where=where, detail=detail))
    if isinstance(cause, _UNKNOWN_KINDS) or (cause.sqlstate is None and _says_no_database(detail)):
        return StoreError(_(_UNKNOWN, where=where, detail=detail))
    if isinstance(cause, _DENIED_KINDS) or (cause.sqlstate is None and _says_denied(detail)):
        return StoreError(_(_DENIED, where=where, detail=detail))
    if isinstance(cause, _AWAY_KINDS) or (isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None):
        return HistoryAwayError(_(_AWAY, where=where, detail=detail))
    if isinstance(cause, psycopg.InterfaceError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return HistoryAwayError(_(_AWAY, where=where, detail=detail))
    if isinstance(cause, psycopg.ProgrammingError) and cause.sqlstate is None and "connection option" in detail:
        return StoreError(_(_MALFORMED, where=where, detail=detail))
    if isinstance(cause, _REFUSED_KINDS):
        return StoreError(_(_REFUSED, where=where, detail=detail))
    return None


def _says_no_database(detail: str) -> bool:
    """A connection that is refused has no code, only words; English ones, or the quotes would tell nothing."""
    return "FATAL" in detail and "does not exist" in detail and "database" in detail


def _says_denied(detail: str) -> bool:
    return any(
        word in detail for word in ("authentication failed", "no password supplied", "no pg_hba.conf entry")
    ) or ("FATAL" in detail and "role" in detail and "does not exist" in detail)


def _detail(error: BaseException) -> str:
    """The first line of the server's words, at most 200 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if "FATAL" in line), lines[0] if lines else type(error).__name__)
    return said.rstrip(".")[:200]


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn the user's kind of trouble with the history at ``where`` into a StoreError.

    Every other exception passes unchanged.
    """
    try:
        yield
    except (DBAPIError, psycopg.Error, PendingRollbackError, PoolTimeoutError) as error:
        sentence = trouble(error, where)
        if sentence is None:
            raise
        raise sentence from error
