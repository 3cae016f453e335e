"""What a study will take on this machine, with its doubt, before anything starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from resnet_studio.domain.enums import BatchNormStatistics
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, RunSpec
from resnet_studio.domain.text_numbers import duration_range
from resnet_studio.platform.training_speed import KnownSpeeds, expected, multiply_adds, own_step
from resnet_studio.studies.plan import StudyPlan, Work
from resnet_studio.text import _

_FORWARD = 1 / 3  # of the time of a training step, for as many images: no gradients


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds, tests and new batch-norm statistics included; checkpoints and reading images are not."""

    seconds: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """``8 to 12 min``."""
        return duration_range(self.low, self.high)


NOT_KNOWN = _("not known yet: measure it with *Studies, Measure* in the window, or with `resnet-studio bench`")


def estimate(plan: StudyPlan, known: KnownSpeeds) -> Estimate | None:
    """Of every run of the plan; None if nothing comparable was measured or trained here."""
    one_seed = _sum(((arm.spec, None) for arm in plan.arms), known)
    count = len(plan.seeds)
    return one_seed and Estimate(count * one_seed.seconds, count * one_seed.low, count * one_seed.high)


def measured_for(plan: StudyPlan) -> tuple[RunSpec, ...]:
    """The runs by whose speed that of all is known: with each device and precision the smallest and a middle one."""
    groups: dict[object, dict[object, RunSpec]] = {}
    for arm in plan.arms:
        recipe = arm.spec.recipe
        groups.setdefault((recipe.device, recipe.precision), {})[arm.spec.network] = arm.spec
    found: list[RunSpec] = []
    for specs in groups.values():
        ordered = sorted(specs.values(), key=lambda spec: multiply_adds(spec.network))
        found += [ordered[0], ordered[len(ordered) // 2]]
    return tuple(dict.fromkeys(found))


def estimate_left(work: Iterable[Work], known: KnownSpeeds) -> Estimate | None:
    """Of what is left to train."""
    new = [(run, None) for one in work if one.cohort is not None for run in one.cohort.runs]
    going = [(run.spec, run) for one in work for run in one.resume]
    return _sum([*new, *going], known)


def _sum(runs: Iterable[tuple[RunSpec, RunRecord | None]], known: KnownSpeeds) -> Estimate | None:
    """Of runs, each with what is stored of it; members of a cohort step in turn, so their times add up."""
    seconds = low = high = 0.0
    found: dict[RunSpec, tuple[float, float, float] | None] = {}
    for run, begun in runs:
        bare, iteration = run.without_seeds(), 0 if begun is None else begun.iteration
        own = None if begun is None else own_step(begun)
        if own is None and bare not in found:
            step = expected(CohortSpec(runs=(bare,)), known)
            known_step = None if step is None else (step.low_step_seconds, step.step_seconds, step.high_step_seconds)
            found[bare] = known_step
        times = found[bare] if own is None else own
        if times is None:
            return None
        steps = run.recipe.iterations - iteration + _steps_besides(run, iteration)
        low, seconds, high = low + steps * times[0], seconds + steps * times[1], high + steps * times[2]
    return Estimate(seconds, low, high)


def _steps_besides(run: RunSpec, iteration: int) -> float:
    """Tests, and batch norm's statistics at the end, as so many training steps; 0 where the data is not known."""
    row, recipe = run.data.row, run.recipe
    if row is None:
        return 0.0
    tests = recipe.iterations // recipe.test_every - iteration // recipe.test_every
    images = max(tests, 1) * row.test_images
    if recipe.bn_statistics is BatchNormStatistics.RECOMPUTED:
        images += row.training_images
    return _FORWARD * images / recipe.batch_size
