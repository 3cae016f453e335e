"""Trouble of the user's kind (full disk, damaged file, no permission) becomes one sentence; ours passes as it is."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from resnet_studio.domain.errors import DamagedHistoryError, DiskFullError, StoreError
from resnet_studio.history.schema import Base
from resnet_studio.text import N_, _

_FULL = N_(
    "The disk that holds the history {file} is full; free some space, then go on (what was stored before is safe)."
)
_DAMAGED = N_(
    "The history {file} is damaged ({detail}); close every ResNet Studio and start it again: what can be read is then "
    "kept, and the damaged file is set aside."
)
_BUSY = _("Another program keeps the history {file} locked; close it and try again.")
_DENIED = _(
    "The history {file} cannot be written ({detail}); change its permissions, or choose another folder with --home DIR."
)
_UNREADABLE = N_(
    "The history {file} cannot be read or written ({detail}); check the disk and its permissions, "
    "or choose another folder with --home DIR."
)

_MOVED = N_(
    "The history {file} was renamed, removed or replaced while it was in use; put it back, and start ResNet Studio "
    "again."
)

_WRITTEN_AGAIN = N_(
    "The history {file} was renamed or removed while it was in use; all that it held was written there again: start "
    "ResNet Studio again."
)

_NO_FILE = N_(
    "{place} is {what}, not a file, so no history can lie there; move it away, or choose another folder with --home "
    "DIR."
)

# Primary result codes of SQLite (https://sqlite.org/rescode.html); the rest of the number says more.
_SENTENCES = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_READONLY: _DENIED,
    sqlite3.SQLITE_PERM: _DENIED,
    sqlite3.SQLITE_CANTOPEN: _UNREADABLE,
    sqlite3.SQLITE_IOERR: _UNREADABLE,
}

# What a number that no SQLite writes makes of the header; there is no error code for it.
_NO_SUCH_FORMAT = "unsupported file format"

_NOT_THERE = re.compile(r"(?:no such (?:table|column):|table (\w+) has no column named) (?:main\.)?(\w+)(?:\.(\w+))?$")
_OURS = {"alembic_version", *Base.metadata.tables} | {c.name for t in Base.metadata.sorted_tables for c in t.columns}

# What SQLite may say of a full disk besides SQLITE_FULL: its log's index cannot grow, a file cannot be made, a quota
# is used up. Each can have other causes too, so the disk is asked.
_PERHAPS_FULL = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_PROBE_BYTES = 2**16

BROKEN = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file raises: where its definitions are damaged, Python cannot even decode what SQLite says."""


def suspicion(database: Path) -> Path:
    """A file that says: damage was met, look at the whole database when it is next opened for writing."""
    return database.with_name(f"{database.name}.suspect")


def damaged(file: Path, detail: str) -> DamagedHistoryError:
    return DamagedHistoryError(_(_DAMAGED, file=file, detail=detail), detail)


def moved(file: Path, *, written_again: bool = False) -> StoreError:
    return StoreError(_(_WRITTEN_AGAIN if written_again else _MOVED, file=file))


def trouble(error: BaseException, file: Path) -> StoreError | None:
    """``error`` as one sentence for the user, or None if it is not of the user's kind."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if is_full(error, file):
        return DiskFullError(_(_FULL, file=file))
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return damaged(file, str(cause))
        if code == sqlite3.SQLITE_ERROR and _lacks_ours(str(cause)):
            return damaged(file, str(cause))
        if code == sqlite3.SQLITE_READONLY_DBMOVED:
            return moved(file)
        if str(cause) == _NO_SUCH_FORMAT or (code == sqlite3.SQLITE_READONLY and os.access(file, os.W_OK)):
            return damaged(file, _("{cause}, says its header", cause=cause))
        text = _SENTENCES.get(code & 0xFF) if code is not None else None
        return StoreError(_(text, file=file, detail=cause)) if text else None
    if isinstance(cause, UnicodeDecodeError):
        return damaged(file, _("its definitions are not text"))
    if isinstance(cause, OSError):
        return StoreError(_(_UNREADABLE, file=cause.filename or file, detail=cause.strerror or cause))
    return None


def _lacks_ours(message: str) -> bool:
    """Whether SQLite says that a table or a column of ours has gone; of any other name it is our mistake."""
    found = _NOT_THERE.match(message)
    return found is not None and {name for name in found.groups() if name} <= _OURS


def is_full(error: BaseException, file: Path) -> bool:
    """Whether ``error``, met at ``file``, means that its disk is full."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, OSError):
        return cause.errno in _NO_ROOM
    code = getattr(cause, "sqlite_errorcode", None) if isinstance(cause, sqlite3.Error) else None
    if code is None or code & 0xFF == sqlite3.SQLITE_FULL:
        return code is not None
    return code & 0xFF in _PERHAPS_FULL and not _has_room(file.parent)


def _has_room(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(bytes(_PROBE_BYTES))
    except OSError as error:
        return error.errno not in _NO_ROOM
    return True


def refuse_no_file(place: Path) -> None:
    """Raises StoreError if something lies at ``place`` that is no file: a folder, a pipe or a device."""
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise StoreError(_(_NO_FILE, place=place, what=_("a folder")))
    if not stat.S_ISREG(mode):
        raise StoreError(_(_NO_FILE, place=place, what=_("a pipe or a device")))


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn the user's kind of trouble with ``file`` into a StoreError; let every other exception through."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError, UnicodeDecodeError) as error:
        sentence = trouble(error, file)
        if sentence is None:
            raise
        raise sentence from error
