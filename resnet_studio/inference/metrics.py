"""Predictions counted as they come: errors, confusion, and one line an image."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Labels = npt.NDArray[np.int32]


@dataclass
class Tally:
    """Counts of one network or one ensemble. Labels and predictions are positions in the data's class names."""

    images: int = 0
    top1: int = 0
    top5: int = 0
    labels: list[Labels] = field(default_factory=list)
    predicted: list[Labels] = field(default_factory=list)
    confidence: list[npt.NDArray[np.float32]] = field(default_factory=list)

    def add(self, scores: Tensor, probabilities: Tensor, labels: Labels, classes: Tensor | None = None) -> None:
        """Count a chunk.

        Args:
            scores: Float (N, classes): what ranks the classes. Rounded logits have ties, and who breaks them like
                training's own test does must rank the very same numbers in the very same order.
            probabilities: Float (N, classes), in the order of ``scores``.
            labels: The images' true classes, (N,).
            classes: For each column of ``scores`` the class it stands for, if they are in another order.
        """
        best = scores.topk(min(5, scores.shape[1]), dim=1).indices  # (N, k)
        sure = probabilities.gather(1, best[:, :1])[:, 0]  # (N,)
        if classes is not None:
            best = classes[best]
        hits = best == torch.from_numpy(labels.astype(np.int64))[:, None]  # (N, k)
        self.images += len(labels)
        self.top1 += int(hits[:, 0].sum())
        self.top5 += int(hits.any(dim=1).sum())
        self.labels.append(labels)
        self.predicted.append(best[:, 0].numpy().astype(np.int32))
        self.confidence.append(sure.numpy().astype(np.float32))

    @property
    def top1_error(self) -> float:
        """Percent."""
        return 100.0 * (self.images - self.top1) / self.images

    @property
    def top5_error(self) -> float:
        """Percent; zero with five classes or fewer."""
        return 100.0 * (self.images - self.top5) / self.images

    def confusion(self, classes: int) -> npt.NDArray[np.int64]:
        """(classes, classes): rows are true classes, columns predicted ones."""
        places = np.concatenate(self.labels).astype(np.int64) * classes + np.concatenate(self.predicted)
        return np.bincount(places, minlength=classes * classes).reshape(classes, classes)
