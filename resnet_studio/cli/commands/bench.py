"""``bench``: how fast the paper's networks train on this machine, and how long its recipes would take."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from resnet_studio.cli.bench_output import Row, Which, as_json, paper_networks, row_of, show, with_batches_of
from resnet_studio.cli.commands.diff import named_network
from resnet_studio.cli.context import session
from resnet_studio.cli.options import AsJson, GivenOptions, spec_options
from resnet_studio.cli.output import hint, print_json
from resnet_studio.cli.progress_bar import ProgressBar
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.domain.enums import Device, Family
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.domain.text_numbers import counted, duration
from resnet_studio.platform.host import cores
from resnet_studio.platform.training_speed import expected
from resnet_studio.text import _
from resnet_studio.training.speed_cache import known_speeds, machine_key

_FEWEST_STEPS = 4  # what a network costs at least: two to warm up, one that counts, and building it
_PROCESSOR_BATCH = 16  # of ImageNet's images, where the recipe's 256 would take minutes a step and all the memory
_POLL_SECONDS, _GRACE_SECONDS = 0.05, 0.6  # between two looks at whether to stop; for what is measured then
_BUSY_SHARE = 0.5  # of the cores, by the mean of the last minute
_OPTIONS = tuple(f"recipe.{name}" for name in ("batch_size", "precision", "layout", "engine", "exact", "device"))


def register(app: typer.Typer) -> None:
    app.command()(bench)


@spec_options(*_OPTIONS)
def bench(
    context: typer.Context,
    given: GivenOptions,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NETWORK]...",
            help=_("resnet-20, plain-56, resnet-1202, resnet-50, vgg-16, ...; a run file (*.toml); or a stored run."),
            show_default=False,
        ),
    ] = None,
    which: Annotated[
        Which, typer.Option("--set", help=_("Without names: the paper's networks for CIFAR-10, for ImageNet, or all."))
    ] = Which.CIFAR,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="SECONDS", min=0.05, max=600, help=_("For each network, once ready."))
    ] = 3.0,
    minutes: Annotated[
        float,
        typer.Option(
            "--minutes", metavar="MINUTES", min=0,
            help=_("Without names: what no longer fits is scaled instead of measured; 0: no limit."),
        ),
    ] = 2.0,
    wants_json: AsJson = False,
) -> None:  # fmt: skip
    """Measure how fast networks train here, and how long the paper's recipes would take.

    Real steps on random images, with the engine that a run of the recipe's length gets here. Ctrl-C keeps what was
    measured. The figures are remembered, and the Design page's estimates are made of them.
    """
    here = session(context)
    networks = [named_network(name, here) for name in names] if names else paper_networks(which)
    rows = [row_of(network, given) for network in networks]
    cache, remark = here.home.prepare().cache, _other_load()
    with StopOnSignals() as stopping, ProgressBar(_("Measuring"), quiet=wants_json) as work:
        try:
            with stopping.interrupting():
                work.report("starting")
                from resnet_studio.networks.devices import choose_device
                from resnet_studio.training.engines.choose import forget_gains  # torch enters here, which takes seconds
                from resnet_studio.training.speed_probe import probe  # noqa: F401 - loaded where a signal can stop it
        except KeyboardInterrupt:
            raise typer.Exit(stopping.exit_code) from None
        if "recipe.batch_size" not in given and choose_device(rows[0].spec.recipe.device).type == Device.CPU:
            small = [row.spec.network.family is not Family.CIFAR for row in rows]
            rows = [with_batches_of(row, _PROCESSOR_BATCH) if s else row for row, s in zip(rows, small, strict=True)]
        forget_gains(cache)  # whether compiled steps pay is found out anew
        limit = 60 * minutes if minutes and not names else None
        _until_stopped(lambda: _measure(rows, cache, seconds, limit, stopping, work), stopping)
    reasons = {row.reason for row in rows}
    if stopping.received is None and not any(row.speed for row in rows) and len(reasons) == 1:
        raise UserError(reasons.pop())
    known = known_speeds(cache)
    for row in rows:
        if row.speed is None:
            row.scaled = expected(CohortSpec(runs=(row.spec,)), known)
    if wants_json:
        print_json(as_json(rows, machine_key(), stopped=stopping.received is not None))
    elif any(row.speed for row in rows) or stopping.received is None:
        show(rows, remark)
    if stopping.received is not None:
        done = sum(row.speed is not None for row in rows)
        hint(_("Stopped after {done} of {rows}.", done=done, rows=counted(len(rows), "network", "networks")))
    raise typer.Exit(stopping.exit_code)


def _other_load() -> str:
    """A sentence where other programs take a good part of the processor, as far as the system knows."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load < _BUSY_SHARE * cores():
        return ""
    return _(
        "Other programs were busy (load {load:.1f} on {cores}), so this machine is faster "
        "than measured: measure again when it rests.",
        load=load,
        cores=counted(cores(), "core", "cores"),
    )


def _until_stopped(work: Callable[[], None], should_stop: StopCheck) -> None:
    """Do ``work`` in a thread, and do not wait for long when it is to stop.

    The weights of a large network take seconds to draw.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="measuring", daemon=True)  # the name is known where the program ends
    thread.start()
    while thread.is_alive() and not should_stop():
        thread.join(_POLL_SECONDS)
    thread.join(_GRACE_SECONDS)
    if failed:
        raise failed[0]


def _measure(
    rows: Sequence[Row], cache: Path, seconds: float, limit: float | None, should_stop: StopCheck, work: ProgressBar
) -> None:
    """Fill in speeds, or the reason why there is none; ``limit`` in seconds for all. Returns early when stopped."""
    from resnet_studio.training.speed_probe import probe

    began, preparing = time.monotonic(), 0.0
    for number, row in enumerate(rows):
        spent = time.monotonic() - began
        found = expected(CohortSpec(runs=(row.spec,)), known_speeds(cache))
        needed = preparing + seconds + (_FEWEST_STEPS * found.step_seconds if found is not None else 0.0)
        if limit is not None and number and spent + needed > limit:
            row.reason = _(
                "The {duration} would not have been enough for every network: "
                "name one, or give more --minutes, to measure it.",
                duration=duration(limit),
            )
            continue

        def report(detail: str, fraction: float | None, done: int = number) -> None:
            work.report(detail, (done + (fraction or 0.0)) / len(rows))

        try:
            (row.speed,) = probe([row.spec], cache, seconds=seconds, should_stop=should_stop, report=report)
            row.gain, preparing = _gain(row, cache), row.speed.preparing
        except Stopped:
            return
        except UserError as error:
            row.reason = str(error)


def _gain(row: Row, cache: Path) -> float | None:
    from resnet_studio.networks.devices import choose_device
    from resnet_studio.training.engines.choose import gain_subject, known_gain

    recipe = row.spec.recipe
    subject = gain_subject(row.spec.network, recipe.pass_size)
    return known_gain(choose_device(recipe.device), recipe.precision, cache, subject)
