"""The rule of every verdict: from differences, one a seed, to one of five outcomes.

The seed is the unit: initial weights and sample order change together, both nets of a pair see the same batches, and
the batches of one run are no independent observations. A difference is positive where it speaks for what is claimed.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW
from resnet_studio.domain.statistics import half_width, t_quantile, t_tail
from resnet_studio.text import N_, _

ALPHA = 0.05  # of one study, over all its looks and comparisons
MARGIN = 1.0  # percentage points; a smaller difference is called none
LEAST_SEEDS = 3
LOOKS = (3, 5, 10)
"""Numbers of seeds at which is looked, each at a third of alpha. The seeds of a look are those that ended first: an end
does not move, so that a run that ends later, however early it was made, changes no look that was reported."""
WORST_ERROR = 100.0  # percent, what a diverged run counts as
STEP_POWER = 1.75
"""Of Holm's divisors m, m - 1, ..., 1. With 1, as Holm has it, strongly skewed differences show something in 21 % of
studies with three comparisons: with few seeds the t test's error under skew falls more slowly than its share of alpha.
With 1.75 it is 14 % for any number of comparisons, as for one alone. A larger divisor only makes each step stricter, so
what Holm promises still holds."""
_POWER = 0.8  # of the number of seeds that would tell
_MOST_SEEDS = 1000


class Outcome(StrEnum):
    """What is said of one comparison; the names are what JSON has."""

    NOT_ENOUGH = "not-enough"
    NO_DIFFERENCE = "no-difference"
    SHOWN = "shown"
    OPPOSITE = "opposite"
    NOT_DISTINGUISHABLE = "not-distinguishable"

    @property
    def words(self) -> str:
        """For a badge: ``Shown``."""
        return _(_TITLES[self])


_TITLES = {
    Outcome.NOT_ENOUGH: N_("Not enough seeds"),
    Outcome.NO_DIFFERENCE: N_("No difference of a point or more"),
    Outcome.SHOWN: N_("Shown"),
    Outcome.OPPOSITE: N_("The opposite is shown"),
    Outcome.NOT_DISTINGUISHABLE: N_("Not distinguishable yet"),
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rule says of one comparison. Differences in percentage points.

    Attributes:
        estimate: Mean of the differences that were looked at; None without any.
        low, high: Its interval, None below three seeds.
        level: Of the interval, 0.983 for 98.3 %.
        used: How many seeds were looked at, the first ones; more may be there.
        needed: Seeds that would tell, where it is not distinguishable, with a power of 80 % if mean and deviation
            stay; None where even 1 000 would not, and for the other outcomes.
        new_study: ``needed`` lies beyond the last look, so that these seeds must be new ones with one look.
    """

    outcome: Outcome
    estimate: float | None
    low: float | None
    high: float | None
    level: float
    used: int
    needed: int | None = None
    new_study: bool = False


def checked_looks(looks: Sequence[int]) -> tuple[int, ...]:
    """``looks`` if they are the usual ones, or one look stated beforehand.

    Raises:
        UserError: For any others: only these were proved to keep the rule's promise.
    """
    if tuple(looks) == LOOKS or (len(looks) == 1 and looks[0] >= LEAST_SEEDS):
        return tuple(looks)
    raise UserError(
        _(
            "A study is looked at with 3, 5 and 10 seeds, or once with a number of at least {least} stated beforehand; "
            "got {looks}.",
            least=LEAST_SEEDS,
            looks=", ".join(map(str, looks)) or _("none"),
        )
    )


def look_at(seeds: int, looks: Sequence[int] = LOOKS) -> int:
    """The latest look that so many seeds allow, 0 before the first."""
    return max((look for look in looks if look <= seeds), default=0)


def looked_at(seeds: int, looks: Sequence[int] = LOOKS) -> int:
    """Of so many seeds, in their order, how many the estimate is of: those of the latest look, all before the first."""
    return look_at(seeds, looks) or seeds


def next_look(seeds: int, looks: Sequence[int] = LOOKS) -> int | None:
    """The number of seeds at which is looked next; None after the last look."""
    return min((look for look in looks if look > seeds), default=None)


def judge(
    samples: Sequence[Sequence[float]], looks: Sequence[int] = LOOKS, *, needed: bool = True
) -> tuple[Judgement, ...]:
    """The judgement of each comparison of one study.

    Args:
        samples: For each comparison its differences, in the order in which the seeds ended. All comparisons of the
            study, those without a result too: Holm's steps count them.
        looks: As :func:`checked_looks` allows.
        needed: Compute the seeds that would tell, which takes half the time.
    """
    looks = checked_looks(looks)
    seen = [_look([*sample[: look_at(len(sample), looks)]]) for sample in samples]
    return tuple(
        _judgement(sample, look, level, looks if needed else None)
        for sample, look, level in zip(samples, seen, _holm(seen, ALPHA / len(looks)), strict=True)
    )


class _Look(NamedTuple):
    """The seeds of one comparison that are looked at, none before the first look."""

    seeds: int
    mean: float
    deviation: float  # with n - 1

    @property
    def t(self) -> float:
        """Without a sign; 0 before the first look."""
        if self.deviation == 0:
            return math.inf if self.mean else 0.0
        return abs(self.mean) * math.sqrt(self.seeds) / self.deviation

    def shows(self, level: float) -> bool:
        """Whether its interval is clear of zero."""
        return self.seeds > 0 and abs(self.mean) > half_width(self.deviation, self.seeds, level)


def _look(differences: Sequence[float]) -> _Look:
    count = len(differences)
    if count < LEAST_SEEDS:
        return _Look(0, 0.0, 0.0)
    mean = math.fsum(differences) / count
    squares = math.fsum([(value - mean) ** 2 for value in differences])
    return _Look(count, mean, math.sqrt(squares / (count - 1)))


def _holm(seen: Sequence[_Look], alpha: float) -> list[float]:
    """The level at which each comparison is tested, which is that of its interval.

    Its share of alpha is alpha over a power of m for the smallest p, of m - 1 for the next, and so on; from the first
    that shows nothing at its share on, that share for all.
    """
    levels = [0.0] * len(seen)
    level, stopped = 1 - alpha, False
    for step, index in enumerate(_by_p_value(seen)):
        if not stopped:
            level = 1 - alpha / (len(seen) - step) ** STEP_POWER
            stopped = not seen[index].shows(level)
        levels[index] = level
    return levels


def _by_p_value(seen: Sequence[_Look]) -> list[int]:
    """The places of the looks, the smallest two-sided p of no difference first."""
    places = range(len(seen))
    if len({look.seeds for look in seen if look.seeds}) < 2:  # of equally many seeds the largest t has the smallest p
        return sorted(places, key=lambda place: -seen[place].t)
    p_values = [t_tail(look.t, look.seeds - 1) if look.seeds else 1.0 for look in seen]
    return sorted(places, key=p_values.__getitem__)


def _judgement(
    sample: Sequence[float], look: _Look, level: float, looks: Sequence[int] | None
) -> Judgement:  # fmt: skip
    """Without ``looks`` it is not said how many seeds would tell."""
    used, mean, deviation = look
    if not used:
        before = math.fsum(sample) / len(sample) if sample else None
        return Judgement(Outcome.NOT_ENOUGH, before, None, None, level, len(sample))
    half = half_width(deviation, used, level)
    low, high = mean - half, mean + half
    needed, new = None, False
    if low > -MARGIN and high < MARGIN:
        outcome = Outcome.NO_DIFFERENCE
    elif low > 0 or high < 0:
        outcome = Outcome.SHOWN if low > 0 else Outcome.OPPOSITE
    else:
        outcome = Outcome.NOT_DISTINGUISHABLE
        if looks is not None:
            needed, new = _needed(mean, deviation, used, level, looks)
    return Judgement(outcome, mean, low, high, level, used, needed, new)


def _needed(
    mean: float, deviation: float, used: int, level: float, looks: Sequence[int]
) -> tuple[int | None, bool]:  # fmt: skip
    for look in looks:
        if look > used and _tells(mean, deviation, look, level):
            return look, False
    once = 1 - (1 - level) * len(looks)
    if not _tells(mean, deviation, _MOST_SEEDS, once):
        return None, True
    tells = bisect_left(range(_MOST_SEEDS), True, lo=LEAST_SEEDS, key=lambda n: _tells(mean, deviation, n, once))
    return tells, True


def _tells(mean: float, deviation: float, seeds: int, level: float) -> bool:
    """Whether so many seeds would show a difference, or none of a point, four times in five."""
    usual = t_quantile(_POWER, seeds - 1) * deviation / math.sqrt(seeds)
    least = half_width(deviation, seeds, level) + usual
    return least < abs(mean) or abs(mean) + least < MARGIN


def rule_text(looks: Sequence[int] = LOOKS, comparisons: int = 1) -> str:
    """The rule in words, as it stands beside each verdict."""
    when = (
        _("looked at once, with {seeds} seeds as stated beforehand", seeds=looks[0])
        if len(looks) == 1
        else _("looked at with 3, 5 and 10 seeds only, each time at a third of 5 %")
    )
    several = (
        ""
        if comparisons < 2
        else " "
        + _(
            "Its {count} comparisons share the 5 % by Holm's steps, the smallest p first, with the divisors "
            "{first:.1f}, …, 1 (the number that is left to the power {power:g}) instead of {count}, …, 1: so also "
            "several comparisons with strongly skewed differences stay below 15 %.",
            first=comparisons**STEP_POWER,
            power=STEP_POWER,
            count=comparisons,
        )
    )
    return (
        _(
            "The seed is the unit: for each seed the difference of the two nets' errors (of training: the mean of the "
            "last {window} iterations; of tests: the last one), both trained on the same batches; the estimate is the "
            "mean over the seeds with its t interval, {when}. A look takes the seeds that ended first, each with the "
            "later of its two runs, whichever seeds are asked for; what ends afterwards does not change it, only "
            "deleting or archiving one of its runs does. First of these that holds: fewer than {least} seeds, not "
            "enough; interval within {margin:g} point of zero, no difference of a point or more; interval clear of "
            "zero, shown or the opposite shown; else not distinguishable yet. A diverged run counts as an error of "
            "{worst:g} % and is named; where both nets diverged with every seed nothing is said of them. Of 10 000 "
            "simulated studies without a difference at most 5 % show one, at most 15 % where differences are strongly "
            "skewed (as an exponential distribution is).",
            window=TRAINING_ERROR_WINDOW,
            when=when,
            least=LEAST_SEEDS,
            margin=MARGIN,
            worst=WORST_ERROR,
        )
        + several
    )
