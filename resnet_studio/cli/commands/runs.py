"""``runs``: the history, listed, shown, hidden, brought back and exported."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_studio.cli.commands.conformity import of_stored, show_conformity
from resnet_studio.cli.context import find_all, ids, session
from resnet_studio.cli.options import AsJson, RunName, RunNames
from resnet_studio.cli.output import hint, print_facts, print_json, print_table
from resnet_studio.domain.comparison import Difference, comparison_csv
from resnet_studio.domain.documents import run_toml
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.imported_weights import without_options
from resnet_studio.domain.protocols import ProtocolKind
from resnet_studio.domain.records import NOT_KNOWN, RunRecord, run_json
from resnet_studio.domain.reproducibility import could_differ, in_words, not_the_same_here
from resnet_studio.domain.run_filter import parse_filter, searchable
from resnet_studio.domain.series import CURVES, TRAINING_ERROR_WINDOW
from resnet_studio.domain.text_numbers import counted, duration, file_size, grouped, moment, percent
from resnet_studio.history.run_folders import StoredPreprocessing, preprocessing_of
from resnet_studio.studies.conformity.texts import as_csv
from resnet_studio.studies.conformity.texts import as_json as conformity_json
from resnet_studio.text import _, _n
from resnet_studio.training.provenance import here

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore


class ExportForm(StrEnum):
    CSV = "csv"
    JSON = "json"
    TENSORBOARD = "tensorboard"


app = typer.Typer(help=_("The history: list, show, delete, restore, export."), no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="runs")


@app.command("list")
def list_runs(
    context: typer.Context,
    status: Annotated[RunStatus | None, typer.Option(help=_("Only runs of this status."))] = None,
    study: Annotated[str, typer.Option(metavar="KEY", help=_("Only runs of this study."))] = "",
    wanted: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="TEXT",
            help=_("Only runs that match, as in the window: 'depth>=32 block:basic -tag:old name:/resnet-(20|56)/'."),
        ),
    ] = "",
    archived: Annotated[bool, typer.Option("--archived", help=_("The archived runs instead."))] = False,
    deleted: Annotated[bool, typer.Option("--deleted", help=_("The deleted runs instead."))] = False,
    as_json: AsJson = False,
) -> None:
    """List stored runs, newest first."""
    conditions = parse_filter(wanted)
    if conditions.problem:
        raise UserError(conditions.problem)
    with session(context).reader() as store:
        runs = [
            run
            for run in store.list_runs(deleted=deleted, archived=archived and not deleted)
            if status in (None, run.status) and study in ("", run.study) and conditions.matches(run, searchable(run))
        ]
    if as_json:
        print_json([run_json(run) for run in runs])
        return
    if not runs:
        print(
            _("No runs.")
            if status or study or deleted or archived or wanted
            else _("No runs yet; `resnet-studio demo` makes the first four.")
        )
        return
    columns = (
        _("id"),
        _("run"),
        _("status"),
        _("data"),
        _("iteration"),
        _("training error"),
        _("test error"),
        _("evaluated"),
        _("(best)"),
        _("parameters"),
        _("began"),
    )
    rows = [
        (
            run.short_id, run.name, run.status, run.spec.data.label if run.data_known else NOT_KNOWN, _iterations(run),
            percent(run.training_error), percent(run.test_error), _evaluated(run), percent(run.best_test_error),
            grouped(run.parameters), moment(run.created_at),
        )
        for run in runs
    ]  # fmt: skip
    print_table(columns, rows, right=columns[4:])


@app.command()
def show(
    context: typer.Context,
    run: RunName,
    against: Annotated[
        str,
        typer.Option(
            "--against", metavar="RUN", help=_("Show only in which fields this run and that one could differ.")
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show all that is known of one run, and what of its record is not the same on this machine now."""
    if against:
        with session(context).reader() as store:
            _show_against(store.find(run), store.find(against), as_json)
        return
    with session(context).reader() as store:
        found = store.find(run)
        checkpoints = store.checkpoints(found.id)
        (conformity,) = of_stored(store, [found])
        folder = store.home.run(found.id).path
        images = preprocessing_of(store.home, found.id)
    changed = [] if found.imported else not_the_same_here(found, here())  # another program made it, elsewhere
    if as_json:
        print_json(
            {
                **run_json(found),
                "not_the_same_here": _differences_json(changed, ("then", "now")),
                "checkpoints": [{"iteration": c.iteration, "weights_sha256": c.weights_sha256} for c in checkpoints],
                "preprocessing": None if images is None else dataclasses.asdict(images),
                "conformity": conformity_json(conformity),
            }
        )
        return
    group = conformity.group
    print_facts(
        (
            (_("run"), f"{found.name} ({found.id})"),
            (_("status"), f"{_(found.status.value)}. {found.reason}".rstrip(". ")),
            (_("iteration"), _trained(found)),
            (
                _("training error"),
                _(
                    "{percent} (mean of the last {training_error_window} iterations)",
                    percent=percent(found.training_error),
                    training_error_window=TRAINING_ERROR_WINDOW,
                ),
            ),
            (_("test error"), _test_error(found)),
            *((_("evaluated"), each.sentence) for each in found.evaluated),
            *([(_("over seeds"), group.sentence)] if group is not None and group.count > 1 else []),
            (_("parameters"), grouped(found.parameters)),
            (_("multiply-adds"), grouped(found.multiply_adds)),
            *([(_("recipe, seeds, data"), _trained(found))] if found.imported else []),
            *(_images(images) if images else []),
            (_("weights"), found.weights_sha256 or _("none yet")),
            (_("checkpoints"), ", ".join(str(c.iteration) for c in checkpoints) or _("none yet")),
            (_("folder"), folder),
            (_("began"), moment(found.created_at, seconds=True)),
            *([(_("tags"), ", ".join(found.tags))] if found.tags else []),
            *([(_("note"), found.note)] if found.note else []),
            *((f"  {name}", _environment_text(found, value)) for name, value in sorted(found.environment.items())),
            *([(_("not the same here"), in_words(changed))] if changed else []),
        )
    )
    print()
    show_conformity(conformity)
    print()
    print(run_toml(found), end="")


def _show_against(one: RunRecord, other: RunRecord, as_json: bool) -> None:
    rows = could_differ(one, other)
    same = None
    if one.weights_sha256 and other.weights_sha256:
        same = one.weights_sha256 == other.weights_sha256
    if as_json:
        sides = {"runs": [one.id, other.id], "same_weights": same}
        print_json({**sides, "differences": _differences_json(rows, ("first", "second"))})
        return
    if rows:
        cells = [(row.field, f"{row.title} ({row.unit})" if row.unit else row.title, *row.values) for row in rows]
        print_table((_("field"), "", *(f"{run.name} ({run.short_id})" for run in (one, other))), cells)
    else:
        print(_("Their records differ in nothing."))
    if same is not None:
        print(_("Their weights are the same, bit for bit.") if same else _("Their weights differ."))


def _differences_json(rows: Sequence[Difference], sides: tuple[str, str]) -> list[dict[str, str]]:
    return [{"field": row.field, **dict(zip(sides, row.values, strict=True))} for row in rows]


def _iterations(run: RunRecord) -> str:
    return "–" if run.imported else f"{run.iteration}/{run.iterations}"


def _evaluated(run: RunRecord) -> str:
    """Another protocol than the single view of training is named."""
    found = run.evaluated_error
    if found is None:
        return percent(None)
    kind = found.protocol.kind
    return percent(found.top1) + ("" if kind is ProtocolKind.SINGLE else f" {kind}")


def _images(found: StoredPreprocessing) -> list[tuple[str, str]]:
    return [
        (_("image size"), found.size_text),
        (_("mean subtracted"), found.mean_text),
        (_("divided by"), found.std_text),
    ]


def _environment_text(run: RunRecord, value: str) -> str:
    """What was assumed at the import stands as it was stored: options no longer change it."""
    return without_options(value) if run.imported else value


def _trained(run: RunRecord) -> str:
    if run.constructed_from:
        return _("none; built from run {parent}", parent=run.constructed_from)
    if run.imported:
        return _("{not_known}; trained elsewhere", not_known=NOT_KNOWN)
    return _(
        "{iteration} of {iterations}, {duration} of training",
        iteration=run.iteration,
        iterations=run.iterations,
        duration=duration(run.seconds),
    )


def _test_error(run: RunRecord) -> str:
    if run.test_error is None:
        return percent(None)
    return _(
        "{percent}, the last one (best {percent_2})",
        percent=percent(run.test_error),
        percent_2=percent(run.best_test_error),
    )


@app.command()
def archive(context: typer.Context, names: RunNames) -> None:
    """Leave runs out of the lists; they stay whole, and `runs unarchive` brings them back."""
    with session(context).writer() as store:
        runs = find_all(store, names)
        store.archive(ids(runs))
    for run in runs:
        print(_("archived {id} ({name})", id=run.id, name=run.name))


@app.command()
def unarchive(context: typer.Context, names: RunNames) -> None:
    """Bring archived runs back into the lists."""
    with session(context).writer() as store:
        runs = find_all(store, names)
        store.unarchive(ids(runs))
    for run in runs:
        print(_("taken out of the archive: {id} ({name})", id=run.id, name=run.name))


@app.command()
def delete(context: typer.Context, names: RunNames) -> None:
    """Hide runs; `runs restore` brings them back until `runs purge`."""
    with session(context).writer() as store:
        runs = store.find_names(names)
        store.delete(list(runs))
    for run_id, name in runs.items():
        print(_("deleted {id} ({name})", id=run_id, name=name))


@app.command()
def restore(context: typer.Context, names: RunNames) -> None:
    """Bring deleted runs back."""
    with session(context).writer() as store:
        runs = store.find_names(names, deleted=True)
        store.restore(list(runs))
    for run_id, name in runs.items():
        print(_("restored {id} ({name})", id=run_id, name=name))


@app.command()
def purge(
    context: typer.Context,
    older_than: Annotated[
        int, typer.Option("--older-than", min=0, max=36_500, metavar="DAYS", help=_("Only those deleted longer ago."))
    ] = 0,
) -> None:
    """Remove deleted runs and their files for ever."""
    with session(context).writer() as store:
        before = sum(store.home.run(run.id).size_bytes() for run in store.list_runs(deleted=True))
        gone = store.purge_deleted(timedelta(days=older_than))
        freed = before - sum(store.home.run(run.id).size_bytes() for run in store.list_runs(deleted=True))
    print(
        _(
            "{gone} removed for ever, {freed} freed",
            gone=counted(gone, "deleted run", "deleted runs"),
            freed=file_size(freed),
        )
    )


@app.command()
def export(
    context: typer.Context,
    names: RunNames,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help=_("Write to a file instead of stdout."))] = None,
    conformity: Annotated[
        bool, typer.Option("--conformity", help=_("How each run stands to the paper, as CSV, instead of its curves."))
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help=_("JSON, with each run's record and conformity; else CSV."))
    ] = False,
    form: Annotated[
        ExportForm | None,
        typer.Option("--format", help=_("csv, json, or tensorboard: event files in the folder --output.")),
    ] = None,
) -> None:
    """Write every point of every curve as CSV (run, name, series, iteration, value), JSON or event files.

    Curves of single layers are not among them.
    """
    if form is ExportForm.TENSORBOARD:
        _export_event_files(context, names, output, other=conformity or as_json)
        return
    as_json = as_json or form is ExportForm.JSON
    if conformity and as_json:
        raise UserError(_("JSON holds the conformity of each run already; leave --conformity out."))
    with session(context).reader() as store:
        runs = find_all(store, names)
        if as_json:
            exported: object = [
                {"run": run_json(run), "conformity": conformity_json(found), "curves": _curves_json(store, run)}
                for run, found in zip(runs, of_stored(store, runs), strict=True)
            ]
        elif conformity:
            text = as_csv(list(zip(runs, of_stored(store, runs), strict=True)))
        else:
            text = comparison_csv(runs, store.curves(ids(runs), CURVES))
    if output is None:
        if as_json:
            print_json(exported)
        else:
            sys.stdout.write(text)
        return
    try:
        if as_json:
            with output.open("w", encoding="utf-8") as file:
                print_json(exported, file)
        else:
            output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UserError(
            _(
                "{output} cannot be written ({strerror}); choose another file.",
                output=output,
                strerror=error.strerror or error,
            )
        ) from None


def _export_event_files(context: typer.Context, names: Sequence[str], output: Path | None, *, other: bool) -> None:
    from resnet_studio.history.event_files import write_event_files

    if other:
        raise UserError(_("Event files hold curves alone; leave --json and --conformity out."))
    if output is None:
        raise UserError(_("Event files need a folder; name it with --output."))
    with session(context).reader() as store:
        runs = find_all(store, names)
        written = write_event_files(store, runs, output, lambda: False)
    for place in written:
        print(_("written to {place}", place=place))
    if len(written) < len(runs):
        hint(
            _n(
                "{count} run has no curves, so no event file.",
                "{count} runs have no curves, so no event files.",
                len(runs) - len(written),
            )
        )


def _curves_json(store: RunStore, run: RunRecord) -> dict[str, object]:
    curves = store.curves([run.id], CURVES)
    return {
        str(series): {"iterations": curve.iterations.tolist(), "values": curve.values.tolist()}
        for (_unused, series), curve in curves.items()
        if len(curve)
    }
