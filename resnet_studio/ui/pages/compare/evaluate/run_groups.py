"""Stored evaluations sorted into groups that may be compared: the same images under the same protocol."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from resnet_studio.domain.data_sets import DATA_SETS, NO_DATA
from resnet_studio.domain.records import EvaluationSummary, RunRecord
from resnet_studio.text import _, _n
from resnet_studio.ui.models import formats
from resnet_studio.ui.widgets.text import counted

SOURCE_NAMES = {**{row.key: row.title for row in DATA_SETS}, NO_DATA: _("unknown data")}
_NUMBERS = re.compile(r"([0-9]+)")
MOST_ALWAYS_RIGHT = 5  # with so few classes the top-5 error is zero whatever a network says


@dataclass(frozen=True, slots=True)
class Group:
    """Evaluations by rising error. ``others``: another group has the same title, of other images."""

    title: str
    evaluations: tuple[EvaluationSummary, ...]
    others: bool = False

    @property
    def images(self) -> int:
        return self.evaluations[0].images

    @property
    def mark(self) -> str:
        """What sets it off from a group of the same title."""
        return _("data {data_sha256}", data_sha256=self.evaluations[0].data_sha256[:6]) if self.others else ""


def source_name(source: str, seed: int = 0) -> str:
    """``CIFAR-10``, ``Built-in images``, or the last part of a folder's path; with the draw, where it is not 0."""
    folder = source.removeprefix("folder:")
    name = SOURCE_NAMES.get(source) or folder.replace("\\", "/").rstrip("/").rpartition("/")[2] or folder
    return _("{name} (draw {seed})", name=name, seed=seed) if seed else name


def group(evaluations: Iterable[EvaluationSummary]) -> tuple[Group, ...]:
    """Newest group first; results of other images or another protocol are never in one group."""
    found: dict[tuple[str, int, str, str], list[EvaluationSummary]] = {}
    for evaluation in sorted(evaluations, key=lambda one: one.created_at, reverse=True):
        key = (evaluation.data, evaluation.data_seed, evaluation.data_sha256, evaluation.protocol.key)
        found.setdefault(key, []).append(evaluation)
    titles = [_title(members[0]) for members in found.values()]
    return tuple(
        Group(title, tuple(sorted(members, key=lambda one: one.top1_error)), titles.count(title) > 1)
        for title, members in zip(titles, found.values(), strict=True)
    )


def _title(evaluation: EvaluationSummary) -> str:
    return f"{source_name(evaluation.data, evaluation.data_seed)}, {evaluation.protocol.label}"


def evaluation_name(evaluation: EvaluationSummary, names: Mapping[str, str]) -> str:
    """``ResNet-20``, or ``Ensemble of 3: ...`` by name; a run that is no longer stored is named by its id."""
    members = sorted(
        (names.get(run_id, _("deleted run {run_id}", run_id=run_id[:6])) for run_id in evaluation.run_ids),
        key=_in_order,
    )
    return (
        members[0]
        if len(members) == 1
        else _("Ensemble of {members}: {members_2}", members=len(members), members_2=", ".join(members))
    )


def _in_order(name: str) -> tuple[str | int, ...]:
    """ResNet-8 before ResNet-20: words and numbers take turns, so that like meets like."""
    return tuple(int(part) if number % 2 else part.casefold() for number, part in enumerate(_NUMBERS.split(name)))


def weights_text(evaluation: EvaluationSummary) -> str:
    """``iteration 500``; ``iterations 500 to 800`` for an ensemble."""
    low, high = min(evaluation.iterations), max(evaluation.iterations)
    if low == high:
        return _("iteration {count}", count=formats.count(low))
    return _("iterations {count} to {count_2}", count=formats.count(low), count_2=formats.count(high))


def outdated_sentence(evaluation: EvaluationSummary, names: Mapping[str, str]) -> str:
    """Which members have other weights by now, or empty."""
    pairs = zip(evaluation.run_ids, evaluation.outdated, strict=True)
    old = [names.get(run_id, run_id[:6]) for run_id, outdated in pairs if outdated]
    if not old:
        return ""
    return _n(
        "Older weights: {old} has newer ones by now; evaluate again.",
        "Older weights: {old} have newer ones by now; evaluate again.",
        len(old),
        old=", ".join(old),
    )


def about(evaluation: EvaluationSummary, names: Mapping[str, str]) -> str:
    """Everything in lines, for a tool tip."""
    lines = [evaluation_name(evaluation, names)]
    if evaluation.is_ensemble:
        members = zip(evaluation.run_ids, evaluation.member_errors, strict=True)
        alone = [(names.get(run_id, run_id[:6]), error) for run_id, error in members]
        lines += [
            _("{name} alone: {percent}", name=name, percent=formats.percent(error))
            for name, error in sorted(alone, key=lambda pair: _in_order(pair[0]))
        ]
        lines.append(_("The softmax outputs of the members are averaged."))
    images, took = counted(evaluation.images, "image", "images"), formats.duration(evaluation.seconds)
    lines.append(
        _("{images} in {took}, {moment}", images=images, took=took, moment=formats.moment(evaluation.created_at))
    )
    if evaluation.skipped:
        lines.append(
            _("{skipped} could not be read and left out", skipped=counted(evaluation.skipped, "image", "images"))
        )
    if old := outdated_sentence(evaluation, names):
        lines.append(old)
    return "\n".join(lines)


def of_runs(evaluations: Iterable[EvaluationSummary], runs: Sequence[RunRecord]) -> list[EvaluationSummary]:
    """Those in which one of ``runs`` takes part."""
    ids = {run.id for run in runs}
    return [evaluation for evaluation in evaluations if ids.intersection(evaluation.run_ids)]
