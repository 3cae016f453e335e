"""Curves: bit for bit, no hole, no double, and list columns that follow."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.schema import CurveChunkRow
from resnet_studio.history.store import RunStore

from ..waiting import processor_time

Twins = tuple[RunRecord, ...]
TRAIN, TEST = Series.TRAINING_ERROR, Series.TEST_ERROR


def chunk(run: RunRecord | str, series: Series, first: int, values: npt.ArrayLike, stride: int = 1) -> CurveChunk:
    run_id = run if isinstance(run, str) else run.id
    return CurveChunk(run_id, series, first, np.asarray(values, dtype=np.float32), stride)


def stored_chunks(store: RunStore, series: Series) -> int:
    with store._storage.reading() as session:
        query = select(func.count()).select_from(CurveChunkRow).where(CurveChunkRow.series == series)
        return session.scalar(query) or 0


def test_ten_thousand_points_come_back_bit_for_bit(store: RunStore, twins: Twins) -> None:
    values = np.random.default_rng(0).integers(0, 2**32, 10_000, dtype=np.uint32).view(np.float32)
    values[:4] = [np.nan, np.inf, -np.inf, -0.0]
    sizes = [1, 49, 950, 9_000]
    first = 1
    for size in sizes:
        store.append_chunks([chunk(twins[0], Series.TRAINING_LOSS, first, values[first - 1 : first - 1 + size])])
        first += size
    curve = store.curve(twins[0].id, Series.TRAINING_LOSS)
    assert curve.values.dtype == np.float32
    assert curve.iterations.dtype == np.int64
    assert curve.values.tobytes() == values.tobytes()
    assert np.array_equal(curve.iterations, np.arange(1, 10_001))


def test_strides_and_gaps_between_chunks(store: RunStore, twins: Twins) -> None:
    run = twins[0]
    store.append_chunks(
        [chunk(run, TEST, 0, [90]), chunk(run, TEST, 500, [60, 50], 500), chunk(run, TEST, 1100, [40, 30, 20], 7)]
    )
    curve = store.curve(run.id, TEST)
    assert curve.iterations.tolist() == [0, 500, 1000, 1100, 1107, 1114]
    assert curve.values.tolist() == [90, 60, 50, 40, 30, 20]


def test_layers_are_stored_together_and_read_one_by_one(store: RunStore, twins: Twins) -> None:
    run, norms = twins[0], Series.GRADIENT_NORM
    store.append_chunks([chunk(run, norms, 1, [[1, 2, 3], [4, 5, 6]], 25), chunk(run, norms, 51, [[7, 8, np.nan]], 25)])
    assert stored_chunks(store, norms) == 2
    whole, last = store.curve(run.id, norms), store.curve(run.id, norms.of_layer(2))
    assert whole.iterations.tolist() == last.iterations.tolist() == [1, 26, 51]
    assert whole.values.shape == (3, 3)
    assert whole.values.dtype == np.float32
    assert last.values.tolist()[:2] == [3, 6]
    assert len(store.curve(run.id, norms.of_layer(3))) == 0, "the network has no fourth layer"
    found = store.curves([run.id], [norms, norms.of_layer(0), TRAIN])
    assert {series: len(curve) for (_, series), curve in found.items()} == {norms: 3, norms.of_layer(0): 3, TRAIN: 0}
    store.truncate_curves(run.id, 40)
    assert store.curve(run.id, norms).values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert store.curve(twins[1].id, norms).values.shape == (0, 0)


@pytest.mark.parametrize(
    ("series", "values"),
    [(Series.GRADIENT_NORM, [1, 2]), (TRAIN, [[1, 2]]), (Series.GRADIENT_NORM.of_layer(1), [1, 2])],
)
def test_a_chunk_has_the_shape_of_its_series(store: RunStore, twins: Twins, series, values) -> None:
    with pytest.raises(ValueError, match="got"):
        store.append_chunks([chunk(twins[0], series, 1, values)])
    assert len(store.curve(twins[0].id, series)) == 0


def test_many_small_chunks_of_layers_are_joined_at_the_end(store: RunStore, twins: Twins) -> None:
    run, norms = twins[0], Series.GRADIENT_NORM
    values = np.arange(200 * 1202, dtype=np.float32).reshape(200, 1202)
    for point in range(200):
        store.append_chunks([chunk(run, norms, 1 + 25 * point, values[point : point + 1], 25)])
    store.set_status(run.id, RunStatus.FINISHED)
    assert stored_chunks(store, norms) == 4, "of 54 points, 65 536 values, each"
    curve = store.curve(run.id, norms)
    assert curve.values.tobytes() == values.tobytes()
    assert curve.iterations.tolist() == list(range(1, 5000, 25))


def test_many_curves_at_once_and_empty_ones(store: RunStore, twins: Twins) -> None:
    plain, residual = twins
    store.append_chunks([chunk(plain, TRAIN, 1, [1, 2]), chunk(residual, TEST, 2, [3])])
    found = store.curves([plain.id, residual.id], [TRAIN, TEST])
    assert {key: curve.values.tolist() for key, curve in found.items()} == {
        (plain.id, TRAIN): [1, 2],
        (plain.id, TEST): [],
        (residual.id, TRAIN): [],
        (residual.id, TEST): [3],
    }
    assert all(curve.run_id == run_id and curve.series is series for (run_id, series), curve in found.items())
    assert store.curves([], [TRAIN]) == {}


def test_list_columns_follow(store: RunStore, twins: Twins) -> None:
    run = twins[0]
    training = np.linspace(90, 10, 120)
    store.append_chunks([chunk(run, TRAIN, 1, training[:30]), chunk(run, Series.SECONDS, 1, np.arange(30) / 4)])
    assert store.get(run.id).training_error == pytest.approx(training[:30].mean(), rel=1e-6)
    store.append_chunks([chunk(run, TRAIN, 31, training[30:40]), chunk(run, TEST, 40, [55])])
    store.append_chunks([chunk(run, TRAIN, 41, training[40:], 1), chunk(run, TEST, 80, [44, 46], 40)])
    read = store.get(run.id)
    assert read.iteration == 120
    assert read.training_error == store.curve(run.id, TRAIN).mean_of_last(50)
    assert (read.test_error, read.best_test_error, read.seconds) == (46, 44, 7.25)
    assert store.list_runs()[0] == read
    assert store.get(twins[1].id) == twins[1]


def test_what_is_not_finite_is_none_in_lists_and_kept_in_curves(store: RunStore, twins: Twins) -> None:
    run = twins[0]
    store.append_chunks([chunk(run, TRAIN, 1, [50, math.nan, 50]), chunk(run, TEST, 1, [40, math.inf, math.nan])])
    read = store.get(run.id)
    assert (read.training_error, read.test_error, read.best_test_error) == (None, None, 40)
    assert np.isnan(store.curve(run.id, TRAIN).values[1])
    assert store.curve(run.id, TEST).values[1] == math.inf
    store.append_chunks([chunk(run, TRAIN, 4, [20] * 50), chunk(run, Series.SECONDS, 4, [math.nan])])
    assert (store.get(run.id).training_error, store.get(run.id).seconds) == (20, 0)
    other = twins[1]
    store.append_chunks([chunk(other, TEST, 1, [math.nan])])
    assert store.get(other.id).best_test_error is None
    with store._storage.reading() as session:
        row = session.execute(
            select(CurveChunkRow.minimum, CurveChunkRow.maximum, CurveChunkRow.last).where(CurveChunkRow.series == TEST)
        ).first()
    assert row is not None
    assert tuple(row) == (40, 40, None)


@pytest.mark.parametrize("first", [1, 10, 5, 0])
def test_no_iteration_is_stored_twice(store: RunStore, twins: Twins, first: int) -> None:
    store.append_chunks([chunk(twins[0], TRAIN, 1, range(10))])
    before = store.get(twins[0].id)
    with pytest.raises(ValueError, match="stored up to iteration 10; a chunk from iteration"):
        store.append_chunks([chunk(twins[1], TRAIN, 1, [1]), chunk(twins[0], TRAIN, first, [5])])
    assert store.get(twins[0].id) == before
    assert len(store.curve(twins[1].id, TRAIN)) == 0, "the whole cohort or nothing"
    assert store.curve(twins[0].id, TRAIN).values.tolist() == list(range(10))


def test_overlap_within_one_call_is_refused(store: RunStore, twins: Twins) -> None:
    with pytest.raises(ValueError, match="stored up to iteration 3"):
        store.append_chunks([chunk(twins[0], TRAIN, 1, [1, 2, 3]), chunk(twins[0], TRAIN, 3, [3])])


def test_malformed_chunks_are_refused_and_empty_ones_ignored(store: RunStore, twins: Twins) -> None:
    run = twins[0]
    for bad in (chunk(run, TRAIN, 1, [1, 2], 0), chunk(run, TRAIN, -1, [1]), chunk(run, TRAIN, 1, [[1, 2]])):
        with pytest.raises(ValueError, match="one row of values"):
            store.append_chunks([bad])
    store.append_chunks([])
    store.append_chunks([chunk(run, TRAIN, 1, [])])
    assert store.get(run.id).iteration == 0
    assert stored_chunks(store, TRAIN) == 0


def test_truncation_cuts_a_chunk_and_the_list_follows(store: RunStore, twins: Twins) -> None:
    run = twins[0]
    store.append_chunks(
        [
            chunk(run, TRAIN, 1, range(100, 0, -1)),
            chunk(run, Series.SECONDS, 1, np.arange(1, 101) / 2),
            chunk(run, TEST, 0, [90, 60, 50, 30, 40], 25),
        ]
    )
    store.truncate_curves(run.id, 60)
    assert store.curve(run.id, TRAIN).iterations.tolist() == list(range(1, 61))
    assert store.curve(run.id, TRAIN).values.tolist() == list(range(100, 40, -1))
    assert store.curve(run.id, TEST).iterations.tolist() == [0, 25, 50]
    read = store.get(run.id)
    assert (read.iteration, read.test_error, read.best_test_error, read.seconds) == (60, 50, 50, 30)
    assert read.training_error == np.mean(range(90, 40, -1))
    store.append_chunks([chunk(run, TRAIN, 61, [7])])
    assert store.curve(run.id, TRAIN).last == 7
    store.truncate_curves(run.id, -1)
    emptied = store.get(run.id)
    assert (emptied.iteration, emptied.training_error, emptied.test_error, emptied.best_test_error) == (0, *[None] * 3)
    assert emptied.seconds == 0
    assert stored_chunks(store, TRAIN) == stored_chunks(store, TEST) == 0


def test_small_chunks_are_joined_at_the_end_and_read_the_same(store: RunStore, twins: Twins) -> None:
    run = twins[0]
    first = 1
    for size in [3] * 100 + [1] * 100:
        store.append_chunks([chunk(run, TRAIN, first, np.arange(first, first + size)), chunk(run, TEST, first, [size])])
        first += size
    before = store.curves([run.id], [TRAIN, TEST])
    assert stored_chunks(store, TRAIN) == 200
    store.set_status(run.id, RunStatus.RUNNING)
    assert stored_chunks(store, TRAIN) == 200
    listed = store.get(run.id)
    store.set_status(run.id, RunStatus.FINISHED)
    assert stored_chunks(store, TRAIN) == 1
    assert stored_chunks(store, TEST) == 2
    after = store.curves([run.id], [TRAIN, TEST])
    for key, curve in before.items():
        assert np.array_equal(curve.iterations, after[key].iterations)
        assert curve.values.tobytes() == after[key].values.tobytes()
    assert store.get(run.id).training_error == listed.training_error
    store.truncate_curves(run.id, 150)
    store.append_chunks([chunk(run, TRAIN, 151, [9])])
    assert store.curve(run.id, TRAIN).iterations.tolist() == list(range(1, 152))


def test_a_long_night_of_chunks_is_read_quickly(store: RunStore, twins: Twins) -> None:
    run = twins[0]
    chunks = [chunk(run, TRAIN, 1 + 20 * second, np.full(20, second)) for second in range(20_000)]
    store.append_chunks(chunks)
    with processor_time() as spent:
        curve = store.curve(run.id, TRAIN)
    assert spent.seconds < 3.0, "some 0.05 measured"
    assert np.array_equal(curve.iterations, np.arange(1, 400_001))


Step = tuple[int, int, int] | int  # gap, size, stride; or where to cut, in per mille
STEPS = st.lists(
    st.one_of(st.tuples(st.integers(0, 5), st.integers(1, 130), st.integers(1, 9)), st.integers(-1, 1000)), max_size=14
)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, finish=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_appending_and_cutting_behave_like_a_list(
    store: RunStore, tiny_twin: CohortSpec, steps: list[Step], finish: bool, seed: int
) -> None:
    run_id = store.create_cohort(tiny_twin)[0].id
    draw = np.random.default_rng(seed)
    model: list[tuple[int, float]] = []
    reached = 0
    for step in steps:
        end = model[-1][0] if model else -1
        if isinstance(step, int):
            cut = -1 if step < 0 else end * step // 1000
            store.truncate_curves(run_id, cut)
            model = [point for point in model if point[0] <= cut]
            reached = min(reached, max(0, cut))
        else:
            gap, size, stride = step
            values = draw.uniform(0, 100, size).astype(np.float32)
            store.append_chunks([chunk(run_id, each, end + 1 + gap, values, stride) for each in (TRAIN, TEST)])
            model += [(end + 1 + gap + i * stride, float(value)) for i, value in enumerate(values)]
            reached = max(reached, model[-1][0])
    if finish:
        store.set_status(run_id, RunStatus.STOPPED)
    for curve in store.curves([run_id], [TRAIN, TEST]).values():
        assert list(zip(curve.iterations.tolist(), curve.values.tolist(), strict=True)) == model
    run = store.get(run_id)
    left = [value for _, value in model]
    assert run.iteration == reached
    assert run.test_error == (left[-1] if left else None)
    assert run.best_test_error == min(left, default=None)
    assert run.training_error == (pytest.approx(np.mean(left[-50:]), rel=1e-9) if left else None)
