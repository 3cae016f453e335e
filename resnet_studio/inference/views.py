"""What of an image a network sees under each test protocol.

An image is first cut (made square, or resized whole with antialiasing as PIL does it), then looked at in one or more
views: the whole cut or a crop of it, mirrored or not. Sizes and roundings are those of torchvision's transforms.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from PIL import Image

from resnet_studio.domain.errors import DataError
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.text import N_, _

MAX_ASPECT = 20  # longer to shorter side; beyond it a resized image would fill the memory

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Square:
    """The central square, resized to ``size``: the run's own preprocessing."""

    size: int


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole image, its shorter side resized to ``size``."""

    size: int


Cut = Square | Whole


class Place(StrEnum):
    """Which part of a cut is seen."""

    ALL = N_("all")
    CENTRE = N_("centre")
    TOP_LEFT = N_("top left")
    TOP_RIGHT = N_("top right")
    BOTTOM_LEFT = N_("bottom left")
    BOTTOM_RIGHT = N_("bottom right")


_CROPS = (Place.TOP_LEFT, Place.TOP_RIGHT, Place.BOTTOM_LEFT, Place.BOTTOM_RIGHT, Place.CENTRE)


@dataclass(frozen=True, slots=True)
class View:
    """One look at an image. ``crop`` is the side of the part that is seen, 0 for all of the cut.

    A mirrored view is a part of the mirrored cut, so that its top left is the original's top right.
    """

    cut: Cut
    place: Place = Place.ALL
    crop: int = 0
    mirrored: bool = False

    @property
    def side(self) -> int:
        """Shorter side of what the network sees, in pixels."""
        return self.crop or self.cut.size

    @property
    def fixed_size(self) -> bool:
        """Whether every image is seen at the network's own size."""
        return bool(self.crop) or isinstance(self.cut, Square)

    def of(self, pixels: Pixels) -> Pixels:
        """The part of a cut that is seen: (3, H, W) to (3, h, w), no copy."""
        if self.mirrored:
            pixels = pixels[:, :, ::-1]
        if self.place is Place.ALL:
            return pixels
        _unused, height, width = pixels.shape
        down, right = height - self.crop, width - self.crop
        top, left = {
            Place.TOP_LEFT: (0, 0),
            Place.TOP_RIGHT: (0, right),
            Place.BOTTOM_LEFT: (down, 0),
            Place.BOTTOM_RIGHT: (down, right),
            Place.CENTRE: (round(down / 2), round(right / 2)),  # to even, as torchvision rounds
        }[self.place]
        return pixels[:, top : top + self.crop, left : left + self.crop]


def views_of(protocol: Protocol, image_size: int) -> tuple[View, ...]:
    """Every view of an image by a network whose input is ``image_size`` wide; their softmax is averaged.

    Ten crops are four corners and the centre, then the same of the mirrored image (He et al. 2015, section 3.4, after
    Krizhevsky et al. 2012). Multi-scale views are whole images, one a scale.
    """
    if protocol.kind is ProtocolKind.SINGLE:
        return (View(Square(image_size)),)
    if protocol.kind is ProtocolKind.MULTI_SCALE:
        mirrors = (False, True) if protocol.flip else (False,)
        return tuple(View(Whole(scale), mirrored=mirrored) for scale in protocol.sizes for mirrored in mirrors)
    cut = Whole(protocol.resize_for(image_size))
    if protocol.kind is ProtocolKind.CENTRE_CROP:
        return (View(cut, Place.CENTRE, image_size),)
    return tuple(View(cut, place, image_size, mirrored) for mirrored in (False, True) for place in _CROPS)


def whole(image: Image.Image, size: int, name: str = "The image") -> Pixels:
    """An RGB image with its shorter side resized to ``size``: uint8 (3, H, W).

    The longer side is rounded down, and an image of that size stays as it is, bit for bit, as in torchvision.

    Raises:
        DataError: If the image is more than :data:`MAX_ASPECT` times as long as it is wide.
    """
    width, height = image.size
    short, long = min(width, height), max(width, height)
    if long > MAX_ASPECT * short:
        raise DataError(
            _(
                "{name} is {width} x {height} pixels, too long and thin to be resized whole; crop it, or use the "
                "single "
                "view.",
                name=name,
                width=width,
                height=height,
            )
        )
    longer = int(size * long / short)
    wanted = (size, longer) if width <= height else (longer, size)
    if wanted != image.size:
        image = image.resize(wanted, Image.Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1)
