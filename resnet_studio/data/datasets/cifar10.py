"""The real CIFAR-10 (Krizhevsky 2009) as torchvision reads it. Downloaded when asked to, never else."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import check_integrity

from resnet_studio.data.datasets import cache, paths
from resnet_studio.data.datasets.download import fetch
from resnet_studio.data.image_set import DataBundle, ImageSet, Report, silent
from resnet_studio.domain.errors import DataError, Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.platform.home import Home

COMMAND = "resnet-studio data download cifar10"
_PIECE = 1 << 20


def open_cifar10(home: Home, report: Report = silent, should_stop: StopCheck = never_stop) -> DataBundle:
    """The 50 000 and 10 000 images, 32 x 32, in the order of the original files, each file verified by its MD5 sum.

    Raises:
        DataError: If they are not on this machine or damaged.
        Stopped: When asked to stop.
    """
    if not paths.cifar10_present(home):
        raise DataError(f"CIFAR-10 is not on this machine yet; get it with: {COMMAND}")
    sets = []
    for number, train in enumerate((True, False)):
        if should_stop():
            raise Stopped
        report("reading CIFAR-10", number / 2)
        sets.append(_read(paths.cifar10_root(home), train))
    names = paths.CIFAR10_NAMES
    return DataBundle(sets[0], sets[1], names, cache.checksum(sets[0], sets[1], names, should_stop))


def download_cifar10(home: Home, report: Report = silent, should_stop: StopCheck = never_stop) -> None:
    """Fetch, verify and unpack CIFAR-10, unless it is there already.

    An intact ``cifar-10-python.tar.gz`` that someone put into the folder is unpacked instead of fetched again.

    Raises:
        DataError: One sentence: no network, no space, a damaged archive.
        Stopped: When asked to stop, within a second; nothing half-finished is left.
    """
    root = paths.cifar10_root(home)
    report("looking for CIFAR-10", None)
    if all(check_integrity(root / CIFAR10.base_folder / name, md5) for name, md5 in _files().items()):
        report("CIFAR-10 is already here", 1.0)
        return
    archive = root / CIFAR10.filename
    try:
        brought = check_integrity(archive, CIFAR10.tgz_md5)
        if not brought:
            fetch(CIFAR10.url, archive, CIFAR10.tgz_md5, report, should_stop)
        try:
            _unpack(archive, root, report, should_stop)
        finally:
            if not brought:
                archive.unlink(missing_ok=True)
    except (OSError, tarfile.TarError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"CIFAR-10 cannot be stored in {root} ({reason}); free some space or check it.") from None


def _files() -> dict[str, str]:
    """Every file of the set and its MD5 sum, as torchvision knows them."""
    pairs = (*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], CIFAR10.meta["md5"]))
    return {str(name): str(md5) for name, md5 in pairs}


def _read(root: Path, train: bool) -> ImageSet:
    try:
        with warnings.catch_warnings():  # the original files' NumPy arrays are of a form that NumPy 2.4 calls outdated
            warnings.simplefilter("ignore")
            data = CIFAR10(root, train=train, download=False)
    except (RuntimeError, OSError) as error:
        reason = "" if isinstance(error, RuntimeError) else f" ({error.strerror or error})"
        raise DataError(f"CIFAR-10 in {root} is damaged{reason}; get it again with: {COMMAND}") from None
    images = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))  # (N, 3, 32, 32)
    return ImageSet(torch.from_numpy(images), torch.tensor(data.targets, dtype=torch.int64))


def _unpack(archive: Path, root: Path, report: Report, should_stop: StopCheck) -> None:
    """Only the files of the set, each verified; they take their place together, when all are good."""
    wanted = {f"{CIFAR10.base_folder}/{name}": md5 for name, md5 in _files().items()}
    with tempfile.TemporaryDirectory(prefix="unpacking-", dir=root) as scratch:
        folder = Path(scratch) / CIFAR10.base_folder
        folder.mkdir()
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                if member.name in wanted and member.isfile():
                    report("unpacking CIFAR-10", 1 - len(wanted) / len(_files()))
                    found = _copy(tar, member, folder / Path(member.name).name, should_stop)
                    if found != wanted.pop(member.name):
                        raise DataError(f"{member.name} in {archive} is damaged; remove the archive and try again.")
        if wanted:
            raise DataError(f"{archive} lacks {min(wanted)}; remove the archive and try again.")
        target = root / CIFAR10.base_folder
        if target.exists():
            shutil.rmtree(target)  # it was incomplete or damaged
        folder.rename(target)


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, should_stop: StopCheck) -> str:
    """Unpack one file by hand: neither its path nor its kind is the archive's choice. Returns its MD5 sum."""
    digest = hashlib.md5(usedforsecurity=False)
    source = tar.extractfile(member)
    if source is None:
        raise DataError(f"{member.name} cannot be unpacked; remove the archive and try again.")
    with source, path.open("wb") as file:
        while piece := source.read(_PIECE):
            if should_stop():
                raise Stopped
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()
