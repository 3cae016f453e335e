"""Images that are decoded when they are needed: files, or pixels that need no decoding.

Of each image only its name and its label are kept, some fifty bytes, so that a million of them fit anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from resnet_studio.data.datasets.folder_layout import ImageFile, Layout
from resnet_studio.data.image_set import DataBundle, ImageSet
from resnet_studio.data.repeated_images import Repeated, repeated_images
from resnet_studio.data.streaming.crops import CropSpec
from resnet_studio.data.streaming.worker import Task
from resnet_studio.domain.specs import DataSpec
from resnet_studio.text import _


class Images(Protocol):
    """A training or a test set, image by image."""

    @property
    def labels(self) -> Tensor:
        """int64 (N,), on the CPU."""

    def __len__(self) -> int: ...

    def name(self, row: int) -> str: ...

    def task(self, rows: Sequence[int], crops: Sequence[CropSpec], *, scan: bool = False) -> Task: ...


class FileImages:
    """Files below a folder."""

    def __init__(self, names: bytes, ends: npt.NDArray[np.int64], labels: Tensor) -> None:
        """File names packed into one block of memory.

        Args:
            names: All names, one after the other.
            ends: int64 (N + 1,), where they end; the first is 0.
            labels: Of the N images, in the same order.
        """
        self._names, self._ends, self.labels = names, ends, labels

    @classmethod
    def of(cls, files: Sequence[ImageFile]) -> FileImages:
        encoded = [file.name.encode("utf-8", "surrogatepass") for file in files]
        ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return cls(b"".join(encoded), ends, torch.tensor([file.label for file in files], dtype=torch.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, row: int) -> str:
        return self._names[self._ends[row] : self._ends[row + 1]].decode("utf-8", "surrogatepass")

    def task(self, rows: Sequence[int], crops: Sequence[CropSpec], *, scan: bool = False) -> Task:
        return Task([self.name(row) for row in rows], crops, scan=scan)

    def without(self, rows: Iterable[int]) -> FileImages:
        """The same, some left out."""
        kept = np.ones(len(self), bool)
        kept[list(rows)] = False
        encoded = [self._names[self._ends[row] : self._ends[row + 1]] for row in kept.nonzero()[0]]
        ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return FileImages(b"".join(encoded), ends, self.labels[torch.from_numpy(kept)])


class ArrayImages:
    """Pixels that lie in memory at the size they came in."""

    def __init__(self, data: ImageSet) -> None:
        self._pixels, self.labels = data.images.numpy(), data.labels

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, row: int) -> str:
        return _("image {row}", row=row)

    def task(self, rows: Sequence[int], crops: Sequence[CropSpec], *, scan: bool = False) -> Task:
        return Task([self.name(row) for row in rows], crops, self._pixels[list(rows)], scan)


@dataclass(frozen=True, eq=False)
class Source:
    """A data set before it is decoded.

    Attributes:
        root: Below which the files lie.
        digest: Identifies the set cheaply: by names, sizes and times of files, not their contents.
        checksum: sha256 of the contents, where they are known beforehand, else empty.
        unusable: Files that cannot even be opened: name and reason.
        repeated: What is there more than once, where the pixels are known beforehand.
    """

    root: Path
    class_names: tuple[str, ...]
    train: Images
    test: Images
    digest: str
    checksum: str
    unusable: tuple[tuple[str, str], ...] = ()
    repeated: Repeated | None = None

    @classmethod
    def of_files(cls, layout: Layout) -> Source:
        train, test = FileImages.of(layout.train), FileImages.of(layout.test)
        return cls(layout.root, layout.class_names, train, test, layout.digest, "", layout.unusable)

    @classmethod
    def of_arrays(cls, bundle: DataBundle, spec: DataSpec) -> Source:
        split = f"{bundle.checksum} {spec.held_out} {spec.seed} {spec.test_on}"
        digest = hashlib.sha256(split.encode()).hexdigest()
        train, test = ArrayImages(bundle.train), ArrayImages(bundle.test)
        repeated = repeated_images(bundle.train, bundle.test)
        return cls(Path(), bundle.class_names, train, test, digest, bundle.checksum, bundle.skipped, repeated)

    def without(self, train: Iterable[int], test: Iterable[int]) -> Source:
        """The same, some files left out of each part; arrays have none to leave out."""
        if not isinstance(self.train, FileImages) or not isinstance(self.test, FileImages):
            return self
        return replace(self, train=self.train.without(train), test=self.test.without(test))
