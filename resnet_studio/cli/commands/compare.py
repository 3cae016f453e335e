"""``compare``: stored runs side by side, as a table, CSV files or a figure."""

from __future__ import annotations

import dataclasses
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
from resnet_studio.domain.grouping import ALL_BUT_SEEDS, GROUPED, LEVEL, Grouping, group_runs
from resnet_studio.domain.records import RunRecord, run_json
from resnet_studio.domain.run_fields import find_field, run_fields
from resnet_studio.domain.series import CURVES, ERRORS, TRAINING_ERROR_WINDOW
from resnet_studio.domain.text_numbers import duration, grouped, percent, signed
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
    Quantity.EVALUATED_ERROR: _("evaluated error"),
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
    as_in_paper: Annotated[
        bool, typer.Option("--as-in-paper", help=_("Figures with the axes and lines of Figure 6: 0 to 20 %."))
    ] = False,
    group: Annotated[
        str,
        typer.Option(
            "--group",
            metavar="FIELD,...",
            help=_("Groups with mean, deviation and interval: 'seed' for all but the seed, or fields such as depth."),
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Compare stored runs: errors, distances to the first, and only the fields that differ."""
    with session(context).reader() as store:
        runs = find_all(store, names)
        if len(runs) < 2:
            raise UserError(_("A comparison needs two different runs; `resnet-studio runs list` lists them."))
        curves = store.curves(ids(runs), CURVES if csv is not None else ERRORS)
        lists = of_stored(store, runs)
    grouping = _grouping(group)
    if csv is not None:
        write_whole(csv, comparison_csv(runs, curves))
    if table is not None:
        write_whole(table, summary_csv(runs, runs[0], extra=csv_columns(lists)))
    words = as_caption(list(zip(display_names(runs).values(), lists, strict=True)))
    for file, ending in ((svg, ".svg"), (png, ".png"), (pdf, ".pdf")):
        if file is not None:
            draw(runs, curves, file, ending, words, as_in_paper=as_in_paper, grouping=grouping)
    if as_json:
        print_json({**_as_json(runs, lists), **({"grouped": _groups_json(runs, grouping)} if grouping else {})})
        return
    _show(runs, lists)
    if grouping:
        _show_groups(runs, grouping)


def _grouping(text: str) -> Grouping:
    if text in ("seed", "seeds"):
        return ALL_BUT_SEEDS
    keys = tuple(key for part in text.split(",") if (key := part.strip()))
    for key in keys:
        if find_field(key) is None:
            raise UserError(_("There is no field {key} to group by; try depth, block or learning_rate.", key=key))
    return keys


def _groups_json(runs: Sequence[RunRecord], grouping: Grouping) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for group in group_runs(runs, grouping):
        statistics = {key: group.statistic(run_fields()[key]) for key in GROUPED}
        found.append(
            {
                "group": group.name,
                "runs": ids(group.runs),
                **{key: None if each is None else dataclasses.asdict(each) for key, each in statistics.items()},
            }
        )
    return found


def _show_groups(runs: Sequence[RunRecord], grouping: Grouping) -> None:
    rows: list[tuple[object, ...]] = []
    for group in group_runs(runs, grouping):
        cells = [group.statistic(run_fields()[key]) for key in GROUPED]
        texts = ["–" if each is None else f"{each.text} % (n {each.count}; {each.interval_text})" for each in cells]
        rows.append((group.name, len(group.runs), *texts))
    titles = [run_fields()[key].title.lower() for key in GROUPED]
    print_table((_("group"), _("runs"), *titles), rows, right=titles)
    print(_("mean ± sample standard deviation (n; {level:.0%} interval of the mean)", level=LEVEL))


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
            away = "" if difference is None else f" ({signed(difference, digits=2)})"
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
