"""Runs as groups: those that differ in their seeds alone, or that share the values of some fields."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from resnet_studio.domain.csv_text import CsvWriter
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.recipe_spec import SEEDS
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_fields import RunField, find_field, run_fields
from resnet_studio.domain.statistics import half_width
from resnet_studio.domain.text_numbers import NONE, true_minus
from resnet_studio.text import _

Grouping = tuple[str, ...]  # keys of fields; empty for no groups
NO_GROUPS: Grouping = ()
ALL_BUT_SEEDS: Grouping = ("all-but-the-seed",)
LEVEL = 0.95
_ENDED = frozenset({RunStatus.FINISHED, RunStatus.IMPORTED})  # whose errors are those of a whole training


@dataclass(frozen=True, slots=True)
class Statistic:
    """Mean, spread and confidence interval of ``count`` values.

    The spread is the sample standard deviation (n - 1), the interval the mean's 95 % t interval, of which the ends are
    given; these three are None below two values.
    """

    count: int
    mean: float
    deviation: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        """``8.90 ± 0.20``; without a second value the mean alone."""
        if self.deviation is None:
            return f"{self.mean:.2f}"
        return _("{mean:.2f} ± {deviation:.2f}", mean=self.mean, deviation=self.deviation)

    @property
    def interval_text(self) -> str:
        """``8.40 to 9.40``."""
        if self.low is None or self.high is None:
            return NONE
        low, high = (true_minus(f"{end:.2f}") for end in (self.low, self.high))
        return _("{low} to {high}", low=low, high=high)


def statistic(values: Sequence[float]) -> Statistic | None:
    """None without a value; values that are not finite must have been left out."""
    count = len(values)
    if not count:
        return None
    mean = math.fsum(values) / count
    if count == 1:
        return Statistic(1, mean)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    half = half_width(deviation, count, LEVEL)
    return Statistic(count, mean, deviation, mean - half, mean + half)


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs in the order given.

    Attributes:
        key: The same for the same values, whichever runs are there.
        name: What people see; no two groups of one grouping share it.
        grouping: What made it.
        counted: Whose results are averaged: runs that have ended; of runs that differ in their seeds alone one for each
            pair of seeds, since the same seeds make the same run twice. Without any that has ended, all of them.
    """

    key: Hashable
    name: str
    grouping: Grouping
    runs: tuple[RunRecord, ...]
    counted: tuple[RunRecord, ...]
    _statistics: dict[str, Statistic | None] = dataclasses.field(default_factory=dict, compare=False, repr=False)

    @property
    def id(self) -> str:
        """The key as a short text."""
        return f"group:{hashlib.sha256(repr(self.key).encode()).hexdigest()[:16]}"

    @property
    def first(self) -> RunRecord:
        return self.runs[0]

    @property
    def residual(self) -> bool | None:
        """None where plain and residual runs are averaged together."""
        kinds = {run.residual for run in self.counted}
        return kinds.pop() if len(kinds) == 1 else None

    @property
    def left_out(self) -> str:
        """``2 stopped, 1 diverged``: runs of the group that are not averaged; often empty."""
        counted = {run.id for run in self.counted}
        others = Counter(run.status for run in self.runs if run.id not in counted and run.status not in _ENDED)
        return ", ".join(_("{count} {status}", count=count, status=_(status.value)) for status, count in others.items())

    def statistic(self, field: RunField) -> Statistic | None:
        """Of one result; of evaluated errors only where all were measured in the same way."""
        if field.key not in self._statistics:
            self._statistics[field.key] = self._statistic(field)
        return self._statistics[field.key]

    def _statistic(self, field: RunField) -> Statistic | None:
        runs = self.counted
        if field.key == "evaluated_error":
            measures = {found.measure for run in runs if (found := run.evaluated_error) is not None}
            if len(measures) > 1:
                return None
        values = [field.read(run) for run in runs]
        return statistic([float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)])


def group_runs(runs: Iterable[RunRecord], grouping: Grouping) -> list[RunGroup]:
    """The groups of ``runs``, in the order of their first runs.

    ``grouping`` is :data:`ALL_BUT_SEEDS`, or keys of fields; unknown keys are passed over.
    """
    key = _but_seeds if grouping == ALL_BUT_SEEDS else _by_fields(grouping)
    found: dict[Hashable, list[RunRecord]] = {}
    for run in runs:
        found.setdefault(key(run), []).append(run)
    names = _names([members[0] for members in found.values()], grouping)
    return [
        RunGroup(each, name, grouping, tuple(members), _counted(members, grouping))
        for name, (each, members) in zip(names, found.items(), strict=True)
    ]


def _counted(runs: Sequence[RunRecord], grouping: Grouping) -> tuple[RunRecord, ...]:
    ended = [run for run in runs if run.status in _ENDED] or list(runs)
    if grouping == ALL_BUT_SEEDS and len(ended) > 1:
        by_seeds: dict[Hashable, RunRecord] = {}
        for run in ended:
            by_seeds.setdefault(run.id if run.imported else run.spec.recipe.seeds, run)
        ended = list(by_seeds.values())
    return tuple(ended)


def _but_seeds(run: RunRecord) -> Hashable:
    """Everything that was asked for, seeds and name aside, and the images as far as they are known."""
    spec = run.spec
    recipe = [value for name, value in spec.recipe.__dict__.items() if name not in SEEDS]
    whole = (*spec.network.__dict__.values(), *recipe, *spec.data.__dict__.values(), spec.start_from)
    return (*whole, run.environment.get("data_sha256", ""), run.id if run.imported else "")


def _by_fields(grouping: Grouping) -> Callable[[RunRecord], Hashable]:
    readers = [field.read for field in fields_of(grouping)]
    return lambda run: tuple([read(run) for read in readers])


def fields_of(grouping: Grouping) -> list[RunField]:
    """The fields that a grouping goes by; none for :data:`ALL_BUT_SEEDS`."""
    return [found for key in grouping if (found := find_field(key)) is not None]


GROUPED = ("training_error", "test_error", "evaluated_error")
"""The results that groups are compared by."""


def groups_csv(groups: Sequence[RunGroup], baseline: str = "") -> str:
    """One line a group: its runs, and of each result count, mean, sample deviation and interval of the mean.

    With the id of one of the groups as ``baseline``, also how far the means lie above that group's.
    """
    out = io.StringIO()
    writer = CsvWriter(out)
    base = next((group for group in groups if group.id == baseline), None)
    parts = ["n", "mean", "deviation", "low", "high", *(["delta"] if base else [])]
    writer.writerow(["group", "runs", "left_out", *(f"{key}_{part}" for key in GROUPED for part in parts)])
    for group in groups:
        cells: list[object] = []
        for field in (run_fields()[key] for key in GROUPED):
            found, beside = group.statistic(field), base and base.statistic(field)
            if found is None:
                cells += ["0", *[""] * (len(parts) - 1)]
                continue
            values = [found.mean, found.deviation, found.low, found.high]
            values += [found.mean - beside.mean if beside else None] if base else []
            cells += [str(found.count), *("" if value is None else f"{value:.6g}" for value in values)]
        writer.writerow([group.name, " ".join(run.id for run in group.counted), group.left_out, *cells])
    return out.getvalue()


def grouping_text(grouping: Grouping) -> str:
    """For a button: ``all but the seed``, ``Depth, Block``."""
    if grouping == ALL_BUT_SEEDS:
        return _("all but the seed")
    return ", ".join(field.title for field in fields_of(grouping)) or _("none")


def _names(firsts: Sequence[RunRecord], grouping: Grouping) -> list[str]:
    """Names of groups, by the values of the fields.

    Runs that differ in seeds are named as their network, and by what else differs between groups of one network.
    """
    if grouping != ALL_BUT_SEEDS:
        fields = fields_of(grouping)
        return [", ".join(_value_text(field, run) for field in fields) or _("all runs") for run in firsts]
    names = [run.name if run.imported else run.spec.network.label for run in firsts]
    shared = Counter(names)
    alike: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        if shared[name] > 1:
            alike.setdefault(name, []).append(place)
    for places in alike.values():
        _tell_apart(names, firsts, places)
    return names


def _tell_apart(names: list[str], firsts: Sequence[RunRecord], places: Sequence[int]) -> None:
    differing = [
        (field, values)
        for field in run_fields().values()
        if field.path
        and field.path.rpartition(".")[2] not in SEEDS
        and len(set(values := [field.read(firsts[place]) for place in places])) > 1
    ]
    for index, place in enumerate(places):
        words = [f"{field.title.lower()} {field.text(values[index])}" for field, values in differing]
        names[place] = " · ".join((names[place], *words))
    for name, count in Counter(names[place] for place in places).items():
        if count > 1:  # other images, or imported twice
            for place in places:
                if names[place] == name:
                    names[place] = f"{name} · {firsts[place].short_id}"


def _value_text(field: RunField, run: RunRecord) -> str:
    """``plain`` speaks for itself, ``20`` does not."""
    value = field.read(run)
    text = field.text(value) or _("none")
    return text if field.path in ("network.block", "data.source") or field.key in ("label", "kind", "name", "status") \
        else f"{field.title.lower()} {text}"  # fmt: skip
