"""``work`` and ``workers``: training what waits in the queue, on any number of machines that share a history."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from resnet_studio.cli.commands.queue import announcement
from resnet_studio.cli.context import session
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import hint, print_if_possible, print_json, print_table
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.cli.training_progress import progress
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.events import EventSink
from resnet_studio.domain.queue import QueueEntry, QueueStatus
from resnet_studio.platform.host import CORES_VARIABLE
from resnet_studio.text import _

_DEVICE = re.compile(r"cpu|cuda(:[0-9]{1,3})?")


def register(app: typer.Typer) -> None:
    app.command()(work)
    app.command()(workers)


def work(
    context: typer.Context,
    device: Annotated[
        str,
        typer.Option(
            "--device", metavar="cpu|cuda:N", help=_("All that this worker uses; else what each recipe says.")
        ),
    ] = "",
    cores: Annotated[
        int, typer.Option("--cores", min=0, max=4096, help=_("As many of the machine's cores; 0 for all."))
    ] = 0,
    once: Annotated[bool, typer.Option("--once", help=_("Leave after one cohort."))] = False,
    until_empty: Annotated[bool, typer.Option("--until-empty", help=_("Leave as soon as nothing waits."))] = False,
) -> None:
    """Train what waits in the queue, one cohort after another, beside any number of other workers of one history.

    Ctrl-C writes a checkpoint; what was trained then waits again, before everything else.
    """
    here = session(context)
    _use(device)
    if cores:
        os.environ[CORES_VARIABLE] = str(cores)
    with here.writer() as store:
        if not store.writable:
            raise StoreError(store.why_read_only)
        with StopOnSignals() as stopping:
            try:
                with stopping.interrupting():
                    from resnet_studio.networks.devices import kinds_here, missing_device  # torch enters here
                    from resnet_studio.runner.run_cohort import resume
                    from resnet_studio.runner.worker import WorkerLoop, this_worker
            except KeyboardInterrupt:
                raise typer.Exit(stopping.exit_code) from None

            @contextmanager
            def showing(entry: QueueEntry) -> Iterator[EventSink]:
                print_if_possible(announcement(entry))
                shown = progress(entry.runs, stopping, as_json=False)
                with shown.showing:
                    yield shown.emit

            kinds = ("cpu",) if device == "cpu" else kinds_here()
            if device.startswith("cuda") and "cuda" not in kinds:
                raise missing_device(device)
            loop = WorkerLoop(
                store,
                this_worker(device or kinds[0], kinds),
                lambda ids, own, emit, stop, pause: resume(ids, own, emit, stop, should_pause=pause),
                showing,
                lambda entry, sentence: hint(f"{entry.title}: {sentence}"),
            )
            loop.run(stopping, once=once, until_empty=until_empty)
    for entry in loop.ended:
        print_if_possible(f"{entry.title}: {_(entry.status.value)}. {entry.reason}".rstrip())
    if stopping.received is not None:
        raise typer.Exit(stopping.exit_code)
    raise typer.Exit(int(any(entry.status is QueueStatus.FAILED for entry in loop.ended)))


def workers(context: typer.Context, as_json: AsJson = False) -> None:
    """List who trains now and which workers wait: where, on what, which cohort, how fast, and when last heard of.

    Times are by the history's clock. One that was not heard of for longer than its claim holds is no worker any more:
    the next one takes its cohort over.
    """
    with session(context).reader() as store:
        found = store.workers()
    if as_json:
        print_json(
            [
                {
                    "worker": worker.name,
                    "host": worker.host,
                    "device": worker.device,
                    **_entry_json(worker.entry),
                    "iterations_per_second": worker.speed,
                    "heard_seconds_ago": worker.heard_seconds,
                    "gone": worker.gone,
                }
                for worker in found
            ]
        )
        return
    if not found:
        print(_("Nobody trains now, and no worker waits."))
        return
    columns = (_("host"), _("device"), _("cohort"), _("status"), _("iterations"), _("a second"), _("last heard"))
    rows = [
        (
            worker.host, worker.device, worker.entry.title if worker.entry else "", worker.state,
            f"{worker.entry.iteration}/{worker.entry.iterations}" if worker.entry else "",
            "" if worker.speed is None else f"{worker.speed:.1f}",
            _("{seconds:.0f} s ago", seconds=worker.heard_seconds),
        )
        for worker in found
    ]  # fmt: skip
    print_table(columns, rows, right=columns[4:6])


def _entry_json(entry: QueueEntry | None) -> dict[str, object]:
    """What a worker trains; empty and null for one that waits."""
    return {
        "entry": entry.id if entry else "",
        "cohort": entry.cohort_id if entry else "",
        "name": entry.title if entry else "",
        "status": str(entry.status) if entry else "waits",
        "iteration": entry.iteration if entry else None,
        "iterations": entry.iterations if entry else None,
    }


def _use(device: str) -> None:
    """Before torch is loaded: hide every other device."""
    if not device:
        return
    if not _DEVICE.fullmatch(device):
        raise UserError(_("There is no device {device!r}; give cpu, cuda or cuda:N.", device=device))
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif ":" in device:
        os.environ["CUDA_VISIBLE_DEVICES"] = _visible(int(device.partition(":")[2]))


def _visible(number: int) -> str:
    """The device of that number among those that are visible already, as an engine may have chosen some."""
    chosen = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    if chosen and number >= len(chosen):
        raise UserError(
            _("There is no device cuda:{number}; {count} are visible here.", number=number, count=len(chosen))
        )
    return chosen[number] if chosen else str(number)
