"""Student's t and the binomial distribution, as far as verdicts need them: pure arithmetic on few numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, stdev

from resnet_studio.text import _

_TINY = 1e-300
_PRECISE = 1e-15
_MOST_TERMS = 400


def t_tail(t: float, freedom: int) -> float:
    """P(|T| > |t|) of Student's t, two-sided; 0 for an infinite ``t``.

    Raises:
        ValueError: For less than one degree of freedom, or a ``t`` that is no number.
    """
    if freedom < 1 or math.isnan(t):
        raise ValueError(f"a number t and at least 1 degree of freedom are needed, got {t} and {freedom}")
    if math.isinf(t):
        return 0.0
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


@lru_cache(maxsize=4096)
def t_quantile(probability: float, freedom: int) -> float:
    """The ``t`` with P(T <= t) = ``probability``, to 12 digits.

    Raises:
        ValueError: For a probability outside (0, 1) or less than one degree of freedom.
    """
    if not 0 < probability < 1 or freedom < 1:
        raise ValueError(f"a probability in (0, 1) and at least 1 degree are needed, got {probability} and {freedom}")
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    tail = 2 * (1 - probability)
    low, high = 0.0, 1.0
    while t_tail(high, freedom) > tail:
        low, high = high, 2 * high
    while high - low > 1e-13 * max(high, 1e-3):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if t_tail(middle, freedom) > tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, x in 0..1, by Lentz's continued fraction."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    ) / a  # fmt: skip
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISE:
            break
    return front * value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def fair_coin_tail(first: int, second: int) -> float:
    """Exact two-sided p of ``first`` heads and ``second`` tails of a fair coin; 1 without a toss."""
    if min(first, second) < 0:
        raise ValueError(f"counts are at least 0, got {first} and {second}")
    tosses, few = first + second, min(first, second)
    if 2 * few >= tosses:
        return 1.0
    term, below = 1, 0  # binomial coefficients, exact
    for heads in range(few + 1):
        below += term
        term = term * (tosses - heads) // (heads + 1)
    return min(1.0, 2 * below / (1 << tosses))


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its t interval; ``level`` is the share of such intervals that hold the truth, 0.95 for 95 %."""

    mean: float
    low: float
    high: float
    level: float


def t_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Raises ValueError for fewer than two values."""
    if len(values) < 2:
        raise ValueError(_("an interval needs two values, got {count}", count=len(values)))
    mean, half = fmean(values), half_width(stdev(values), len(values), level)
    return Interval(mean, mean - half, mean + half, level)


def half_width(deviation: float, count: int, level: float) -> float:
    """Of the t interval of the mean of ``count`` values with this standard deviation."""
    return t_quantile(1 - (1 - level) / 2, count - 1) * deviation / math.sqrt(count)
