"""Decoded images with their labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ImageSet:
    """``images`` is uint8 (N, 3, S, S), RGB; ``labels`` is int64 (N,), each an index of the class names."""

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        shape = tuple(self.images.shape)
        if self.images.dtype != torch.uint8 or len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3]:
            raise ValueError(f"images must be uint8 (N, 3, S, S), got {self.images.dtype} {shape}")
        if self.labels.dtype != torch.int64 or tuple(self.labels.shape) != shape[:1]:
            raise ValueError(f"labels must be int64 ({shape[0]},), got {self.labels.dtype} {tuple(self.labels.shape)}")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_size(self) -> int:
        return self.images.shape[-1]

    def to(self, device: torch.device | str) -> ImageSet:
        return ImageSet(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True, eq=False)
class DataBundle:
    """A data set, opened.

    Attributes:
        checksum: sha256 over class names, sizes, pixels and labels: two runs with one checksum saw the same data.
        skipped: Files that could not be used: name and reason.
    """

    train: ImageSet
    test: ImageSet
    class_names: tuple[str, ...]
    checksum: str
    skipped: tuple[tuple[str, str], ...] = ()
