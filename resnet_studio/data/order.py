"""Which samples make up which batch: a function of seed and batch number alone."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from resnet_studio.data.random import epoch_order

_KEPT_ORDERS = 2  # a batch may straddle two epochs


class BatchShare(NamedTuple):
    """Slice number ``number``, from 0, of each batch cut into ``of`` equal ones."""

    number: int
    of: int


WHOLE = BatchShare(0, 1)


class SampleOrder:
    """The samples form one endless stream: epoch after epoch, each a permutation of the training set.

    Batch k, counted from 1, holds the stream's positions (k - 1) * B to k * B - 1, so each image comes exactly once an
    epoch although B need not divide N, and a batch may straddle epochs.
    """

    def __init__(
        self, count: int, batch_size: int, seed: int, device: torch.device | str = "cpu", share: BatchShare = WHOLE
    ) -> None:
        if batch_size < 1 or count < 1:
            raise ValueError(f"batch size and image count must be at least 1, got {batch_size} and {count}")
        if batch_size % share.of or not 0 <= share.number < share.of:
            raise ValueError(f"a batch of {batch_size} has no share {share.number} of {share.of}")
        self.count, self.batch_size, self.share = count, batch_size, share
        self._seed, self._device = seed, torch.device(device)
        self._orders: dict[int, Tensor] = {}

    @property
    def batches_per_epoch(self) -> float:
        return self.count / self.batch_size

    def samples(self, iteration: int, batches: int = 1) -> tuple[Tensor, Tensor]:
        """Positions in the training set and epochs (from 0) of the samples of a batch, or of some in a row.

        Both int64 (batches * B,), B being the size of the share.
        """
        if iteration < 1:
            raise ValueError(f"iterations count from 1, got {iteration}")
        count, start = self.count, (iteration - 1) * self.batch_size
        end = start + batches * self.batch_size
        parts = []
        for epoch in range(start // count, (end - 1) // count + 1):
            first = epoch * count
            parts.append(self._order(epoch)[max(start - first, 0) : min(end - first, count)])
        positions = torch.arange(start, end, dtype=torch.int64, device=self._device)
        return self._shared(torch.cat(parts), batches), self._shared(positions // count, batches)

    @property
    def share_size(self) -> int:
        """Images of a batch in the share."""
        return self.batch_size // self.share.of

    def _shared(self, samples: Tensor, batches: int) -> Tensor:
        """(batches * batch size,) -> (batches * share size,)."""
        if self.share.of == 1:
            return samples
        return samples.view(batches, self.share.of, self.share_size)[:, self.share.number].flatten()

    def _order(self, epoch: int) -> Tensor:
        order = self._orders.get(epoch)
        if order is None:
            order = epoch_order(self._seed, epoch, self.count, self._device)
            while len(self._orders) >= _KEPT_ORDERS:
                self._orders.pop(next(iter(self._orders)))
            self._orders[epoch] = order
        return order
