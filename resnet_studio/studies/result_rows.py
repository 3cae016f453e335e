"""A study's nets with their errors beside the paper's, and the points in which their recipes differ from its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.text_numbers import NONE, percent
from resnet_studio.studies.conformity import Conformity, State, of_run, of_spec
from resnet_studio.studies.plan import Arm
from resnet_studio.studies.stored import StoredStudy
from resnet_studio.text import _

_NAMED_AT_MOST = 12


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One net. Errors as mean ± standard deviation over its seeds, ``paper`` as the paper has it."""

    label: str
    parameters: int
    multiply_adds: int
    seeds: int
    training_error: str
    test_error: str
    paper: str


@dataclass(frozen=True, slots=True)
class RecipeDifference:
    """One point in which runs are not as the paper's, where the paper says so, and for which nets."""

    topic: str
    run: str
    paper: str
    where: str
    nets: str


def result_columns() -> tuple[str, ...]:
    """Headings of a table of :class:`ResultRow`, in the order of its fields."""
    return (
        _("net"), _("parameters"), _("multiply-adds"), _("seeds"), _("training error"), _("test error"), _("the paper"),
    )  # fmt: skip


def seeds_note(found: StoredStudy) -> str:
    """Which seeds the rows are of; they may be more than the verdicts looked at."""
    ended = dict.fromkeys(seed for _arm, seed in found.results)
    if not ended:
        return ""
    note = _("Of every seed that has ended: {seeds}.", seeds=", ".join(map(str, sorted(ended))))
    if any(verdict.unseen for verdict in found.verdicts):
        note += " " + _("A verdict looks at the first of them, which it names.")
    return note


def result_rows(found: StoredStudy) -> tuple[ResultRow, ...]:
    results = found.results
    rows = []
    for arm in found.plan.arms:
        own = [result for (key, _seed), result in results.items() if key == arm.key]
        design = blueprint(arm.spec.network)
        rows.append(
            ResultRow(
                arm.label,
                design.parameters,
                design.multiply_adds,
                len(own),
                _mean_and_deviation([result.training_error for result in own]),
                _mean_and_deviation([result.test_error for result in own]),
                of_spec(arm.spec).paper or NONE,
            )
        )
    return tuple(rows)


def _mean_and_deviation(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return NONE
    return f"{fmean(known):.2f} ± {stdev(known):.2f} %" if len(known) > 1 else percent(known[0])


def recipe_differences(
    found: StoredStudy,
) -> tuple[tuple[tuple[Arm, Conformity], ...], tuple[RecipeDifference, ...]]:
    """How each net stands to the paper, and the points that differ, each once with the nets it is of."""
    lists = tuple((arm, _conformity(found, arm)) for arm in found.plan.arms)
    shared: dict[tuple[str, str, str, str], list[str]] = {}
    for arm, one in lists:
        for check in one.of(State.DIFFERS):
            shared.setdefault((check.topic, check.run, check.paper, check.where), []).append(arm.label)
    differences = tuple(RecipeDifference(*point, _nets(arms, len(lists))) for point, arms in shared.items())
    return lists, differences


def _nets(labels: Sequence[str], of: int) -> str:
    if len(labels) == of:
        return _("all")
    if len(labels) > _NAMED_AT_MOST:
        return _("{count} of {all} nets", count=len(labels), all=of)
    return ", ".join(labels)


def _conformity(found: StoredStudy, arm: Arm) -> Conformity:
    """Of a run of the arm where one is there, for it knows its data; else of the design."""
    run = next((place.run for place in found.places if place.arm is arm and place.run is not None), None)
    return of_spec(arm.spec) if run is None else of_run(run, found.runs)
