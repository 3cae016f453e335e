"""``launch``: starting workers through what shares out machines. It only starts them; the history decides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resnet_studio.cli.context import session
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import print_json
from resnet_studio.domain.errors import UserError
from resnet_studio.platform.files import replacing
from resnet_studio.platform.home import Home, without_password
from resnet_studio.platform.outside_files import reason
from resnet_studio.platform.python_child import program_command
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
    command = program_command(*(["--home", str(here.home.root)] if here.chosen else []))
    command += ["--history", here.home.history, "--runs", str(here.home.runs), "work", "--until-empty"]
    job = ArrayJob(workers, time, command, gpus, tuple(option or ()))
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
    if home.shared_runs is None:
        raise UserError(_("Workers on other machines need one folder of checkpoints: give it with --runs DIR."))
