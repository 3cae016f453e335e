"""A study worked out: arms, comparisons and seeds; the runs and cohorts that answer it. What every view works on."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Device, Engine, Loading, MemoryLayout, Precision
from resnet_studio.domain.protocols import SINGLE, Protocol
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import SEEDS, CohortSpec, RunSpec
from resnet_studio.studies.cohorts import form_cohorts
from resnet_studio.studies.rule import LOOKS, Outcome
from resnet_studio.text import N_, _

KEPT_CHECKPOINTS = 2  # of each run
_STATE_FLOATS = 2  # of each weight in a checkpoint: itself and its momentum
_CURVE_BYTES = 3 * 4  # an iteration: training error, loss and time
_ONLY_HERE = {
    "loading": Loading.AUTO, "precision": Precision.AUTO, "layout": MemoryLayout.AUTO, "engine": Engine.AUTO,
    "exact": False, "device": Device.AUTO,
}  # fmt: skip


class Measure(StrEnum):
    """Which error a comparison looks at."""

    TRAINING = N_("training error")
    TEST = N_("test error")
    TOGETHER = N_("test error of all together")  # an ensemble against its best member, by evaluations
    SCALES = N_("test error at several sizes")  # of the best net, against its single view, by evaluations

    @property
    def evaluated(self) -> bool:
        """Answered by evaluations of all nets of a seed together."""
        return self in (Measure.TOGETHER, Measure.SCALES)


@dataclass(frozen=True, slots=True)
class Arm:
    """One setting that is trained with every seed.

    Attributes:
        key: Its name within the study.
        spec: The run with seed 0 and without a name.
    """

    key: str
    spec: RunSpec

    @property
    def label(self) -> str:
        return self.spec.name or self.spec.network.label

    def with_seed(self, seed: int) -> RunSpec:
        return self.spec.with_seeds(seed, seed)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A claim of two arms: that the first has the higher error.

    Attributes:
        question: For people, with a question mark.
        higher, lower: Keys of the arms; a positive difference, the first's error minus the second's, speaks for it.
        expected: What the paper's own numbers would be called; None where it says nothing.
        paper: The paper's words on it, with its numbers; often empty.
    """

    question: str
    higher: str
    lower: str
    measure: Measure = Measure.TRAINING
    expected: Outcome | None = None
    paper: str = ""


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """A study with one budget and one data set.

    Attributes:
        key: Under which its runs are stored.
        budget: Of a study of the gallery; empty for one's own.
        where: Figure or table of the paper; empty for one's own.
        expects: What the paper says, with its numbers.
        seeds: Those that are trained: 0, 1, 2, ..., or those that a file names.
        looks: At how many seeds it is looked; see :mod:`resnet_studio.studies.rule`.
        left_out: Combinations of a grid that are no runs, each with the reason.
        cohort_runs: Runs that train together at the most.
        protocols: Of the evaluations, where a comparison is answered by them: the first is that of all nets together.
    """

    key: str
    title: str
    question: str
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    seeds: tuple[int, ...]
    budget: str = ""
    where: str = ""
    expects: str = ""
    looks: tuple[int, ...] = LOOKS
    left_out: tuple[str, ...] = ()
    cohort_runs: int = 32
    protocols: tuple[Protocol, ...] = (SINGLE,)

    def arm(self, key: str) -> Arm:
        """Raises KeyError for a key that no arm has."""
        for arm in self.arms:
            if arm.key == key:
                return arm
        raise KeyError(key)

    @property
    def name(self) -> str:
        """Title and budget: ``Degradation, quick``."""
        return _("{title}, {budget}", title=self.title, budget=self.budget) if self.budget else self.title

    def with_seeds(self, count: int) -> StudyPlan:
        """So many seeds: the study's own first, in its order, then the smallest numbers that are not among them."""
        others = (seed for seed in itertools.count() if seed not in self.seeds)
        return replace(self, seeds=tuple(itertools.islice(itertools.chain(self.seeds, others), count)))

    def more_seeds(self, count: int = 0) -> StudyPlan:
        """So many more; 0: up to the next number at which is looked, or one more after the last."""
        have = len(self.seeds)
        wanted = have + count if count else next((look for look in self.looks if look > have), have + 1)
        return self.with_seeds(wanted)

    def runs(self) -> tuple[RunSpec, ...]:
        """Every run, seed by seed: with each seed that has ended there is something to look at."""
        return tuple(arm.with_seed(seed) for seed in self.seeds for arm in self.arms)

    def cohorts(self) -> tuple[CohortSpec, ...]:
        """Every run in a cohort with those that share its batches, seed by seed."""
        return self.cohorts_of(self.runs())

    def cohorts_of(self, runs: Iterable[RunSpec]) -> tuple[CohortSpec, ...]:
        """Cohorts of some of the runs, as :meth:`cohorts`."""
        return form_cohorts(runs, name=self.name, study=self.key, most=self.cohort_runs)

    @property
    def evaluated(self) -> bool:
        """Whether a comparison is answered by evaluations of all nets together."""
        return any(comparison.measure.evaluated for comparison in self.comparisons)

    @property
    def disk_bytes(self) -> int:
        """What the runs will take on the disk, about: checkpoints, batch-norm statistics and curves."""
        return sum(len(self.seeds) * disk_bytes(arm.spec) for arm in self.arms)


def disk_bytes(spec: RunSpec) -> int:
    """What one run takes on the disk, about."""
    weights = 4 * _STATE_FLOATS * KEPT_CHECKPOINTS * blueprint(spec.network).parameters
    return weights + _CURVE_BYTES * spec.recipe.iterations


def setting(spec: RunSpec) -> RunSpec:
    """What makes two runs the same one, seeds aside: all but names and what only says how this machine computes it."""
    recipe = spec.recipe.model_copy(update={**_ONLY_HERE, **dict.fromkeys(SEEDS, 0)})
    return spec.model_copy(update={"name": "", "recipe": recipe})


@dataclass(frozen=True, slots=True)
class Place:
    """One run of a plan and the stored run that stands for it, None where there is none yet."""

    arm: Arm
    seed: int
    run: RunRecord | None

    @property
    def done(self) -> bool:
        return self.run is not None and not self.run.resumable and not self.run.status.active


def places(plan: StudyPlan, stored: Iterable[RunRecord]) -> tuple[Place, ...]:
    """Each run of ``plan`` with its stored one: of several the one that ended first, else the one that came farthest.

    A repetition therefore replaces no result.

    A run that ended counts whichever study it was trained for; one that has not ended only where it is of this study.
    Seeds that are stored beyond those of the plan come last.
    """
    arms = {setting(arm.spec): arm.key for arm in plan.arms}
    networks = {arm.spec.network for arm in plan.arms}
    stored = [run for run in stored if run.spec.network in networks]
    found: dict[tuple[str, int], RunRecord] = {}
    extra: set[int] = set()
    open_ = sorted((run for run in stored if not _ended(run)), key=lambda run: (run.iteration, run.created_at))
    ended = sorted((run for run in stored if _ended(run)), key=lambda run: run.end_order, reverse=True)
    for run in (*open_, *ended):
        seed, order = run.spec.recipe.seeds
        if run.imported or seed != order or not (run.study == plan.key or _ended(run)):
            continue
        key = arms.get(setting(run.spec))
        if key is not None:
            found[key, seed] = run
            if _ended(run):
                extra.add(seed)
    seeds = (*plan.seeds, *sorted(extra - set(plan.seeds)))
    return tuple(Place(arm, seed, found.get((arm.key, seed))) for seed in seeds for arm in plan.arms)


def _ended(run: RunRecord) -> bool:
    return not run.resumable and not run.status.active


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that is left to train: a new cohort, or stored runs that go on together."""

    cohort: CohortSpec | None
    resume: tuple[RunRecord, ...] = ()


def work_left(plan: StudyPlan, stored: Sequence[RunRecord]) -> tuple[Work, ...]:
    """What has to be trained: first stored runs that can go on, by their cohorts, then new ones.

    A run that ended, or that another program is training, is no work.
    """
    chosen = {(place.arm.key, place.seed): place for place in places(plan, stored)}
    mine = [chosen[arm.key, seed] for seed in plan.seeds for arm in plan.arms]
    unfinished: dict[str, list[RunRecord]] = {}
    for run in (place.run for place in mine):
        if run is not None and run.resumable:
            unfinished.setdefault(run.cohort_id, []).append(run)
    new = (place.arm.with_seed(place.seed) for place in mine if place.run is None)
    return (*(Work(None, tuple(runs)) for runs in unfinished.values()), *(Work(c) for c in plan.cohorts_of(new)))
