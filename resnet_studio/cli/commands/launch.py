"""``launch``: starting workers through what shares out machines. It only starts them; the history decides."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from resnet_studio.cli.context import session
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import hint, print_if_possible, print_json
from resnet_studio.cli.ray_workers import follow, needed
from resnet_studio.cli.stop_signals import STOPPING, StopOnSignals
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.queue import QueueEntry
from resnet_studio.platform.files import replacing
from resnet_studio.platform.home import Home, without_password
from resnet_studio.platform.outside_files import reason
from resnet_studio.platform.python_child import program_command
from resnet_studio.platform.ray_cluster import RayCluster, cores_of_each, refuse_unguarded
from resnet_studio.platform.slurm import ArrayJob, submit
from resnet_studio.text import _, _n

_SCRIPT = Path("resnet-studio-workers.sh")

app = typer.Typer(help=_("Start workers through what shares out machines."), no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="launch")


@app.callback()
def _group() -> None:
    """Start workers through what shares out machines; the history decides what they train."""


@app.command()
def slurm(
    context: typer.Context,
    workers: Annotated[int, typer.Option("--workers", min=1, max=10_000, help=_("How many."))],
    time: Annotated[
        str, typer.Option("--time", metavar="TIME", help=_("How long each may run, such as 8:00:00 or 2-0."))
    ],
    gpus: Annotated[int, typer.Option("--gpus", min=0, max=64, help=_("Of each worker; it trains on the first."))] = 1,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", metavar="TEXT", help=_("More for sbatch, such as --option=--partition=gpu; repeatable.")
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help=_("The script that is written."))] = _SCRIPT,
    submit_it: Annotated[bool, typer.Option("--submit", help=_("Hand it to Slurm as well."))] = False,
    as_json: AsJson = False,
) -> None:
    """Write the script of an array job whose tasks are workers, which leave when nothing waits any more.

    A job that is preempted, requeued or out of time loses nothing: a minute before its end it writes a checkpoint, and
    what it trained waits again. All machines must see the history's server and the folder of runs.
    """
    here = session(context)
    _refuse_unshared(here.home)
    _refuse_own_runs(here.home)
    places = _places(here.home, str(here.home.root) if here.chosen else "")
    job = ArrayJob(workers, time, program_command(*places, "work", "--until-empty"), gpus, tuple(option or ()))
    text = job.script()
    try:
        if output.exists() and output.read_text("utf-8", "replace") != text:
            raise UserError(_("{file} is there already; remove it, or name another with --output.", file=output))
        with replacing(output.absolute()) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(_("{file} cannot be written: {why}.", file=output, why=reason(error))) from None
    said = submit(output) if submit_it else ""
    if as_json:
        print_json({"script": str(output), "workers": workers, "submitted": submit_it, "said": said})
        return
    count = _n("{count} worker", "{count} workers", workers)
    print(_("The script for {count} was written to {file}.", count=count, file=output))
    print(said if submit_it else _("Submit it with: {command}", command=f"sbatch {output}"))


class Kind(StrEnum):
    """What a worker in a cluster has to itself."""

    GPU = "gpu"
    CPU = "cpu"


@app.command("ray")
def on_ray(
    context: typer.Context,
    workers: Annotated[int, typer.Option("--workers", min=1, max=10_000, help=_("How many."))],
    address: Annotated[
        str,
        typer.Option(
            "--address", metavar="HOST:PORT", envvar="RAY_ADDRESS", help=_("The cluster's, as ray start said.")
        ),
    ],
    device: Annotated[Kind, typer.Option("--device", help=_("One GPU for each, or cores alone."))] = Kind.GPU,
    cores: Annotated[
        int, typer.Option("--cores", min=0, max=4096, help=_("Of each; 0 for its GPU's share of them, or one."))
    ] = 0,
    stay: Annotated[bool, typer.Option("--stay", help=_("Go on when nothing waits any more, until Ctrl-C."))] = False,
    as_json: AsJson = False,
) -> None:
    """Start workers in a Ray cluster, from one of its machines, and follow them until nothing is left for them.

    Ray chooses the machines; what is trained, the history decides. A cluster that asks for no token is refused. Ctrl-C
    asks every worker to write a checkpoint and to leave; what it trained then waits again.
    """
    here = session(context)
    _refuse_unshared(here.home)
    refuse_unguarded(address)
    with here.reader() as store:

        def queue() -> tuple[Sequence[QueueEntry], datetime]:
            return store.queue(), store.claimed_entries()[1]

        if not stay and not needed(*queue(), ()):
            raise UserError(_("Nothing waits in the queue; add something to it, or give --stay."))
        with closing(RayCluster(address)) as cluster, StopOnSignals() as stopping:
            if not cluster.only_here:
                _refuse_own_runs(here.home)
            gpus = int(device is Kind.GPU)
            each = cores or cores_of_each(cluster.nodes, gpus=gpus)
            words = [*_places(here.home, here.home.as_option), "work", "--cores", str(each)]
            cluster.place(workers, [*words, *(() if gpus else ("--device", "cpu"))], gpus=gpus, cores=each)

            def say(sentence: str) -> None:
                hint(sentence) if as_json else print_if_possible(sentence)

            def should_stop() -> bool:
                if stopping():
                    hint(STOPPING)
                return stopping()

            follow(cluster, queue, should_stop, say, stay=stay)
            if as_json:
                print_json([asdict(worker) for worker in cluster.workers])
    if stopping.received is not None:
        raise typer.Exit(stopping.exit_code)
    raise typer.Exit(int(any(worker.wrong for worker in cluster.workers)))


def _places(home: Home, root: str) -> list[str]:
    """The words that name a home, none where ``root`` is empty, its history and its runs to another process."""
    return [*(["--home", root] if root else []), "--history", home.history, "--runs", str(home.runs)]


def _refuse_unshared(home: Home) -> None:
    if not home.history or home.history.startswith("sqlite:"):
        raise UserError(
            _(
                "A history in a file has one writer, so no workers on other machines: give --history "
                "postgresql://USER@SERVER/DATABASE, or copy this one there with history copy."
            )
        )
    if without_password(home.history) != home.history:
        raise UserError(
            _("The history's URL holds a password, which a script must not: put it into ~/.pgpass and leave it out.")
        )


def _refuse_own_runs(home: Home) -> None:
    if home.shared_runs is None:
        raise UserError(_("Workers on other machines need one folder of checkpoints: give it with --runs DIR."))
