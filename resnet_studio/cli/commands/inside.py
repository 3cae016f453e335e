"""``inside``: look into networks. One command an analysis, made of its row; and what is stored of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resnet_studio.cli.analysis_output import (
    COLUMNS,
    record_json,
    show_records,
    show_results,
    summary_json,
    summary_row,
)
from resnet_studio.cli.commands.diff import named_network
from resnet_studio.cli.context import Session, find_all, session
from resnet_studio.cli.figures import check_ending, draw_found
from resnet_studio.cli.options import AsJson, SpecOption
from resnet_studio.cli.output import hint, print_json, print_table
from resnet_studio.cli.progress_bar import ProgressBar
from resnet_studio.cli.spec_arguments import data_spec, refuse_missing_data
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.domain.analyses.caption import caption
from resnet_studio.domain.analyses.gradients import DEFINITION, Gradients, gradients_of
from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.analyses.result import AnalysisResult
from resnet_studio.domain.analyses.rows import ANALYSES, AnalysisRow, find_analysis
from resnet_studio.domain.analyses.settings import EVERY, NEWEST
from resnet_studio.domain.data_sets import source_names
from resnet_studio.domain.documents import parse
from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import SpecError, Stopped, StoreError, UserError
from resnet_studio.domain.series import LAYERED
from resnet_studio.domain.spec_as_command import flag_of
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.files import write_whole
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore
    from resnet_studio.runner.inside import Checkpoint, Design, Question

Runs = Annotated[
    list[str] | None, typer.Option("--run", metavar="RUN", help=_("A stored run; may be given many times."))
]
Designs = Annotated[
    list[str] | None,
    typer.Option(
        "--design",
        metavar="NETWORK",
        help=_("An untrained network, named as for diff: plain-56, resnet-56, ...; may be given many times."),
    ),
]
NoDesigns = Annotated[list[str] | None, typer.Option("--design", hidden=True)]
"""Of an analysis that needs trained weights: refused in a sentence that says what to give."""
Data = Annotated[
    str | None,
    typer.Option("--data", metavar="DATA", help=f"{source_names()}. " + _("The runs' own if unset.")),
]
DataDraw = Annotated[
    int | None, typer.Option("--data-draw", min=0, metavar="NUMBER", help=_("As for training; the run's own if unset."))
]
OnTraining = Annotated[bool, typer.Option("--training", help=_("Training images in the place of test images."))]
Iteration = Annotated[
    str | None,
    typer.Option(
        "--iteration",
        metavar="NUMBER|all",
        help=_("Of the checkpoint, or each one that is kept; the newest if unset."),
    ),
]
RunsOn = Annotated[Device, typer.Option("--device", help=_("Where the networks run."))]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help=_("Write every number as CSV."))]
Png = Annotated[Path | None, typer.Option("--png", metavar="FILE", help=_("Draw it as PNG."))]
Svg = Annotated[Path | None, typer.Option("--svg", metavar="FILE", help=_("Draw it as SVG."))]
Pdf = Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help=_("Draw it as PDF."))]

app = typer.Typer(help=_("Look into networks: why depth hurts one and not the other."), no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="inside")


def _command(row: AnalysisRow) -> Callable[..., None]:
    """The command of an analysis: the options of all, those of what it needs, and a setting each."""
    settings = [SpecOption(f"inside.{name}", _("Settings"), field) for name, field in row.settings.model_fields.items()]
    common: list[tuple[str, Any, Any]] = [("run", Runs, None)]
    common.append(("design", NoDesigns if row.trained else Designs, None))
    if row.images or not row.trained:  # a design has as many outputs as the data have classes
        common += [("data", Data, None), ("data_draw", DataDraw, None)]
    if row.images and not row.builds:
        common.append(("training", OnTraining, False))
    common += [
        ("iteration", Iteration, None), ("device", RunsOn, Device.AUTO), ("csv", Csv, None), ("png", Png, None),
        ("svg", Svg, None), ("pdf", Pdf, None), ("as_json", AsJson, False),
    ]  # fmt: skip
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("context", keyword, annotation=typer.Context)]
    parameters += [inspect.Parameter(name, keyword, default=default, annotation=kind) for name, kind, default in common]
    parameters += [option.parameter() for option in settings]

    def command(context: typer.Context, **values: Any) -> None:
        given = {option: values.pop(option.variable) for option in settings}
        chosen = {
            option.path.partition(".")[2]: option.value(value) for option, value in given.items() if value is not None
        }
        _look(session(context), row, chosen, **values)

    command.__name__ = row.key
    command.__doc__ = row.definition
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


for _row in ANALYSES:
    app.command(_row.key)(_command(_row))


@app.command("gradients")
def gradients(
    context: typer.Context,
    run: Annotated[list[str], typer.Option("--run", metavar="RUN", help=_("A stored run; may be given many times."))],
    csv: Csv = None,
    png: Png = None,
    svg: Svg = None,
    pdf: Pdf = None,
    as_json: AsJson = False,
) -> None:
    """Show the gradient and the update of each layer, as measured while the runs trained."""
    with session(context).reader() as store:
        runs = find_all(store, run)
        curves = store.curves([record.id for record in runs], LAYERED)
    found = [gradients_of(record, curves) for record in runs]
    _write_results(Gradients, found, _(DEFINITION), csv, ((png, ".png"), (svg, ".svg"), (pdf, ".pdf")))
    if as_json:
        print_json([one.to_json() for one in found])
    else:
        show_results(Gradients, found, _(DEFINITION))


def _look(
    here: Session,
    row: AnalysisRow,
    chosen: dict[str, Any],
    *,
    run: Sequence[str] | None = None,
    design: Sequence[str] | None = None,
    data: str | None = None,
    data_draw: int | None = None,
    training: bool = False,
    iteration: str | None = None,
    device: Device = Device.AUTO,
    csv: Path | None = None,
    png: Path | None = None,
    svg: Path | None = None,
    pdf: Path | None = None,
    as_json: bool = False,
) -> None:
    from resnet_studio.data.drawn_images import Part
    from resnet_studio.runner.inside import Question, look_inside

    if design and row.trained:
        raise UserError(_("{analysis} looks at trained runs; use --run.", analysis=row.key))
    settings = _settings(row, chosen)
    figures = ((png, ".png"), (svg, ".svg"), (pdf, ".pdf"))
    for file, ending in figures:  # before minutes of work
        if file is not None:
            check_ending(file, ending)
    with _Reader(here, bool(run)) as store:
        checkpoints = _checkpoints(store, run or (), iteration)
        subjects: tuple[Checkpoint | Design, ...] = (*checkpoints, *_designs(here, design or ()))
        own = next(iter(sorted((each.run.spec.data for each in checkpoints), key=lambda data: not data.known)), None)
        source = _data(data, data_draw, own)
        refuse_missing_data(source, here.home)
        part = Part.TRAINING if training or row.builds else Part.TEST
        question = Question(row, settings, subjects, source, part, device)
        with StopOnSignals() as stopping, ProgressBar(_(row.title), quiet=as_json) as bar:
            try:
                found = look_inside(question, store, here.home, bar.report, stopping)
            except Stopped:
                found = ()
    if stopping.received is not None and not found:
        hint(_("Stopped; what was not finished is not stored."))
        raise typer.Exit(stopping.exit_code)
    kept = True
    if row.builds:
        found, kept = _keep_built(here, question, found, stopping)
    stored = [_store(here, record) if kept and row.stored and record.run_ids else False for record in found]
    _write(row, found, csv, figures)  # what was found is kept where this fails
    if as_json:
        print_json([record_json(record, was_stored) for record, was_stored in zip(found, stored, strict=True)])
    else:
        show_records(row, found)
    if not kept:
        raise typer.Exit(stopping.exit_code if stopping.received is not None else 2)


def _keep_built(
    here: Session, question: Question, found: Sequence[AnalysisRecord], stopping: StopOnSignals
) -> tuple[tuple[AnalysisRecord, ...], bool]:
    """Store each network that was built as a run; the results name them.

    Prints a hint and returns False where that cannot be.
    """
    from resnet_studio.runner.keep_constructed import keep_constructed, naming_runs

    try:
        with here.writer() as store:
            runs = keep_constructed(question, store, should_stop=stopping)
    except Stopped:
        hint(_("Stopped; the deeper net is not stored."))
        return tuple(found), False
    except StoreError as error:
        hint(_("The deeper net is not stored: {error}", error=error))
        return tuple(found), False
    for run in runs:
        hint(
            _(
                "Train on from {name} with: resnet-studio train --start-from {short_id}",
                name=run.name,
                short_id=run.short_id,
            )
        )
    return naming_runs(found, runs), True


class _Reader:
    """The history for the time of a block; None where no run is named, so that a home without one will do."""

    def __init__(self, here: Session, needed: bool) -> None:
        self._store: RunStore | None = here.reader() if needed else None

    def __enter__(self) -> RunStore | None:
        return self._store

    def __exit__(self, *_error: object) -> None:
        if self._store is not None:
            self._store.close()


def _settings(row: AnalysisRow, chosen: dict[str, Any]) -> Any:
    try:
        return parse(row.settings, chosen)
    except SpecError as error:
        raise SpecError({flag_of(f"inside.{name}"): text for name, text in error.fields.items()}) from None


def _checkpoints(store: RunStore | None, names: Sequence[str], iteration: str | None) -> tuple[Checkpoint, ...]:
    from resnet_studio.runner.inside import checkpoints_of

    if store is None:
        return ()
    found = list({record.id: record for record in map(store.find, names)}.values())
    wanted = NEWEST if iteration is None else iteration.strip().lower()
    if iteration is not None and wanted != EVERY and not wanted.isdecimal():
        raise UserError(
            _("--iteration takes a number or {all}, got {iteration!r}.", all=EVERY, iteration=iteration[:40])
        )
    return checkpoints_of(found, wanted, store)


def _designs(here: Session, names: Sequence[str]) -> list[Design]:
    from resnet_studio.runner.inside import Design

    return [Design(named_network(name, here), name) for name in names]


def _data(given: str | None, data_draw: int | None, own: DataSpec | None) -> DataSpec:
    """DATA as the run had it, where it is the run's own and no draw is given; without either, the usual."""
    if given is None and data_draw is None:
        return own or DataSpec()
    spec = data_spec(given or (own or DataSpec()).source, data_draw or 0)
    return own if own is not None and data_draw is None and spec.source == own.source else spec


def _write(
    row: AnalysisRow, found: Sequence[AnalysisRecord], csv: Path | None, figures: Sequence[tuple[Path | None, str]]
) -> None:
    _write_results(row.result, [record.result for record in found], caption(row, found), csv, figures)


def _write_results(
    kind: type[AnalysisResult],
    results: Sequence[AnalysisResult],
    below: str,
    csv: Path | None,
    figures: Sequence[tuple[Path | None, str]],
) -> None:
    if csv is not None:
        write_whole(csv, kind.table(results).as_csv())
    for file, ending in figures:
        if file is not None:
            draw_found(kind.figure(results), file, ending, below)


def _store(here: Session, record: AnalysisRecord) -> bool:
    """Store it if the history can be written; prints a hint where it cannot."""
    try:
        with here.writer() as store:
            store.add_analysis(record)
    except StoreError as error:
        hint(_("Not stored: {error}", error=error))
        return False
    return True


@app.command("list")
def list_analyses(as_json: AsJson = False) -> None:
    """List the analyses and what each measures."""
    if as_json:
        print_json(
            [
                {
                    "key": row.key,
                    "title": _(row.title),
                    "definition": _(row.definition),
                    "trained": row.trained,
                    "images": row.images,
                    "stored": row.stored,
                }
                for row in ANALYSES
            ]
        )
        return
    needs = {True: _("trained runs"), False: _("runs or designs")}
    print_table(
        (_("name"), _("analysis"), _("of"), _("what is measured")),
        [(row.key, _(row.title), needs[row.trained], _(row.definition)) for row in ANALYSES],
    )


@app.command("stored")
def list_stored(
    context: typer.Context,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help=_("Those of one run alone."))] = None,
    as_json: AsJson = False,
) -> None:
    """List what is stored, newest first."""
    with session(context).reader() as store:
        found = store.analyses(store.find(run).id if run is not None else None)
        names = {record.id: record.name for deleted in (False, True) for record in store.list_runs(deleted=deleted)}
    if as_json:
        print_json([summary_json(summary) for summary in found])
    elif not found:
        hint(_("No analyses are stored yet; make one with: resnet-studio inside signal --run RUN"))
    else:
        print_table(COLUMNS, [summary_row(summary, names) for summary in found])


@app.command("show")
def show_stored(
    context: typer.Context,
    analysis: Annotated[
        list[str], typer.Argument(metavar="ID...", help=_("Of stored analyses of one kind, or beginnings of them."))
    ],
    csv: Csv = None,
    png: Png = None,
    svg: Svg = None,
    pdf: Pdf = None,
    as_json: AsJson = False,
) -> None:
    """Show stored analyses again, side by side."""
    with session(context).reader() as store:
        known = [summary.id for summary in store.analyses()]
        found = [store.analysis(_whole_id(text, known)) for text in analysis]
    if len({record.analysis for record in found}) > 1:
        raise UserError(_("These are analyses of different kinds; show those of one kind together."))
    row = find_analysis(found[0].analysis)
    _write(row, found, csv, ((png, ".png"), (svg, ".svg"), (pdf, ".pdf")))
    if as_json:
        print_json([record_json(record, True) for record in found])
    else:
        show_records(row, found)


def _whole_id(text: str, known: Sequence[str]) -> str:
    fitting = [each for each in known if each.startswith(text.lower())]
    if len(fitting) > 1:
        raise UserError(_("{text} begins the ids of several analyses; give more of it.", text=text[:32]))
    return fitting[0] if fitting else text
