"""Depth and shortcuts by the results of finished runs: numbers and a sentence each, from records and curves alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise, product

from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW, Series
from resnet_studio.domain.text_numbers import percent
from resnet_studio.text import _

EQUAL_WITHIN = 1.0  # percentage points; a smaller difference is called none


class Question(StrEnum):
    SHORTCUT = "shortcut"  # plain against residual at one depth
    DEPTH = "depth"  # shallow against deep of one kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended. Errors in percent, None where not measured or not finite."""

    run: RunRecord
    training_error: float | None
    test_error: float | None

    @property
    def depth(self) -> int:
        return self.run.spec.network.depth

    @property
    def label(self) -> str:
        return self.run.spec.network.label


@dataclass(frozen=True, slots=True)
class Verdict:
    """One comparison of final training errors.

    ``difference`` is the second run's training error minus the first's, in percentage points: for a question of
    shortcuts residual minus plain, for one of depth deep minus shallow.
    """

    question: Question
    first: Outcome
    second: Outcome
    difference: float
    sentence: str

    @property
    def clear(self) -> bool:
        """The difference is larger than what is called none."""
        return abs(self.difference) >= EQUAL_WITHIN


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def outcome(run: RunRecord, training_error: Curve | None, test_error: Curve | None) -> Outcome:
    """Training error: mean of the last iterations; test error: the last one; without a curve, the record's."""
    training = (
        training_error.mean_of_last(TRAINING_ERROR_WINDOW)
        if training_error is not None and len(training_error)
        else None
    )
    test = test_error.last if test_error is not None and len(test_error) else None
    return Outcome(
        run,
        _finite(training if training is not None else run.training_error),
        _finite(test if test is not None else run.test_error),
    )


def outcomes(runs: Iterable[RunRecord], curves: Mapping[tuple[str, Series], Curve]) -> tuple[Outcome, ...]:
    """One outcome per run; ``curves`` is what the history hands out for training and test error."""
    return tuple(
        outcome(run, curves.get((run.id, Series.TRAINING_ERROR)), curves.get((run.id, Series.TEST_ERROR)))
        for run in runs
    )


def _verdict(question: Question, first: Outcome, second: Outcome) -> Verdict | None:
    if first.training_error is None or second.training_error is None:
        return None
    difference = second.training_error - first.training_error
    numbers = _(
        "({percent} against {percent_2})",
        percent=percent(second.training_error, digits=1),
        percent_2=percent(first.training_error, digits=1),
    )
    if question is Question.SHORTCUT:
        start = _("At {depth} layers, shortcuts", depth=first.depth)
        worse, better = (
            _("{start} raise the training error by", start=start),
            _("{start} lower the training error by", start=start),
        )
        equal = _("{start} hardly change the training error", start=start)
    else:
        start = _("From {label} to {second_label}, more depth", label=first.label, second_label=second.label)
        worse, better = (
            _("{start} raises the training error by", start=start),
            _("{start} lowers the training error by", start=start),
        )
        equal = _("{start} hardly changes the training error", start=start)
    if abs(difference) < EQUAL_WITHIN:
        sentence = f"{equal} {numbers}."
    else:
        sentence = _(
            "{worse} {difference:.1f} points {numbers}.",
            worse=worse if difference > 0 else better,
            difference=abs(difference),
            numbers=numbers,
        )
    return Verdict(question, first, second, difference, sentence)


def plain_and_residual(results: Sequence[Outcome]) -> tuple[Verdict, ...]:
    """Each plain net against each residual net of its depth, by rising depth; pairs without a number are left out."""
    plain = sorted((o for o in results if not o.run.residual), key=lambda o: o.depth)
    residual = [o for o in results if o.run.residual]
    pairs = ((p, r) for p, r in product(plain, residual) if p.depth == r.depth)
    return tuple(v for v in (_verdict(Question.SHORTCUT, p, r) for p, r in pairs) if v is not None)


def shallow_and_deep(results: Sequence[Outcome]) -> tuple[Verdict, ...]:
    """Neighbouring depths of each kind (plain, then residual with each shortcut), where both ended with a number."""
    kinds: dict[tuple[bool, str], list[Outcome]] = {}
    for result in results:
        network = result.run.spec.network
        kinds.setdefault((network.residual, str(network.shortcut)), []).append(result)
    verdicts = []
    for kind in sorted(kinds):
        by_depth = {result.depth: result for result in sorted(kinds[kind], key=lambda o: o.depth)}
        verdicts += [_verdict(Question.DEPTH, low, high) for low, high in pairwise(by_depth.values())]
    return tuple(v for v in verdicts if v is not None)


def verdicts(results: Sequence[Outcome]) -> tuple[Verdict, ...]:
    """Every comparison: first depth, then shortcuts."""
    return (*shallow_and_deep(results), *plain_and_residual(results))
