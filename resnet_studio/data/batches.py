"""Batches from a data set that lies on the training device as uint8: order, augmentation and nothing to save.

Both are functions of (seed, epoch, sample), so any batch can be made at any time: a resumed run goes on as if it had
never stopped, and what else trains in the cohort changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from resnet_studio.data.augmentation import Augmenter, draw_device
from resnet_studio.data.image_set import ImageSet
from resnet_studio.data.order import WHOLE, BatchShare, SampleOrder
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.enums import Augmentation
from resnet_studio.domain.specs import RecipeSpec


class ResidentBatches:
    """Training batches, endless and in random access; see :class:`SampleOrder`."""

    def __init__(
        self, data: ImageSet, preprocessing: Preprocessing, recipe: RecipeSpec, *, device: torch.device | str,
        share: BatchShare = WHOLE,
    ) -> None:  # fmt: skip
        """Move all images to ``device`` and make the batches there.

        Args:
            data: The training set, at least one image, of the size ``preprocessing`` was measured with.
            preprocessing: Mean and standard deviation by which images are normalised, and their size.
            recipe: Batch size, which may exceed the training set, seed and augmentation (but scale-crop-flip, which
                needs the images as they were before they were resized).
            device: Where the images stay and the batches are made.
            share: What of each batch is made.
        """
        if data.image_size != preprocessing.image_size:
            raise ValueError(f"images are {data.image_size} pixels wide, preprocessing {preprocessing.image_size}")
        if recipe.augmentation is Augmentation.SCALE_CROP_FLIP:
            raise ValueError("scale-crop-flip needs streamed batches")
        self.device = torch.device(device)
        self._order = SampleOrder(len(data), recipe.batch_size, recipe.data_seed, draw_device(self.device), share)
        self._augment = Augmenter(preprocessing, recipe, self._order.share_size, self.device)
        self._images = data.images.to(self.device)  # (N, 3, S, S)
        self._labels = data.labels.to(self.device)  # (N,)

    @property
    def batches_per_epoch(self) -> float:
        return self._order.batches_per_epoch

    def batch(self, iteration: int) -> tuple[Tensor, Tensor]:
        """Batch number ``iteration``, counted from 1.

        Returns:
            Normalised images, float32 (B, 3, S, S), and labels, int64 (B,). The host never waits for the device.
        """
        return self.gather(*self.samples(iteration))

    def samples(self, iteration: int, count: int = 1) -> tuple[Tensor, Tensor]:
        """Positions in the training set and epochs of the samples of ``count`` batches in a row.

        Both int64 (count * B,), where draws are made.
        """
        return self._order.samples(iteration, count)

    def gather(self, indices: Tensor, epochs: Tensor) -> tuple[Tensor, Tensor]:
        """The batch, or batches, of these samples; see :meth:`batch`."""
        chosen = indices.to(self.device)
        x = self._augment(self._images.index_select(0, chosen), epochs, indices)
        return x, self._labels.index_select(0, chosen)


def test_batches(
    data: ImageSet, preprocessing: Preprocessing, *, batch_size: int, device: torch.device | str
) -> Iterator[tuple[Tensor, Tensor]]:
    """The whole set in order, not augmented: pairs like :meth:`ResidentBatches.batch` makes, the last one shorter."""
    here = preprocessing.to(device)
    for images, labels in zip(data.images.split(batch_size), data.labels.split(batch_size), strict=True):
        yield here.apply(images.to(device)), labels.to(device)


test_batches.__test__ = False  # type: ignore[attr-defined]  # its name is no test's
