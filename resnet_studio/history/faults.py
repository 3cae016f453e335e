"""Trouble of the user's kind (full disk, damaged file, no permission) becomes one sentence; ours passes as it is."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from resnet_studio.domain.errors import StoreError

_FULL = "The disk that holds the history {file} is full; free some space, then go on (what was stored before is safe)."
_DAMAGED = (
    "The history {file} is damaged ({detail}); it was left as it is: put a backup of it in its place, "
    "or move it away to start with an empty history."
)
_BUSY = "Another program keeps the history {file} locked; close it and try again."
_DENIED = (
    "The history {file} cannot be written ({detail}); change its permissions, or choose another folder with --home DIR."
)
_UNREADABLE = (
    "The history {file} cannot be read or written ({detail}); check the disk and its permissions, "
    "or choose another folder with --home DIR."
)

# Primary result codes of SQLite (https://sqlite.org/rescode.html); the rest of the number says more.
_SENTENCES = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_READONLY: _DENIED,
    sqlite3.SQLITE_PERM: _DENIED,
    sqlite3.SQLITE_CANTOPEN: _UNREADABLE,
    sqlite3.SQLITE_IOERR: _UNREADABLE,
}


def damaged(file: Path, detail: str) -> StoreError:
    return StoreError(_DAMAGED.format(file=file, detail=detail))


def sentence(error: BaseException, file: Path) -> str | None:
    """What to tell the user about ``error``, or None if it is not of the user's kind."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        text = _SENTENCES.get(code & 0xFF) if code is not None else None
        return text.format(file=file, detail=cause) if text else None
    if isinstance(cause, OSError):
        text = _FULL if cause.errno in (errno.ENOSPC, errno.EDQUOT) else _UNREADABLE
        return text.format(file=cause.filename or file, detail=cause.strerror or cause)
    return None


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn the user's kind of trouble with ``file`` into a StoreError; let every other exception through."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        text = sentence(error, file)
        if text is None:
            raise
        raise StoreError(text) from error
