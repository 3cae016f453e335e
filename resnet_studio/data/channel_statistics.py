"""Exact sums over a training set, of which its mean, its standard deviations and its principal colours are made."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_CHUNK_BYTES = 1 << 25
_CHUNK_IMAGES = 1 << 14  # so many values of 255 fit into 32 bits, which sum much faster than 64


@dataclass(frozen=True, eq=False)
class Moments:
    """Whole numbers, so that neither order nor device nor number of processes changes them.

    Attributes:
        images: N, at least 1.
        sums: int64 (3, S, S), the sum of all images, in 0..255 each.
        products: int64 (3, 3), the sum over all pixels of one colour times another; None if it was not measured.
    """

    images: int
    sums: Tensor
    products: Tensor | None

    @classmethod
    def measure(cls, images: Tensor, *, products: bool) -> Moments:
        """Of uint8 (N, 3, S, S), N >= 1, a part at a time."""
        if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3 or not len(images):
            raise ValueError(f"images must be uint8 (N, 3, S, S), N >= 1, got {images.dtype} {tuple(images.shape)}")
        size = images.shape[-1]
        sums = torch.zeros(images.shape[1:], dtype=torch.int64)
        crossed = torch.zeros(3, 3, dtype=torch.int64)
        for part in images.split(min(_CHUNK_IMAGES, max(1, _CHUNK_BYTES // (8 * 3 * size * size)))):
            sums += part.sum(0, dtype=torch.int32).cpu()
            if products:
                flat = part.cpu().transpose(0, 1).reshape(3, -1).double()  # exact: far below 2**53
                crossed += (flat @ flat.T).long()
        return cls(len(images), sums, crossed if products else None)

    @property
    def pixels(self) -> int:
        return self.images * self.sums.shape[-1] ** 2

    def means(self) -> list[float]:
        """Of each colour, in 0..1."""
        return [total / (255 * self.pixels) for total in self.sums.sum((1, 2)).tolist()]

    def covariance(self) -> list[list[float]]:
        """Of the colours of all pixels, in 0..1, (3, 3); exact up to the last division."""
        if self.products is None:
            raise ValueError("products were not measured")
        totals, products, pixels = self.sums.sum((1, 2)).tolist(), self.products.tolist(), self.pixels
        return [
            [(pixels * products[a][b] - totals[a] * totals[b]) / (255 * pixels) ** 2 for b in range(3)]
            for a in range(3)
        ]  # fmt: skip

    def principal_components(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues of the covariance, float32 (3,), largest first, and eigenvectors as columns, float32 (3, 3).

        Of the two directions of a vector the one is taken in which its largest component is positive.
        """
        values, vectors = torch.linalg.eigh(torch.tensor(self.covariance(), dtype=torch.float64))
        values, vectors = values.flip(0).clamp_min(0.0), vectors.flip(1)
        largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))  # (1, 3)
        return values.float(), (vectors * largest.sign()).float().contiguous()
