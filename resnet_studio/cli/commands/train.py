"""``train`` and ``resume``: a cohort from the command line to its stored end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_studio.cli.context import Session, find_all, ids, session
from resnet_studio.cli.options import AsJson, GivenOptions, RunNames, spec_options
from resnet_studio.cli.output import hint, print_if_possible, print_json, print_table
from resnet_studio.cli.repeat import Repetition, repetition
from resnet_studio.cli.spec_arguments import SEED_FIELDS, cohort_from_options, run_file_text, write_run_file
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.cli.training_progress import progress
from resnet_studio.domain.device_shares import MOST_DEVICES, device_fault
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord, refuse_ended, run_json
from resnet_studio.domain.specs import MAX_SEED, CohortSpec, RunSpec
from resnet_studio.domain.text_numbers import counted, duration, grouped, percent
from resnet_studio.runner.refuse_misfits import refuse_misfits
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore

RunFile = Annotated[
    Path | None, typer.Argument(metavar="RUN.toml", help=_("A run or a cohort; options then change each run in it."))
]
RecipeName = Annotated[
    str,
    typer.Option(
        "--recipe", metavar="NAME", help=_("One of the paper's, as `recipes` lists them; options then change it.")
    ),
]
LikeRun = Annotated[
    str, typer.Option("--like", metavar="RUN", help=_("Repeat a stored run: its specification, data and choices."))
]
AsTwin = Annotated[bool, typer.Option("--twin", help=_("Train the plain and the residual net of this depth."))]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, max=MAX_SEED, metavar="NUMBER", help=_("Initial weights and sample order at once.")),
]
Devices = Annotated[
    str | None,
    typer.Option(
        "--devices",
        metavar="NUMBER|all",
        help=_(
            "Divide each batch between so many devices of this machine, a process for each; bn_images must fit. all: "
            "every GPU. Without it one, or as many as a stored run had."
        ),
    ),
]


def register(app: typer.Typer) -> None:
    app.command()(train)
    app.command()(resume)


@spec_options()
def train(
    context: typer.Context,
    given: GivenOptions,
    file: RunFile = None,
    recipe: RecipeName = "",
    like: LikeRun = "",
    seed: Seed = None,
    twin: AsTwin = False,
    devices: Devices = None,
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_("Print the run file and train nothing."))] = False,
    save: Annotated[Path | None, typer.Option("--save", metavar="FILE", help=_("Write the run file too."))] = None,
) -> None:
    """Train a network, or a whole cohort from a run file; Ctrl-C writes a checkpoint and stops."""
    here = session(context)
    cohort, again = asked_cohort(here, given, file, recipe, like, seed, twin)
    number = asked_devices(devices, cohort.runs)
    if save is not None:
        write_run_file(cohort, save)
    if dry_run:
        print_dry_run(cohort, as_json)
        return
    runs, code = train_cohort(here, cohort, as_json=as_json, again=again, devices=number)
    show_results(runs, as_json, again)
    raise typer.Exit(code)


def asked_cohort(
    here: Session, given: GivenOptions, file: Path | None, recipe: str, like: str, seed: int | None, twin: bool
) -> tuple[CohortSpec, Repetition | None]:
    """What the command line describes, and the run that it repeats, if any.

    Raises:
        UserError: For anything that cannot be trained so.
    """
    if like:
        if seed is not None:
            given = {**dict.fromkeys(SEED_FIELDS, seed), **given}
        with here.reader() as store:
            again = repetition(store.find, like, others=bool(file or recipe or twin or given.get("start_from")))
        return again.cohort(given), again
    parent = None
    if wanted := given.get("start_from"):
        with here.reader() as store:
            parent = store.find(str(wanted))
        given = {**given, "start_from": parent.id}
    return cohort_from_options(file, given, seed, twin, here.home, recipe, parent), None


def resume(
    context: typer.Context,
    names: RunNames,
    cohort: Annotated[
        bool, typer.Option("--cohort", help=_("Go on with every unfinished run of the same cohort."))
    ] = False,
    devices: Devices = None,
    as_json: AsJson = False,
) -> None:
    """Go on with runs that were stopped or interrupted, on the very same batches."""
    here = session(context)
    with here.writer() as store:
        runs = find_all(store, names)
        if not cohort:
            refuse_ended(runs)
        else:
            members = {run.id: run for chosen in runs for run in store.cohort_runs(chosen.cohort_id)}
            runs = [run for run in members.values() if run.resumable]
            if not runs:
                raise UserError(_("Every run of this cohort has ended; nothing is left to go on with."))
        number = asked_devices(devices, [run.spec for run in runs], runs[0].environment.get("devices", "1"))
        runs, code = train_stored(here, store, runs, as_json=as_json, devices=number)
    show_results(runs, as_json)
    raise typer.Exit(code)


def asked_devices(text: str | None, specs: Sequence[RunSpec], usual: str = "1") -> int:
    """How many devices to train on.

    Raises:
        UserError: If ``text`` is no number, or the batches of ``specs`` cannot be divided so.
    """
    given = usual if text is None else text.strip().lower()
    if given == "all":
        from resnet_studio.runner.devices import all_devices  # torch enters here

        number = all_devices(specs[0])
    elif given.isdecimal() and 1 <= int(given) <= MOST_DEVICES:
        number = int(given)
    else:
        raise UserError(
            _("--devices is a number from 1 to {most}, or all; not {given!r}.", most=MOST_DEVICES, given=given)
        )
    for spec in specs:
        if fault := device_fault(spec, number):
            raise UserError(_("{name}: {fault}.", name=spec.label, fault=fault))
    return number


def print_dry_run(cohort: CohortSpec, as_json: bool) -> None:
    if as_json:
        print_json(cohort.model_dump(mode="json"))
    else:
        print(run_file_text(cohort), end="")


def train_cohort(
    here: Session, cohort: CohortSpec, *, as_json: bool, again: Repetition | None = None, devices: int = 1
) -> tuple[list[RunRecord], int]:
    """Store the cohort's runs and train them; see :func:`train_stored`."""
    with here.writer() as store:
        refuse_misfits(cohort.runs, store)
        records = store.create_cohort(cohort, again.environment if again is not None else None)
        return train_stored(here, store, records, as_json=as_json, again=again, devices=devices)


def train_stored(
    here: Session,
    store: RunStore,
    runs: Sequence[RunRecord],
    *,
    as_json: bool,
    again: Repetition | None = None,
    devices: int = 1,
) -> tuple[list[RunRecord], int]:
    """Train stored runs with progress, until they end or a signal comes.

    Returns:
        The runs as stored at the end, and the exit code: 0, 1 if one of them diverged or failed, or 128 and the number
        of the signal that stopped them.

    Raises:
        UserError: If the runs cannot be trained so.
    """
    with StopOnSignals() as stopping:
        if not as_json:
            print_if_possible(_announcement(runs))
            if devices > 1:
                print_if_possible(_("Each batch is divided between {devices} devices.", devices=devices))
        shown = progress(runs, stopping, as_json=as_json)
        with shown.showing:
            try:
                with stopping.interrupting():
                    from resnet_studio.runner import run_cohort
            except KeyboardInterrupt:
                ended = _stopped_before_the_start(store, runs)
            else:
                emit = shown.emit if again is None else again.watching(shown.emit)
                ended = list(run_cohort.resume(ids(runs), store, emit, stopping, devices=devices))
    left = [run for run in ended if run.resumable]
    for run in ended:
        if run.status in (RunStatus.DIVERGED, RunStatus.FAILED):
            hint(f"{run.name} ({run.id}) {_(run.status.value)}: {run.reason}")
    if stopping.received is None:
        return ended, int(any(run.status in (RunStatus.DIVERGED, RunStatus.FAILED) for run in ended))
    for reason in dict.fromkeys(run.reason for run in left if run.reason):
        hint(reason)
    if left:
        hint(
            _(
                "Stopped at iteration {left}; resume with: {command}",
                left=min(run.iteration for run in left),
                command=here.command("resume", *ids(left)),
            )
        )
    return ended, stopping.exit_code if left else 0


def _stopped_before_the_start(store: RunStore, runs: Sequence[RunRecord]) -> list[RunRecord]:
    """As :func:`resnet_studio.runner.run_cohort.resume` leaves runs that were stopped before their first iteration."""
    for run in runs:
        if run.status in (RunStatus.QUEUED, RunStatus.INTERRUPTED):
            store.set_status(run.id, RunStatus.STOPPED)
    return [store.get(run.id) for run in runs]


def _announcement(runs: Sequence[RunRecord]) -> str:
    spec = runs[0].spec
    names = ", ".join(run.name for run in runs)
    return _(
        "Training {names}: {iterations} of {batch_size} images, data {label}.",
        names=names,
        iterations=counted(spec.recipe.iterations, "iteration", "iterations"),
        batch_size=spec.recipe.batch_size,
        label=spec.data.label,
    )


def show_results(runs: Sequence[RunRecord], as_json: bool, again: Repetition | None = None) -> None:
    """How runs ended: one run's JSON is an object, several are a list; else a table."""
    if as_json:
        repeated = {} if again is None else {"like": again.as_json(runs[0])}
        print_json({**run_json(runs[0]), **repeated} if len(runs) == 1 else [run_json(run) for run in runs])
        return
    if again is not None:
        again.print_verdict(runs[0])
    columns = (
        _("id"),
        _("run"),
        _("status"),
        _("iterations"),
        _("training error"),
        _("test error"),
        _("(best)"),
        _("parameters"),
        _("time"),
    )
    rows = [
        (
            run.short_id, run.name, run.status, f"{run.iteration}/{run.iterations}", percent(run.training_error),
            percent(run.test_error), percent(run.best_test_error), grouped(run.parameters), duration(run.seconds),
        )
        for run in runs
    ]  # fmt: skip
    print_table(columns, rows, right=columns[3:])
