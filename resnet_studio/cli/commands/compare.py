"""``compare``: stored runs side by side, as a table, CSV files or a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from resnet_studio.cli.commands.conformity import of_stored
from resnet_studio.cli.context import find_all, ids, session
from resnet_studio.cli.figures import draw
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import print_json, print_table
from resnet_studio.domain.comparison import (
    Quantity,
    comparison_csv,
    comparison_rows,
    deltas,
    display_names,
    result,
    summary_csv,
    twin_gaps,
)
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord, run_json
from resnet_studio.domain.series import CURVES, ERRORS, TRAINING_ERROR_WINDOW
from resnet_studio.domain.text_numbers import duration, grouped, percent
from resnet_studio.platform.files import write_whole
from resnet_studio.studies.conformity import Conformity, State
from resnet_studio.studies.conformity.texts import as_caption, as_json, csv_columns
from resnet_studio.studies.seeds import seed_groups
from resnet_studio.text import _

_TITLES = {
    Quantity.TRAINING_ERROR: _(
        "training error, last {training_error_window}", training_error_window=TRAINING_ERROR_WINDOW
    ),
    Quantity.TEST_ERROR: _("test error, last"),
    Quantity.BEST_TEST_ERROR: _("(best test error)"),
}


def register(app: typer.Typer) -> None:
    app.command()(compare)


def compare(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="RUN RUN...", help=_("Two or more; the first is the baseline."))
    ],
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help=_("Write every point of the curves."))
    ] = None,
    table: Annotated[Path | None, typer.Option("--table", metavar="FILE", help=_("Write this table as CSV."))] = None,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help=_("Draw the curves as SVG."))] = None,
    png: Annotated[Path | None, typer.Option("--png", metavar="FILE", help=_("Draw the curves as PNG."))] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help=_("Draw the curves as PDF."))] = None,
    as_json: AsJson = False,
) -> None:
    """Compare stored runs: errors, distances to the first, and only the fields that differ."""
    with session(context).reader() as store:
        runs = find_all(store, names)
        if len(runs) < 2:
            raise UserError(_("A comparison needs two different runs; `resnet-studio runs list` lists them."))
        curves = store.curves(ids(runs), CURVES if csv is not None else ERRORS)
        lists = of_stored(store, runs)
    if csv is not None:
        write_whole(csv, comparison_csv(runs, curves))
    if table is not None:
        write_whole(table, summary_csv(runs, runs[0], extra=csv_columns(lists)))
    words = as_caption(list(zip(display_names(runs).values(), lists, strict=True)))
    for file, ending in ((svg, ".svg"), (png, ".png"), (pdf, ".pdf")):
        if file is not None:
            draw(runs, curves, file, ending, words)
    if as_json:
        print_json(_as_json(runs, lists))
    else:
        _show(runs, lists)


def _as_json(runs: Sequence[RunRecord], lists: Sequence[Conformity]) -> dict[str, object]:
    differences = deltas(runs, runs[0])
    return {
        "baseline": runs[0].id,
        "runs": [run_json(run) for run in runs],
        "deltas": {run.id: {str(q): value for q, value in differences[run.id].items()} for run in runs},
        "differences": [
            {"field": row.field, "values": dict(zip(ids(runs), row.values, strict=True))}
            for row in comparison_rows(runs)
        ],
        "twins": [
            {
                "depth": gap.depth,
                "plain": gap.plain.id,
                "residual": gap.residual.id,
                "training": gap.training,
                "test": gap.test,
                "sentence": gap.sentence,
            }
            for gap in twin_gaps(runs)
        ],
        "groups": [
            {
                "runs": [run.id for run in group.runs],
                "seeds": group.count,
                "mean_test_error": group.mean,
                "standard_deviation": group.deviation,
                "best_test_error": group.best,
            }
            for group in seed_groups(runs)
        ],
        "conformity": {run.id: as_json(found) for run, found in zip(runs, lists, strict=True)},
    }


def _show(runs: Sequence[RunRecord], lists: Sequence[Conformity]) -> None:
    names = display_names(runs)
    differences = deltas(runs, runs[0])
    rows: list[tuple[object, ...]] = []
    for quantity in Quantity:
        cells = []
        for run in runs:
            difference = differences[run.id][quantity] if quantity.is_error and run is not runs[0] else None
            away = "" if difference is None else f" ({difference:+.2f})"
            cells.append(_value(quantity, result(run, quantity)) + away)
        rows.append((_TITLES.get(quantity, str(quantity).replace("_", " ")), *cells))
    rows.append((_("against the paper"), *(found.short for found in lists)))
    rows += [(f"{row.title} ({row.unit})" if row.unit else row.title, *row.values) for row in comparison_rows(runs)]
    columns = [Text(names[run.id], style=run.colour) for run in runs]
    print_table(("", *columns), rows, right=[names[run.id] for run in runs])
    for gap in twin_gaps(runs):
        print(gap.sentence)
    for group in seed_groups(runs):
        print(f"{group.runs[0].spec.network.label}: {group.sentence}.")
    print(", ".join(f"{state.sign} {state}" for state in State if any(found.of(state) for found in lists)) + ".")


def _value(quantity: Quantity, value: float | None) -> str:
    if quantity.is_error:
        return percent(value)
    if value is None:
        return "–"
    return duration(value) if quantity is Quantity.SECONDS else grouped(int(value))
