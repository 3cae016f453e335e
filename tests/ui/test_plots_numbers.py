"""Thinning, smoothing, buffers, ranges and read-outs: numbers only, against slow and plain versions of themselves."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QColor

from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.records import Curve
from resnet_studio.domain.series import Series
from resnet_studio.ui.plots.autorange import RangeFollower
from resnet_studio.ui.plots.cursor_values import gaps, gaps_at, readings
from resnet_studio.ui.plots.curve_data import CurveBook, CurveBuffer, XAxis
from resnet_studio.ui.plots.panels import ERROR, PlotOptions, PlottedRun
from resnet_studio.ui.plots.ranges import count_text, log_ticks, nice_end, nice_span, settled, time_text, value_label
from resnet_studio.ui.plots.run_colours import at_lightness, kept_lightness_steps, plain_tip
from resnet_studio.ui.plots.thinning import exponential_mean, running_mean, thin

floats = st.one_of(st.floats(-1e6, 1e6, width=32), st.just(math.nan), st.just(math.inf), st.just(-math.inf))
curves = st.lists(st.tuples(st.floats(0, 10), floats), max_size=400)


def _columns(x, y, left, right, columns):
    """For each pixel column: the lowest and highest finite value in it, NaN without any; the slow way."""
    edges = [left + (right - left) / columns * i for i in range(columns + 1)]
    result = []
    for low, high in itertools.pairwise(edges):
        inside = [b for a, b in zip(x, y, strict=True) if low <= a < high and math.isfinite(b)]
        result.append((min(inside), max(inside)) if inside else None)
    return result


@settings(max_examples=150, deadline=None)
@given(curve=curves, left=st.floats(0, 500), width=st.floats(1, 2000), columns=st.integers(1, 40))
def test_thinning_keeps_each_columns_extremes(curve, left, width, columns):
    x = np.cumsum([step for step, _ in curve])
    y = np.array([value for _, value in curve], dtype=np.float32)
    thin_x, thin_y = thin(x, y, left, left + width, columns)
    assert len(thin_x) == len(thin_y) <= 4 * columns + 8
    assert np.all(np.diff(thin_x) >= 0)
    assert not np.isinf(thin_y).any()
    assert _columns(thin_x, thin_y, left, left + width, columns) == _columns(x, y, left, left + width, columns)
    thin_x, thin_y = thin(x, y, left, left + width, columns, ends=False)
    assert _columns(thin_x, thin_y, left, left + width, columns) == _columns(x, y, left, left + width, columns)


def test_thinning_keeps_a_point_beyond_each_edge_and_short_curves_whole():
    x, y = np.arange(10.0), np.arange(10.0, dtype=np.float32)
    thin_x, thin_y = thin(x, y, 3.5, 6.5, 100)
    assert thin_x.tolist() == [3, 4, 5, 6, 7]
    assert thin_y.tolist() == [3, 4, 5, 6, 7]


def test_thinning_keeps_gaps_that_are_wider_than_a_column():
    x = np.arange(100_000.0)
    y = np.ones(100_000, dtype=np.float32)
    y[40_000:60_000] = np.nan
    thin_x, thin_y = thin(x, y, 0, 100_000, 100)
    assert np.isnan(thin_y[(thin_x > 41_000) & (thin_x < 59_000)]).all()
    assert np.isfinite(thin_y[(thin_x < 39_000) | (thin_x > 61_000)]).all()


def test_a_million_points_become_a_few_thousand():
    x = np.arange(1_000_000.0)
    thin_x, thin_y = thin(x, np.sin(x).astype(np.float32), 0, 1_000_000, 1000)
    assert len(thin_x) <= 4008
    assert thin_y.max() > 0.999


@settings(max_examples=150, deadline=None)
@given(values=st.lists(floats, max_size=120), window=st.integers(1, 40), start=st.integers(0, 120))
def test_running_mean_is_the_mean_of_the_last_finite_values(values, window, start):
    array = np.array(values, dtype=np.float32)
    start = min(start, len(values))
    expected = []
    for i in range(start, len(values)):
        inside = [v for v in array[max(0, i - window + 1) : i + 1].astype(float) if math.isfinite(v)]
        expected.append(sum(inside) / len(inside) if math.isfinite(array[i]) else math.nan)
    got = running_mean(array, window, start)
    assert got.shape == (len(values) - start,)
    np.testing.assert_allclose(got, np.array(expected), rtol=1e-4, atol=0.05)


def test_running_mean_refuses_an_empty_window():
    with pytest.raises(ValueError, match="at least 1"):
        running_mean(np.zeros(3, dtype=np.float32), 0)


@settings(max_examples=150, deadline=None)
@given(values=st.lists(floats, max_size=120), window=st.integers(2, 1000))
def test_exponential_mean_is_the_debiased_one(values, window):
    array = np.array(values, dtype=np.float32)
    w = 1 - 1 / window
    expected = []
    for t in range(len(array)):
        pairs = [(w ** (t - i), float(x)) for i, x in enumerate(array[: t + 1]) if math.isfinite(x)]
        mean = sum(a * x for a, x in pairs) / sum(a for a, _x in pairs) if pairs else math.nan
        expected.append(mean if math.isfinite(array[t]) else math.nan)
    np.testing.assert_allclose(exponential_mean(array, window)[0], np.array(expected), rtol=1e-4, atol=0.05)
    np.testing.assert_array_equal(exponential_mean(array, 1)[0], array)


def test_exponential_mean_of_a_long_constant_is_that_constant_and_goes_on():
    for window in (2, 50, 1000):
        values = np.full(200_000, 37.0, np.float32)
        whole, _sums = exponential_mean(values, window)
        np.testing.assert_allclose(whole, 37.0, rtol=1e-6)
        first, sums = exponential_mean(values[:70_001], window)
        rest, _sums = exponential_mean(values[70_001:], window, sums)
        np.testing.assert_allclose(np.concatenate((first, rest)), whole, rtol=1e-6)


def test_exponential_mean_refuses_an_empty_window():
    with pytest.raises(ValueError, match="at least 1"):
        exponential_mean(np.zeros(3, dtype=np.float32), 0)


def test_the_latest_training_error_is_that_of_the_tables_however_much_is_smoothed():
    book = CurveBook()
    run = PlottedRun("a", "a", "#0072B2", True, 20, 100)
    values = np.linspace(90, 10, 100).astype(np.float32)
    book.extend([_chunk(Series.TRAINING_ERROR, 1, values)])
    for window in (1, 50, 1000):
        [found] = readings(book, [run], ERROR, PlotOptions(window=window), None)
        assert found.values[0] == pytest.approx(float(np.mean(values[-50:])), abs=1e-3)


def test_images_seen_are_iterations_times_the_batch():
    book = CurveBook()
    book.extend([_chunk(Series.TEST_ERROR, 2, [1, 2, 3], 2)])
    assert book.positions("a", Series.TEST_ERROR, XAxis.IMAGES) is None
    book.set_batch_size("a", 128)
    assert book.positions("a", Series.TEST_ERROR, XAxis.IMAGES).tolist() == [256, 512, 768]


def test_outliers_may_be_left_out_of_the_axis():
    book = CurveBook()
    run = PlottedRun("a", "a", "#0072B2", True, 20, 1000)
    values = np.full(1000, 30.0, np.float32)
    values[10] = 99.0
    book.extend([_chunk(Series.TRAINING_ERROR, 1, values)])
    spans = [
        RangeFollower(book, ERROR).ranges([run], PlotOptions(window=1, outliers=outliers))[1]
        for outliers in (True, False)
    ]
    assert spans[0][1] > 98
    assert spans[1][1] < 40


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(0, 300), max_size=8), window=st.integers(1, 30), cut=st.integers(0, 900))
def test_a_buffer_grows_piece_by_piece_and_smooths_as_at_once(sizes, window, cut):
    rng, buffer, first = np.random.default_rng(0), CurveBuffer(), 1
    whole = rng.normal(50, 10, sum(sizes) + 1).astype(np.float32)
    for size in sizes:
        buffer.extend(np.arange(first, first + size), whole[first - 1 : first - 1 + size])
        buffer.smoothed(window)
        first += size
    count = first - 1
    assert buffer.iterations.tolist() == list(range(1, count + 1))
    buffer.truncate(cut)
    kept = min(cut, count)
    np.testing.assert_allclose(buffer.smoothed(window), exponential_mean(whole[:kept], window)[0], atol=1e-4)
    buffer.extend(np.arange(kept + 1, kept + 2), whole[kept : kept + 1] + 1)
    expected = np.append(whole[:kept], whole[kept] + 1).astype(np.float32)
    np.testing.assert_array_equal(buffer.values, expected)
    np.testing.assert_allclose(buffer.smoothed(window), exponential_mean(expected, window)[0], atol=1e-4)


def _chunk(series, first, values, stride=1, run="a"):
    return CurveChunk(run, series, first, np.asarray(values, dtype=np.float32), stride)


def test_stored_points_come_before_live_ones():
    book = CurveBook()
    book.extend([_chunk(Series.TRAINING_ERROR, 5, [50, 60, 70])])
    stored = np.arange(1, 7)
    book.load([Curve("a", Series.TRAINING_ERROR, stored, stored.astype(np.float32))])
    buffer = book.get("a", Series.TRAINING_ERROR)
    assert buffer.iterations.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert buffer.values.tolist() == [1, 2, 3, 4, 5, 6, 70]


def test_a_resumed_run_forgets_what_came_after_its_checkpoint():
    book = CurveBook()
    book.extend([_chunk(Series.TRAINING_ERROR, 1, range(10)), _chunk(Series.TEST_ERROR, 0, [1, 2, 3], 5)])
    book.truncate("a", 6)
    assert book.get("a", Series.TRAINING_ERROR).iterations[-1] == 6
    assert book.get("a", Series.TEST_ERROR).iterations.tolist() == [0, 5]
    book.keep_only(["b"])
    assert book.get("a", Series.TRAINING_ERROR) is None


def test_positions_over_iterations_epochs_and_time():
    book = CurveBook()
    book.extend([_chunk(Series.TEST_ERROR, 2, [1, 2, 3], 2), _chunk(Series.SECONDS, 2, [10.0, 30.0, np.nan], 2)])
    assert book.positions("a", Series.TEST_ERROR, XAxis.ITERATION).tolist() == [2, 4, 6]
    assert book.positions("a", Series.TEST_ERROR, XAxis.EPOCH) is None
    assert not book.knows("a", XAxis.EPOCH)
    book.set_batches_per_epoch("a", 4.0)
    assert book.positions("a", Series.TEST_ERROR, XAxis.EPOCH).tolist() == [0.5, 1.0, 1.5]
    assert book.positions("a", Series.TEST_ERROR, XAxis.TIME).tolist() == [10, 30, 30]
    assert book.positions("b", Series.TEST_ERROR, XAxis.ITERATION) is None


def test_read_out_and_gap():
    book = CurveBook()
    plain, residual = (PlottedRun(i, i, "#0072B2", i == "r", 20, 100) for i in "pr")
    for run, error in (("p", 60.0), ("r", 40.0)):
        book.extend([_chunk(Series.TRAINING_ERROR, 1, [error] * 100, run=run)])
        book.extend([_chunk(Series.TEST_ERROR, 50, [error + 5, error + 1], 50, run=run)])
    found = readings(book, [plain, residual], ERROR, PlotOptions(), 60)
    assert [r.values for r in found] == [(60, 65), (40, 45)]
    [gap] = gaps(found)
    assert (gap.depth, gap.values) == (20, (20, 20))
    assert [r.values[1] for r in readings(book, [plain], ERROR, PlotOptions(), None)] == [61]
    assert [r.values[1] for r in readings(book, [plain], ERROR, PlotOptions(), 10)] == [None]
    assert [r.values for r in readings(book, [plain], ERROR, PlotOptions(), 101)] == [(None, None)]
    assert gaps(found[:1]) == []


def test_a_diverged_end_reads_as_nothing():
    book = CurveBook()
    run = PlottedRun("a", "a", "#0072B2", True, 20, 100)
    book.extend([_chunk(Series.TRAINING_ERROR, 1, [50, np.nan])])
    assert readings(book, [run], ERROR, PlotOptions(), None)[0].values[0] is None


@given(low=st.floats(-1e6, 1e6), width=st.floats(0, 1e6))
def test_spans_hold_their_values(low, width):
    a, b = nice_span(low, low + width)
    slack = 1e-6 * (abs(low) + width + 1)
    assert a <= low + slack
    assert b >= low + width - slack
    assert a < b


def test_ranges_grow_in_steps_and_end_at_the_end():
    assert nice_end(0, 64_000) == 64_000
    assert nice_end(10, None) > 10
    assert nice_end(63_999, 64_000) == 64_000
    assert nice_end(64_000, 64_000) == 64_000
    assert nice_end(240, None, time=True) == 270
    assert len({nice_end(end, 64_000) for end in range(1, 64_000, 10)}) < 120
    assert settled((0, 100), (10, 90)) == (0, 100)
    assert settled((0, 100), (10, 30)) == (10, 30)
    assert settled(None, (1, 2)) == (1, 2)


def test_texts_of_ticks():
    assert count_text(64000) == "64\u2009000"
    assert [time_text(s) for s in (5, 65, 3725)] == ["0:05", "1:05", "1:02:05"]
    major, minor = log_ticks(5, 95)
    assert major == [5, 10, 20, 50]
    assert 30 in minor


def test_small_ticks_stay_short():
    assert [value_label(v) for v in (0.0, 1e-17, 0.1 + 0.2, 0.001, 0.00025, 1e-5, -0.0005, 64000)] == [
        "0", "0", "0.3", "0.001", "2.5e-4", "1e-5", "-5e-4", "64000"
    ]  # fmt: skip


def test_the_latest_gap_is_the_difference_of_what_stands_above_it():
    book = CurveBook()
    plain, residual = (PlottedRun(i, i, "#0072B2", i != "p", 20, 100) for i in "pr")
    noise = np.random.default_rng(1).normal(0, 5, (2, 100)).astype(np.float32)
    for run, level, own in (("p", 60, noise[0]), ("r", 40, noise[1])):
        book.extend([_chunk(Series.TRAINING_ERROR, 1, (level + own).tolist(), run=run)])
    for window in (1, 20, 500):
        options = PlotOptions(window=window)
        above, below = (found.values[0] for found in readings(book, [plain, residual], ERROR, options, None))
        [gap] = gaps_at(book, [plain, residual], ERROR, options, None)
        assert gap.values[0] == pytest.approx(above - below, abs=1e-4)


def test_only_a_single_pair_of_twins_has_a_gap():
    book = CurveBook()
    plain, residual, other = (PlottedRun(i, i, "#0072B2", i != "p", 20, 100, seed=i == "o") for i in "pro")
    book.extend([_chunk(Series.TRAINING_ERROR, 1, [60.0] * 50 + [0.0] * 50, run="p")])
    book.extend([_chunk(Series.TRAINING_ERROR, 1, [40.0] * 50, run="r")])
    [gap] = gaps_at(book, [plain, residual], ERROR, PlotOptions(window=1), None)
    assert gap.values[0] == 20.0  # the means up to iteration 50, where both have been
    assert gaps_at(book, [plain, residual, other], ERROR, PlotOptions(), None) == []
    assert gaps_at(book, [plain, other], ERROR, PlotOptions(), None) == []


def test_a_mean_of_both_kinds_is_no_twin_and_hides_none():
    book = CurveBook()
    runs = [PlottedRun(i, i, "#0072B2", kind, 20, 100) for i, kind in (("p", False), ("r", True), ("m", None))]
    for run, error in (("p", 60.0), ("r", 40.0), ("m", 50.0)):
        book.extend([_chunk(Series.TRAINING_ERROR, 1, [error] * 50, run=run)])
    [gap] = gaps(readings(book, runs, ERROR, PlotOptions(), 20))
    assert gap.values[0] == 20.0


def test_runs_of_one_colour_differ_in_lightness_on_either_ground():
    colour = QColor("#0072B2")
    for ground in (QColor("#ffffff"), QColor("#1c2027")):
        lights = sorted(at_lightness(colour, step, ground).lightnessF() for step in range(4))
        assert min(b - a for a, b in itertools.pairwise(lights)) > 0.05
        assert len({round(at_lightness(colour, step, ground).hslHueF(), 1) for step in range(4)}) == 1
    assert plain_tip("<b>a</b>") == "<span>&lt;b&gt;a&lt;/b&gt;</span>"


def test_no_run_of_many_is_drawn_nearly_black_or_white():
    for name in ("#0072B2", "#D55E00", "#009E73"):
        for ground in (QColor("#ffffff"), QColor("#1c2027")):
            shades = [at_lightness(QColor(name), step, ground) for step in range(1, 6)]
            assert all(0.19 <= shade.lightnessF() <= 0.81 for shade in shades)


def test_an_imported_run_leaves_the_gap_of_the_twins():
    book = CurveBook()
    plain, residual = (PlottedRun(i, i, "#0072B2", i != "p", 20, 100, cohort="c") for i in "pr")
    imported = PlottedRun("i", "i", "#0072B2", True, 20, 64_000, cohort="d", imported=True)
    book.extend([_chunk(Series.TRAINING_ERROR, 1, [60.0] * 50, run="p")])
    book.extend([_chunk(Series.TRAINING_ERROR, 1, [40.0] * 50, run="r")])
    [gap] = gaps_at(book, [imported, plain, residual], ERROR, PlotOptions(window=1), None)
    assert (gap.depth, gap.values[0]) == (20, 20.0)


def test_of_thousands_of_runs_of_one_colour_each_has_its_own_step():
    """Step by step it would take minutes."""
    runs = [SimpleNamespace(id=str(number), colour="#0072b2", residual=True) for number in range(5000)]
    before = {str(number): number for number in range(0, 5000, 2)}
    found = kept_lightness_steps(runs, before)
    assert sorted(found.values()) == list(range(5000))
    assert all(found[run_id] == step for run_id, step in before.items())
    colour, ground = QColor("#0072b2"), QColor("#ffffff")
    shades = [at_lightness(colour, step, ground).name() for step in range(5000)]
    assert len(set(shades[:20])) == 20
    assert set(shades[1:100]) == set(shades[1:])  # they come again
