"""Each downloaded data set with a few random images, in the genuine format of its files."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import pickle
import struct
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from torchvision import datasets

from resnet_studio.data.datasets.readers import LabelledSTL10
from resnet_studio.domain import data_sets
from resnet_studio.domain.data_sets import DATA_SETS, DataSetRow, find_data_set

TRAIN, TEST = 100, 20
COUNTS = {"train": TRAIN, "test": TEST}
KEYS = [row.key for row in DATA_SETS if row.downloads and not row.photos]


@dataclass(frozen=True)
class SmallSet:
    """
    Attributes:
        served: The files to download, by name.
        packed: What lies in the archive, by path; empty where the downloaded files are read as they are.
        images, labels: Of ``train`` and ``test``; uint8 (N, C, S, S).
    """

    key: str
    served: Mapping[str, bytes]
    packed: Mapping[str, bytes]
    images: Mapping[str, np.ndarray]
    labels: Mapping[str, list[int]]


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def archive(files: Mapping[str, bytes], *extra: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
        for info in extra:
            tar.addfile(info, io.BytesIO(b"\0" * info.size))
    return buffer.getvalue()


def make(key: str) -> SmallSet:
    row = find_data_set(key)
    assert row is not None
    random = np.random.default_rng(KEYS.index(key))
    shape = (row.channels, row.image_size, row.image_size)
    images = {part: random.integers(0, 256, (count, *shape), np.uint8) for part, count in COUNTS.items()}
    labels = {part: [n % len(row.class_names) for n in range(count)] for part, count in COUNTS.items()}
    files = _WRITERS[key](images, labels)
    if len(row.downloads) == 1:
        return SmallSet(key, {row.downloads[0].name: archive(files)}, files, images, labels)
    return SmallSet(key, files, {}, images, labels)


def install(small: SmallSet, base_url: str, monkeypatch: pytest.MonkeyPatch) -> DataSetRow:
    """Row and torchvision's checksums speak of these files from now on; returns the row."""
    old = find_data_set(small.key)
    assert old is not None
    downloads = tuple(
        dataclasses.replace(file, url=f"{base_url}/{file.name}", md5=md5(small.served[file.name]))
        for file in old.downloads
    )
    row = dataclasses.replace(old, downloads=downloads, training_images=TRAIN, test_images=TEST)
    monkeypatch.setattr(data_sets, "DATA_SETS", tuple(row if one.key == row.key else one for one in DATA_SETS))
    kind = {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100, "stl10": LabelledSTL10}.get(small.key)
    if kind is not None:
        for listed in ("train_list", "test_list"):
            pairs = [[name, md5(small.packed[f"{kind.base_folder}/{name}"])] for name, _ in getattr(kind, listed)]
            monkeypatch.setattr(kind, listed, pairs)
        if hasattr(kind, "meta"):
            meta = small.packed[f"{kind.base_folder}/{kind.meta['filename']}"]
            monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5(meta)})
    if small.key == "svhn":
        mats = {part: [*datasets.SVHN.split_list[part][:2], md5(small.served[f"{part}_32x32.mat"])] for part in COUNTS}
        monkeypatch.setattr(datasets.SVHN, "split_list", mats)
    return row


def _cifar10(images: dict[str, np.ndarray], labels: dict[str, list[int]]) -> dict[str, bytes]:
    made = {}
    for number in range(5):
        part = slice(number * TRAIN // 5, (number + 1) * TRAIN // 5)
        batch = {"data": images["train"][part].reshape(-1, 3072), "labels": labels["train"][part]}
        made[f"cifar-10-batches-py/data_batch_{number + 1}"] = pickle.dumps(batch)
    test = {"data": images["test"].reshape(-1, 3072), "labels": labels["test"]}
    made["cifar-10-batches-py/test_batch"] = pickle.dumps(test)
    made["cifar-10-batches-py/batches.meta"] = pickle.dumps({"label_names": list(data_sets.CIFAR10.class_names)})
    made["cifar-10-batches-py/readme.html"] = b"not needed"
    return made


def _cifar100(images: dict[str, np.ndarray], labels: dict[str, list[int]]) -> dict[str, bytes]:
    made = {}
    for part in COUNTS:
        fine = labels[part]
        batch = {"data": images[part].reshape(-1, 3072), "fine_labels": fine, "coarse_labels": [n // 5 for n in fine]}
        made[f"cifar-100-python/{part}"] = pickle.dumps(batch)
    made["cifar-100-python/meta"] = pickle.dumps({"fine_label_names": list(data_sets.CIFAR100.class_names)})
    return made


def _svhn(images: dict[str, np.ndarray], labels: dict[str, list[int]]) -> dict[str, bytes]:
    """MATLAB's format: X (32, 32, 3, N), and y (N, 1) in which 10 is the digit 0."""
    scipy_io = pytest.importorskip("scipy.io")
    made = {}
    for part in COUNTS:
        buffer = io.BytesIO()
        y = np.array([[label or 10] for label in labels[part]], np.uint8)
        scipy_io.savemat(buffer, {"X": images[part].transpose(2, 3, 1, 0), "y": y}, do_compression=True)
        made[f"{part}_32x32.mat"] = buffer.getvalue()
    return made


def _fashion_mnist(images: dict[str, np.ndarray], labels: dict[str, list[int]]) -> dict[str, bytes]:
    """The IDX format: a magic number, sizes as big-endian words, bytes."""
    made = {}
    for part, name in (("train", "train"), ("test", "t10k")):
        head = struct.pack(">IIII", 0x803, COUNTS[part], 28, 28)
        made[f"{name}-images-idx3-ubyte.gz"] = gzip.compress(head + images[part].tobytes())
        head = struct.pack(">II", 0x801, COUNTS[part])
        made[f"{name}-labels-idx1-ubyte.gz"] = gzip.compress(head + bytes(labels[part]))
    return made


def _stl10(images: dict[str, np.ndarray], labels: dict[str, list[int]]) -> dict[str, bytes]:
    """Bytes column by column, labels from 1; unlabelled images and other files lie between those that are read."""
    made: dict[str, bytes] = {"stl10_binary/fold_indices.txt": b"0 1 2\n"}
    for part in ("test", "train"):
        made[f"stl10_binary/{part}_X.bin"] = images[part].transpose(0, 1, 3, 2).tobytes()
        made[f"stl10_binary/{part}_y.bin"] = bytes(label + 1 for label in labels[part])
        made["stl10_binary/unlabeled_X.bin"] = bytes(3 * 96 * 96)
    return made


_WRITERS: dict[str, Callable[[dict[str, np.ndarray], dict[str, list[int]]], dict[str, bytes]]] = {
    "cifar10": _cifar10,
    "cifar100": _cifar100,
    "svhn": _svhn,
    "fashion-mnist": _fashion_mnist,
    "stl10": _stl10,
}
