"""``queue``: which cohorts train, in which order, without a window. A window of the same home shows the same queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_studio.cli.commands.study import BudgetOption, SeedsOption, evaluate_together
from resnet_studio.cli.commands.train import AsTwin, LikeRun, RecipeName, Seed, asked_cohort
from resnet_studio.cli.context import Session, session
from resnet_studio.cli.options import AsJson, GivenOptions, spec_options
from resnet_studio.cli.output import hint, print_if_possible, print_json, print_table
from resnet_studio.cli.spec_arguments import refuse_missing_data
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.cli.study_argument import chosen_study, names_study
from resnet_studio.cli.training_progress import DeviceProgress, NoProgress, progress
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.events import EventSink
from resnet_studio.domain.queue import QueueCommand, QueueEntry, QueueRequest, QueueStatus, QueueVerb
from resnet_studio.platform.queue_time import QueueTime, queue_time
from resnet_studio.platform.training_speed import with_runs
from resnet_studio.runner.queue_work import EntryWork, this_worker
from resnet_studio.runner.refuse_misfits import refuse_misfits
from resnet_studio.studies.catalog import STUDIES
from resnet_studio.studies.queue_commands import queue_commands
from resnet_studio.studies.stored import stored_study, trained_plans
from resnet_studio.text import _, _n
from resnet_studio.training.speed_cache import known_speeds

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore
    from resnet_studio.studies.study import BudgetName

_ENDED_LISTED = 1000

app = typer.Typer(help=_("Cohorts that wait to be trained: list, add, reorder, train them."), no_args_is_help=True)
Entry = Annotated[
    str, typer.Argument(metavar="ENTRY", help=_("A position, or the beginning of the entry's or the cohort's id."))
]


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="queue")


@app.command("list")
def list_entries(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help=_("Also what has ended."))] = False,
    as_json: AsJson = False,
) -> None:
    """List what is trained and what waits, in order, each with its progress and the time it is expected to take."""
    here = session(context)
    with here.reader() as store:
        entries = store.queue(ended=_ENDED_LISTED if everything else 0)
        time = _time(here, store, entries)
    if as_json:
        print_json([entry_json(entry, time) for entry in entries])
        return
    if not entries:
        print(_("Nothing waits."))
        return
    columns = ("", _("id"), _("cohort"), _("study"), _("seeds"), _("status"), _("iterations"), _("time left"))
    rows = [
        (
            entry.place or "", entry.id[:8], entry.title, entry.study, ", ".join(map(str, entry.seeds)),
            entry.state, f"{entry.iteration}/{entry.iterations}",
            time.by_entry[entry.id].words if entry.id in time.by_entry else "",
        )
        for entry in entries
    ]  # fmt: skip
    print_table(columns, rows, right=("", *columns[6:]))
    if time.words:
        print(f"{time.words[:1].upper()}{time.words[1:]}.")


@app.command()
@spec_options()
def add(
    context: typer.Context,
    given: GivenOptions,
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN.toml|STUDY]",
            help=_(
                "A run or a cohort, as `train` takes it; or a study by its name or file, as `study run` does, of which "
                "is added what is missing."
            ),
        ),
    ] = None,
    recipe: RecipeName = "",
    like: LikeRun = "",
    seed: Seed = None,
    twin: AsTwin = False,
    study: Annotated[
        str, typer.Option("--study", metavar="NAME|FILE", help=_("The same as STUDY; --data gives other images."))
    ] = "",
    budget: BudgetOption = None,
    seeds: SeedsOption = None,
    first: Annotated[bool, typer.Option("--first", help=_("Before everything that waits."))] = False,
    alone: Annotated[
        bool, typer.Option("--alone", help=_("Not in one cohort with what waits and may share its batches."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a cohort: what `train` takes, or a study.

    It trains together with what waits and may share its batches. Another program that holds the history is asked to.
    """
    here = session(context)
    if what is not None and not study and names_study(what):
        study, what = what, None
    if study:
        if set(given) - {"data.source"} or what or recipe or like or twin or seed is not None:
            raise UserError(_("The study gives the runs; leave out the options that describe others."))
        _add_study(here, study, budget, seeds, given.get("data.source"), first=first, as_json=as_json)
        return
    if budget or seeds:
        raise UserError(_("--budget and --seeds belong to a study; name one: queue add STUDY."))
    file = None if what is None else Path(what)
    cohort, again = asked_cohort(here, given, file, recipe, like, seed, twin)
    environment = dict(again.environment) if again is not None else {}
    with here.writer() as store:
        refuse_misfits(cohort.runs, store)
        join = not alone and not first
        command = QueueCommand(verb=QueueVerb.ADD, cohort=cohort, environment=environment, first=first, join=join)
        _print_entry(here, store, _steer(store, command), as_json)


def _add_study(
    here: Session, name: str, budget: BudgetName | None, seeds: int | None, data: str | None, *, first: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """An entry for each cohort that the study still lacks, in the study's order."""
    chosen = chosen_study(name)
    plan = chosen.plan(budget, seeds, data, here.home)
    chosen.refuse_lacking(plan)
    for source in dict.fromkeys(arm.spec.data for arm in plan.arms):
        refuse_missing_data(source, here.home)
    with here.writer() as store:
        commands = queue_commands(stored_study(plan, store), store.queue(), first=first)
        added = [_steer(store, command) for command in commands]
        if as_json:
            print_json([entry_json(store.entry(entry)) for entry in added])
            return
        for entry in added:
            _print_entry(here, store, entry, as_json=False)
        if not added:
            print(_("Nothing of this study is missing that does not wait already."))


@app.command()
def resume(context: typer.Context, names: Annotated[list[str], typer.Argument(metavar="RUN...")]) -> None:
    """Add stored runs that were stopped or interrupted, those of one cohort together."""
    here = session(context)
    with here.writer() as store:
        run_ids = tuple(dict.fromkeys(store.find(name).id for name in names))
        _print_entry(here, store, _steer(store, QueueCommand(verb=QueueVerb.RESUME, run_ids=run_ids)), as_json=False)


@app.command()
def move(
    context: typer.Context,
    entry: Entry,
    position: Annotated[int, typer.Argument(min=1, metavar="POSITION", help=_("From 1, the next one, on."))],
) -> None:
    """Give a waiting entry another position."""
    _change(context, entry, QueueVerb.MOVE, place=position)


@app.command()
def remove(context: typer.Context, entry: Entry) -> None:
    """Take an entry out of the queue. Runs that never began vanish, others stay in the history."""
    _change(context, entry, QueueVerb.REMOVE)


@app.command()
def repeat(context: typer.Context, entry: Entry) -> None:
    """Add the runs of an entry once more, to be trained anew."""
    _change(context, entry, QueueVerb.REPEAT)


@app.command()
def pause(context: typer.Context, entry: Entry) -> None:
    """Hold an entry: one that is trained after its iteration, one that waits takes no turn."""
    _change(context, entry, QueueVerb.STEER, request=QueueRequest.PAUSE)


@app.command("continue")
def go_on(context: typer.Context, entry: Entry) -> None:
    """Go on with an entry that was paused or stopped."""
    _change(context, entry, QueueVerb.STEER, request=QueueRequest.GO_ON)


@app.command()
def stop(context: typer.Context, entry: Entry) -> None:
    """Stop an entry that is trained, with a checkpoint, wherever that is; the queue is held then."""
    _change(context, entry, QueueVerb.STEER, request=QueueRequest.STOP)


@app.command()
def run(
    context: typer.Context,
    devices: Annotated[
        str,
        typer.Option(
            "--devices",
            metavar="all|DEVICE,...",
            help=_("A cohort at a time on each of these: cpu, cuda:N, mps; with cpu,cpu two share the processor."),
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Train until nothing waits any more; Ctrl-C writes a checkpoint and stops, and the queue stays as it is.

    With several devices an entry that is stopped is held, and the others go on.
    """
    here = session(context)
    with here.writer() as store:
        if not store.writable:
            raise StoreError(store.why_read_only)
        with StopOnSignals() as stopping:
            ended = _train_on(devices, store, stopping, as_json) if devices else _train_all(store, stopping, as_json)
            _evaluate_studies(store, ended, stopping, as_json)
        held = [entry for entry in store.queue() if entry.status in (QueueStatus.PAUSED, QueueStatus.STOPPED)]
        waiting = [entry for entry in store.queue() if entry.status is QueueStatus.WAITING]
    if as_json:
        print_json([entry_json(entry) for entry in ended])
    for entry in (entry for entry in waiting if entry.needs and stopping.received is None):
        hint(
            _("{title} waits for a worker that has {device}; this machine has none.", title=entry.title,
              device=entry.needs)
        )  # fmt: skip
    for entry in held:
        command = here.command("queue", "continue", entry.id[:8])
        said = _("{title} is {status}; go on with: {command}", title=entry.title, status=_(entry.status.value),
                 command=command)  # fmt: skip
        hint(f"{said}  ({entry.reason})" if entry.reason else said)
    if waiting:
        wait = _n("{count} cohort waits", "{count} cohorts wait", len(waiting))
        command = here.command("queue", "run")
        hint(_("{wait}; go on in a window that is open, or with: {command}", wait=wait, command=command))
    elif ended:
        _notify(here, ended)
    if stopping.received is not None and waiting:
        raise typer.Exit(stopping.exit_code)
    raise typer.Exit(int(any(entry.status is QueueStatus.FAILED for entry in ended)))


def _evaluate_studies(store: RunStore, ended: Sequence[QueueEntry], stopping: StopOnSignals, as_json: bool) -> None:
    """What studies lack whose questions are answered by all nets together, once their nets have finished."""
    trained = {entry.study for entry in ended}
    plans = (
        plan
        for study in STUDIES
        if study.protocols and study.key in trained
        for plan in trained_plans(study, store.list_runs())
    )
    for plan in plans:
        if not stopping():
            evaluate_together(store, plan, stopping, as_json=as_json)


def _train_all(store: RunStore, stopping: StopOnSignals, as_json: bool) -> list[QueueEntry]:
    """The entries that were trained; a stop that somebody asked the queue for ends it too."""
    try:
        with stopping.interrupting():
            from resnet_studio.networks.devices import kinds_here  # torch enters here
            from resnet_studio.runner.run_cohort import resume as train
    except KeyboardInterrupt:
        return []
    worker, ended = this_worker(kinds=kinds_here()), []
    while not stopping() and (claim := store.claim(worker)) is not None:
        entry = store.entry(claim.entry_id)
        if not as_json:
            print_if_possible(announcement(entry))
        work = EntryWork(
            claim, store, lambda ids, own, emit, stop, pause: train(ids, own, emit, stop, should_pause=pause)
        )
        shown = progress(entry.runs, stopping, as_json=as_json)
        with shown.showing:
            try:
                work.run(shown.emit, stopping)
            except UserError as error:
                hint(f"{entry.title}: {error}")
        ended.append(store.entry(claim.entry_id))
        if not as_json:
            print_if_possible(f"{entry.title}: {_(ended[-1].status.value)}. {ended[-1].reason}".rstrip())
        if ended[-1].status is QueueStatus.STOPPED:
            break
    return ended


def _train_on(devices: str, store: RunStore, stopping: StopOnSignals, as_json: bool) -> list[QueueEntry]:
    """The entries that were trained, several at a time."""
    try:
        with stopping.interrupting():
            from resnet_studio.runner.device_workers import DeviceWorkers, named_devices  # torch enters here
    except KeyboardInterrupt:
        return []

    @contextmanager
    def showing(entry: QueueEntry, device: str) -> Iterator[EventSink]:
        shown = NoProgress() if as_json else DeviceProgress(entry.runs, stopping, device)
        if not as_json:
            print_if_possible(f"{device}: {announcement(entry)}")
        yield shown.emit
        if not as_json:
            after = store.entry(entry.id)
            runs = ", ".join(f"{run.name}: {_(run.status.value)}" for run in after.runs)
            print_if_possible(f"{device}: {entry.title}. {runs}.")

    work = DeviceWorkers(
        store, named_devices(devices), showing, lambda entry, sentence: hint(f"{entry.title}: {sentence}"), hint
    )
    work.run(stopping)
    return work.ended


def announcement(entry: QueueEntry) -> str:
    """What is printed when the training of an entry begins."""
    names = ", ".join(run.name for run in entry.runs)
    return _(
        "Training {title} ({names}) from iteration {iteration} of {iterations}.",
        title=entry.title,
        names=names,
        iteration=entry.iteration,
        iterations=entry.iterations,
    )


def _notify(here: Session, ended: Sequence[QueueEntry]) -> None:
    try:
        from resnet_studio.ui.desktop_notice import notify_from_terminal
        from resnet_studio.ui.preferences import Preferences
        from resnet_studio.ui.queue_end import ENDED, NOTIFY, queue_sentence
    except ImportError:  # Qt lacks a library of the system: then there is no desktop either
        return
    if Preferences(here.home).value(NOTIFY, True, bool):
        notify_from_terminal(ENDED, queue_sentence(ended))


def _change(
    context: typer.Context, text: str, verb: QueueVerb, *, place: int = 1, request: QueueRequest = QueueRequest.GO_ON
) -> None:
    with session(context).writer() as store:
        entry = store.find_entry(text)
        _steer(store, QueueCommand(verb=verb, entry=entry.id, place=place, request=request))
    if verb is QueueVerb.STEER and entry.status is _AFTER[request] and not entry.claimed:
        print(_already(session(context), entry))


_AFTER = {
    QueueRequest.GO_ON: QueueStatus.WAITING,
    QueueRequest.PAUSE: QueueStatus.PAUSED,
    QueueRequest.STOP: QueueStatus.STOPPED,
}


def _already(here: Session, entry: QueueEntry) -> str:
    """What is printed where an entry is asked for what it is."""
    if entry.status is QueueStatus.WAITING:
        return _(
            "{title} waits already, as number {place}; train what waits with: {command}",
            title=entry.title,
            place=entry.place,
            command=here.command("queue", "run"),
        )
    return _(
        "{title} is {status} already, at iteration {iteration} of {iterations}; go on with: {command}",
        title=entry.title,
        status=_(entry.status.value),
        iteration=entry.iteration,
        iterations=entry.iterations,
        command=here.command("queue", "continue", entry.id[:8]),
    )


def _steer(store: RunStore, command: QueueCommand) -> str:
    from resnet_studio.history.steer import steer

    return steer(store, command)


def _print_entry(here: Session, store: RunStore, entry_id: str, as_json: bool) -> None:
    entry = store.entry(entry_id)
    if as_json:
        print_json(entry_json(entry))
        return
    print(
        _("{title} waits as number {place} ({entry_id}).", title=entry.title, place=entry.place, entry_id=entry.id[:8])
    )
    if len(entry.runs) > 1:
        print(_("Its {count} runs share their batches and train together.", count=len(entry.runs)))
    if any(each.claimed for each in store.queue()):
        return
    if store.held_elsewhere:
        print(_("The program that holds the history trains it once its queue goes on."))
    else:
        print(_("Train what waits with: {command}", command=here.command("queue", "run")))


def _time(here: Session, store: RunStore, entries: Sequence[QueueEntry]) -> QueueTime:
    return queue_time(entries, with_runs(known_speeds(here.home.cache), store.list_runs()))


def entry_json(entry: QueueEntry, time: QueueTime | None = None) -> dict[str, object]:
    """``position`` is null for an entry that has ended, ``seconds_left`` where it is not known."""
    left = None if time is None else time.by_entry.get(entry.id)
    return {
        "position": entry.place or None,
        "id": entry.id,
        "cohort": entry.cohort_id,
        "name": entry.title,
        "study": entry.study,
        "seeds": list(entry.seeds),
        "runs": [
            {
                "id": run.id,
                "name": run.name,
                "status": str(run.status),
                "iteration": run.iteration,
                "iterations": run.iterations,
            }
            for run in entry.runs
        ],
        "status": str(entry.status),
        "reason": entry.reason,
        "needs": entry.needs,
        "needs_lacking": bool(entry.lacking),
        "progress": entry.progress,
        "seconds_left": None if left is None else left.seconds,
        "seconds_left_range": None if left is None else [left.low, left.high],
        "host": entry.host if entry.claimed else "",
        "added_at": entry.added_at.isoformat(),
        "ended_at": entry.ended_at.isoformat() if entry.ended_at else None,
    }
