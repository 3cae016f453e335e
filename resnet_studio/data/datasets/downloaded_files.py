"""The files of a downloaded set: their checksums, what was unpacked, and what is said where they are damaged.

Photos come in archives whose members have no published checksums. The archive is verified before it is unpacked; when
all of it lies in :func:`photos_folder`, a mark is written beside, which names the archives and the files with their
sizes. Without its mark the folder counts as not there. Free of torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from resnet_studio.data.images import walk
from resnet_studio.domain.data_sets import DataSetRow
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.platform.files import replacing
from resnet_studio.text import _

_PIECE = 1 << 20
_LARGEST_MARK = 1 << 20  # bytes


class FileOnDisk(NamedTuple):
    """``changed_ns`` is the time of the last change, as the disk has it."""

    bytes: int
    changed_ns: int


def md5(path: Path, should_stop: StopCheck) -> str:
    """Of a file, hexadecimal; empty where there is none. Raises Stopped."""
    if not path.is_file():
        return ""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if should_stop():
                raise Stopped
            digest.update(piece)
    return digest.hexdigest()


@contextlib.contextmanager
def reading(row: DataSetRow, folder: Path) -> Iterator[None]:
    """Errors of the block become DataError, one sentence: what is wrong with the set's files and what to do."""
    try:
        yield
    except OSError as error:
        raise DataError(
            _(
                "{title} in {folder} cannot be read ({strerror}); free some space or check it.",
                title=row.title,
                folder=folder,
                strerror=error.strerror or error,
            )
        ) from None
    except (RuntimeError, ValueError, LookupError) as error:
        raise DataError(
            _(
                "{title} in {folder} is damaged ({error}); get it again with: {command}",
                title=row.title,
                folder=folder,
                error=error,
                command=row.command,
            )
        ) from None


def photos_folder(folder: Path) -> Path:
    """Of a set of photos in ``folder``: where its archives are unpacked."""
    return folder / "photos"


def photos_mark(folder: Path) -> Path:
    """Written last: says that everything was unpacked, and what that is."""
    return folder / "photos.json"


def is_unpacked(row: DataSetRow, folder: Path) -> bool:
    """The row's archives were unpacked whole. Whether all is there still is checked when the photos are opened."""
    return _mark(folder).get("downloads") == _md5_sums(row)


def photo_files(row: DataSetRow, folder: Path, should_stop: StopCheck) -> Mapping[str, FileOnDisk]:
    """Every file that was unpacked, by its path below :func:`photos_folder`, with slashes.

    Raises:
        OSError: If the folder cannot be read.
        ValueError: If other files or sizes are found than were unpacked.
        Stopped: When ``should_stop`` says so.
    """
    found = _files(photos_folder(folder), should_stop)
    if not is_unpacked(row, folder) or _mark(folder).get("files") != _digest(found):
        raise ValueError(_("its files are not those that were unpacked"))
    return found


def write_mark(row: DataSetRow, folder: Path, should_stop: StopCheck) -> None:
    """Say that what lies in :func:`photos_folder` is whole. Raises OSError and Stopped."""
    mark = {"downloads": _md5_sums(row), "files": _digest(_files(photos_folder(folder), should_stop))}
    if hasattr(os, "sync"):
        os.sync()  # the files before the mark: one call for a hundred thousand of them
    with replacing(photos_mark(folder)) as part:
        part.write_text(json.dumps(mark), "utf-8")


def _md5_sums(row: DataSetRow) -> dict[str, str]:
    return {file.name: file.md5 for file in row.downloads}


def _mark(folder: Path) -> Mapping[str, object]:
    """Empty where there is none, or none that can be read."""
    try:
        path = photos_mark(folder)
        mark = json.loads(path.read_text("utf-8")) if path.stat().st_size <= _LARGEST_MARK else None
    except (OSError, ValueError, RecursionError):
        return {}
    return mark if isinstance(mark, dict) else {}


def _files(root: Path, should_stop: StopCheck) -> dict[str, FileOnDisk]:
    found = {}
    start = len(os.fspath(root)) + 1
    for path in walk(root):
        if should_stop():
            raise Stopped
        status = os.stat(path)  # noqa: PTH116 - a string, for speed
        found[path[start:].replace(os.sep, "/")] = FileOnDisk(status.st_size, status.st_mtime_ns)
    return found


def _digest(files: Mapping[str, FileOnDisk]) -> str:
    """sha256 over names and sizes."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(ascii((name, files[name].bytes)).encode())
    return digest.hexdigest()
