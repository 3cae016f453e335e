"""``demo`` and ``study``: the built-in questions, answered with runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from resnet_studio.app import run_app
from resnet_studio.cli.commands.train import print_dry_run, show_results, train_cohort
from resnet_studio.cli.context import Session, ids, session
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import print_json, print_table
from resnet_studio.cli.spec_arguments import refuse_missing_data
from resnet_studio.cli.window import why_no_window
from resnet_studio.domain.records import RunRecord, run_json
from resnet_studio.domain.series import ERRORS, TRAINING_ERROR_WINDOW
from resnet_studio.domain.specs import MAX_SEED, CohortSpec
from resnet_studio.domain.text_numbers import grouped, percent
from resnet_studio.studies.catalog import STUDIES, find_study, quick
from resnet_studio.studies.verdicts import Outcome, Verdict, outcomes, verdicts
from resnet_studio.text import _

DEMO = "degradation"

app = typer.Typer(help=_("Built-in studies: list them, run one."), no_args_is_help=True)
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=MAX_SEED, metavar="NUMBER", help=_("Initial weights and sample order."))
]
Quick = Annotated[bool, typer.Option("--quick", help=_("A tenth of the iterations: to see it work, not to conclude."))]
DryRun = Annotated[bool, typer.Option("--dry-run", help=_("Print the run file and train nothing."))]


def register(parent: typer.Typer) -> None:
    parent.command()(demo)
    parent.add_typer(app, name="study")


def demo(
    context: typer.Context,
    headless: Annotated[
        bool, typer.Option("--headless", help=_("In the terminal, even where there is a display."))
    ] = False,
    seed: Seed = 0,
    quickly: Quick = False,
    as_json: AsJson = False,
) -> None:
    """Start the built-in study: plain and residual nets, shallow and deep, on images the program draws itself.

    In the window where there is a display; with any option, or without a display, in the terminal.
    """
    here = session(context)
    if not (headless or as_json or quickly or seed) and not why_no_window():
        raise typer.Exit(run_app(here.home, study=DEMO))
    _answer(here, _cohort(DEMO, seed, quickly), as_json)


@app.command("list")
def list_studies(as_json: AsJson = False) -> None:
    """List the studies and their questions."""
    cohorts = [(study, study.cohort(0)) for study in STUDIES]
    if as_json:
        print_json(
            [
                {"key": s.key, "title": s.title, "question": s.question, "cohort": c.model_dump(mode="json")}
                for s, c in cohorts
            ]
        )
        return
    rows = [
        (
            study.key, study.question, ", ".join(run.label for run in cohort.runs), cohort.runs[0].data.label,
            grouped(cohort.runs[0].recipe.iterations),
        )
        for study, cohort in cohorts
    ]  # fmt: skip
    print_table((_("name"), _("question"), _("runs"), _("data"), _("iterations")), rows, right=(_("iterations"),))


@app.command("run")
def run_study(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=_("A study's name, as `study list` shows it."))],
    seed: Seed = 0,
    quickly: Quick = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Train a study's runs and say what they answer."""
    cohort = _cohort(name, seed, quickly)
    if dry_run:
        print_dry_run(cohort, as_json)
    else:
        _answer(session(context), cohort, as_json)


def _cohort(key: str, seed: int, quickly: bool) -> CohortSpec:
    cohort = find_study(key).cohort(seed)
    return quick(cohort) if quickly else cohort


def _answer(here: Session, cohort: CohortSpec, as_json: bool) -> None:
    """Train, then show the closing table and the verdicts; a study that was stopped shows how far it came."""
    refuse_missing_data(cohort.runs[0].data, here.home)
    runs, code = train_cohort(here, cohort, as_json=as_json)
    if any(run.resumable for run in runs):
        show_results(runs, as_json)
        raise typer.Exit(code)
    with here.reader() as store:
        results = outcomes(runs, store.curves(ids(runs), ERRORS))
    found = verdicts(results)
    if as_json:
        print_json({"study": cohort.study, "runs": [run_json(run) for run in runs], "verdicts": _as_json(found)})
    else:
        _show(here, runs, results, found)
    raise typer.Exit(code)


def _as_json(found: Sequence[Verdict]) -> list[dict[str, object]]:
    return [
        {
            "question": str(v.question),
            "first": v.first.run.id,
            "second": v.second.run.id,
            "difference": v.difference,
            "sentence": v.sentence,
        }
        for v in found
    ]


def _show(here: Session, runs: Sequence[RunRecord], results: Sequence[Outcome], found: Sequence[Verdict]) -> None:
    columns = (_("id"), _("run"), _("parameters"), _("training error"), _("test error"))
    rows = [
        (
            result.run.short_id, Text(result.run.name, style=result.run.colour), grouped(result.run.parameters),
            percent(result.training_error), percent(result.test_error),
        )
        for result in results
    ]  # fmt: skip
    print()
    print_table(
        columns,
        rows,
        right=columns[2:],
        title=_(
            "Training error: mean of the last {training_error_window} iterations",
            training_error_window=TRAINING_ERROR_WINDOW,
        ),
    )
    print()
    for verdict in found:
        print(verdict.sentence)
    print()
    print(_("The runs are kept in {root}. To look at them again:", root=here.home.root))
    for command in ((), ("runs", "list"), ("compare", *(run.short_id for run in runs))):
        print(f"  {here.command(*command)}")
