"""Batches from a data set that lies on the training device as uint8: order, augmentation and nothing to save.

Both are functions of (seed, epoch, sample), so any batch can be made at any time: a resumed run goes on as if it had
never stopped, and what else trains in the cohort changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from resnet_studio.data.draws import crop_draws, epoch_order
from resnet_studio.data.imageset import ImageSet
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.terms import Augmentation

PAD = 4  # pixels on each side, He et al. 2015 (arXiv:1512.03385), section 4.2
_KEPT_ORDERS = 2  # a batch may straddle two epochs


class ResidentBatches:
    """Training batches, endless and in random access.

    The samples form one stream: epoch after epoch, each a permutation of the training set. Batch k holds the stream's
    positions (k - 1) * B to k * B - 1, so each image comes exactly once an epoch although B need not divide N, and a
    batch may straddle epochs.
    """

    def __init__(
        self,
        data: ImageSet,
        preprocessing: Preprocessing,
        *,
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
        device: torch.device | str,
    ) -> None:
        """
        Args:
            data: The training set, at least one image, of the size ``preprocessing`` was measured with.
            batch_size: B, at least 1; may exceed the training set.
            seed: The recipe's data seed: order, crops and flips.
            device: Where the images stay and the batches are made.
        """
        if batch_size < 1 or not len(data):
            raise ValueError(f"batch size and image count must be at least 1, got {batch_size} and {len(data)}")
        if data.image_size != preprocessing.image_size:
            raise ValueError(f"images are {data.image_size} pixels wide, preprocessing {preprocessing.image_size}")
        self.device = torch.device(device)
        self.batch_size = batch_size
        self._images = data.images.to(self.device)  # (N, 3, S, S)
        self._labels = data.labels.to(self.device)  # (N,)
        self._preprocessing = preprocessing.to(self.device)
        self._augment = augmentation is Augmentation.PAD_CROP_FLIP
        self._seed = seed
        # Draws are the same on every device; where 64-bit integers may be poorly supported, the CPU makes them.
        self._draw_device = self.device if self.device.type in ("cpu", "cuda") else torch.device("cpu")
        self._orders: dict[int, Tensor] = {}
        wide = data.image_size + 2 * PAD
        self._padded = torch.zeros(
            batch_size if self._augment else 0, 3, wide, wide, device=self.device
        )  # edges stay 0
        self._steps = torch.arange(data.image_size, device=self.device)  # (S,)

    @property
    def batches_per_epoch(self) -> float:
        return len(self._images) / self.batch_size

    def batch(self, iteration: int) -> tuple[Tensor, Tensor]:
        """Batch number ``iteration``, counted from 1.

        Returns:
            Normalised images, float32 (B, 3, S, S), and labels, int64 (B,). The host never waits for the device.
        """
        if iteration < 1:
            raise ValueError(f"iterations count from 1, got {iteration}")
        indices, epochs = self._samples((iteration - 1) * self.batch_size)
        chosen = indices.to(self.device)
        x = self._preprocessing.apply(self._images.index_select(0, chosen))
        if self._augment:
            dy, dx, flip = (draw.to(self.device) for draw in crop_draws(self._seed, epochs, indices, PAD))
            x = self._pad_crop_flip(x, dy, dx, flip)
        return x, self._labels.index_select(0, chosen)

    def _samples(self, start: int) -> tuple[Tensor, Tensor]:
        """Indices and epochs of the B stream positions from ``start`` on, both int64 (B,)."""
        count, end = len(self._images), start + self.batch_size
        parts = []
        for epoch in range(start // count, (end - 1) // count + 1):
            first = epoch * count
            parts.append(self._order(epoch)[max(start - first, 0) : min(end - first, count)])
        positions = torch.arange(start, end, dtype=torch.int64, device=self._draw_device)
        return torch.cat(parts), positions // count

    def _order(self, epoch: int) -> Tensor:
        order = self._orders.get(epoch)
        if order is None:
            order = epoch_order(self._seed, epoch, len(self._images), self._draw_device)
            while len(self._orders) >= _KEPT_ORDERS:
                self._orders.pop(next(iter(self._orders)))
            self._orders[epoch] = order
        return order

    def _pad_crop_flip(self, x: Tensor, dy: Tensor, dx: Tensor, flip: Tensor) -> Tensor:
        """Zeros around each normalised image (its mean, before subtraction), then crop and flip in one gather."""
        size = x.shape[-1]
        wide = size + 2 * PAD
        self._padded[:, :, PAD : PAD + size, PAD : PAD + size] = x
        rows = dy[:, None] + self._steps  # (B, S)
        columns = dx[:, None] + torch.where(flip[:, None], size - 1 - self._steps, self._steps)  # (B, S)
        places = rows[:, :, None] * wide + columns[:, None, :]  # (B, S, S)
        places = places.view(len(x), 1, size * size).expand(-1, 3, -1)
        return self._padded.view(len(x), 3, wide * wide).gather(2, places).view(len(x), 3, size, size)


def test_batches(
    data: ImageSet, preprocessing: Preprocessing, *, batch_size: int, device: torch.device | str
) -> Iterator[tuple[Tensor, Tensor]]:
    """The whole set in order, not augmented: pairs like :meth:`ResidentBatches.batch` makes, the last one shorter."""
    here = preprocessing.to(device)
    for images, labels in zip(data.images.split(batch_size), data.labels.split(batch_size), strict=True):
        yield here.apply(images.to(device)), labels.to(device)


test_batches.__test__ = False  # type: ignore[attr-defined]  # its name is no test's
