"""Runs side by side: the fields that differ, the differences of results, the gaps of twins, and all of it as CSV."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from resnet_studio.domain.csv_text import CsvWriter
from resnet_studio.domain.identity import same_objects
from resnet_studio.domain.records import NOT_KNOWN, Curve, RunRecord
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW, Series
from resnet_studio.domain.spec import Spec, unit_of
from resnet_studio.domain.specs import RunSpec
from resnet_studio.domain.text_numbers import NONE, percent, signed
from resnet_studio.text import _

MISSING = NONE
ELSEWHERE = _("elsewhere; recipe, seeds and data not known")
Curves = Mapping[tuple[str, Series], Curve]
_NOT_COMPARED = frozenset({"schema_version", "name"})
_ENVIRONMENT_TITLES = {
    "commit": _("Program's commit"),
    "data_sha256": _("Data checksum"),
    "device": _("Device used"),
    "device_name": _("Device name"),
    "precision": _("Precision used"),
    "layout": _("Memory layout used"),
    "program_sha256": _("Program's sources"),
    "resnet_studio": "ResNet Studio",
    "torch": "torch",
    "torchvision": "torchvision",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not the same in all runs.

    Attributes:
        field: Dotted name, ``network.depth`` or ``environment.device``.
        title: What people see.
        unit: Of the values, often empty.
        values: As text, one a run, in the runs' order; ``–`` where a run has none, ``not known`` where it is not on
            record.
    """

    field: str
    title: str
    unit: str
    values: tuple[str, ...]


class Quantity(StrEnum):
    """A result of a run. Errors in percent, seconds of training."""

    TRAINING_ERROR = "training_error"
    TEST_ERROR = "test_error"
    EVALUATED_ERROR = "evaluated_error"
    BEST_TEST_ERROR = "best_test_error"
    ITERATION = "iteration"
    SECONDS = "seconds"
    PARAMETERS = "parameters"
    MULTIPLY_ADDS = "multiply_adds"

    @property
    def is_error(self) -> bool:
        return self.value.endswith("_error")


def result(run: RunRecord, quantity: Quantity) -> float | None:
    """One result; None where it was not measured or is not finite.

    The training error is the mean of the last iterations, the evaluated error that of the newest evaluation of the
    present weights.

    How long an imported run was trained is not known.
    """
    if run.imported and quantity in (Quantity.ITERATION, Quantity.SECONDS):
        return None
    evaluated = run.evaluated_error
    value = {
        Quantity.EVALUATED_ERROR: None if evaluated is None else evaluated.top1,
        Quantity.TRAINING_ERROR: run.training_error,
        Quantity.TEST_ERROR: run.test_error,
        Quantity.BEST_TEST_ERROR: run.best_test_error,
        Quantity.ITERATION: run.iteration,
        Quantity.SECONDS: run.seconds,
        Quantity.PARAMETERS: run.parameters,
        Quantity.MULTIPLY_ADDS: run.multiply_adds,
    }[quantity]
    return None if value is None or not math.isfinite(value) else value


def display_names(runs: Sequence[RunRecord]) -> dict[str, str]:
    """Names by run id; runs that share one get something behind it.

    That is their seeds, else the fields in which they differ, or else the beginning of their ids.
    """
    groups: dict[str, list[RunRecord]] = {}
    for run in runs:
        groups.setdefault(run.name, []).append(run)
    names: dict[str, str] = {}
    for group in groups.values():
        marks = _marks(group) if len(group) > 1 else [""]
        names |= {run.id: f"{run.name} · {mark}" if mark else run.name for run, mark in zip(group, marks, strict=True)}
    return {run.id: names[run.id] for run in runs}


class NamesInList:
    """Names of all runs of a list; those that are shown beside it are called there and here the same."""

    def __init__(self) -> None:
        self._runs: tuple[RunRecord, ...] = ()
        self._names: dict[str, str] = {}

    def of(self, runs: Sequence[RunRecord], shown: Sequence[RunRecord]) -> dict[str, str]:
        """By run id. Of a long list that stays the same the names are not made anew."""
        if not same_objects(runs, self._runs):
            self._runs, self._names = tuple(runs), display_names(runs)
        return self._names | display_names(shown)


_MOST_MARKED = 24  # runs of one name; of more the ids are shorter than what differs
_MOST_MARKS = 3  # fields


def _marks(group: Sequence[RunRecord]) -> list[str]:
    """What tells runs of one name apart."""
    if len({run.spec.recipe.init_seed for run in group if not run.imported}) == len(group):
        return [_("seed {init_seed}", init_seed=run.spec.recipe.init_seed) for run in group]
    ids = [run.id[:6] for run in group]
    if len(group) > _MOST_MARKED:
        return ids
    rows = [row for row in comparison_rows(group) if row.field != "origin" and not row.field.startswith("environment.")]
    rows = [row for row in rows if NOT_KNOWN not in row.values]
    if not 0 < len(rows) <= _MOST_MARKS:
        return ids
    words = [", ".join(f"{row.title.lower()} {row.values[place]}" for row in rows) for place in range(len(group))]
    return words if len(set(words)) == len(words) and all(words) else ids


def as_of(run: RunRecord, curves: Curves, iteration: int) -> RunRecord:
    """The run as it stood at ``iteration``, by its curves; without them, or where it is there now, as it is."""
    training, test = curves.get((run.id, Series.TRAINING_ERROR)), curves.get((run.id, Series.TEST_ERROR))
    if iteration == run.iteration or training is None:
        return run
    tests = np.empty(0, np.float32) if test is None else _until(test, iteration)
    means = _until(training, iteration)[-TRAINING_ERROR_WINDOW:]
    finite = [float(value) for value in tests if math.isfinite(value)]
    return replace(
        run,
        iteration=iteration,
        training_error=_finite(float(np.mean(means, dtype=np.float64))) if len(means) else None,
        test_error=_finite(float(tests[-1])) if len(tests) else None,
        best_test_error=min(finite, default=None),
    )


def _until(curve: Curve, iteration: int) -> np.ndarray:
    return curve.values[: int(np.searchsorted(curve.iterations, iteration, "right"))]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def deltas(
    runs: Sequence[RunRecord], baseline: RunRecord, curves: Curves | None = None
) -> dict[str, dict[Quantity, float | None]]:
    """Result minus the baseline's, by run id; None where either has none. Errors differ in percentage points.

    With ``curves``, errors are compared at the last iteration that run and baseline have both reached. Evaluated errors
    are compared where both were measured in the same way.
    """
    found: dict[str, dict[Quantity, float | None]] = {}
    for run in runs:
        common, found[run.id] = min(run.iteration, baseline.iteration), {}
        for quantity in Quantity:
            sides = (run, baseline)
            if curves is not None and quantity.is_error:
                sides = (as_of(run, curves, common), as_of(baseline, curves, common))
            value, base = (result(side, quantity) for side in sides)
            if quantity is Quantity.EVALUATED_ERROR and not _measured_alike(run, baseline):
                value = None
            found[run.id][quantity] = None if value is None or base is None else value - base
    return found


def _measured_alike(one: RunRecord, other: RunRecord) -> bool:
    found = (one.evaluated_error, other.evaluated_error)
    return found[0] is not None and found[1] is not None and found[0].measure == found[1].measure


def comparison_rows(runs: Sequence[RunRecord]) -> list[Difference]:
    """The fields of specification and environment in which the runs differ, in the specification's order.

    A run that never started has no environment; that alone is no difference. Nor is a field of an imported run that
    is not known: one row, the first, says which runs were trained elsewhere.
    """
    columns = [dict(_spec_values(run.spec)) for run in runs]
    rows = []
    if len({run.imported for run in runs}) > 1:
        rows.append(
            Difference("origin", _("Trained"), "", tuple(ELSEWHERE if run.imported else "here" for run in runs))
        )
    for field, (title, unit, _unused) in _spec_values(RunSpec()):
        known = [column[field][2] if run.knows(field) else None for run, column in zip(runs, columns, strict=True)]
        if len({value for value in known if value is not None}) > 1:
            texts = tuple(NOT_KNOWN if value is None else value for value in known)
            rows.append(Difference(field, title, unit, texts))
    for key in sorted({key for run in runs for key in run.environment}):
        found = [_environment_value(run, key) for run in runs]
        if len({value for value in found if value is not None}) > 1:
            rows.append(environment_row(key, found))
    return rows


def _environment_value(run: RunRecord, key: str) -> str | None:
    """An imported run's precision is that of its stored weights: which one they were trained in is not known."""
    return None if run.imported and key == "precision" else run.environment.get(key)


def environment_row(key: str, values: Sequence[str | None]) -> Difference:
    """A row of the environment, None where it is not known."""
    title = _ENVIRONMENT_TITLES.get(key, key.replace("_", " ").capitalize())
    return Difference(f"environment.{key}", title, "", tuple(_short(value) for value in values))


def _short(value: str | None) -> str:
    """Checksums are cut: twelve digits are enough to distinguish them."""
    if value is None:
        return MISSING
    return value[:12] if len(value) == 64 and set(value) <= set("0123456789abcdef") else value


def _spec_values(spec: Spec, prefix: str = "") -> Iterator[tuple[str, tuple[str, str, str]]]:
    """(dotted name, (title, unit, value as text)) of every leaf that is compared."""
    for name, info in type(spec).model_fields.items():
        value: Any = getattr(spec, name)
        if isinstance(value, Spec):
            yield from _spec_values(value, f"{prefix}{name}.")
        elif f"{prefix}{name}" not in _NOT_COMPARED:
            yield f"{prefix}{name}", (info.title or name, unit_of(info), _text(value))


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_text(item) for item in value) or _("none")
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class TwinGap:
    """Plain minus residual within one cohort at one depth, in percentage points; None where either has no error.

    ``names`` are the two runs' as they are shown, plain first.
    """

    depth: int
    plain: RunRecord
    residual: RunRecord
    training: float | None
    test: float | None
    names: tuple[str, str]
    common: int | None = None  # where they were compared, if one has gone further

    @property
    def sentence(self) -> str:
        """The gap in words: 56 layers: plain-56's training error is 25.7 percentage points above its twin ..."""
        kind, gap = ("training", self.training) if self.training is not None else ("test", self.test)
        if gap is None:
            return _(
                "{names} and {names_2} are twins of {depth} layers without errors yet.",
                names=self.names[0],
                names_2=self.names[1],
                depth=self.depth,
            )
        plain, residual = (
            (run.training_error if kind == "training" else run.test_error) for run in (self.plain, self.residual)
        )
        text = _(
            "{depth} layers: {names}'s {kind} error is {points} its twin {names_2}'s ({percent} and {percent_2})",
            depth=self.depth,
            names=self.names[0],
            kind=kind,
            points=_points(gap),
            names_2=self.names[1],
            percent=percent(plain, digits=1),
            percent_2=percent(residual, digits=1),
        )
        if kind == "training" and self.test is not None:
            text += _(", test error {test}", test=signed(self.test, digits=1))
        if self.plain.iteration != self.residual.iteration:
            text += _(
                ", though they stand at iterations {iteration} and {residual_iteration}",
                iteration=self.plain.iteration,
                residual_iteration=self.residual.iteration,
            )
        elif self.common is not None:
            text += _(", at iteration {common}, the last that both have reached", common=self.common)
        return text + "."


def _points(gap: float) -> str:
    if abs(gap) < 0.05:
        return _("the same as")
    return _("{gap:.1f} percentage points {gap_2}", gap=abs(gap), gap_2=_("above") if gap > 0 else _("below"))


def twin_gaps(runs: Sequence[RunRecord], curves: Curves | None = None) -> list[TwinGap]:
    """Every plain run with every residual run of its cohort, depth and initial weights; shallow first.

    With ``curves``, twins are compared at the last iteration that both have reached.
    """
    found, names = [], display_names(runs)
    for plain in runs:
        for residual in runs:
            if residual.residual and not plain.residual and _twins(plain, residual):
                common = min(plain.iteration, residual.iteration)
                ahead = plain.iteration != residual.iteration
                pair = [as_of(run, curves, common) if curves else run for run in (plain, residual)]
                sides = deltas([pair[0]], pair[1])[plain.id]
                found.append(
                    TwinGap(
                        plain.spec.network.depth,
                        pair[0],
                        pair[1],
                        sides[Quantity.TRAINING_ERROR],
                        sides[Quantity.TEST_ERROR],
                        (names[plain.id], names[residual.id]),
                        common if ahead else None,
                    )
                )
    return sorted(found, key=lambda gap: gap.depth)


def _twins(plain: RunRecord, residual: RunRecord) -> bool:
    return (
        plain.cohort_id == residual.cohort_id
        and plain.spec.network.depth == residual.spec.network.depth
        and plain.spec.recipe.init_seed == residual.spec.recipe.init_seed
    )


def comparison_csv(runs: Sequence[RunRecord], curves: Mapping[tuple[str, Series], Curve]) -> str:
    """The curves, one line a point: ``run,name,series,iteration,value``, runs and series in the order given.

    Values have as many digits as it takes to read the stored float32 back; not finite ones are nan, inf and -inf. A
    series of layers is written layer by layer, as ``gradient_norm/0``.
    """
    out = io.StringIO()
    writer = CsvWriter(out)
    writer.writerow(("run", "name", "series", "iteration", "value"))
    for run in runs:
        for (run_id, series), curve in curves.items():
            if run_id != run.id:
                continue
            layers = [series.of_layer(n) for n in range(curve.values.shape[1])] if series.layered else [series]
            for each, values in zip(layers, curve.values.T if series.layered else [curve.values], strict=True):
                writer.writerows(
                    (run.id, run.name, str(each), int(iteration), str(value))
                    for iteration, value in zip(curve.iterations, values, strict=True)
                )
    return out.getvalue()


def _cell(quantity: Quantity, value: float | None) -> str:
    """Errors are stored as float32: as many digits as bring that number back, and no noise after them."""
    if value is None:
        return ""
    return str(np.float32(value)) if quantity.is_error else f"{value:.17g}" if value == int(value) else f"{value:.10g}"


def summary_csv(
    runs: Sequence[RunRecord],
    baseline: RunRecord | None = None,
    curves: Curves | None = None,
    extra: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """One line a run: id, name, status, results, the errors minus ``baseline``'s, ``extra``, every field that differs.

    ``extra`` holds columns by name, each with one text a run.
    """
    out = io.StringIO()
    writer = CsvWriter(out)
    rows = comparison_rows(runs)
    errors = [quantity for quantity in Quantity if quantity.is_error] if baseline else []
    head = ["run", "name", "status", *Quantity, *(f"{quantity}_delta" for quantity in errors)]
    more = extra or {}
    writer.writerow([*head, *more, *(row.field for row in rows)])
    differences = deltas(runs, baseline, curves) if baseline else {}
    for index, run in enumerate(runs):
        results = [result(run, quantity) for quantity in Quantity]
        away = [differences[run.id][quantity] for quantity in errors]
        cells = [_cell(quantity, value) for quantity, value in zip(Quantity, results, strict=True)]
        cells += ["" if value is None else f"{value:.6g}" for value in away]
        cells += [values[index] for values in more.values()]
        writer.writerow([run.id, run.name, str(run.status), *cells, *(row.values[index] for row in rows)])
    return out.getvalue()
