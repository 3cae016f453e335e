"""Which mean and standard deviation can be those of colours in 0..1, whoever gave them: a person or a file."""

from __future__ import annotations

import torch
from torch import Tensor

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.text import _

MOST, LEAST_STD, MOST_STD = 10.0, 1e-6, 100.0  # of means and deviations of colours in 0..1


def fault(mean: Tensor, std: Tensor) -> str:
    """Why no image can be normalised with these, as the end of a sentence; empty where one can.

    Args:
        mean: (3, 1, 1), or a mean image (3, S, S).
        std: (3, 1, 1).
    """
    square = mean.dim() == 3 and mean.shape[0] == 3 and mean.shape[1] == mean.shape[2] > 0
    if not square or tuple(std.shape) != (3, 1, 1):
        return _(
            "they have the shapes {mean} and {std}, where (3, 1, 1) or a square image, and (3, 1, 1), are wanted",
            mean=tuple(mean.shape),
            std=tuple(std.shape),
        )
    if not mean.is_floating_point() or not std.is_floating_point():
        return _("they are whole numbers, where fractions are wanted")
    if not bool(torch.isfinite(mean).all() and torch.isfinite(std).all()):
        return _("they hold numbers that are not finite")
    if float(std.min()) < LEAST_STD:
        return _("a standard deviation must be above zero")
    if float(mean.abs().max()) > MOST or float(std.max()) > MOST_STD:
        return _("they are no numbers for colours in 0..1")
    return ""


def colour_fault(images: Preprocessing) -> str:
    """As :func:`fault`, and for the principal components that colour augmentation mixes."""
    parts = [part for part in (images.colour_values, images.colour_vectors) if part is not None]
    if not all(bool(torch.isfinite(part).all()) for part in parts):
        return _("their principal components hold numbers that are not finite")
    return fault(images.mean, images.std)


def not_used(names: str, why: str) -> str:
    """A sentence on a mean and a standard deviation that came with a file."""
    return _("The file's own mean and std ({names}) were not used, because {why}.", names=names, why=why)
