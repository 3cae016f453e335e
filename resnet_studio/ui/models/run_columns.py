"""The columns of the table of runs: what each shows, sorts by and explains."""

from __future__ import annotations

from enum import Enum

from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.protocols import ProtocolKind
from resnet_studio.domain.records import NOT_KNOWN, EvaluatedError, RunRecord
from resnet_studio.domain.run_fields import FieldKind, find_field
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW
from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import TableColumn


class Column(Enum):
    """A column of the table; the value is the key under which layouts and filters know it."""

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
    EVALUATED_ERROR = "evaluated_error"
    BEST_TEST_ERROR = "best_test_error"
    PARAMETERS = "parameters"
    DURATION = "duration"
    CREATED = "created"
    SIZE = "size"
    TAGS = "tags"
    NOTE = "note"


def data_name(run: RunRecord) -> str:
    """The data set's key, or the last part of the folder's path; of an imported run nobody knows it."""
    if run.imported:
        return _("data {not_known}", not_known=NOT_KNOWN)
    folder = run.spec.data.folder
    if folder is None:
        return run.spec.data.source
    return folder.replace("\\", "/").rstrip("/").rpartition("/")[2] or folder


def seeds(run: RunRecord) -> tuple[int, int]:
    """Of the initial weights and of the sample order."""
    return run.spec.recipe.seeds


def _seeds_text(pair: tuple[int, int]) -> str:
    weights, order = pair
    return str(weights) if weights == order else f"{weights} / {order}"


def _iterations(run: RunRecord) -> tuple[int, int] | None:
    """Done, and in all; of an imported run nothing is known."""
    return None if run.imported else (run.iteration, run.iterations)


def _data_tip(run: RunRecord) -> str:
    return _("Trained elsewhere: its data are not known.") if not run.data_known else run.spec.data.source


def evaluated_text(found: EvaluatedError) -> str:
    """The top-1 error; another protocol than the single view of training is named."""
    kind = found.protocol.kind
    return formats.percent(found.top1) + ("" if kind is ProtocolKind.SINGLE else f" {kind}")


def _no_text(_value: object) -> str:
    return ""


COLUMNS: dict[Column, TableColumn[RunRecord]] = {
    Column.LINE: TableColumn(
        "",
        lambda run: (run.colour.lower(), run.residual),
        _no_text,
        width=46,
        tip=_("Colour on every page; plain nets dashed, residual nets solid."),
        accessible=lambda run: _("residual, solid line") if run.residual else _("plain, dashed line"),
    ),
    Column.NAME: TableColumn(
        _("Name"),
        lambda run: run.name,
        width=170,
        tip=_("A label of your own; F2 changes it."),
        sort=lambda run: run.name.casefold(),
        edit=lambda run: run.name,
        cell_tip=lambda run: _(
            "{name} ({label}), id {short_id}", name=run.name, label=run.spec.network.label, short_id=run.short_id
        ),
    ),
    Column.STATUS: TableColumn(
        _("Status"),
        lambda run: _(run.status.value),
        width=100,
        tip=_("How far the run has come."),
        cell_tip=lambda run: run.reason or None,
    ),
    Column.DEPTH: TableColumn(
        _("Depth"), lambda run: run.spec.network.depth, number=True, width=66, tip=_("Weighted layers.")
    ),
    Column.BLOCK: TableColumn(
        _("Block"),
        lambda run: str(run.spec.network.block),
        width=70,
        tip=NetworkSpec.model_fields["block"].description or "",
    ),
    Column.SHORTCUT: TableColumn(
        _("Shortcut"),
        lambda run: str(run.spec.network.shortcut),
        width=82,
        tip=NetworkSpec.model_fields["shortcut"].description or "",
    ),
    Column.DATA: TableColumn(
        _("Data"),
        lambda run: data_name(run) if run.data_known else NOT_KNOWN,
        width=84,
        tip=_("Where the images come from."),
        sort=lambda run: data_name(run).casefold(),
        cell_tip=_data_tip,
    ),
    Column.SEED: TableColumn(
        _("Seed"),
        lambda run: None if run.imported else seeds(run),
        _seeds_text,
        number=True,
        width=62,
        tip=_("Of the initial weights; after the slash that of the sample order, where it is another."),
    ),
    Column.ITERATION: TableColumn(
        _("Iteration"),
        _iterations,
        lambda pair: formats.progress(*pair),
        number=True,
        width=128,
        tip=_("Weight updates done, of all that the recipe asks for."),
    ),
    Column.TRAINING_ERROR: TableColumn(
        _("Training error"),
        lambda run: run.training_error,
        formats.percent,
        number=True,
        width=118,
        tip=_("Mean over the last {training_error_window} iterations.", training_error_window=TRAINING_ERROR_WINDOW),
    ),
    Column.TEST_ERROR: TableColumn(
        _("Test error"),
        lambda run: run.test_error,
        formats.percent,
        number=True,
        width=94,
        tip=_("The last one measured."),
    ),
    Column.EVALUATED_ERROR: TableColumn(
        _("Evaluated"),
        lambda run: run.evaluated_error,
        evaluated_text,
        number=True,
        width=116,
        tip=_("Error of the newest evaluation of the present weights; Compare evaluates. Views beside one are named."),
        sort=lambda run: None if run.evaluated_error is None else run.evaluated_error.top1,
        cell_tip=lambda run: "\n".join(found.sentence for found in run.evaluated) or None,
    ),
    Column.BEST_TEST_ERROR: TableColumn(
        _("Best test error"),
        lambda run: run.best_test_error,
        formats.percent,
        number=True,
        width=124,
        tip=_("The lowest one measured; picked by looking at the test set, so never the headline."),
    ),
    Column.PARAMETERS: TableColumn(
        _("Parameters"),
        lambda run: run.parameters,
        formats.count,
        number=True,
        width=104,
        tip=_("Weights that training changes."),
    ),
    Column.DURATION: TableColumn(
        _("Duration"),
        lambda run: None if run.imported else run.seconds,
        formats.duration,
        number=True,
        width=104,
        tip=_("Time in training."),
    ),
    Column.CREATED: TableColumn(
        _("Created"), lambda run: run.created_at, formats.moment, width=136, tip=_("When the run was asked for.")
    ),
    Column.SIZE: TableColumn(
        _("On disk"),
        lambda _run: None,
        formats.size,
        number=True,
        width=84,
        tip=_("What the run's folder takes: checkpoints and weights."),
    ),
    Column.TAGS: TableColumn(
        _("Tags"),
        lambda run: run.tags,
        ", ".join,
        width=120,
        tip=_("Words of your own, with commas between them."),
        sort=lambda run: tuple(tag.casefold() for tag in run.tags) or None,
        edit=lambda run: ", ".join(run.tags),
    ),
    Column.NOTE: TableColumn(
        _("Note"),
        lambda run: run.note,
        lambda note: note.strip().partition("\n")[0],
        width=180,
        tip=_("Its first line; the whole note stands in the details."),
        sort=lambda run: run.note.casefold() or None,
        edit=lambda run: run.note,
        cell_tip=lambda run: run.note or None,
    ),
}


def field_column(key: str) -> TableColumn[RunRecord]:
    """A column for any field of a run. Raises ValueError for an unknown key."""
    field = find_field(key)
    if field is None:
        raise ValueError(f"a run has no field {key!r}")
    number = field.kind is FieldKind.NUMBER

    def sort(run: RunRecord) -> object:
        value = field.read(run)
        return field.text(value).casefold() if value is not None and not number else value

    return TableColumn(
        field.title,
        field.read,
        field.text,
        _("{field}, as the filter knows it", field=field.key),
        number=number,
        width=max(90, 9 * len(field.title) + 24),
        sort=sort,
    )


ORDER: tuple[Column, ...] = tuple(COLUMNS)
INDEX: dict[Column, int] = {column: index for index, column in enumerate(ORDER)}


def parse_tags(text: str) -> tuple[str, ...]:
    """Between commas, trimmed, each once."""
    return tuple(dict.fromkeys(tag for part in text.split(",") if (tag := " ".join(part.split()))))
