"""What is measured by layer, as the numbers of a heat map. No Qt here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.series import Series
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis

COLUMNS = 512  # of a map at most; a screen shows no more
_LEAST_SPAN = 0.1  # decades


@dataclass(frozen=True, eq=False)
class LayerGrid:
    """One run's map.

    Attributes:
        left, right: Positions of its edges.
        values: Powers of ten, (layers, columns), NaN where nothing finite above zero was measured.
    """

    left: float
    right: float
    values: npt.NDArray[np.float32]

    @property
    def layers(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Profile:
    """A run's layers at one measurement: values (layers,), as they were measured."""

    iteration: int
    place: float
    values: npt.NDArray[np.float32]

    @property
    def powers(self) -> npt.NDArray[np.float32]:
        """Of ten, NaN for values that have none."""
        return _powers(self.values)

    def at(self, layer: int) -> float | None:
        """The value of a layer, counted from 1; None without one or where it is not finite."""
        if not 1 <= layer <= len(self.values) or not np.isfinite(self.values[layer - 1]):
            return None
        return float(self.values[layer - 1])


def layer_grid(book: CurveBook, run_id: str, series: Series, axis: XAxis) -> LayerGrid | None:
    """The map of a series of layers, a measurement holding until the next; None without a point or a scale."""
    positions, buffer = book.positions(run_id, series, axis), book.get(run_id, series)
    if positions is None or buffer is None:
        return None
    step = float(positions[-1] - positions[0]) / (len(positions) - 1) if len(positions) > 1 else 1.0
    left, right = float(positions[0]), float(positions[-1]) + (step or 1.0)
    count = min(len(positions), COLUMNS)
    middles = left + (np.arange(count) + 0.5) * (right - left) / count
    chosen = np.searchsorted(positions, middles, "right") - 1
    return LayerGrid(left, right, _powers(buffer.values[chosen]).T)


def layer_profile(book: CurveBook, run_id: str, series: Series, axis: XAxis, place: float | None) -> Profile | None:
    """The newest measurement at or before ``place``, the last of all without one; None where there is none yet."""
    positions, buffer = book.positions(run_id, series, axis), book.get(run_id, series)
    if positions is None or buffer is None:
        return None
    index = len(positions) - 1 if place is None else int(np.searchsorted(positions, place, "right")) - 1
    if index < 0:
        return None
    return Profile(int(buffer.iterations[index]), float(positions[index]), buffer.values[index].copy())


def _powers(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    good = np.isfinite(values) & (values > 0)
    return np.log10(values, where=good, out=np.full(values.shape, np.nan, np.float32))


def colour_span(grids: Iterable[LayerGrid]) -> tuple[float, float] | None:
    """Powers of ten at the ends of the colour scale that all ``grids`` share; None without a value."""
    ends = [
        (float(np.nanmin(grid.values)), float(np.nanmax(grid.values)))
        for grid in grids
        if np.isfinite(grid.values).any()
    ]
    if not ends:
        return None
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    pad = max(0.0, _LEAST_SPAN - (high - low)) / 2
    return low - pad, high + pad


def layer_ticks(layers: int, most: int) -> list[int]:
    """At most about ``most`` layers to label: the first, round numbers, the last."""
    step = next((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if layers / step <= max(most, 2)), 1000)
    between = [tick for tick in range(step, layers, step) if 1 + step / 2 < tick <= layers - 0.75 * step]
    return [1, *between, layers] if layers > 1 else [1]


def map_columns(runs: Sequence[object]) -> int:
    """How many maps stand side by side in a figure, whose maps have a size of their own."""
    count = len(runs)
    return count if count <= 3 else -(-count // 2) if count <= 8 else 4


def fitting_columns(count: int, size: Callable[[int], tuple[float, float]]) -> int:
    """With how many maps side by side each of ``count`` is largest.

    What a map is wider than twice its height, or higher than twice its width, does not count.

    Args:
        count: Of maps, at least 1.
        size: Width and height of a map, in pixels, for a number of columns.
    """

    def room(columns: int) -> float:
        width, height = size(columns)
        return min(width, 2 * height) * min(height, 2 * width) if min(width, height) > 0 else min(width, height)

    return max(range(1, count + 1), key=room)
