"""Batches that are decoded while earlier ones train: bounded memory, random access, any number of processes.

Which image, which crop and which colours a batch shows is decided by integer hashing of (seed, epoch, image) before
anything is decoded; processes only carry it out. So their number, and who is faster, change nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from resnet_studio.data.augmentation import Augmenter, without_augmentation
from resnet_studio.data.order import WHOLE, BatchShare, SampleOrder
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.data.random import scale_draws
from resnet_studio.data.streaming.crops import SQUARE, CropSpec
from resnet_studio.data.streaming.pool import TASK_IMAGES, DecodingPool
from resnet_studio.data.streaming.sources import Images
from resnet_studio.domain.enums import Augmentation
from resnet_studio.domain.errors import DataError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.specs import RecipeSpec
from resnet_studio.text import _

_AHEAD = 2  # batches under way while one trains


class BatchLoader:
    """Decodes batches of crops and copies them to the device."""

    def __init__(self, pool: DecodingPool, size: int, device: torch.device, should_stop: StopCheck) -> None:
        self.pool, self.size, self.device, self.should_stop = pool, size, device, should_stop
        self.cuda = device.type == "cuda"
        self.ahead = _AHEAD if pool.workers else 0
        self._copying = torch.cuda.Stream(device) if self.cuda else None
        self._in_order = False

    def copy_in_order(self) -> None:
        """Copy in the device's one queue from now on, so that no memory is shared between two."""
        self._in_order = True

    def start(self, images: Images, rows: Sequence[int], crops: Sequence[CropSpec]) -> PendingBatch:
        return PendingBatch(self, images, rows, crops)

    def to_device(self, host: Tensor) -> Tensor:
        """Without waiting for what the device is at, where it has a queue of its own for copies."""
        if self._copying is None:
            return host.to(self.device)
        if self._in_order:
            return (host if host.is_pinned() else host.pin_memory()).to(self.device, non_blocking=True)
        current = torch.cuda.current_stream(self.device)
        with torch.cuda.stream(self._copying):
            there = (host if host.is_pinned() else host.pin_memory()).to(self.device, non_blocking=True)
        current.wait_stream(self._copying)
        there.record_stream(current)
        return there


class PendingBatch:
    """One batch under way."""

    def __init__(self, loader: BatchLoader, images: Images, rows: Sequence[int], crops: Sequence[CropSpec]) -> None:
        size = loader.size
        self._loader, self._images, self._rows = loader, images, rows
        self._pixels = torch.empty(len(rows), 3, size, size, dtype=torch.uint8, pin_memory=loader.cuda)
        pixels = self._pixels.numpy()
        step = max(1, min(TASK_IMAGES, math.ceil(len(rows) / max(loader.pool.workers, 1))))
        if not loader.pool.workers:
            step = 1  # a stop takes effect after each image
        self._replies = [
            (first, loader.pool.submit(images.task(part, crops[first : first + step]), pixels[first : first + step]))
            for first in range(0, len(rows), step)
            if (part := rows[first : first + step])
        ]

    def take(self) -> Tensor:
        """uint8 (n, 3, S, S) on the device.

        Raises:
            DataError: If an image cannot be read any more, or a process died.
            Stopped: When ``should_stop`` says so.
        """
        for first, reply in self._replies:
            for row, reason in reply.wait(self._loader.should_stop).errors.items():
                name = self._images.name(self._rows[first + row]).encode("utf-8", "replace").decode()
                raise DataError(
                    _(
                        "{name} could be read when the data was opened and no longer can: {reason}",
                        name=name,
                        reason=reason,
                    )
                )
        return self._loader.to_device(self._pixels)

    def cancel(self) -> None:
        for _unused, reply in self._replies:
            reply.cancel()


class StreamedBatches:
    """Training batches, endless and in random access; see :class:`SampleOrder`. Fastest one after the other."""

    def __init__(
        self, images: Images, preprocessing: Preprocessing, recipe: RecipeSpec, loader: BatchLoader,
        share: BatchShare = WHOLE,
    ) -> None:  # fmt: skip
        """Batches of crops that ``loader`` decodes ahead of training.

        Args:
            images: The training set, at least one image.
            preprocessing: Mean and standard deviation by which images are normalised, and their size.
            recipe: Batch size, seed and augmentation.
            loader: Decodes crops and copies them to the device.
            share: What of each batch is made.
        """
        self._order = SampleOrder(len(images), recipe.batch_size, recipe.data_seed, share=share)
        self._augment = Augmenter(preprocessing, recipe, self._order.share_size, loader.device)
        self._images, self._recipe, self._loader = images, recipe, loader
        self._under_way: dict[int, PendingBatch] = {}

    @property
    def batches_per_epoch(self) -> float:
        return self._order.batches_per_epoch

    def batch(self, iteration: int) -> tuple[Tensor, Tensor]:
        """Batch number ``iteration``, counted from 1, as :meth:`ResidentBatches.batch` gives it.

        Raises:
            DataError: If an image cannot be read any more, or a process died.
            Stopped: When ``should_stop`` says so while it waits.
        """
        indices, epochs = self._order.samples(iteration)
        needed = range(iteration, iteration + self._loader.ahead + 1)
        for number in [number for number in self._under_way if number not in needed]:
            self._under_way.pop(number).cancel()
        for number in needed:
            if number not in self._under_way:
                self._under_way[number] = self._start(number)
        pixels = self._under_way.pop(iteration).take()
        labels = self._loader.to_device(self._images.labels[indices])
        if self._loader.cuda:  # else the CPU draws
            epochs, indices = self._loader.to_device(epochs), self._loader.to_device(indices)
        return self._augment(pixels, epochs, indices), labels

    def copy_in_order(self) -> None:
        """See :meth:`Loader.copy_in_order`; those of a test, which come from the same loader, are too."""
        self._loader.copy_in_order()

    def cancel(self) -> None:
        """Cancel the batches that are under way."""
        for load in self._under_way.values():
            load.cancel()
        self._under_way.clear()

    def _start(self, iteration: int) -> PendingBatch:
        indices, epochs = self._order.samples(iteration)
        recipe = self._recipe
        if recipe.augmentation is Augmentation.SCALE_CROP_FLIP:
            draws = scale_draws(recipe.data_seed, epochs, indices, recipe.scale_min, recipe.scale_max)
            crops = [CropSpec(*values) for values in zip(*(draw.tolist() for draw in draws), strict=True)]
        else:
            crops = [SQUARE] * len(indices)
        return self._loader.start(self._images, indices.tolist(), crops)


def streamed_views(
    images: Images, preprocessing: Preprocessing, recipe: RecipeSpec, loader: BatchLoader
) -> Iterator[tuple[Tensor, Tensor]]:
    """Every training image at least once as tests see it, in a mixed order, in whole batches."""
    batches = StreamedBatches(images, preprocessing, without_augmentation(recipe), loader)
    try:
        for number in range(math.ceil(batches.batches_per_epoch)):
            yield batches.batch(number + 1)
    finally:
        batches.cancel()


def streamed_tests(
    images: Images, preprocessing: Preprocessing, batch_size: int, loader: BatchLoader
) -> Iterator[tuple[Tensor, Tensor]]:
    """The whole set in order, central squares, a few batches decoded ahead; the last batch is shorter."""
    here = preprocessing.to(loader.device)
    waiting: deque[tuple[range, PendingBatch]] = deque()
    try:
        for first in range(0, len(images), batch_size):
            rows = range(first, min(first + batch_size, len(images)))
            waiting.append((rows, loader.start(images, rows, [SQUARE] * len(rows))))
            if len(waiting) > loader.ahead:
                yield _tested(images, here, loader, *waiting.popleft())
        while waiting:
            yield _tested(images, here, loader, *waiting.popleft())
    finally:
        for _unused, load in waiting:
            load.cancel()


def _tested(
    images: Images, preprocessing: Preprocessing, loader: BatchLoader, rows: range, load: PendingBatch
) -> tuple[Tensor, Tensor]:
    return preprocessing.apply(load.take()), loader.to_device(images.labels[rows.start : rows.stop])
