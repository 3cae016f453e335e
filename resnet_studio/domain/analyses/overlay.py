"""Maps as colours over an image: values that any window can draw.

The colours are cividis, Nuñez, Anderton and Renslow 2018 (doi:10.1371/journal.pone.0199239): from dark blue to yellow,
rising evenly in brightness, the same to people who see red and green alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rgba = npt.NDArray[np.uint8]

_CIVIDIS = np.array(
    [(0, 32, 77), (0, 51, 111), (57, 72, 107), (87, 92, 109), (112, 113, 115),
     (138, 135, 121), (166, 157, 117), (196, 181, 108), (228, 207, 91), (255, 234, 70)],
    np.float64,
)  # fmt: skip
_FAINTEST, _STRONGEST = 0.35, 0.75  # opacity of the lowest and the highest value: the image stays recognisable


def colours(shares: npt.NDArray[np.floating]) -> Rgba:
    """Values 0..1 of any shape to opaque colours, (..., 4); values beyond are drawn as the ends, NaN as 0."""
    shares = np.clip(np.nan_to_num(np.asarray(shares, np.float64), nan=0.0), 0.0, 1.0)
    steps = np.linspace(0.0, 1.0, len(_CIVIDIS))
    channels = [np.interp(shares, steps, _CIVIDIS[:, channel]) for channel in range(3)]
    opaque = np.full(shares.shape, 255.0)
    return np.stack([*channels, opaque], -1).round().astype(np.uint8)


def overlay(values: npt.NDArray[np.floating], highest: float | None = None) -> Rgba:
    """What speaks for a class, to be drawn over its image: (H, W) to (H, W, 4), alpha not multiplied in.

    Args:
        values: A class map of the image's size; values below 0 speak against the class and are drawn as 0.
        highest: What is drawn as the brightest; the map's own maximum without it. Where that is not above 0, all is 0.
    """
    top = float(np.max(values)) if highest is None else highest
    shares = np.clip(values / top, 0.0, 1.0) if top > 0 else np.zeros(values.shape)
    rgba = colours(shares)
    rgba[..., 3] = (255 * (_FAINTEST + (_STRONGEST - _FAINTEST) * shares)).round()
    return rgba


def from_its_lowest(values: npt.NDArray[np.floating]) -> Rgba:
    """A map whose sign says nothing, to be drawn over its image: its lowest value is drawn as 0, its highest as 1."""
    return overlay(values - np.min(values))


def blended(pixels: npt.NDArray[np.uint8], rgba: Rgba) -> npt.NDArray[np.uint8]:
    """The overlay over its image: (H, W, 3) and (H, W, 4) to (H, W, 3)."""
    alpha = rgba[..., 3:] / 255.0
    return (pixels * (1.0 - alpha) + rgba[..., :3] * alpha).round().astype(np.uint8)


def upsampled(values: npt.NDArray[np.floating], height: int, width: int) -> npt.NDArray[np.float64]:
    """A map at the size of its image, bilinear between the centres of its cells: (h, w) to (height, width)."""
    rows, columns = _weights(values.shape[0], height), _weights(values.shape[1], width)
    return rows @ np.asarray(values, np.float64) @ columns.T


def _weights(cells: int, size: int) -> npt.NDArray[np.float64]:
    """How much of each cell each pixel has: (size, cells); rows add up to 1."""
    places = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    below = np.minimum(places.astype(np.int64), max(cells - 2, 0))
    weights = np.zeros((size, cells))
    weights[np.arange(size), below] = 1.0 - (places - below)
    if cells > 1:
        weights[np.arange(size), below + 1] = places - below
    return weights
