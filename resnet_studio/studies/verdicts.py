"""The verdicts of a study: the rule of :mod:`resnet_studio.studies.rule` on stored runs, and a sentence each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW, Series
from resnet_studio.domain.text_numbers import percent, true_minus
from resnet_studio.studies.plan import Comparison, Measure, Place, StudyPlan
from resnet_studio.studies.rule import (
    LEAST_SEEDS,
    LOOKS,
    MARGIN,
    WORST_ERROR,
    Judgement,
    Outcome,
    judge,
    looked_at,
    next_look,
)
from resnet_studio.studies.run_results import Curves, RunResult, run_results
from resnet_studio.studies.together import EvaluatedErrors
from resnet_studio.text import N_, _, _n

WARM_UP_SHARE = 0.1  # of the iterations; what is measured before is not asked whether all seeds agree


@dataclass(frozen=True, slots=True)
class SeedPair:
    """One seed of a comparison; errors in percent as they are counted, ``difference`` in points."""

    seed: int
    higher: float
    lower: float

    @property
    def difference(self) -> float:
        return self.higher - self.lower


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one comparison.

    Attributes:
        comparison: The claim; ``higher`` and ``lower`` are its nets as they are shown.
        pairs: Every seed that both nets have ended, in the order in which they did, then by number; those the rule
            looked at are the first ``used``.
        diverged: Runs of the seeds looked at that diverged and count as the worst outcome, by name.
        throughout: Share, 0 to 1, of the measured moments after the warm-up at which all seeds looked at agree in
            sign; None without curves or for other measures than the training error.
        elsewhere: Seeds that both nets have ended on other images than the first, which are never counted beside it.
    """

    comparison: Comparison
    higher: str
    lower: str
    pairs: tuple[SeedPair, ...]
    judgement: Judgement
    looks: tuple[int, ...]
    diverged: tuple[str, ...] = ()
    throughout: float | None = None
    elsewhere: tuple[int, ...] = ()

    @property
    def outcome(self) -> Outcome:
        return self.judgement.outcome

    @property
    def seeds(self) -> tuple[int, ...]:
        """Those that the estimate is of."""
        return tuple(pair.seed for pair in self.pairs[: self.judgement.used])

    @property
    def all_diverged(self) -> bool:
        """Both nets did, with every seed that was looked at."""
        return _all_diverged(self.diverged, self.judgement.used)

    @property
    def unseen(self) -> tuple[SeedPair, ...]:
        """Seeds that have ended and wait for the next look."""
        return self.pairs[self.judgement.used :]

    @property
    def more_seeds(self) -> int | None:
        """How many more make the next look possible; None after the last one."""
        look = next_look(len(self.pairs), self.looks)
        return None if look is None else look - len(self.pairs)

    @property
    def as_expected(self) -> bool | None:
        """Whether it is what the paper's numbers would be called; None where either says nothing."""
        open_ = (Outcome.NOT_ENOUGH, Outcome.NOT_DISTINGUISHABLE)
        if self.comparison.expected is None or self.outcome in open_:
            return None
        return self.outcome is self.comparison.expected

    @property
    def sentence(self) -> str:
        """The outcome in plain words."""
        return _sentence(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what else has to be known: who diverged, agreement throughout, seeds not looked at."""
        return tuple(
            filter(None, (_diverged_note(self), _throughout_note(self), _unseen_note(self), _elsewhere_note(self)))
        )

    @property
    def text(self) -> str:
        """Sentence and notes."""
        return " ".join((self.sentence, *self.notes))

    @property
    def beside_the_paper(self) -> str:
        """How the outcome stands to the one of the paper's numbers; empty where these say nothing."""
        expected = self.comparison.expected
        if expected is None:
            return ""
        words = expected.words[:1].lower() + expected.words[1:]
        if self.as_expected is None:
            return _("By the paper's numbers: {expected}.", expected=words)
        if self.as_expected:
            return _("By the paper's numbers too: {expected}.", expected=words)
        return _(
            "By the paper's numbers another outcome: {expected}. What differs from its recipe stands below.",
            expected=words,
        )

    def as_json(self) -> dict[str, object]:
        """As the command line prints it; differences in points, ``level`` and ``throughout`` as shares.

        ``differences`` are those of ``seeds``, in their order; ``unseen`` has the seeds that wait for the next look.
        """
        judged = self.judgement
        return {
            "question": self.comparison.question,
            "outcome": str(self.outcome),
            "estimate": judged.estimate,
            "low": judged.low,
            "high": judged.high,
            "seeds": list(self.seeds),
            "sentence": self.text,
            "level": judged.level,
            "higher": self.higher,
            "lower": self.lower,
            "measure": self.comparison.measure.name.lower(),
            "differences": [pair.difference for pair in self.pairs[: judged.used]],
            "unseen": [{"seed": pair.seed, "difference": pair.difference} for pair in self.unseen],
            "needed": judged.needed,
            "throughout": self.throughout,
            "diverged": list(self.diverged),
            "other_images": list(self.elsewhere),
            "expected": None if self.comparison.expected is None else str(self.comparison.expected),
            "as_expected": self.as_expected,
            "paper": self.comparison.paper,
        }


def study_verdicts(
    plan: StudyPlan, found: Sequence[Place], curves: Curves, evaluated: EvaluatedErrors | None = None
) -> tuple[Verdict, ...]:
    """One verdict a comparison, in their order.

    Args:
        plan: The study.
        found: Its runs as :func:`resnet_studio.studies.plan.places` gives them.
        curves: Training and test error of the runs that ended.
        evaluated: Of the comparisons that are answered by evaluations.
    """
    runs = [place.run for place in found if place.run is not None and place.done]
    results = {result.run.id: result for result in run_results(runs, curves)}
    by_place = {(p.arm.key, p.seed): results.get(p.run.id) if p.run is not None else None for p in found}
    seeds = tuple(dict.fromkeys(place.seed for place in found))
    claims = [
        _evaluated_claim(comparison, plan, (evaluated or {}).get(comparison.measure, {}))
        if comparison.measure.evaluated
        else claim_of(
            comparison,
            plan.arm(comparison.higher).label,
            plan.arm(comparison.lower).label,
            [(seed, by_place.get((comparison.higher, seed)), by_place.get((comparison.lower, seed))) for seed in seeds],
            curves,
            plan.looks,
        )
        for comparison in plan.comparisons
    ]
    return decide(claims, plan.looks)


@dataclass(frozen=True, slots=True)
class Claim:
    """A comparison with its results, not yet judged; fields as of :class:`Verdict`."""

    comparison: Comparison
    higher: str
    lower: str
    pairs: tuple[SeedPair, ...]
    diverged: tuple[str, ...] = ()
    throughout: float | None = None
    elsewhere: tuple[int, ...] = ()


def decide(claims: Sequence[Claim], looks: Sequence[int]) -> tuple[Verdict, ...]:
    """The verdicts of all claims of one study, which share alpha."""
    judged = judge([[pair.difference for pair in claim.pairs] for claim in claims], looks)
    return tuple(
        Verdict(
            c.comparison, c.higher, c.lower, c.pairs,
            _without_finding(judgement) if _all_diverged(c.diverged, judgement.used) else judgement,
            tuple(looks), c.diverged, c.throughout, c.elsewhere,
        )
        for c, judgement in zip(claims, judged, strict=True)
    )  # fmt: skip


def _all_diverged(diverged: Sequence[str], used: int) -> bool:
    """Both nets of each of so many seeds."""
    return used > 0 and len(diverged) == 2 * used


def _without_finding(judgement: Judgement) -> Judgement:
    """Of nets that diverged with every seed: that they are equally bad says nothing of how they differ."""
    return replace(judgement, outcome=Outcome.NOT_ENOUGH, estimate=None, low=None, high=None, needed=None)


def claim_of(
    comparison: Comparison,
    higher: str,
    lower: str,
    sides: Sequence[tuple[int, RunResult | None, RunResult | None]],
    curves: Curves,
    looks: Sequence[int] = LOOKS,
) -> Claim:
    """From the results of both nets, seed by seed; a seed counts where both have ended.

    The seeds are put in the order in which the later of their two runs ended, then by number. That order is of the
    history alone, and a look takes the first of it: neither another choice of seeds nor what ends later changes a look.

    A data set may have changed between two seeds, by its checksum: what ended on other images than the first seed does
    not count beside it.
    """
    counted = []
    for seed, first, second in sides:
        if first is None or second is None or not (first.ended and second.ended):
            continue
        errors = [_error(result, comparison.measure) for result in (first, second)]
        if errors[0] is None or errors[1] is None:
            continue
        ended = max(first.run.end_order, second.run.end_order)
        counted.append((ended, seed, SeedPair(seed, errors[0], errors[1]), (first, second)))
    counted.sort(key=lambda each: each[:2])
    images = next((_images(results) for *_unused, results in counted if _alike(results)), ("", ""))
    elsewhere = tuple(
        seed for _ended, seed, _pair, both in counted if not (_alike(both) and _fits(_images(both), images))
    )
    counted = [each for each in counted if each[1] not in elsewhere]
    seen = counted[: looked_at(len(counted), looks)]
    diverged = tuple(
        _("{name} (seed {seed})", name=name, seed=seed)
        for _ended, seed, _pair, results in seen
        for name, result in zip((higher, lower), results, strict=True)
        if result.diverged
    )
    agreed = None
    if comparison.measure is Measure.TRAINING:
        agreed = throughout([(first.run, second.run) for *_unused, (first, second) in seen], curves)
    return Claim(
        comparison, higher, lower, tuple(pair for _ended, _seed, pair, _results in counted), diverged, agreed, elsewhere
    )


def _images(results: Sequence[RunResult]) -> tuple[str, ...]:
    """Checksums of the images that the nets were trained on; empty where not known."""
    return tuple(result.run.environment.get("data_sha256", "") for result in results)


def _fits(found: Sequence[str], wanted: Sequence[str]) -> bool:
    return all(one == other or not one or not other for one, other in zip(found, wanted, strict=True))


def _alike(results: Sequence[RunResult]) -> bool:
    """Whether two nets that are to have the same data set had the same images."""
    first, second = results
    one, other = _images(results)
    return first.run.spec.data != second.run.spec.data or _fits((one,), (other,))


def _error(result: RunResult, measure: Measure) -> float | None:
    return result.counted(result.training_error if measure is Measure.TRAINING else result.test_error)


def _evaluated_claim(comparison: Comparison, plan: StudyPlan, errors: Mapping[int, tuple[float, float]]) -> Claim:
    pairs = tuple(SeedPair(seed, *both) for seed, both in errors.items())
    if comparison.measure is Measure.SCALES:
        return Claim(comparison, _("the best net from a single view"), _("the best net at several sizes"), pairs)
    return Claim(comparison, _("the best single net"), _("all {count} together", count=len(plan.arms)), pairs)


def throughout(pairs: Sequence[tuple[RunRecord, RunRecord]], curves: Curves) -> float | None:
    """The share of the moments after the warm-up at which the training errors of all pairs differ in the same sense.

    A moment is a stretch of ``TRAINING_ERROR_WINDOW`` iterations, whose mean is taken; the warm-up is the first tenth
    of the training. None without two pairs, or without curves of a moment's length.
    """
    signs: list[npt.NDArray[np.float64]] = []
    for first, second in pairs:
        sides = [curves.get((run.id, Series.TRAINING_ERROR)) for run in (first, second)]
        if sides[0] is None or sides[1] is None:
            return None
        length = max(first.iterations, second.iterations)
        means = [_moments(side, int(WARM_UP_SHARE * length)) for side in sides if side is not None]
        least = min(len(means[0]), len(means[1]))
        signs.append(np.sign(means[0][:least] - means[1][:least]))
    count = min((len(each) for each in signs), default=0)
    if len(signs) < 2 or not count:
        return None
    table = np.stack([each[:count] for each in signs])
    same = (table == table[0]).all(axis=0) & (table[0] != 0)
    return float(same.mean())


def _moments(curve: Curve, after: int) -> npt.NDArray[np.float64]:
    values = curve.values[curve.iterations > after].astype(np.float64)
    whole = len(values) // TRAINING_ERROR_WINDOW
    means = values[: whole * TRAINING_ERROR_WINDOW].reshape(whole, TRAINING_ERROR_WINDOW).mean(axis=1)
    return np.asarray(means, np.float64)


# Sentences


def points(value: float) -> str:
    """``23.3 points``, without a sign; as many digits as tell it from zero."""
    return _("{value} points", value=_digits(abs(value)))


def _digits(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 0.95 else f"{value:.1f}"


def _interval(judged: Judgement, seeds: int) -> str:
    if judged.low is None or judged.high is None:
        return ""
    return _n(
        "{level:.1f} % interval {low} to {high}, {count} seed",
        "{level:.1f} % interval {low} to {high}, {count} seeds",
        seeds,
        level=100 * judged.level,
        low=_signed(judged.low),
        high=_signed(judged.high),
    )


def _signed(value: float) -> str:
    return true_minus(_digits(value))


_NOUNS = {
    Measure.TRAINING: N_("training error"),
    Measure.TEST: N_("test error"),
    Measure.TOGETHER: N_("test error"),
    Measure.SCALES: N_("test error"),
}


def above_or_below(verdict: Verdict) -> str:
    """``the training error of plain-56 is 23.3 points above that of plain-20``; of the mean over the seeds."""
    estimate = verdict.judgement.estimate or 0.0
    fields = {
        "noun": _(_NOUNS[verdict.comparison.measure]),
        "higher": verdict.higher,
        "lower": verdict.lower,
        "points": points(estimate),
    }
    if estimate >= 0:
        return _("the {noun} of {higher} is {points} above that of {lower}", **fields)
    return _("the {noun} of {higher} is {points} below that of {lower}", **fields)


def _sentence(verdict: Verdict) -> str:
    judged, used = verdict.judgement, verdict.judgement.used
    where, interval = above_or_below(verdict), _interval(judged, used)
    if judged.outcome is Outcome.NOT_ENOUGH:
        return _not_enough(verdict, where)
    if judged.outcome is Outcome.NO_DIFFERENCE:
        return _(
            "No difference of {margin:g} point or more: {where} ({interval}).",
            margin=MARGIN,
            where=where,
            interval=interval,
        )
    if judged.outcome is Outcome.SHOWN:
        return _("Shown: {where} ({interval}).", where=where, interval=interval)
    if judged.outcome is Outcome.OPPOSITE:
        return _("The opposite is shown: {where} ({interval}).", where=where, interval=interval)
    return _(
        "Not distinguishable yet: {where} ({interval}); {needed}.",
        where=where,
        interval=interval,
        needed=_needed(judged),
    )


def _not_enough(verdict: Verdict, where: str) -> str:
    least = verdict.looks[0] if len(verdict.looks) == 1 else LEAST_SEEDS
    if not verdict.pairs:
        return _(
            "Not enough: no seed of {higher} and {lower} has finished; {least} are needed.",
            higher=verdict.higher,
            lower=verdict.lower,
            least=least,
        )
    if verdict.all_diverged:
        return _(
            "Not enough: {higher} and {lower} diverged with every seed that was looked at, which says nothing of how "
            "they differ.",
            higher=verdict.higher,
            lower=verdict.lower,
        )
    if len(verdict.pairs) == 1:
        pair = verdict.pairs[0]
        return _(
            "Not enough: in this run, with one seed, {where} ({first} against {second}); {least} seeds are needed.",
            where=where,
            first=percent(pair.higher, digits=1),
            second=percent(pair.lower, digits=1),
            least=least,
        )
    return _(
        "Not enough: on the mean of {count} seeds {where}; {least} seeds are needed.",
        count=len(verdict.pairs),
        where=where,
        least=least,
    )


def _needed(judged: Judgement) -> str:
    if judged.needed is None:
        return _("not even 1 000 seeds would tell")
    if judged.new_study:
        return _n(
            "a new study looked at once, with {count} seed, would tell",
            "a new study looked at once, with {count} seeds, would tell",
            judged.needed,
        )
    return _n("{count} seed would tell", "{count} seeds would tell", judged.needed)


def _diverged_note(verdict: Verdict) -> str:
    if not verdict.diverged:
        return ""
    return _n(
        "{names} diverged and counts as an error of {worst:g} %.",
        "{names} diverged and count as an error of {worst:g} %.",
        len(verdict.diverged),
        names=", ".join(verdict.diverged),
        worst=WORST_ERROR,
    )


def _throughout_note(verdict: Verdict) -> str:
    if verdict.throughout is None or math.isnan(verdict.throughout):
        return ""
    return _(
        "All seeds agree in sign at {share:.0f} % of the measured moments after the first tenth of training.",
        share=100 * verdict.throughout,
    )


def _unseen_note(verdict: Verdict) -> str:
    unseen = len(verdict.unseen)
    if unseen < 1 or verdict.outcome is Outcome.NOT_ENOUGH:
        return ""
    seen = _("Looked at are the seeds {seeds}, which ended first.", seeds=", ".join(map(str, verdict.seeds)))
    return f"{seen} {_waiting(verdict, unseen)}"


def _elsewhere_note(verdict: Verdict) -> str:
    if not verdict.elsewhere:
        return ""
    return _n(
        "Seed {seeds} was trained on other images and does not count.",
        "Seeds {seeds} were trained on other images and do not count.",
        len(verdict.elsewhere),
        seeds=", ".join(map(str, verdict.elsewhere)),
    )


def _waiting(verdict: Verdict, unseen: int) -> str:
    look = next_look(len(verdict.pairs), verdict.looks)
    if look is None:
        return _n(
            "{count} seed more is there and is not looked at: the last look was stated beforehand.",
            "{count} seeds more are there and are not looked at: the last look was stated beforehand.",
            unseen,
        )
    return _n(
        "{count} seed more is there; the next look is at {look}.",
        "{count} seeds more are there; the next look is at {look}.",
        unseen,
        look=look,
    )
