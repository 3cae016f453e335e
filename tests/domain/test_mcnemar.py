"""The interval of paired errors, and McNemar's exact test."""

from __future__ import annotations

import math

import numpy as np
import pytest

from resnet_studio.domain.mcnemar import Z_95, PairedErrors


def test_difference_is_that_of_the_two_errors():
    assert PairedErrors(200, only_first=3, only_second=17).difference == pytest.approx(7.0)


def test_interval_is_the_normal_one_of_the_images_with_half_an_image_in_each_cell():
    """Recount: one number an image, -1, 0 or 1, the four half images weighted by a half."""
    images, first, second = 500, 12, 47
    values = np.array([-1.0] * first + [1.0] * second + [0.0] * (images - first - second) + [-1.0, 1.0, 0.0, 0.0])
    weights = np.array([1.0] * images + [0.5] * 4)
    mean = np.average(values, weights=weights)
    deviation = math.sqrt(np.average((values - mean) ** 2, weights=weights) / weights.sum())
    low, high = PairedErrors(images, first, second).interval()
    assert low == pytest.approx(100 * (mean - Z_95 * deviation))
    assert high == pytest.approx(100 * (mean + Z_95 * deviation))


def test_interval_agrees_with_scipy_on_many_images():
    stats = pytest.importorskip("scipy.stats")
    images, first, second = 10_000, 400, 900
    wrong_first = np.zeros(images)
    wrong_second = np.zeros(images)
    wrong_first[:first], wrong_second[first : first + second] = 1.0, 1.0
    theirs = stats.ttest_rel(wrong_second, wrong_first).confidence_interval(0.95)
    low, high = PairedErrors(images, first, second).interval()
    assert low == pytest.approx(100 * theirs.low, abs=0.005)
    assert high == pytest.approx(100 * theirs.high, abs=0.005)


@pytest.mark.parametrize("share", [(0.02, 0.02), (0.01, 0.2), (0.0, 0.6), (0.001, 0.004)])
def test_interval_holds_the_true_difference_in_about_95_of_100_draws(share):
    images, rng = 2000, np.random.default_rng(5)
    first, second = share
    draws = rng.multinomial(images, [first, second, 1 - first - second], size=2000)
    inside = 0
    for only_first, only_second, _agree in draws.tolist():
        low, high = PairedErrors(images, only_first, only_second).interval()
        inside += low <= 100 * (second - first) <= high
    assert 0.93 <= inside / len(draws) <= 0.98


def test_interval_has_a_width_where_both_always_agree_and_stays_within_100_points():
    low, high = PairedErrors(50, 0, 0).interval()
    assert -6 < low < 0 < high < 6
    assert PairedErrors(1, 0, 1).interval()[1] == 100.0
    assert PairedErrors(10, 10, 0).interval()[0] == -100.0


@pytest.mark.parametrize("counts", [(0, 0), (0, 5), (7, 7), (3, 20), (400, 470), (2000, 2100)])
def test_p_value_is_the_tail_of_a_fair_coin(counts):
    tosses, fewer = sum(counts), min(counts)
    tail = sum(math.comb(tosses, heads) for heads in range(fewer + 1))
    expected = min(1.0, 2 * tail / 2**tosses)
    assert PairedErrors(5000, *counts).p_value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("counts", [(0, 5), (3, 20), (400, 470)])
def test_p_value_agrees_with_scipy(counts):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(counts[0], sum(counts), 0.5).pvalue
    assert PairedErrors(5000, *counts).p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("counts", [(0, 0, 0), (5, -1, 2), (5, 3, 3)])
def test_counts_that_make_no_sense_are_refused(counts):
    with pytest.raises(ValueError, match="no sense"):
        PairedErrors(*counts)
