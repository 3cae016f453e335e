"""The columns of the table of runs: what each shows, sorts by and explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from resnet_studio.domain.enums import TRAINING_ERROR_WINDOW
from resnet_studio.domain.records import NOT_KNOWN, RunRecord
from resnet_studio.ui.models import formats

SortKey = Any  # whatever one column's rows can be compared by; None goes last


class Column(Enum):
    """In the order of the table; the value is the key under which layouts and filters know it."""

    LINE = "line"
    NAME = "name"
    STATUS = "status"
    DEPTH = "depth"
    BLOCK = "block"
    SHORTCUT = "shortcut"
    DATA = "data"
    SEED = "seed"
    ITERATION = "iteration"
    TRAINING_ERROR = "training_error"
    TEST_ERROR = "test_error"
    BEST_TEST_ERROR = "best_test_error"
    PARAMETERS = "parameters"
    DURATION = "duration"
    CREATED = "created"
    TAGS = "tags"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Facts:
    """How a column behaves. ``width`` in pixels; ``number`` columns stand to the right."""

    title: str
    tip: str
    text: Callable[[RunRecord], str]
    key: Callable[[RunRecord], SortKey]
    width: int = 90
    number: bool = False
    editable: bool = False


def data_name(run: RunRecord) -> str:
    """The data set's key, or the last part of the folder's path; of an imported run nobody knows it."""
    if run.imported:
        return f"data {NOT_KNOWN}"
    folder = run.spec.data.folder
    if folder is None:
        return run.spec.data.source
    return folder.replace("\\", "/").rstrip("/").rpartition("/")[2] or folder


def seeds(run: RunRecord) -> tuple[int, int]:
    """Of the initial weights and of the sample order."""
    return run.spec.recipe.seeds


def _seeds_known(run: RunRecord) -> tuple[int, int] | None:
    return None if run.imported else seeds(run)


def _data_text(run: RunRecord) -> str:
    return NOT_KNOWN if run.imported else data_name(run)


def _seed_text(run: RunRecord) -> str:
    if run.imported:
        return formats.NONE
    weights, order = seeds(run)
    return str(weights) if weights == order else f"{weights} / {order}"


def _nothing(_run: RunRecord) -> str:
    return ""


def _status_text(run: RunRecord) -> str:
    return str(run.status)


def _first_line(run: RunRecord) -> str:
    return run.note.strip().partition("\n")[0]


COLUMNS: dict[Column, Facts] = {
    Column.LINE: Facts(
        "", "Colour on every page; plain nets dashed, residual nets solid.", _nothing,
        lambda run: (run.colour.lower(), run.residual), width=46,
    ),
    Column.NAME: Facts(
        "Name", "A label of your own; F2 changes it.", lambda run: run.name, lambda run: run.name.casefold(),
        width=170, editable=True,
    ),
    Column.STATUS: Facts("Status", "How far the run has come.", _status_text, lambda run: str(run.status), width=100),
    Column.DEPTH: Facts(
        "Depth", "Weighted layers.", lambda run: str(run.spec.network.depth), lambda run: run.spec.network.depth,
        width=66, number=True,
    ),
    Column.BLOCK: Facts(
        "Block", "plain: without shortcuts. basic: a shortcut around every two layers.",
        lambda run: str(run.spec.network.block), lambda run: str(run.spec.network.block), width=70,
    ),
    Column.SHORTCUT: Facts(
        "Shortcut", "A: zero-padding. B: projection where dimensions change. C: projection everywhere.",
        lambda run: str(run.spec.network.shortcut), lambda run: str(run.spec.network.shortcut), width=82,
    ),
    Column.DATA: Facts(
        "Data", "Where the images come from.", _data_text, lambda run: data_name(run).casefold(), width=84
    ),
    Column.SEED: Facts(
        "Seed", "Of the initial weights; after the slash that of the sample order, where it is another.",
        _seed_text, _seeds_known, width=62, number=True,
    ),
    Column.ITERATION: Facts(
        "Iteration", "Weight updates done, of all that the recipe asks for.",
        formats.run_progress, lambda run: None if run.imported else (run.iteration, run.iterations),
        width=128, number=True,
    ),
    Column.TRAINING_ERROR: Facts(
        "Training error", f"Mean over the last {TRAINING_ERROR_WINDOW} iterations.",
        lambda run: formats.percent(run.training_error), lambda run: run.training_error, width=118, number=True,
    ),
    Column.TEST_ERROR: Facts(
        "Test error", "The last one measured.", lambda run: formats.percent(run.test_error),
        lambda run: run.test_error, width=94, number=True,
    ),
    Column.BEST_TEST_ERROR: Facts(
        "Best test error", "The lowest one measured; picked by looking at the test set, so never the headline.",
        lambda run: formats.percent(run.best_test_error),
        lambda run: run.best_test_error, width=124, number=True,
    ),
    Column.PARAMETERS: Facts(
        "Parameters", "Weights that training changes.", lambda run: formats.count(run.parameters),
        lambda run: run.parameters, width=104, number=True,
    ),
    Column.DURATION: Facts(
        "Duration", "Time in training.", formats.run_duration, lambda run: None if run.imported else run.seconds,
        width=104, number=True,
    ),
    Column.CREATED: Facts(
        "Created", "When the run was asked for.", lambda run: formats.moment(run.created_at),
        lambda run: run.created_at, width=136,
    ),
    Column.TAGS: Facts(
        "Tags", "Words of your own, with commas between them.", lambda run: ", ".join(run.tags),
        lambda run: tuple(tag.casefold() for tag in run.tags) or None, width=120, editable=True,
    ),
    Column.NOTE: Facts(
        "Note", "Its first line; the whole note stands in the details.", _first_line,
        lambda run: run.note.casefold() or None, width=180, editable=True,
    ),
}  # fmt: skip
ORDER: tuple[Column, ...] = tuple(Column)
INDEX: dict[Column, int] = {column: index for index, column in enumerate(ORDER)}


def sorted_runs(runs: list[RunRecord], column: Column, descending: bool) -> list[RunRecord]:
    """Stable; runs without a value come last in either direction."""
    key = COLUMNS[column].key
    known, unknown = [], []
    for run in runs:
        value = key(run)
        if value is None:
            unknown.append(run)
        else:
            known.append((value, run))
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [run for _, run in known] + unknown


def parse_tags(text: str) -> tuple[str, ...]:
    """Between commas, trimmed, each once."""
    return tuple(dict.fromkeys(tag for part in text.split(",") if (tag := " ".join(part.split()))))
