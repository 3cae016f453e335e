"""Nets of one seed together: ensembles against their best members, and two nets on the same test images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.records import Evaluation, EvaluationSummary, RunRecord
from resnet_studio.domain.statistics import fair_coin_tail
from resnet_studio.domain.text_numbers import grouped
from resnet_studio.studies.plan import Measure, Place, StudyPlan
from resnet_studio.studies.rule import ALPHA
from resnet_studio.text import _


def members(plan: StudyPlan, found: Sequence[Place]) -> dict[int, tuple[RunRecord, ...]]:
    """The runs of each seed with which every net has finished, in the order of the arms."""
    by_seed: dict[int, list[RunRecord]] = {}
    for place in found:
        if place.run is not None and place.run.status is RunStatus.FINISHED:
            by_seed.setdefault(place.seed, []).append(place.run)
    return {seed: tuple(runs) for seed, runs in by_seed.items() if len(runs) == len(plan.arms)}


EvaluatedErrors = Mapping[Measure, Mapping[int, tuple[float, float]]]
"""By measure and seed: the top-1 error that is held to be higher and the other one, percent.

The seeds stand in the order in which they were evaluated.
"""


@dataclass(frozen=True, slots=True)
class Lacking:
    """The nets of one seed, which have not been evaluated together under a protocol."""

    seed: int
    runs: tuple[RunRecord, ...]
    protocol: Protocol


def lacking(plan: StudyPlan, found: Sequence[Place], evaluations: Iterable[EvaluationSummary]) -> tuple[Lacking, ...]:
    """What is to be evaluated of nets that have finished, seed by seed; empty for a study without such comparisons."""
    if not plan.evaluated:
        return ()
    done = _evaluated(plan, found, evaluations)
    return tuple(
        Lacking(seed, runs, protocol)
        for seed, runs in members(plan, found).items()
        for protocol in plan.protocols
        if (seed, protocol.key) not in done
    )


def _evaluated(
    plan: StudyPlan, found: Sequence[Place], evaluations: Iterable[EvaluationSummary]
) -> dict[tuple[int, str], EvaluationSummary]:
    """By seed and protocol; of several the first, so that a repetition replaces no result.

    Evaluations of other weights or on other images, also such as a data set had before it changed, do not count.
    """
    wanted = {frozenset(run.id for run in runs): seed for seed, runs in members(plan, found).items()}
    first: dict[tuple[int, str], EvaluationSummary] = {}
    images = ""
    for one in sorted(evaluations, key=lambda each: each.created_at):
        seed = wanted.get(frozenset(one.run_ids))
        counts = one.member_errors and not any(one.outdated) and one.data == plan.arms[0].spec.data.source
        if seed is not None and counts and images in ("", one.data_sha256):
            images = one.data_sha256
            first.setdefault((seed, one.protocol.key), one)
    return first


def evaluated_errors(
    plan: StudyPlan, found: Sequence[Place], evaluations: Iterable[EvaluationSummary]
) -> EvaluatedErrors:
    """What the stored evaluations say of the comparisons that are answered by them."""
    done = _evaluated(plan, found, evaluations)
    together: list[tuple[datetime, int, tuple[float, float]]] = []
    scales: list[tuple[datetime, int, tuple[float, float]]] = []
    for seed in members(plan, found):
        if (one := done.get((seed, plan.protocols[0].key))) is not None:
            together.append((one.created_at, seed, (min(one.member_errors), one.top1_error)))
        by_kind = {each.kind: done.get((seed, each.key)) for each in plan.protocols}
        alone, several = by_kind.get(ProtocolKind.SINGLE), by_kind.get(ProtocolKind.MULTI_SCALE)
        if alone is not None and several is not None:
            both = (min(alone.member_errors), min(several.member_errors))
            scales.append((max(alone.created_at, several.created_at), seed, both))
    return {
        measure: {seed: errors for _moment, seed, errors in sorted(measured)}
        for measure, measured in ((Measure.TOGETHER, together), (Measure.SCALES, scales))
    }


@dataclass(frozen=True, slots=True)
class McNemar:
    """Two nets on the same test images: of the images that only one of them gets right, is it mostly the same one?

    It speaks of these two trained nets and these images, and of no other seed.

    Attributes:
        only_first, only_second: Images that only that net gets right.
        p: Exact, two-sided, of both being equally good.
    """

    first: str
    second: str
    images: int
    only_first: int
    only_second: int
    p: float

    @property
    def clear(self) -> bool:
        return self.p < ALPHA

    @property
    def sentence(self) -> str:
        better, worse = (self.first, self.second) if self.only_first >= self.only_second else (self.second, self.first)
        fields = {
            "first": self.first, "second": self.second, "one": grouped(self.only_first),
            "other": grouped(self.only_second), "images": grouped(self.images),
            "p": "p < 0.0001" if self.p < 1e-4 else f"p = {self.p:.2g}",
        }  # fmt: skip
        start = _(
            "Of the same {images} test images {first} alone gets {one} right, {second} alone {other} (McNemar, exact, "
            "{p}): ",
            **fields,
        )
        if self.clear:
            return start + _(
                "these weights of {better} are better than these of {worse}; other seeds may differ.",
                better=better,
                worse=worse,
            )
        return start + _("these two nets cannot be told apart by them.")


def mcnemar(first: Evaluation, second: Evaluation, names: tuple[str, str]) -> McNemar:
    """Raises ValueError for evaluations of other images."""
    if first.names != second.names or not np.array_equal(first.labels, second.labels):
        raise ValueError("both evaluations must be of the same images")
    right = [each.predicted == each.labels for each in (first, second)]
    counts = int(np.sum(right[0] & ~right[1])), int(np.sum(right[1] & ~right[0]))
    return McNemar(*names, first.images, *counts, fair_coin_tail(*counts))
