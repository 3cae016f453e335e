"""Which samples make up which batch: a function of seed and batch number alone."""

from __future__ import annotations

import torch
from torch import Tensor

from resnet_studio.data.random import epoch_order

_KEPT_ORDERS = 2  # a batch may straddle two epochs


class SampleOrder:
    """The samples form one endless stream: epoch after epoch, each a permutation of the training set.

    Batch k, counted from 1, holds the stream's positions (k - 1) * B to k * B - 1, so each image comes exactly once an
    epoch although B need not divide N, and a batch may straddle epochs.
    """

    def __init__(self, count: int, batch_size: int, seed: int, device: torch.device | str = "cpu") -> None:
        if batch_size < 1 or count < 1:
            raise ValueError(f"batch size and image count must be at least 1, got {batch_size} and {count}")
        self.count, self.batch_size = count, batch_size
        self._seed, self._device = seed, torch.device(device)
        self._orders: dict[int, Tensor] = {}

    @property
    def batches_per_epoch(self) -> float:
        return self.count / self.batch_size

    def samples(self, iteration: int, batches: int = 1) -> tuple[Tensor, Tensor]:
        """Positions in the training set and epochs (from 0) of the samples of a batch, or of some in a row, both int64
        (batches * B,)."""
        if iteration < 1:
            raise ValueError(f"iterations count from 1, got {iteration}")
        count, start = self.count, (iteration - 1) * self.batch_size
        end = start + batches * self.batch_size
        parts = []
        for epoch in range(start // count, (end - 1) // count + 1):
            first = epoch * count
            parts.append(self._order(epoch)[max(start - first, 0) : min(end - first, count)])
        positions = torch.arange(start, end, dtype=torch.int64, device=self._device)
        return torch.cat(parts), positions // count

    def _order(self, epoch: int) -> Tensor:
        order = self._orders.get(epoch)
        if order is None:
            order = epoch_order(self._seed, epoch, self.count, self._device)
            while len(self._orders) >= _KEPT_ORDERS:
                self._orders.pop(next(iter(self._orders)))
            self._orders[epoch] = order
        return order
