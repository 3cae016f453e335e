"""Draws the built-in images: one shape each, in clutter, noise and odd light.

The same on every machine: random bits come from PCG64's raw output, keyed by NumPy's SeedSequence (both streams are
promised never to change), and everything after that is exactly rounded float32 arithmetic (see ``builtin_shapes``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resnet_studio.data.datasets.builtin_shapes import SHAPES, Plane

GRAIN = 32  # noise is drawn on a grid this fine and stretched to larger images, so that size does not change difficulty
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Difficulty:
    """All that makes the images hard, in one place. Lengths in half image widths, colours in 0..1."""

    radius: Range = (0.4, 0.8)
    offset: float = 0.25  # the shape's centre lies within this of the image's, per axis
    stretch: Range = (0.75, 1.33)
    shear: float = 0.25
    contrast: Range = (0.2, 0.5)  # of the shape against the background's mean colour
    shading: float = 0.15  # light that falls from one side, over the whole image
    background: float = 0.15  # of the background's slow colour changes
    distractors: int = 3  # bars and dots behind and beside the shape
    distractor_size: Range = (0.08, 0.25)
    distractor_contrast: Range = (0.05, 0.3)
    occluder_share: float = 0.3  # images in which a bar covers part of the shape
    occluder_width: Range = (0.06, 0.16)
    noise: Range = (0.02, 0.1)  # standard deviation
    ambiguous_share: float = 0.06  # images that show two shapes in one; half of these labels are bound to be wrong


DIFFICULTY = Difficulty()


class _Draws:
    """Random numbers for one block of images."""

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def uniform(self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Plane:
        """float32 in low..high, 24 random bits each."""
        raw = self._bits.random_raw(math.prod(shape)) >> np.uint64(40)
        return raw.astype(np.float32).reshape(shape) * np.float32((high - low) * 2.0**-24) + np.float32(low)

    def sign(self, shape: tuple[int, ...]) -> Plane:
        raw = self._bits.random_raw(math.prod(shape)) >> np.uint64(63)
        return raw.astype(np.float32).reshape(shape) * np.float32(2) - np.float32(1)

    def noise(self, shape: tuple[int, ...]) -> Plane:
        """float32 of mean 0 and variance 1: the sum of two uniform numbers of 16 bits."""
        count = math.prod(shape)
        raw = self._bits.random_raw((count + 1) // 2)
        low = (raw & np.uint64(0xFFFF)) + (raw >> np.uint64(16) & np.uint64(0xFFFF))
        high = (raw >> np.uint64(32) & np.uint64(0xFFFF)) + (raw >> np.uint64(48))
        values = np.concatenate((low, high)).astype(np.float32)[:count].reshape(shape)
        return (values - np.float32(65535)) * np.float32(6**0.5 / 65536)

    def direction(self, count: int) -> tuple[Plane, Plane]:
        """Cosine and sine of ``count`` angles from the whole circle, nearly uniform, without computing either."""
        t = self.uniform((count, 1, 1), -0.41421356, 0.41421356)  # the tangent of half an angle of -45..45 degrees
        scale = 1 + t * t
        cosine, sine = (1 - t * t) / scale, (t + t) / scale
        swap, first, second = self.sign((count, 1, 1)) > 0, self.sign((count, 1, 1)), self.sign((count, 1, 1))
        return np.where(swap, cosine, sine) * first, np.where(swap, sine, cosine) * second


def draw(
    seed: int, split: int, block: int, count: int, size: int, difficulty: Difficulty = DIFFICULTY
) -> npt.NDArray[np.uint8]:
    """Images ``0..count-1`` of a block; image i shows (and is labelled) class ``i % 10``.

    Args:
        seed: Which images; splits and blocks of one seed share nothing.
        split: What the images are for, a number from 0.
        block: The block's number within the split, from 0.
        count: Images, at least 1. They change with ``count``: a block is drawn as a whole.
        size: Height and width in pixels.
        difficulty: How hard to see.

    Returns:
        uint8 (count, 3, size, size), RGB.
    """
    draws, d = _Draws(seed, split, block), difficulty
    y, x = _coordinates(size)
    base = draws.uniform((count, 3, 1, 1), 0.2, 0.8)
    image = base + _stretched(draws.uniform((count, 3, 5, 5), -d.background, d.background), size)  # (n, 3, S, S)
    for number in range(d.distractors):
        alpha = _distractor(draws, x, y, count, size, number, d)
        _paint(image, alpha, base + _contrast(draws, count, d.distractor_contrast))
    centre_x, centre_y, radius, alpha = _object(draws, x, y, count, size, d)
    _paint(image, alpha, base + _contrast(draws, count, d.contrast))
    alpha = _occluder(draws, x - centre_x, y - centre_y, radius, size, d)
    _paint(image, alpha, base + _contrast(draws, count, d.distractor_contrast))
    towards_x, towards_y = draws.direction(count)
    light = (x * towards_x + y * towards_y) * draws.uniform((count, 1, 1), 0.0, d.shading)  # (n, S, S)
    image += light[:, None]
    grain = draws.noise((count, 3, GRAIN, GRAIN)) * draws.uniform((count, 1, 1, 1), *d.noise)
    image += _stretched(grain, size)
    image *= np.float32(255)
    image += np.float32(0.5)
    return np.clip(image, 0, 255, out=image).astype(np.uint8)


def _coordinates(size: int) -> tuple[Plane, Plane]:
    """Pixel centres: y as (1, S, 1) and x as (1, 1, S), both from -1 to 1."""
    line = (np.arange(size, dtype=np.float32) * 2 + 1 - size) / np.float32(size)
    return line.reshape(1, size, 1), line.reshape(1, 1, size)


def _coverage(distance: Plane, size: int, scale: Plane | float = 1.0) -> Plane:
    """The part of each pixel that lies inside: an edge is one pixel wide."""
    return np.clip(np.float32(0.5) - distance * (scale * np.float32(size / 2)), 0, 1)


def _paint(image: Plane, alpha: Plane, colour: Plane) -> None:
    """Lay ``colour`` (n, 3, 1, 1) over ``image`` (n, 3, S, S), in place, where ``alpha`` (n, S, S) says."""
    change = colour - image
    change *= alpha[:, None]
    image += change


def _contrast(draws: _Draws, count: int, amount: Range) -> Plane:
    """A colour difference (n, 3, 1, 1): mostly lighter or darker, partly another hue."""
    hue = draws.uniform((count, 3, 1, 1), -0.6, 0.6)
    return (draws.sign((count, 1, 1, 1)) + hue) * draws.uniform((count, 1, 1, 1), *amount)


def _object(
    draws: _Draws, x: Plane, y: Plane, count: int, size: int, d: Difficulty
) -> tuple[Plane, Plane, Plane, Plane]:
    """Centre, radius, each (n, 1, 1), and coverage (n, S, S) of each image's shape."""
    centre_x, centre_y = (draws.uniform((count, 1, 1), -d.offset, d.offset) for _ in range(2))
    radius = draws.uniform((count, 1, 1), *d.radius)
    cosine, sine = draws.direction(count)
    stretch, shear = draws.uniform((count, 1, 1), *d.stretch), draws.uniform((count, 1, 1), -d.shear, d.shear)
    dx, dy = (x - centre_x) / radius, (y - centre_y) / radius
    u = (dx * cosine + dy * sine) * stretch
    v = (dy * cosine - dx * sine) / stretch + u * shear
    blend = np.where(draws.uniform((count, 1, 1)) < d.ambiguous_share, np.float32(0.5), np.float32(0))
    alpha = np.empty((count, size, size), np.float32)
    for label, shape in enumerate(SHAPES):
        own = slice(label, None, len(SHAPES))
        if label >= count:
            break
        alpha[own] = _coverage(shape(u[own], v[own]), size, radius[own])
        both = own.start + len(SHAPES) * np.flatnonzero(blend[own])
        if len(both):
            other = SHAPES[label ^ 1]
            alpha[both] = (alpha[both] + _coverage(other(u[both], v[both]), size, radius[both])) * np.float32(0.5)
    return centre_x, centre_y, radius, alpha


def _distractor(draws: _Draws, x: Plane, y: Plane, count: int, size: int, number: int, d: Difficulty) -> Plane:
    """A bar or, at each odd number, a dot, anywhere: coverage (n, S, S)."""
    dx, dy = (at - draws.uniform((count, 1, 1), -0.95, 0.95) for at in (x, y))
    extent = draws.uniform((count, 1, 1), *d.distractor_size)
    if number % 2:
        return _coverage(np.sqrt(dx * dx + dy * dy) - extent, size)
    cosine, sine = draws.direction(count)
    along, across = np.abs(dx * cosine + dy * sine), np.abs(dy * cosine - dx * sine)
    return _coverage(np.maximum(along - extent * 2, across - extent * np.float32(0.35)), size)


def _occluder(draws: _Draws, dx: Plane, dy: Plane, radius: Plane, size: int, d: Difficulty) -> Plane:
    """In some images a bar across the shape, whose centre is the origin of (dx, dy): coverage (n, S, S)."""
    count = len(radius)
    cosine, sine = draws.direction(count)
    off_centre = draws.uniform((count, 1, 1), -0.6, 0.6) * radius
    width = draws.uniform((count, 1, 1), *d.occluder_width)
    across = np.abs(dy * cosine - dx * sine - off_centre)
    along = np.abs(dx * cosine + dy * sine) - np.float32(1.1) * radius
    chosen = draws.uniform((count, 1, 1)) < d.occluder_share
    return _coverage(np.maximum(across - width, along), size) * chosen


def _stretched(grid: Plane, size: int) -> Plane:
    """Bilinear interpolation of (n, 3, G, G) to (n, 3, size, size), ends on ends; unchanged when G is the size."""
    cells = grid.shape[-1]
    if cells == size:
        return grid
    place = np.arange(size, dtype=np.float32) * np.float32((cells - 1) / (size - 1)) if size > 1 else np.zeros(1)
    first = np.minimum(place.astype(np.intp), cells - 2)
    share = (place - first).astype(np.float32)
    rows = grid[:, :, first] * (1 - share)[:, None] + grid[:, :, first + 1] * share[:, None]  # (n, 3, size, G)
    between: npt.NDArray[np.floating] = rows[..., first] * (1 - share) + rows[..., first + 1] * share
    return between
