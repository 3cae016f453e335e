"""The data sets that are downloaded: fetched and unpacked on request only, verified each time they are opened."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np
import torch

from resnet_studio.data.datasets import cache, paths
from resnet_studio.data.datasets.download import fetch
from resnet_studio.data.datasets.downloaded_files import (
    md5,
    photo_files,
    photos_folder,
    photos_mark,
    reading,
    write_mark,
)
from resnet_studio.data.image_set import DataBundle, ImageSet
from resnet_studio.domain.data_sets import DataSetRow, Download
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.platform.home import Home
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.data.datasets.readers import Part, Reader

_PIECE = 1 << 20


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
    with reading(row, folder):
        for name, wanted in _checksums(row).items():
            report(_("verifying {title}", title=row.title), None)
            if md5(folder / name, should_stop) != wanted:
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
    train, test = sets
    return DataBundle(train, test, row.class_names, cache.checksum(train, test, row.class_names, should_stop))


def download(row: DataSetRow, home: Home, report: Report = no_report, should_stop: StopCheck = never_stop) -> None:
    """Fetch, verify and unpack a data set, unless it is there already.

    An intact archive that lies in the folder is unpacked instead of fetched again.

    Raises:
        DataError: One sentence: no network, no space, a damaged archive.
        Stopped: Within a second of ``should_stop`` saying so. No file is left half-finished; photos that are half
            unpacked count as not there.
        ValueError: If the row and its reader do not say what is to be kept of its archives.
    """
    folder = paths.data_set_folder(home, row)
    report(_("looking for {title}", title=row.title), None)
    store = _store_photos if row.photos else _store_arrays
    refuse_nothing_to_keep(row)
    try:
        if _is_whole(row, folder, should_stop):
            report(_("{title} is already here", title=row.title), 1.0)
            return
        store(row, folder, report, should_stop)
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


def refuse_nothing_to_keep(row: DataSetRow) -> None:
    """Raises ValueError for a row whose archives would be fetched, and nothing of them be kept."""
    packed = [file.name for file in row.downloads if file.packed]
    if row.photos and not packed:
        raise ValueError(f"{row.key} has photos, but none of its downloads is an archive of a known kind")
    if not row.photos and packed and not _reader(row).members():
        raise ValueError(f"the reader of {row.key} does not name what is kept of {packed[0]}: its members")


def _is_whole(row: DataSetRow, folder: Path, should_stop: StopCheck) -> bool:
    if row.photos:
        try:
            return bool(photo_files(row, folder, should_stop))
        except (OSError, ValueError):
            return False
    return all(md5(folder / name, should_stop) == wanted for name, wanted in _checksums(row).items())


def _store_arrays(row: DataSetRow, folder: Path, report: Report, should_stop: StopCheck) -> None:
    for file in row.downloads:
        target = folder / file.name
        fetched = _fetch_missing(file, folder, report, should_stop)
        if file.packed:
            try:
                _unpack_members(target, folder, _reader(row).members(), report, should_stop)
            finally:
                if fetched:
                    target.unlink(missing_ok=True)


def _store_photos(row: DataSetRow, folder: Path, report: Report, should_stop: StopCheck) -> None:
    """Everything downloaded, unpacked, in a folder of its own; then the mark, and the archives are removed.

    After a stop the archives and what was unpacked stay: to remove a hundred thousand files takes longer than a stop
    may. They are used, and removed, the next time.
    """
    for file in row.downloads:
        _fetch_missing(file, folder, report, should_stop)
    root = photos_folder(folder)
    photos_mark(folder).unlink(missing_ok=True)
    _remove(root, report, should_stop)
    try:
        root.mkdir()
        for file in row.downloads:
            if file.packed:
                _unpack_all(folder / file.name, root, report, should_stop)
            else:
                shutil.copyfile(folder / file.name, root / file.name)
        write_mark(row, folder, should_stop)
    except Stopped:
        raise
    except BaseException:  # such as a full disk, which gets its space back
        shutil.rmtree(root, ignore_errors=True)
        raise
    for file in row.downloads:
        (folder / file.name).unlink(missing_ok=True)


def _fetch_missing(file: Download, folder: Path, report: Report, should_stop: StopCheck) -> bool:
    """Whether it had to be fetched."""
    target = folder / file.name
    if md5(target, should_stop) == file.md5:
        return False
    fetch(file.url, target, file.md5, report, should_stop)
    return True


def _remove(root: Path, report: Report, should_stop: StopCheck) -> None:
    """A folder that was incomplete or damaged."""
    for here, _folders, names in os.walk(root):
        report(_("removing what is incomplete"), None)
        for name in names:
            if should_stop():
                raise Stopped
            Path(here, name).unlink()
    if root.exists():
        shutil.rmtree(root)


def _checksums(row: DataSetRow) -> Mapping[str, str]:
    """MD5 sums of the files that are read, by their path below the set's folder."""
    return _reader(row).members() or {file.name: file.md5 for file in row.downloads}


def _reader(row: DataSetRow) -> Reader:
    from resnet_studio.data.datasets.readers import READERS  # torchvision takes as long to load as torch

    return READERS[row.key]


def _image_set(part: Part) -> ImageSet:
    images, labels = part
    if images.shape[1] == 1:
        images = np.repeat(images, 3, axis=1)  # (N, 3, S, S)
    return ImageSet(torch.from_numpy(np.ascontiguousarray(images)), torch.tensor(labels, dtype=torch.int64))


@contextlib.contextmanager
def _opened(archive: Path, report: Report, should_stop: StopCheck) -> Iterator[tarfile.TarFile]:
    """An archive of any compression, read once from its beginning to its end."""
    text = _("unpacking {name}", name=archive.name)
    with archive.open("rb") as packed:
        source = _WatchedFile(packed, archive.stat().st_size, text, report, should_stop)
        with tarfile.open(fileobj=cast(IO[bytes], source), mode="r|*") as tar:
            yield tar


def _unpack_members(
    archive: Path, folder: Path, members: Mapping[str, str], report: Report, should_stop: StopCheck
) -> None:  # fmt: skip
    """Only the named members, each verified; they take their place together, when all are good."""
    missing = dict(members)
    with tempfile.TemporaryDirectory(prefix="unpacking-", dir=folder) as scratch:
        with _opened(archive, report, should_stop) as tar:
            for member in tar:
                if member.name not in missing or not member.isfile():
                    continue
                tar.extract(member, scratch, filter="data")
                if md5(Path(scratch, member.name), should_stop) != missing.pop(member.name):
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


def _unpack_all(archive: Path, into: Path, report: Report, should_stop: StopCheck) -> None:
    """Every file of an archive that was verified; links and devices are passed over."""
    with _opened(archive, report, should_stop) as tar:
        for member in tar:
            if not member.isfile():
                continue
            try:
                tar.extract(member, into, filter="data")
            except tarfile.FilterError as error:
                raise DataError(
                    _(
                        "{archive} holds a file that does not belong below its folder ({error}); nothing of it "
                        "was kept.",
                        archive=archive,
                        error=error,
                    )
                ) from None


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
