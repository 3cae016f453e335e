"""Curves that grow while they are looked at. No Qt here: events and stored curves come in, arrays go out."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.records import Curve
from resnet_studio.domain.series import Series
from resnet_studio.ui.plots.thinning import exponential_mean


class XAxis(StrEnum):
    """What a curve is drawn over."""

    ITERATION = "iteration"
    EPOCH = "epoch"
    TIME = "time"
    IMAGES = "images"


class _Growing:
    """An array (N, ...) whose end can be appended to in amortised constant time."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._room = np.empty(64, dtype)
        self.count = 0

    @property
    def array(self) -> np.ndarray:
        """A view, valid until the next change."""
        return self._room[: self.count]

    def append(self, values: np.ndarray) -> None:
        if not len(values):
            return
        needed = self.count + len(values)
        if not self.count and self._room.shape[1:] != values.shape[1:]:
            self._room = np.empty((64, *values.shape[1:]), self._room.dtype)
        if needed > len(self._room):
            room = np.empty((max(needed, 2 * len(self._room)), *self._room.shape[1:]), self._room.dtype)
            room[: self.count] = self.array
            self._room = room
        self._room[self.count : needed] = values
        self.count = needed


class CurveBuffer:
    """One series of one run: iterations strictly rising, values float32 (NaN and infinities allowed).

    The values have the shape (N,) or, of layers, (N, layers).
    """

    def __init__(self) -> None:
        self._iterations, self._values, self._smooth = _Growing(np.int64), _Growing(np.float32), _Growing(np.float32)
        self._window = 0
        self._sums = (0.0, 0.0)  # of the exponential mean, at its end
        self.version = 0  # rises with each change

    def __len__(self) -> int:
        return self._values.count

    @property
    def iterations(self) -> npt.NDArray[np.int64]:
        return self._iterations.array

    @property
    def values(self) -> npt.NDArray[np.float32]:
        return self._values.array

    @property
    def last(self) -> float | None:
        return float(self.values[-1]) if len(self) else None

    def extend(self, iterations: npt.NDArray[np.int64], values: npt.NDArray[np.float32]) -> None:
        """Append points; what lies at or after their first iteration gives way to them."""
        if len(iterations):
            self.truncate(int(iterations[0]) - 1)
            self._iterations.append(iterations)
            self._values.append(values)
            self.version += 1

    def truncate(self, after_iteration: int) -> None:
        """Drop every point with an iteration greater than ``after_iteration``."""
        keep = int(np.searchsorted(self.iterations, after_iteration, "right"))
        self._iterations.count = self._values.count = keep
        if self._smooth.count > keep:
            self._smooth.count = 0
        self.version += 1

    def put_before(self, iterations: npt.NDArray[np.int64], values: npt.NDArray[np.float32]) -> None:
        """Take in what was stored; points that came live meanwhile, after the last stored one, stay."""
        newer = int(np.searchsorted(self.iterations, iterations[-1], "right")) if len(iterations) else 0
        live_iterations, live_values = self.iterations[newer:].copy(), self.values[newer:].copy()
        if len(iterations):
            self._iterations.count = self._values.count = self._smooth.count = 0
            self._iterations.append(iterations)
            self._values.append(values)
            self._iterations.append(live_iterations)
            self._values.append(live_values)
            self.version += 1

    def smoothed(self, window: int) -> npt.NDArray[np.float32]:
        """The debiased exponential mean over about ``window`` points.

        Only what is new since the last call is computed.
        """
        if window <= 1:
            return self.values
        if window != self._window:
            self._window, self._smooth.count = window, 0
        if not self._smooth.count:
            self._sums = (0.0, 0.0)
        if self._smooth.count < len(self):
            means, self._sums = exponential_mean(self.values[self._smooth.count :], window, self._sums)
            self._smooth.append(means)
        return self._smooth.array


class CurveBook:
    """Every curve a page shows, shared by its plots; ``revision`` rises with each change, and so a plot is dirty."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, Series], CurveBuffer] = {}
        self._batches_per_epoch: dict[str, float] = {}
        self._batch_sizes: dict[str, int] = {}
        self._positions: dict[tuple[str, Series, XAxis], tuple[object, npt.NDArray[np.float64]]] = {}
        self.revision = 0

    def get(self, run_id: str, series: Series) -> CurveBuffer | None:
        buffer = self._buffers.get((run_id, series))
        return buffer if buffer is not None and len(buffer) else None

    def extend(self, chunks: Iterable[CurveChunk]) -> None:
        """New points, as they arrive during training."""
        for chunk in chunks:
            self._buffer(chunk.run_id, chunk.series).extend(chunk.iterations, chunk.values)
            self.revision += 1

    def load(self, curves: Iterable[Curve]) -> None:
        """Stored curves; live points that are already here and newer stay."""
        for curve in curves:
            self._buffer(curve.run_id, curve.series).put_before(curve.iterations, curve.values)
            self.revision += 1

    def put(
        self, run_id: str, series: Series, iterations: npt.NDArray[np.int64], values: npt.NDArray[np.float32]
    ) -> None:
        """Points that were made from other curves replace those that were there."""
        buffer = self._buffer(run_id, series)
        buffer.truncate(-1)
        buffer.extend(iterations, values)
        self.revision += 1

    def take_scales(self, run_id: str, other: str) -> None:
        """Let ``run_id`` have the epochs and batches of ``other``."""
        self.set_batches_per_epoch(run_id, self._batches_per_epoch.get(other))
        self.set_batch_size(run_id, self._batch_sizes.get(other, 0))

    def truncate(self, run_id: str, after_iteration: int) -> None:
        """A run goes on from an earlier iteration: what it measured after that no longer counts."""
        for (owner, _), buffer in self._buffers.items():
            if owner == run_id:
                buffer.truncate(after_iteration)
        self.revision += 1

    def keep_only(self, run_ids: Iterable[str]) -> None:
        """Forget every other run."""
        kept = set(run_ids)
        self._buffers = {key: buffer for key, buffer in self._buffers.items() if key[0] in kept}
        self._positions.clear()
        self.revision += 1

    def set_batches_per_epoch(self, run_id: str, batches: float | None) -> None:
        if batches and batches > 0 and self._batches_per_epoch.get(run_id) != batches:
            self._batches_per_epoch[run_id] = batches
            self.revision += 1

    def set_batch_size(self, run_id: str, images: int) -> None:
        """How many training images a run sees in one iteration."""
        if images > 0 and self._batch_sizes.get(run_id) != images:
            self._batch_sizes[run_id] = images
            self.revision += 1

    def knows(self, run_id: str, axis: XAxis) -> bool:
        """Whether this run's curves can be drawn over ``axis``."""
        if axis is XAxis.EPOCH:
            return run_id in self._batches_per_epoch
        if axis is XAxis.IMAGES:
            return run_id in self._batch_sizes
        return axis is XAxis.ITERATION or self.get(run_id, Series.SECONDS) is not None

    def iterations_per_unit(self, run_id: str, axis: XAxis) -> float | None:
        """Iterations in one unit of the axis; None where that is unknown or, for time, not constant."""
        if axis is XAxis.ITERATION:
            return 1.0
        if axis is XAxis.IMAGES:
            size = self._batch_sizes.get(run_id)
            return None if size is None else 1.0 / size
        return self._batches_per_epoch.get(run_id) if axis is XAxis.EPOCH else None

    def positions(self, run_id: str, series: Series, axis: XAxis) -> npt.NDArray[np.float64] | None:
        """Positions of a curve's points along ``axis``.

        They are iterations, epochs (passes over the training images), images seen, or seconds of training.

        Returns:
            Shape (N,), never falling, or None where the run has no such points or its scale is not known.
        """
        buffer = self.get(run_id, series)
        if buffer is None or not self.knows(run_id, axis):
            return None
        clock = self._buffers.get((run_id, Series.SECONDS)) if axis is XAxis.TIME else None
        scale = self.iterations_per_unit(run_id, axis)
        state = (id(buffer), buffer.version, scale, clock and (id(clock), clock.version))
        known = self._positions.get((run_id, series, axis))
        if known is None or known[0] != state:
            known = (state, _on_clock(buffer, clock) if clock is not None else buffer.iterations / (scale or 1.0))
            self._positions[run_id, series, axis] = known
        return known[1]

    def _buffer(self, run_id: str, series: Series) -> CurveBuffer:
        return self._buffers.setdefault((run_id, series), CurveBuffer())


def _on_clock(buffer: CurveBuffer, clock: CurveBuffer) -> npt.NDArray[np.float64]:
    """Seconds of training at each point, straight lines between the measured ones, 0 at the start."""
    seconds = np.maximum.accumulate(np.where(np.isfinite(clock.values), clock.values, 0.0))
    iterations, seconds = np.append(0, clock.iterations), np.append(0.0, seconds)
    moments: npt.NDArray[np.float64] = np.interp(buffer.iterations, iterations, seconds)
    return moments
