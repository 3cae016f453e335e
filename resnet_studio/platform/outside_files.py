"""Files from anywhere: opened without waiting, regular ones alone, and read up to a limit."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from resnet_studio.domain.data_sets import FOLDER
from resnet_studio.domain.errors import SpecError, UserError
from resnet_studio.text import _

_LARGEST_SPECIFICATION = 512 << 10  # bytes: 32 runs take some 100 000
LARGEST_STATE = 16 << 20  # bytes of the JSON that describes a checkpoint
TOO_MUCH = (OverflowError, RecursionError)  # what parsers raise besides, for numbers and nesting without end


def open_regular(path: Path, limit: int) -> BufferedReader:
    """Open ``path`` for reading; a pipe, a device or a socket is refused without waiting for anything.

    ``limit`` is the number of bytes that the file may have.

    Raises:
        UserError: If it is missing, a folder, no regular file, larger than ``limit``, or may not be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except IsADirectoryError:
        raise UserError(_("{path} is a folder; choose one file in it.", path=path)) from None
    except (OSError, ValueError) as error:
        if path.is_dir():  # Windows opens no folder
            raise UserError(_("{path} is a folder; choose one file in it.", path=path)) from None
        raise UserError(
            _("{path} cannot be read ({reason}); choose another file.", path=path, reason=reason(error))
        ) from None
    try:
        status = os.fstat(handle)
        if stat.S_ISDIR(status.st_mode):
            raise UserError(_("{path} is a folder; choose one file in it.", path=path))
        if not stat.S_ISREG(status.st_mode):
            raise UserError(_("{path} is a pipe or a device, not a file; choose a file.", path=path))
        if status.st_size > limit:
            raise UserError(
                _(
                    "{name} has {size}, where at most {size_2} are read.",
                    name=path.name,
                    size=_size(status.st_size),
                    size_2=_size(limit),
                )
            )
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def regular_file(path: Path) -> Path:
    """``path`` itself, for a library that opens it by name and would wait for ever at a pipe.

    Raises:
        OSError: If there is no such file, or it is a folder, a pipe or a device.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, _("it is no regular file"), str(path))
    return path


def read_regular(path: Path, limit: int) -> bytes:
    """All bytes of ``path``; raises UserError as :func:`open_regular`, also where it has more bytes than it says."""
    try:
        with open_regular(path, limit) as file:
            content = file.read(limit + 1) or b""
    except OSError as error:
        raise UserError(
            _("{path} cannot be read ({reason}); choose another file.", path=path, reason=reason(error))
        ) from None
    if len(content) > limit:
        raise UserError(_("{name} has more than {size}, where no more are read.", name=path.name, size=_size(limit)))
    return content


def read_specification(path: Path, not_text: str) -> str:
    """The TOML text of a run or a study.

    Raises:
        UserError: As :func:`read_regular`; or the sentence ``not_text`` where it is not UTF-8.
    """
    try:
        return read_regular(path, _LARGEST_SPECIFICATION).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(not_text) from None


@contextmanager
def naming(path: Path | None) -> Iterator[None]:
    """Turn a fault of the specification in ``path`` into a UserError that names it; without one it passes as it is."""
    try:
        yield
    except SpecError as error:
        if path is None:
            raise
        raise UserError(_("In {path}: {sentence}", path=path, sentence=error.sentence)) from None


def reason(error: BaseException) -> str:
    """What went wrong, in the system's words."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")


def _size(count: int) -> str:
    for unit, share in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if count >= 1 << share:
            return f"{count / (1 << share):.3g} {unit}"
    return _("{count} bytes", count=count)


def anchored_source(source: str, base: Path) -> str:
    """A relative ``folder:PATH`` seen from ``base``; anything else as it is."""
    folder = source.removeprefix(FOLDER).strip()
    if not source.startswith(FOLDER) or not folder:
        return source
    return f"folder:{(base / Path(folder).expanduser()).resolve()}"
