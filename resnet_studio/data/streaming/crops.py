"""Which part of an image becomes the network's input, as whole numbers that any process turns into the same pixels.

Resizing is Pillow's bilinear filter, which widens when it shrinks (antialiasing, as torchvision's ``antialias=True``).
Only the part that is kept is resized; its pixels are those of the whole image, resized and then cropped, up to one
level of rounding. Free of torch: decoding processes start in a fraction of a second.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_studio.data.images import square_pixels

DRAW_BITS = 24
_CENTRE = -1
_REDUCING_GAP = 2  # a JPEG is decoded at a half, a quarter or an eighth while at least twice the size needed remains

Pixels = npt.NDArray[np.uint8]


class CropSpec(NamedTuple):
    """Which part of an image is taken.

    Attributes:
        scale: The shorter side is resized to so many pixels; 0 for the central square of the whole image.
        y, x: Where the crop lies, in 2**-24 of the offsets there are; negative for the centre.
        flip: Mirrored, left and right.
    """

    scale: int
    y: int = _CENTRE
    x: int = _CENTRE
    flip: bool = False

    @property
    def enough(self) -> int:
        """Pixels of the shorter side beyond which a decoder need not be exact; 0 for the whole image."""
        return self.scale * _REDUCING_GAP


SQUARE = CropSpec(0)  # what ``to_square`` shows


def mean_crop(size: int) -> CropSpec:
    """The view over which the mean of a streamed set with scale augmentation is taken.

    The shorter side is resized to 256/224 of ``size``, the centre is cropped.
    """
    return CropSpec(round(size * 256 / 224))


def crop_pixels(image: Image.Image, crop: CropSpec, size: int) -> Pixels:
    """A crop of ``size`` by ``size`` pixels out of an RGB image.

    Args:
        image: Of any size.
        crop: With a ``scale`` of at least ``size``, or 0.
        size: Height and width of the result.

    Returns:
        uint8 (3, size, size).
    """
    if not crop.scale:
        return square_pixels(image, size)
    width, height = resized(image.size, crop.scale)
    left, top = _offset(width - size, crop.x), _offset(height - size, crop.y)
    per_column, per_row = image.width / width, image.height / height
    box = (
        left * per_column,
        top * per_row,
        min((left + size) * per_column, image.width),
        min((top + size) * per_row, image.height),
    )
    pixels = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box)).transpose(2, 0, 1)
    return pixels[:, :, ::-1] if crop.flip else pixels


def resized(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    """Width and height after the shorter of both is resized to ``shorter``.

    The other is rounded down, as torchvision does.
    """
    width, height = size
    if width <= height:
        return shorter, shorter * height // width
    return shorter * width // height, shorter


def _offset(most: int, draw: int) -> int:
    """One of the offsets 0..most."""
    return round(most / 2) if draw < 0 else ((most + 1) * draw) >> DRAW_BITS
