"""A study before anything starts: how many runs and cohorts, what each net takes in time and on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.text_numbers import file_size
from resnet_studio.platform.training_speed import KnownSpeeds
from resnet_studio.studies.estimate import Estimate, estimate
from resnet_studio.studies.plan import Arm, StudyPlan, disk_bytes
from resnet_studio.text import _, _n

_LISTED_SEEDS = 5  # so many are named each


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One net with every seed. ``cohort`` counts from 1, of the first seed; ``time`` is of all its runs."""

    arm: Arm
    parameters: int
    multiply_adds: int
    seeds: int
    cohort: int
    time: Estimate | None
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The whole of a plan; ``time`` is None where nothing comparable was measured here."""

    plan: StudyPlan
    runs: int
    cohorts: int
    time: Estimate | None
    rows: tuple[PreviewRow, ...]

    @property
    def words(self) -> str:
        """``12 runs in 3 cohorts · seeds 0 to 2 · 8 to 12 min · about 40 MB on the disk``."""
        return _(
            "{runs} in {cohorts}  ·  {seeds}  ·  {time}  ·  about {size} on the disk",
            runs=_n("{count} run", "{count} runs", self.runs),
            cohorts=_n("{count} cohort", "{count} cohorts", self.cohorts),
            seeds=seeds_words(self.plan.seeds),
            time=_("time not known yet") if self.time is None else self.time.words,
            size=file_size(self.plan.disk_bytes),
        )


def seeds_words(seeds: Sequence[int]) -> str:
    """``seeds 5, 6, 7, 0``, in their order; ``seeds 0 to 9`` where they follow one another."""
    if len(seeds) > _LISTED_SEEDS and tuple(seeds) == tuple(range(seeds[0], seeds[0] + len(seeds))):
        return _("seeds {first} to {last}", first=seeds[0], last=seeds[-1])
    return _n("seed {seeds}", "seeds {seeds}", len(seeds), seeds=", ".join(map(str, seeds)))


def preview(plan: StudyPlan, known: KnownSpeeds) -> Preview:
    cohorts = plan.cohorts()
    first = plan.seeds[0] if plan.seeds else 0
    place = {run: number for number, cohort in enumerate(cohorts, 1) for run in cohort.runs}
    rows = []
    for arm in plan.arms:
        design = blueprint(arm.spec.network)
        rows.append(
            PreviewRow(
                arm, design.parameters, design.multiply_adds, len(plan.seeds), place[arm.with_seed(first)],
                estimate(replace(plan, arms=(arm,)), known), len(plan.seeds) * disk_bytes(arm.spec),
            )
        )  # fmt: skip
    return Preview(plan, len(plan.seeds) * len(plan.arms), len(cohorts), estimate(plan, known), tuple(rows))
