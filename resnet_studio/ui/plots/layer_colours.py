"""The colours of a heat map: cividis, whose lightness rises evenly and which reads the same to colour-blind eyes.

Nuñez, Anderton and Renslow 2018, arXiv:1712.01662.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg

_SHADES = 256


@cache
def _table() -> npt.NDArray[np.uint8]:
    """(shades, RGBA)."""
    table = pg.colormap.get("cividis").getLookupTable(0.0, 1.0, _SHADES, alpha=True)
    return np.asarray(table, np.uint8)


def coloured(values: npt.NDArray[np.floating[Any]], span: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """RGBA (..., 4) of values on a scale between the ends of ``span``; NaN is transparent."""
    good = np.isfinite(values)
    share = (np.where(good, values, span[0]) - span[0]) / (span[1] - span[0])
    pixels = _table()[np.clip(np.rint(share * (_SHADES - 1)), 0, _SHADES - 1).astype(np.intp)]
    pixels[..., 3] = np.where(good, 255, 0)
    return pixels
