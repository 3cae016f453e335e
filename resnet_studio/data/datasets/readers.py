"""How torchvision reads downloaded arrays of one size: a set is its row in ``domain/data_sets.py`` and an entry here.

A reader is called once the files' checksums have been verified: those of CIFAR are pickles, which can run code.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torchvision import datasets

from resnet_studio.domain.data_sets import (
    CIFAR10,
    CIFAR100,
    FASHION_MNIST,
    STL10,
    SVHN,
)

Part = tuple[npt.NDArray[np.uint8], Sequence[int]]  # images (N, C, S, S) and labels (N,)


def _no_members() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Reader:
    """How the files of a data set become images.

    Attributes:
        read: From the folder that holds the row's files to the training images, then the test images. It is called
            each time the set is opened; between its two parts a stop is noticed.
        members: MD5 sum of each file that is unpacked from a downloaded archive, by its path; empty where the
            downloaded files are read as they are, and never where one of them is an archive.
    """

    read: Callable[[Path], Iterator[Part]]
    members: Callable[[], Mapping[str, str]] = _no_members


class LabelledSTL10(datasets.STL10):
    """Without the 100 000 unlabelled images, 2.7 GB that nothing here reads."""

    train_list = datasets.STL10.train_list[:2]


def _members(kind: Any) -> Mapping[str, str]:
    """Of one of torchvision's classes that read an unpacked archive."""
    meta = [(kind.meta["filename"], kind.meta["md5"])] if hasattr(kind, "meta") else []
    return {f"{kind.base_folder}/{name}": md5 for name, md5 in (*kind.train_list, *kind.test_list, *meta)}


def _read_cifar(kind: type[datasets.CIFAR10], folder: Path) -> Iterator[Part]:
    for train in (True, False):
        with warnings.catch_warnings():  # the original files' arrays are of a form that NumPy 2.4 calls outdated
            warnings.simplefilter("ignore")
            data = kind(folder, train=train)
        yield data.data.transpose(0, 3, 1, 2), data.targets


def _read_svhn(folder: Path) -> Iterator[Part]:
    for split in ("train", "test"):
        data = datasets.SVHN(folder, split=split)
        yield data.data, data.labels


def _read_stl10(folder: Path) -> Iterator[Part]:
    for split in ("train", "test"):
        data = LabelledSTL10(folder, split=split)
        yield data.data, data.labels


def _read_fashion_mnist(folder: Path) -> Iterator[Part]:
    with tempfile.TemporaryDirectory(prefix="fashion-mnist-") as scratch:
        raw = Path(scratch, "FashionMNIST", "raw")
        raw.mkdir(parents=True)
        for name in FASHION_MNIST.files:
            with gzip.open(folder / name) as packed, (raw / name.removesuffix(".gz")).open("wb") as plain:
                shutil.copyfileobj(packed, plain)
        for train in (True, False):
            data = datasets.FashionMNIST(scratch, train=train)
            yield data.data.numpy()[:, None], data.targets.tolist()


READERS: Mapping[str, Reader] = {
    CIFAR10.key: Reader(lambda at: _read_cifar(datasets.CIFAR10, at), lambda: _members(datasets.CIFAR10)),
    CIFAR100.key: Reader(lambda at: _read_cifar(datasets.CIFAR100, at), lambda: _members(datasets.CIFAR100)),
    SVHN.key: Reader(_read_svhn),
    FASHION_MNIST.key: Reader(_read_fashion_mnist),
    STL10.key: Reader(_read_stl10, lambda: _members(LabelledSTL10)),
}
