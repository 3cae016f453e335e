"""Files and folders that are either whole or not there: written beside, fsynced, renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from resnet_studio.domain.errors import UserError
from resnet_studio.text import _

_PART = ".part"
_ABANDONED_SECONDS = 24 * 3600.0


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` for a file to write, or a folder to make and fill.

    It takes the place of ``path`` when the block ends well. A folder replaces nothing: ``path`` must not exist; what
    fills it makes its files durable.

    When the block raises, the part is removed and ``path`` is as it was. Parts that a killed process left in the same
    folder more than a day ago are removed too.

    Raises:
        OSError: If the folder cannot be made or written, or the disk is full.
    """
    make_folder(path.parent)
    _sweep(path.parent)
    part = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_PART}")
    try:
        yield part
        if part.is_dir():
            sync(part)
            part.rename(path)
        else:
            sync(part)
            part.replace(path)
        sync(path.parent)
    finally:
        _remove(part)


def write_whole(path: Path, content: bytes | str) -> Path:
    """Put ``content`` into a file that a person has chosen, text as UTF-8; a file of that name is replaced.

    Raises:
        UserError: If it cannot be written; a file of that name is then as it was.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if path.exists() and not path.is_file():  # a device or a pipe
            path.write_bytes(data)
        else:
            with replacing(path.resolve()) as part:
                part.write_bytes(data)
    except OSError as error:
        raise UserError(
            _(
                "{path} cannot be written ({strerror}); choose another place.",
                path=path,
                strerror=error.strerror or error,
            )
        ) from None
    return path


def identity(path: Path) -> tuple[int, int] | None:
    """What stays the same as long as it is the same file or folder; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def make_folder(folder: Path) -> None:
    """With those above it; each entry survives a power cut once this returns."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def sync(path: Path) -> None:
    """Make a file, or a folder's entries, survive a power cut; folders only where the platform can."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    for part in folder.glob(f"*{_PART}"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
                _remove(part)


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)
