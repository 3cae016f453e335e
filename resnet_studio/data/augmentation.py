"""What happens to a batch on the training device: normalisation and the augmentation that needs whole batches only.

The same for resident and streamed images, so both give the same batches bit for bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.data.random import colour_draws, crop_draws
from resnet_studio.domain.enums import Augmentation, Colour, PadWith
from resnet_studio.domain.spec import replace_and_reset
from resnet_studio.domain.specs import RecipeSpec

PAD = 4  # pixels on each side, He et al. 2015 (arXiv:1512.03385), section 4.2


def draw_device(device: torch.device) -> torch.device:
    """Draws are the same on every device; where 64-bit numbers may be poorly supported, the CPU makes them."""
    return device if device.type in ("cpu", "cuda") else torch.device("cpu")


def without_augmentation(recipe: RecipeSpec) -> RecipeSpec:
    """The same batches of the same samples as tests see them."""
    return replace_and_reset(recipe, augmentation=Augmentation.NONE, colour=Colour.NONE)


class Augmenter:
    """Turns uint8 images on the device into what the networks see. The host never waits for the device.

    pad-crop-flip pads with the mean (zeros after normalisation, and the mean moves and is mirrored with the image) or
    with black (the raw image is padded, cropped and mirrored, and then normalised where it lies).
    """

    def __init__(self, preprocessing: Preprocessing, recipe: RecipeSpec, batch_size: int, device: torch.device) -> None:
        size = preprocessing.image_size
        self._preprocessing = preprocessing.to(device)
        self._crops = recipe.augmentation is Augmentation.PAD_CROP_FLIP
        self._black = recipe.pad_with is PadWith.BLACK
        self._colour_std = recipe.colour_std if recipe.colour is Colour.PCA else 0.0
        self._seed = recipe.data_seed
        wide = size + 2 * PAD
        self._padded = torch.zeros(batch_size if self._crops else 0, 3, wide, wide, device=device)  # edges stay 0
        self._steps = torch.arange(size, device=device)  # (S,)

    def __call__(self, images: Tensor, epochs: Tensor, indices: Tensor) -> Tensor:
        """One batch as the networks see it, augmented by draws of sample and epoch.

        Args:
            images: uint8 (B, 3, S, S) on the device; fastest for B as it was announced.
            epochs: int64 (B,), the epoch in which each image is drawn; on the device or on the CPU.
            indices: int64 (B,), each image's position in the training set; likewise.

        Returns:
            float32 (B, 3, S, S).
        """
        if not self._crops:
            x = self._preprocessing.apply(images)
        elif self._black:
            x = self._preprocessing.normalise_(self._pad_crop_flip(images, epochs, indices))
        else:
            x = self._pad_crop_flip(self._preprocessing.apply(images), epochs, indices)
        if self._colour_std:
            factors = (colour_draws(self._seed, epochs, indices) * self._colour_std).float()
            x = x.add_(self._preprocessing.colour_shifts(factors.to(x.device)))
        return x

    def _pad_crop_flip(self, x: Tensor, epochs: Tensor, indices: Tensor) -> Tensor:
        """Zeros around each image, then crop and flip in one gather; float32 (B, 3, S, S)."""
        dy, dx, flip = (draw.to(x.device) for draw in crop_draws(self._seed, epochs, indices, PAD))
        size = x.shape[-1]
        wide = size + 2 * PAD
        padded = self._padded
        if len(padded) != len(x):  # not kept: a captured program goes on writing to what it was captured with
            padded = padded.new_zeros(len(x), *padded.shape[1:])
        padded[:, :, PAD : PAD + size, PAD : PAD + size] = x
        rows = dy[:, None] + self._steps  # (B, S)
        columns = dx[:, None] + torch.where(flip[:, None], size - 1 - self._steps, self._steps)  # (B, S)
        places = rows[:, :, None] * wide + columns[:, None, :]  # (B, S, S)
        places = places.view(len(x), 1, size * size).expand(-1, 3, -1)
        return padded.view(len(x), 3, wide * wide).gather(2, places).view(len(x), 3, size, size)
