"""The data sets that are downloaded: fetched and unpacked on request only, verified each time they are opened."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np
import torch

from resnet_studio.data.datasets import cache, paths
from resnet_studio.data.datasets.download import fetch
from resnet_studio.data.image_set import DataBundle, ImageSet
from resnet_studio.domain.data_sets import DataSetRow
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.platform.home import Home
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.data.datasets.readers import Part, Reader

_PIECE = 1 << 20
_ARCHIVE = ".tar.gz"


def open_downloaded(
    row: DataSetRow, home: Home, report: Report = no_report, should_stop: StopCheck = never_stop
) -> DataBundle:
    """All labelled images at their own size, in the order of the original files, whose MD5 sums are verified first.

    Raises:
        DataError: If they are not on this machine, damaged, or need a package that is not installed.
        Stopped: When ``should_stop`` says so.
    """
    if obstacle := paths.obstacle(home, row):
        raise DataError(obstacle)
    folder = paths.data_set_folder(home, row)
    try:
        for name, md5 in _checksums(row).items():
            report(_("verifying {title}", title=row.title), None)
            if _md5(folder / name, should_stop) != md5:
                raise DataError(
                    _(
                        "{title} in {folder} is damaged; get it again with: {command}",
                        title=row.title,
                        folder=folder,
                        command=row.command,
                    )
                )
        sets = []
        for part in _reader(row).read(folder):
            sets.append(_image_set(part))
            report(_("reading {title}", title=row.title), len(sets) / 2)
            if should_stop():
                raise Stopped
    except OSError as error:
        raise DataError(
            _(
                "{title} in {folder} cannot be read ({strerror}); free some space or check it.",
                title=row.title,
                folder=folder,
                strerror=error.strerror or error,
            )
        ) from None
    except (RuntimeError, ValueError) as error:
        raise DataError(
            _(
                "{title} in {folder} is damaged ({error}); get it again with: {command}",
                title=row.title,
                folder=folder,
                error=error,
                command=row.command,
            )
        ) from None
    train, test = sets
    return DataBundle(train, test, row.class_names, cache.checksum(train, test, row.class_names, should_stop))


def download(row: DataSetRow, home: Home, report: Report = no_report, should_stop: StopCheck = never_stop) -> None:
    """Fetch, verify and unpack a data set, unless it is there already.

    An intact archive that someone put into the folder is unpacked instead of fetched again.

    Raises:
        DataError: One sentence: no network, no space, a damaged archive.
        Stopped: Within a second of ``should_stop`` saying so; no file is left half-finished.
    """
    folder = paths.data_set_folder(home, row)
    report(_("looking for {title}", title=row.title), None)
    try:
        if all(_md5(folder / name, should_stop) == md5 for name, md5 in _checksums(row).items()):
            report(_("{title} is already here", title=row.title), 1.0)
            return
        for file in row.downloads:
            target = folder / file.name
            present = _md5(target, should_stop) == file.md5
            if not present:
                fetch(file.url, target, file.md5, report, should_stop)
            if file.name.endswith(_ARCHIVE):
                try:
                    _unpack(target, folder, _reader(row).members(), report, should_stop)
                finally:
                    if not present:
                        target.unlink(missing_ok=True)
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            _(
                "{title} cannot be stored in {folder} ({reason}); free some space or check it.",
                title=row.title,
                folder=folder,
                reason=reason,
            )
        ) from None


def _checksums(row: DataSetRow) -> Mapping[str, str]:
    """MD5 sums of the files that are read, by their path below the set's folder."""
    return _reader(row).members() or {file.name: file.md5 for file in row.downloads}


def _md5(path: Path, should_stop: StopCheck) -> str:
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


def _reader(row: DataSetRow) -> Reader:
    from resnet_studio.data.datasets.readers import READERS  # torchvision takes as long to load as torch

    return READERS[row.key]


def _image_set(part: Part) -> ImageSet:
    images, labels = part
    if images.shape[1] == 1:
        images = np.repeat(images, 3, axis=1)  # (N, 3, S, S)
    return ImageSet(torch.from_numpy(np.ascontiguousarray(images)), torch.tensor(labels, dtype=torch.int64))


def _unpack(
    archive: Path, folder: Path, members: Mapping[str, str], report: Report, should_stop: StopCheck
) -> None:  # fmt: skip
    """Only the named members, each verified; they take their place together, when all are good."""
    missing = dict(members)
    with tempfile.TemporaryDirectory(prefix="unpacking-", dir=folder) as scratch:
        with archive.open("rb") as packed:
            source = _WatchedFile(
                packed, archive.stat().st_size, _("unpacking {name}", name=archive.name), report, should_stop
            )
            with tarfile.open(fileobj=cast(IO[bytes], source), mode="r|gz") as tar:
                for member in tar:
                    if member.name not in missing or not member.isfile():
                        continue
                    tar.extract(member, scratch, filter="data")
                    if _md5(Path(scratch, member.name), should_stop) != missing.pop(member.name):
                        raise DataError(
                            _(
                                "{name} in {archive} is damaged; remove the archive and try again.",
                                name=member.name,
                                archive=archive,
                            )
                        )
                    if not missing:
                        break  # what follows is not needed
        if missing:
            raise DataError(
                _("{archive} lacks {missing}; remove the archive and try again.", archive=archive, missing=min(missing))
            )
        for top in {name.partition("/")[0] for name in members}:
            if (folder / top).exists():
                shutil.rmtree(folder / top)  # it was incomplete or damaged
            Path(scratch, top).rename(folder / top)


class _WatchedFile:
    """A file that reports how far it was read, and stops."""

    def __init__(self, file: IO[bytes], size: int, text: str, report: Report, should_stop: StopCheck) -> None:
        self._file, self._size, self._text, self._report, self._should_stop = file, size, text, report, should_stop
        self._done = self._reported = 0

    def read(self, count: int = -1) -> bytes:
        if self._should_stop():
            raise Stopped
        piece = self._file.read(count)
        self._done += len(piece)
        if self._done - self._reported >= _PIECE or self._done == self._size:
            self._reported = self._done
            self._report(self._text, self._done / self._size)
        return piece
