"""Measured series as chunks of points: written in the order of the iterations, cut for a resume, read in one piece.

Every function works inside its caller's session and transaction; runs are named by their row's key. A chunk that makes
no sense is left out of what is read, and of what is counted on when more is written.
"""

from __future__ import annotations

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW, Series
from resnet_studio.history.odd_values import OddValueError, refuse_odd
from resnet_studio.history.schema import CurveChunkRow, RunRow
from resnet_studio.history.sessions import PERHAPS_STORED

log = logging.getLogger(__name__)

_COMPACT_ABOVE = 64  # chunks of one series that are worth joining when a run has ended
_JOINED_POINTS = 65_536  # values, whatever the number of layers
_STORED = np.dtype("<f4")
_LAST_ITERATION = 2**53  # that no run reaches

Iterations = npt.NDArray[np.int64]
Values = npt.NDArray[np.float32]
Points = tuple[Iterations, Values]


class _Chunk(NamedTuple):
    run_key: int
    series: Series
    first_iteration: int
    stride: int
    size: int
    points: bytes


_COLUMNS = (
    CurveChunkRow.run_key,
    CurveChunkRow.series,
    CurveChunkRow.first_iteration,
    CurveChunkRow.stride,
    CurveChunkRow.count.label("size"),
    CurveChunkRow.points,
)


_CHECKED = (CurveChunkRow.series, CurveChunkRow.first_iteration, CurveChunkRow.stride)


def append(session: Session, runs: Mapping[str, RunRow], chunks: Sequence[CurveChunk]) -> None:
    """Store ``chunks`` and let the list columns of their runs follow.

    A chunk that is there already because the connection was lost over it is passed over.

    ``runs`` has the row of each run that has a chunk, by run id.

    Raises:
        ValueError: If a chunk is malformed, or does not lie wholly after what is stored of its series.
    """
    chunks = [chunk for chunk in chunks if len(chunk.values)]
    ends = _last_iterations(session, [row.key for row in runs.values()])
    rows = []
    for chunk in chunks:
        run = runs[chunk.run_id]
        row = _row(run.key, chunk.series, chunk.first_iteration, chunk.stride, chunk.values)
        end = ends.get((run.key, chunk.series))
        if end is not None and chunk.first_iteration <= end:
            if session.info.get(PERHAPS_STORED) and _is_stored(session, row):
                continue
            raise ValueError(
                f"{chunk.series} of run {chunk.run_id} is stored up to iteration {end}; a chunk from iteration "
                f"{chunk.first_iteration} cannot be added (truncate_curves comes first)"
            )
        ends[run.key, chunk.series] = row["last_iteration"]
        rows.append(row)
    if rows:
        session.execute(insert(CurveChunkRow), rows)
    for run_id, series in _by_run(chunks).items():
        _follow(session, runs[run_id], series)


def _is_stored(session: Session, row: Mapping[str, Any]) -> bool:
    """Whether just this chunk is there already, bit for bit."""
    key = (CurveChunkRow.run_key == row["run_key"]) & (CurveChunkRow.series == row["series"])
    query = select(CurveChunkRow.points).where(key, CurveChunkRow.first_iteration == row["first_iteration"])
    return bool(session.scalar(query) == row["points"])


def nothing(series: Series) -> Points:
    """A series without a point."""
    return np.empty(0, np.int64), np.empty((0, 0) if series.layered else 0, np.float32)


def truncate(session: Session, run: RunRow, after_iteration: int) -> None:
    """Drop every point after ``after_iteration``; a chunk that lies across it is rewritten shorter."""
    mine = CurveChunkRow.run_key == run.key
    late = mine & (CurveChunkRow.last_iteration > after_iteration)
    across = list(_chunks(session, late & (CurveChunkRow.first_iteration <= after_iteration)))
    session.execute(delete(CurveChunkRow).where(late))
    rows = []
    for chunk in across:
        kept = (after_iteration - chunk.first_iteration) // chunk.stride + 1
        values = _values(chunk)[:kept]
        rows.append(_row(run.key, chunk.series, chunk.first_iteration, chunk.stride, values))
    if rows:
        session.execute(insert(CurveChunkRow), rows)
    run.iteration = min(run.iteration, max(0, after_iteration))
    tests = (CurveChunkRow.series == Series.TEST_ERROR) & mine
    run.test_error = _last(session, run.key, Series.TEST_ERROR)
    run.best_test_error = _number(session.scalar(select(func.min(CurveChunkRow.minimum)).where(tests)))
    run.seconds = _last(session, run.key, Series.SECONDS) or 0.0
    run.training_error = _mean_of_last(session, run.key)


def read(session: Session, run_keys: Sequence[int], series: Sequence[Series]) -> dict[tuple[int, Series], Points]:
    """Whole series, bit for bit as they were measured.

    Those without a point are absent, and so are layers that a network does not have.
    """
    wanted = CurveChunkRow.run_key.in_(run_keys) & CurveChunkRow.series.in_({each.row for each in series})
    found: dict[tuple[int, Series], list[_Chunk]] = defaultdict(list)
    for chunk in _chunks(session, wanted):
        found[chunk.run_key, chunk.series].append(chunk)
    whole = {key: _join(chunks) for key, chunks in found.items()}
    return {
        (key, each): (iterations, values if each.layer is None else values[:, each.layer].copy())
        for (key, row), (iterations, values) in whole.items()
        for each in series
        if each.row is row and (each.layer is None or each.layer < values.shape[1])
    }


def odd_chunks(session: Session) -> dict[int, int]:
    """How many chunks of each run make no sense; no point is read."""
    return _odd(session, True)


def _odd(session: Session, condition: Any) -> dict[int, int]:
    columns = (*_COLUMNS[:-1], func.length(CurveChunkRow.points).label("bytes"))
    found: Counter[int] = Counter()
    for row in session.execute(select(*columns).where(condition)):
        if _fault(row, row.bytes):
            found[row.run_key] += 1
    return dict(found)


def compact(session: Session, run: RunRow) -> None:
    """Join the many small chunks of a run that has ended; its points stay as they are."""
    mine = CurveChunkRow.run_key == run.key
    counts = select(CurveChunkRow.series, func.count()).where(mine).group_by(CurveChunkRow.series)
    for series, chunks in session.execute(counts).all():
        if chunks <= _COMPACT_ABOVE or not isinstance(series, Series) or _odd(session, mine).get(run.key):
            continue
        iterations, values = read(session, [run.key], [series])[run.key, series]
        most = max(1, _JOINED_POINTS * len(values) // values.size)
        rows = [
            _row(run.key, series, int(iterations[start]), stride, values[start:stop])
            for start, stop, stride in _progressions(iterations, most)
        ]
        if len(rows) < chunks:
            session.execute(delete(CurveChunkRow).where(mine, CurveChunkRow.series == series))
            session.execute(insert(CurveChunkRow), rows)


def _row(run_key: int, series: Series, first: int, stride: int, values: npt.ArrayLike) -> dict[str, Any]:
    points = np.asarray(values, dtype=_STORED)
    if points.ndim != (2 if series.layered else 1) or stride < 1 or first < 0 or series.layer is not None:
        raise ValueError(
            f"a chunk is one row of values, or of layers (points, layers), from an iteration >= 0 on with a stride "
            f">= 1, got {series} of shape {points.shape}, iteration {first}, stride {stride}"
        )
    finite = points[np.isfinite(points)]
    return {
        "run_key": run_key,
        "series": series,
        "first_iteration": int(first),
        "last_iteration": int(first) + (len(points) - 1) * int(stride),
        "stride": int(stride),
        "count": len(points),
        "minimum": float(finite.min()) if len(finite) else None,
        "maximum": float(finite.max()) if len(finite) else None,
        "last": None if series.layered else _finite(float(points[-1])),
        "points": points.tobytes(),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _by_run(chunks: Iterable[CurveChunk]) -> dict[str, dict[Series, list[CurveChunk]]]:
    found: dict[str, dict[Series, list[CurveChunk]]] = defaultdict(lambda: defaultdict(list))
    for chunk in chunks:
        found[chunk.run_id][chunk.series].append(chunk)
    return found


def _follow(session: Session, run: RunRow, new: Mapping[Series, Sequence[CurveChunk]]) -> None:
    """List columns after new chunks of one run, from the new chunks alone where they suffice."""
    run.iteration = max(run.iteration, *(chunk.last_iteration for chunks in new.values() for chunk in chunks))
    if training := new.get(Series.TRAINING_ERROR):
        latest = np.concatenate([chunk.values for chunk in training])[-TRAINING_ERROR_WINDOW:]
        enough = len(latest) == TRAINING_ERROR_WINDOW
        run.training_error = _mean(latest) if enough else _mean_of_last(session, run.key)
    if tests := new.get(Series.TEST_ERROR):
        values = np.concatenate([chunk.values for chunk in tests]).astype(np.float64)
        run.test_error = _finite(float(values[-1]))
        known = [] if run.best_test_error is None else [run.best_test_error]
        run.best_test_error = min([*known, *values[np.isfinite(values)].tolist()], default=None)
    if times := new.get(Series.SECONDS):
        seconds = _finite(float(times[-1].values[-1]))
        run.seconds = run.seconds if seconds is None else seconds


def _mean(values: npt.NDArray[np.floating[Any]]) -> float | None:
    if not np.isfinite(values).all() or not len(values):
        return None
    return _finite(float(np.mean(values, dtype=np.float64)))


def _mean_of_last(session: Session, run_key: int) -> float | None:
    """Mean of the last ``TRAINING_ERROR_WINDOW`` stored training errors, None without any or if one is not finite."""
    query = (
        select(CurveChunkRow.points)
        .where(CurveChunkRow.run_key == run_key, CurveChunkRow.series == Series.TRAINING_ERROR)
        .order_by(CurveChunkRow.first_iteration.desc())
        .limit(TRAINING_ERROR_WINDOW)
    )
    joined = b""
    for points in session.scalars(query):
        if not isinstance(points, bytes) or len(points) % _STORED.itemsize:
            continue
        joined = points + joined
        if len(joined) >= TRAINING_ERROR_WINDOW * _STORED.itemsize:
            break
    return _mean(np.frombuffer(joined, _STORED)[-TRAINING_ERROR_WINDOW:])


def _last(session: Session, run_key: int, series: Series) -> float | None:
    query = (
        select(CurveChunkRow.last)
        .where(CurveChunkRow.run_key == run_key, CurveChunkRow.series == series)
        .order_by(CurveChunkRow.first_iteration.desc())
        .limit(1)
    )
    return _number(session.scalar(query))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, float | int) else None


def _last_iterations(session: Session, run_keys: Sequence[int]) -> dict[tuple[int, Series], int]:
    query = (
        select(CurveChunkRow.run_key, CurveChunkRow.series, func.max(CurveChunkRow.first_iteration))
        .where(CurveChunkRow.run_key.in_(run_keys))
        .group_by(CurveChunkRow.run_key, CurveChunkRow.series)
    ).subquery()
    latest = select(CurveChunkRow.run_key, CurveChunkRow.series, CurveChunkRow.last_iteration).join(
        query,
        (CurveChunkRow.run_key == query.c.run_key)
        & (CurveChunkRow.series == query.c.series)
        & (CurveChunkRow.first_iteration == query.c[2]),
    )
    return {(key, series): last for key, series, last in session.execute(latest) if isinstance(last, int)}


def _chunks(session: Session, condition: Any) -> Iterator[_Chunk]:
    query = select(*_COLUMNS).where(condition)
    ordered = query.order_by(CurveChunkRow.run_key, CurveChunkRow.series, CurveChunkRow.first_iteration)
    ends: dict[tuple[int, Series], int] = {}
    for row in session.execute(ordered):
        size = len(row.points) if isinstance(row.points, bytes) else None
        fault = _fault(row, size)
        if not fault and row.first_iteration <= ends.get((row.run_key, row.series), -1):
            fault = "it overlaps the one before"
        if fault:
            log.warning("a piece of a curve of the run with the key %s is left out: %s", row.run_key, fault)
            continue
        ends[row.run_key, row.series] = row.first_iteration + (row.size - 1) * row.stride
        yield _Chunk._make(row)


def _values(chunk: _Chunk) -> npt.NDArray[np.float32]:
    """(points,) or (points, layers), not to be written to."""
    values = np.frombuffer(chunk.points, _STORED)
    return values.reshape(chunk.size, -1) if chunk.series.layered else values


def _fault(row: Any, size: int | None) -> str:
    """Why a chunk makes no sense, for the log; empty if it does. ``size``: bytes of its points."""
    try:
        refuse_odd(row, _CHECKED)
    except OddValueError as error:
        return error.sentence
    sound = isinstance(row.size, int) and isinstance(size, int) and row.size > 0 < size
    if sound:
        whole = row.size * _STORED.itemsize
        sound = size % whole == 0 if row.series.layered else size == whole
    sound = sound and row.first_iteration >= 0 < row.stride
    sound = sound and row.first_iteration + row.stride * row.size < _LAST_ITERATION
    return "" if sound else "its numbers do not fit together"


def _join(chunks: Sequence[_Chunk]) -> Points:
    values = np.concatenate([_values(chunk) for chunk in chunks]).astype(np.float32)
    counts = np.array([chunk.size for chunk in chunks], dtype=np.int64)
    firsts = np.array([chunk.first_iteration for chunk in chunks], dtype=np.int64)
    strides = np.array([chunk.stride for chunk in chunks], dtype=np.int64)
    starts = np.cumsum(counts) - counts  # index of each chunk's first point in the whole series
    places = np.arange(len(values), dtype=np.int64)
    return np.repeat(firsts - strides * starts, counts) + np.repeat(strides, counts) * places, values


def _progressions(iterations: Iterations, most: int) -> Iterator[tuple[int, int, int]]:
    """Cut rising ``iterations`` into pieces of one stride each: (start, stop, stride), at most ``most`` long."""
    steps = np.diff(iterations)
    changes = np.flatnonzero(np.diff(steps)) + 1  # steps[i] differs from the one before
    start = 0
    while start < len(iterations):
        if start == len(iterations) - 1:
            stop, stride = start + 1, 1
        else:
            after = np.searchsorted(changes, start, side="right")
            stop = (int(changes[after]) if after < len(changes) else len(steps)) + 1
            stride = int(steps[start])
        stop = min(stop, start + most)
        yield start, stop, stride
        start = stop
