"""``demo`` and ``study``: the paper's questions and one's own, answered with runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from resnet_studio.app import run_app
from resnet_studio.cli.commands.train import show_results, train_cohort, train_stored
from resnet_studio.cli.context import Session, ids, session
from resnet_studio.cli.first_check import first_check, print_check
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import hint, print_json, print_table
from resnet_studio.cli.progress_bar import ProgressBar
from resnet_studio.cli.spec_arguments import refuse_missing_data
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.cli.study_argument import chosen_study, stored_plan
from resnet_studio.cli.study_output import preview_json, print_preview, print_status, print_verdicts
from resnet_studio.cli.window import why_no_window
from resnet_studio.domain.data_sets import source_names
from resnet_studio.domain.errors import Stopped, StoreError, UserError
from resnet_studio.domain.records import RunRecord, run_json
from resnet_studio.domain.series import ERRORS, TRAINING_ERROR_WINDOW
from resnet_studio.domain.specs import MAX_SEED, CohortSpec
from resnet_studio.domain.text_numbers import grouped, percent
from resnet_studio.platform.files import write_whole
from resnet_studio.studies.catalog import STUDIES
from resnet_studio.studies.conclusions import all_verdicts, conclusion
from resnet_studio.studies.estimate import estimate, estimate_left
from resnet_studio.studies.learning import learned, stand_of
from resnet_studio.studies.plan import StudyPlan
from resnet_studio.studies.run_results import RunResult, run_results
from resnet_studio.studies.single_cohorts import DEMO_KEY, LONGER_KEY, find_single_cohort, quick
from resnet_studio.studies.stored import other_studies, stored_study, trained_plans
from resnet_studio.studies.study import BudgetName
from resnet_studio.text import _, _n

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore

app = typer.Typer(help=_("Studies: the paper's questions and your own, with verdicts."), no_args_is_help=True)
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=MAX_SEED, metavar="NUMBER", help=_("Initial weights and sample order."))
]
Quick = Annotated[bool, typer.Option("--quick", help=_("A tenth of the iterations: to see it work, not to conclude."))]
DryRun = Annotated[bool, typer.Option("--dry-run", help=_("Say what would be trained, and train nothing."))]
StudyName = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE", help=_("As `study list` shows it, or a study file (TOML).")),
]
BudgetOption = Annotated[
    BudgetName | None,
    typer.Option("--budget", help=_("quick: minutes on two cores. standard: an evening. paper: the full recipe.")),
]
SeedsOption = Annotated[
    int | None,
    typer.Option("--seeds", min=1, max=1000, metavar="NUMBER", help=_("How many seeds; 3, 5 and 10 give verdicts.")),
]
DataOption = Annotated[
    str | None,
    typer.Option("--data", metavar="DATA", help=_("Other images: {source_names}.", source_names=source_names())),
]


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
        raise typer.Exit(run_app(here.home, study=DEMO_KEY))
    cohort = find_single_cohort(DEMO_KEY).cohort(seed)
    _answer(here, quick(cohort) if quickly else cohort, as_json)


@app.command("list")
def list_studies(context: typer.Context, as_json: AsJson = False) -> None:
    """List the studies: question, where in the paper, and what each budget takes here."""
    here = session(context)
    with here.reader() as store:
        runs = store.list_runs()
    known = here.known_speeds(runs)
    times = {(study.key, budget): estimate(study.plan(budget), known) for study in STUDIES for budget in study.budgets}
    if as_json:
        print_json(
            [
                {
                    "number": study.number,
                    "key": study.key,
                    "title": study.title,
                    "question": study.question,
                    "where": study.where,
                    "expects": study.expects,
                    "budgets": {
                        str(budget): preview_json(study.plan(budget), times[study.key, budget])
                        for budget in study.budgets
                    },
                }
                for study in STUDIES
            ]
        )
        return
    rows = []
    for study in STUDIES:
        found = (times[study.key, budget] for budget in study.budgets)
        rows.append((study.key, study.question, study.where, *("–" if t is None else t.words for t in found)))
    budgets = [budget.words for budget in BudgetName]
    print_table((_("name"), _("question"), _("in the paper"), *budgets), rows, right=budgets)
    if not any(times.values()):
        print(_("How long they take here is not known yet; `resnet-studio bench` measures this machine."))


@app.command()
def show(
    context: typer.Context,
    name: StudyName,
    budget: BudgetOption = None,
    seeds: SeedsOption = None,
    data: DataOption = None,
    as_json: AsJson = False,
) -> None:
    """Show a study before anything starts: its runs, cohorts, time and disk, and its rule."""
    here = session(context)
    plan = chosen_study(name).plan(budget, seeds, data, here.home)
    with here.reader() as store:
        runs = store.list_runs()
        found = stored_study(plan, store, runs)
    known = here.known_speeds(runs)
    if as_json:
        print_json(preview_json(plan, estimate(plan, known)))
    else:
        print_preview(plan, found, estimate(plan, known), estimate_left(found.work, known))


@app.command("run")
def run_study(
    context: typer.Context,
    name: StudyName,
    budget: BudgetOption = None,
    seeds: SeedsOption = None,
    data: DataOption = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Train what is missing of a study and say what it answers; stopped or killed, the same command goes on."""
    here, chosen = session(context), chosen_study(name)
    plan = chosen.plan(budget, seeds, data, here.home)
    if dry_run:
        show(context, name, budget, seeds, data, as_json)
        return
    chosen.refuse_lacking(plan)
    for source in dict.fromkeys(arm.spec.data for arm in plan.arms):
        refuse_missing_data(source, here.home)
    with here.writer() as store:
        if not store.writable and stored_study(plan, store).work:
            raise StoreError(store.why_read_only)
    code = _train_missing(here, plan, as_json)
    if code < 128 and plan.evaluated:
        code = _evaluate_together(here, plan, as_json) or code
    with here.reader() as store:
        found = stored_study(plan, store)
    if as_json:
        print_json({**found.as_json(), "records": [run_json(run) for run in found.runs]})
    else:
        print_verdicts(found)
        hint(_("A report of it: {command}", command=here.command("study", "report", name, "--html", "report.html")))
    raise typer.Exit(code)


@app.command()
def status(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME|FILE]", help=_("Of one study; else of all."))] = None,
    budget: BudgetOption = None,
    seeds: SeedsOption = None,
    data: DataOption = None,
    as_json: AsJson = False,
) -> None:
    """How far studies are, and what they say so far."""
    here = session(context)
    with here.reader() as store:
        runs = store.list_runs()
        if name is not None:
            plans: Sequence[StudyPlan] = [stored_plan(chosen_study(name), budget, seeds, data, here.home, runs)]
        else:
            plans = [plan for study in STUDIES for plan in trained_plans(study, runs)]
        others = () if name is not None else other_studies(runs, {plan.key for plan in plans})
        found = [stored_study(plan, store, runs) for plan in plans]
    if as_json:
        listed = [one.as_json() for one in found]
        listed += [{"study": one.key, "done": one.done, "all": one.all, "verdicts": []} for one in others]
        print_json(listed[0] if name is not None else listed)
        return
    print_status(found, others, whole=name is not None)


@app.command()
def report(
    context: typer.Context,
    name: StudyName,
    budget: BudgetOption = None,
    seeds: SeedsOption = None,
    data: DataOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help=_("Write one file that opens without a network."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What a study answers: verdicts with their rule, numbers, and the paper's beside them."""
    here = session(context)
    with here.reader() as store:
        runs = store.list_runs()
        found = stored_study(stored_plan(chosen_study(name), budget, seeds, data, here.home, runs), store, runs)
    if html is not None:
        from resnet_studio.studies.report.page import report_page

        write_whole(html, report_page(found, _repeat(here, name, found.plan, data)))
    if as_json:
        print_json(
            {"study": found.plan.key, "budget": found.plan.budget,
             "verdicts": [verdict.as_json() for verdict in found.verdicts]}
        )  # fmt: skip
        return
    print_verdicts(found)
    if html is not None:
        print(html)


def _repeat(here: Session, name: str, plan: StudyPlan, data: str | None) -> str:
    budget = ["--budget", plan.budget] if plan.budget else []
    images = ["--data", data] if data else []
    return here.command("study", "run", name, *budget, "--seeds", str(len(plan.seeds)), *images)


def _train_missing(here: Session, plan: StudyPlan, as_json: bool) -> int:
    """Cohort after cohort; one that fails does not stop the rest, a signal does.

    Returns:
        The exit code: 0, 1 if a run failed or diverged, 128 and more where a signal stopped it.
    """
    with here.reader() as store:
        found = stored_study(plan, store)
    code, done = 0, found.done
    for work in found.work:
        if not as_json:
            hint(
                _n(
                    "{title}: {done} of {count} run is done.",
                    "{title}: {done} of {count} runs are done.",
                    found.all,
                    title=plan.title,
                    done=done,
                )
            )
        try:
            if work.cohort is not None:
                runs, ended = train_cohort(here, work.cohort, as_json=as_json)
            else:
                with here.writer() as writing:
                    runs, ended = train_stored(here, writing, work.resume, as_json=as_json)
        except UserError as error:
            hint(error.sentence)
            code = max(code, 1)
            continue
        code, done = max(code, ended), done + sum(not run.resumable for run in runs)
        if ended >= 128:
            break
    return code


def _evaluate_together(here: Session, plan: StudyPlan, as_json: bool) -> int:
    with here.writer() as store, StopOnSignals() as stopping:
        return evaluate_together(store, plan, stopping, as_json=as_json)


def evaluate_together(store: RunStore, plan: StudyPlan, stopping: StopOnSignals, *, as_json: bool) -> int:
    """All nets of each seed as an ensemble, where that was not done.

    Returns:
        The exit code: 0, 1 if it cannot be done, which is said, or 128 and more where a signal stopped it.
    """
    if not stored_study(plan, store).lacking:
        return 0
    from resnet_studio.runner.evaluate_study import evaluate_study

    title = _n("evaluating {count} net", "evaluating {count} nets together", len(plan.arms))
    try:
        with ProgressBar(title, quiet=as_json) as work:
            evaluate_study(plan, store, work.report, stopping)
    except Stopped:
        return stopping.exit_code
    except UserError as error:
        hint(error.sentence)
        return 1
    return 0


def _answer(here: Session, cohort: CohortSpec, as_json: bool) -> None:
    """Check the signal, train one cohort, then show the closing table and what it says.

    A cohort that was stopped shows how far it came.
    """
    refuse_missing_data(cohort.runs[0].data, here.home)
    with StopOnSignals() as stopping:
        try:
            checked = first_check(here, cohort, stopping, quiet=as_json)
        except Stopped:
            hint(_("Stopped before anything was trained."))
            raise typer.Exit(stopping.exit_code) from None
    if checked and not as_json:
        print_check(checked, len(cohort.runs))
        print()
    runs, code = train_cohort(here, cohort, as_json=as_json)
    if any(run.resumable for run in runs):
        show_results(runs, as_json)
        raise typer.Exit(code)
    with here.reader() as store:
        results = run_results(runs, store.curves(ids(runs), ERRORS))
    if as_json:
        verdicts = [verdict.as_json() for verdict in all_verdicts(results)]
        signal = [one.to_json() for one in checked]
        print_json(
            {"study": cohort.study, "signal": signal, "runs": [run_json(run) for run in runs], "verdicts": verdicts}
        )
    else:
        _show(here, runs, results)
    raise typer.Exit(code)


def _show(here: Session, runs: Sequence[RunRecord], results: Sequence[RunResult]) -> None:
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
    print(conclusion(results))
    print()
    _show_next(here, runs, results)
    print()
    print(_("The runs are kept in {root}. To look at them again:", root=here.home.root))
    for command in ((), ("runs", "list"), ("compare", *(run.short_id for run in runs))):
        print(f"  {here.command(*command)}")


def _show_next(here: Session, runs: Sequence[RunRecord], results: Sequence[RunResult]) -> None:
    """Commands: why, break it, train longer."""
    deepest = max(runs, key=lambda run: run.spec.network.depth).spec.network.depth
    pair = [word for kind in ("plain", "resnet") for word in ("--design", f"{kind}-{deepest}")]
    print(_("Why? The gradients of the deepest pair before training:"))
    print(f"  {here.command('inside', 'signal', *pair)}")
    stands = [stand for stand in map(stand_of, results) if stand is not None]
    if able := learned(stands):
        names = ", ".join(stand.name for stand in able)
        taken = [word for stand in able for word in ("--run", stand.run.short_id)]
        print(_("Break it: take one block after another out of {names}:", names=names))
        print(f"  {here.command('inside', 'lesion', *taken)}")
    else:
        print(_("To break it, train longer first: these nets still guess, so that no block can be missed."))
    print(_("Train eight times as long, with three seeds:"))
    print(f"  {here.command('study', 'run', LONGER_KEY)}")
