"""What makes a long curve cheap to draw and easy to read: thinning to pixel columns, and means.

Points are never thinned when they are stored; that is the plot's business (a million points on a thousand columns).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
PER_COLUMN = 4  # first, lowest, highest, last


def thin(x: Floats, y: Floats, left: float, right: float, columns: int, *, ends: bool = True) -> tuple[Floats, Floats]:
    """The points of a curve that reach the screen.

    A pixel column that holds many points keeps the first, the lowest, the highest and the last of them, so the drawn
    line covers the same pixels as the whole curve would. One point beyond each edge of the view stays, so the line
    leaves the picture where it should.

    Args:
        x: Positions, shape (N,), finite, never falling.
        y: Values, shape (N,); NaN and infinities are gaps.
        left: Position of the left edge of the view, smaller than ``right``.
        right: Position of the right edge.
        columns: Width of the view in pixels, at least 1.
        ends: Keep each column's first and last point too; a noisy curve in the background does well without.

    Returns:
        Positions and values of the same length, at most ``4 * columns + 8`` long, values finite or NaN. A gap survives
        wherever a pixel column begins or ends in one, or consists of nothing else.
    """
    begin = max(int(np.searchsorted(x, left, "left")) - 1, 0)
    end = min(int(np.searchsorted(x, right, "right")) + 1, len(x))
    x, y = x[begin:end], y[begin:end]
    finite = np.isfinite(y)
    if not finite.all():
        y = np.where(finite, y, np.nan)
    if len(x) <= PER_COLUMN * columns:
        return x, y
    starts = column_starts(x, left, right, columns)
    with np.errstate(invalid="ignore"):
        low, high = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    lasts = np.append(starts[1:], len(x)) - 1
    first_x, last_x = x[starts], x[lasts]
    middle = (first_x + last_x) / 2
    if not ends:
        return np.repeat(middle, 2), np.stack((low, high), axis=1).reshape(-1)  # (2 * groups,)
    thinned_x = np.stack((first_x, middle, middle, last_x), axis=1).reshape(-1)  # (4 * groups,)
    thinned_y = np.stack((y[starts], low, high, y[lasts]), axis=1).reshape(-1)
    return thinned_x, thinned_y


def column_starts(x: Floats, left: float, right: float, columns: int) -> npt.NDArray[np.intp]:
    """Index of the first point of each pixel column that holds one; what lies left of the view is a column too."""
    edges = left + (right - left) / columns * np.arange(columns + 1)
    starts = np.concatenate(([0], np.searchsorted(x, edges, "left")))
    fresh = np.append(True, starts[1:] > starts[:-1])
    return starts[fresh & (starts < len(x))]


def running_mean(values: Floats, window: int, start: int = 0) -> npt.NDArray[np.float32]:
    """Mean of the ``window`` values up to and including each one, from index ``start`` on.

    The first points average what there is, never zeros from outside, and the last point is the very number that tables
    show as the training error (the mean of the last batches). Values that are not finite are left out of their
    neighbours' means and stay gaps themselves.

    Args:
        values: Shape (N,).
        window: Number of values, at least 1.
        start: First index wanted.

    Returns:
        Shape (N - start,), NaN where the value itself is not finite.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    lead = max(start - window + 1, 0)
    part = values[lead:].astype(np.float64)
    finite = np.isfinite(part)
    sums = np.concatenate(([0.0], np.cumsum(np.where(finite, part, 0.0))))
    counts = np.concatenate(([0], np.cumsum(finite)))
    upper = np.arange(start - lead + 1, len(part) + 1)
    lower = np.maximum(upper - window, 0)
    count = counts[upper] - counts[lower]
    means = (sums[upper] - sums[lower]) / np.maximum(count, 1)
    return np.where(finite[start - lead :], means, np.nan).astype(np.float32)


_LARGEST = 300.0  # of the exponents in one block: far from the largest of a float64, about e^709


def exponential_mean(
    values: Floats, window: int, state: tuple[float, float] = (0.0, 0.0)
) -> tuple[npt.NDArray[np.float32], tuple[float, float]]:
    """The debiased exponential mean up to and including each value.

    With w = 1 - 1 / window: sum of w^(t - i) x_i divided by sum of w^(t - i), over all finite x_i up to t.

    The first mean is the first value, and a constant stays that constant. Values that are not finite have no weight and
    stay gaps themselves.

    Args:
        values: Shape (N,).
        window: 1 for the values themselves; the weight of a value falls to 1/e after so many.
        state: Of an earlier call, to go on from it.

    Returns:
        Shape (N,), and the two sums after the last value.

    Raises:
        ValueError: If ``window`` is below 1.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    if window == 1:
        return values.astype(np.float32), state
    decay = -np.log1p(-1.0 / window)  # w = exp(-decay)
    block = max(1, int(_LARGEST / decay))
    finite = np.isfinite(values)
    known = np.where(finite, values, 0.0).astype(np.float64)
    means = np.empty(len(values), np.float32)
    total, weight = state
    for start in range(0, len(values), block):
        part = slice(start, min(start + block, len(values)))
        growth = np.exp(decay * np.arange(1, part.stop - part.start + 1))
        totals = (total + np.cumsum(known[part] * growth)) / growth
        weights = (weight + np.cumsum(finite[part] * growth)) / growth
        means[part] = np.where(finite[part], totals / np.maximum(weights, 1e-300), np.nan)
        total, weight = float(totals[-1]), float(weights[-1])
    return means, (total, weight)
