"""Student's t and the fair coin, held against scipy."""

from __future__ import annotations

import math

import pytest

from resnet_studio.domain.statistics import fair_coin_tail, half_width, t_interval, t_quantile, t_tail

stats = pytest.importorskip("scipy.stats", reason="the oracle")


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 30, 200, 999])
def test_the_quantile_is_scipys(freedom: int) -> None:
    for probability in (0.001, 0.05, 0.3, 0.5, 0.8, 0.975, 1 - 0.05 / 6, 1 - 0.05 / 60, 0.99999):
        expected = stats.t.ppf(probability, freedom)
        assert t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("freedom", [1, 2, 4, 9, 99])
@pytest.mark.parametrize("t", [0.0, 1e-6, 0.3, -1.0, 2.0, 4.3, 31.8, 1e4])
def test_the_tail_is_scipys(t: float, freedom: int) -> None:
    assert t_tail(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-9)


def test_ends_of_the_tail() -> None:
    assert t_tail(math.inf, 2) == 0
    for bad in (lambda: t_tail(math.nan, 2), lambda: t_tail(1, 0), lambda: t_quantile(0, 3), lambda: t_quantile(1, 3)):
        with pytest.raises(ValueError, match="at least 1"):
            bad()


@pytest.mark.parametrize(
    ("first", "second"), [(0, 0), (1, 0), (5, 5), (3, 12), (12, 3), (0, 20), (40, 61), (430, 520), (900, 700)]
)
def test_the_coin_is_scipys(first: int, second: int) -> None:
    expected = 1.0 if first + second == 0 else stats.binomtest(first, first + second).pvalue
    assert fair_coin_tail(first, second) == pytest.approx(expected, rel=1e-9)


def test_the_interval_is_scipys() -> None:
    values = [3.1, 4.7, 2.2, 5.0]
    found = t_interval(values, 0.98)
    low, high = stats.t.interval(0.98, 3, loc=sum(values) / 4, scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.high - found.mean == pytest.approx(half_width(stats.tstd(values), 4, 0.98))
    with pytest.raises(ValueError, match="two values"):
        t_interval([1.0])
