"""``evaluate`` and ``evaluations``: errors of runs and ensembles under a test protocol, stored with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_studio.cli.context import Session, find_all, session
from resnet_studio.cli.evaluation_output import (
    COLUMNS,
    evaluation_json,
    show_evaluation,
    summary_json,
    summary_row,
    write_csv,
)
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import hint, print_json, print_table
from resnet_studio.cli.progress_bar import ProgressBar
from resnet_studio.cli.protocols import FlipOption, ProtocolOption, ResizeOption, ScalesOption, protocol_from_options
from resnet_studio.cli.spec_arguments import data_spec
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.domain.data_sets import source_names
from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import Stopped, StoreError, UserError
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.records import Evaluation, RunRecord
from resnet_studio.domain.specs import DataSpec
from resnet_studio.studies.together import mcnemar
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.inference.models import TrainedNetwork


def register(app: typer.Typer) -> None:
    app.command()(evaluate)
    app.command()(evaluations)


def evaluate(
    context: typer.Context,
    run: Annotated[list[str], typer.Option("--run", metavar="RUN", help=_("A trained run; may be given many times."))],
    data: Annotated[str, typer.Option("--data", metavar="DATA", help=f"{source_names()}.")],
    protocol: ProtocolOption = str(ProtocolKind.SINGLE),
    resize: ResizeOption = None,
    scales: ScalesOption = None,
    flip: FlipOption = False,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help=_("The runs together: the mean of their softmax. Else each on its own."))
    ] = False,
    data_draw: Annotated[
        int | None,
        typer.Option("--data-draw", min=0, metavar="NUMBER", help=_("As for training; the run's own if unset.")),
    ] = None,
    device: Annotated[Device, typer.Option("--device", help=_("Where the networks run."))] = Device.AUTO,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help=_("Write what was seen in each image."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the errors of runs, or of an ensemble of them, on the test images of a data set, and store them."""
    from resnet_studio.inference.models import load

    chosen = protocol_from_options(protocol, resize, scales, flip)
    here = session(context)
    with here.reader() as store:
        records = find_all(store, run)
        if ensemble and len(records) < 2:
            raise UserError(_("An ensemble has two runs or more; give --run for each of them."))
        specs = [_data_of(record, data, data_draw) for record in records]
        if ensemble and len(set(specs)) > 1:
            raise UserError(
                _(
                    "These runs drew their test images differently, so an ensemble could be asked of images that a "
                    "member "
                    "was trained on; choose a draw with --data-draw."
                )
            )
        networks = [load(store, record, device) for record in records]
    for network in networks:
        if network.notice:
            hint(network.notice)
    groups = [networks] if ensemble else [[network] for network in networks]
    found: list[Evaluation] = []
    stored: list[bool] = []
    with StopOnSignals() as stopping:
        for group, spec in zip(groups, specs, strict=False):
            try:
                found.append(_evaluate(group, spec, chosen, here, stopping, as_json))
            except Stopped:
                break
            stored.append(_store(here, found[-1]))
    names = {record.id: record.name for record in records}
    if csv_file is not None and found:
        write_csv(found, csv_file)
    if as_json:
        results = [evaluation_json(evaluation, kept) for evaluation, kept in zip(found, stored, strict=True)]
        if stopping.received is None or results:
            print_json(results if len(groups) > 1 else results[0])
    else:
        for evaluation in found:
            show_evaluation(evaluation, names)
        if len(found) == len(groups) == 2 and found[0].names == found[1].names:
            first, second = (names[evaluation.run_ids[0]] for evaluation in found)
            print(mcnemar(found[0], found[1], (first, second)).sentence)
    if stopping.received is not None:
        hint(_("Stopped; what was not finished is not stored."))
        raise typer.Exit(stopping.exit_code)


def _data_of(record: RunRecord, data: str, data_draw: int | None) -> DataSpec:
    """DATA as the run had it, where it is the run's own and no draw is given."""
    spec = data_spec(data, data_draw or 0)
    return record.spec.data if data_draw is None and spec.source == record.spec.data.source else spec


def _evaluate(
    networks: Sequence[TrainedNetwork],
    data: DataSpec,
    protocol: Protocol,
    here: Session,
    stopping: StopOnSignals,
    quiet: bool,
) -> Evaluation:
    from resnet_studio.inference import evaluate as evaluating

    title = (
        _("evaluating {name}", name=networks[0].run.name)
        if len(networks) == 1
        else _("evaluating {networks} runs", networks=len(networks))
    )
    with ProgressBar(title, quiet=quiet) as work:
        return evaluating.evaluate(networks, data, protocol, here.home, work.report, stopping)


def _store(here: Session, evaluation: Evaluation) -> bool:
    """Store it if the history can be written; prints a hint where it cannot."""
    try:
        with here.writer() as store:
            store.add_evaluation(evaluation)
    except StoreError as error:
        hint(_("Not stored: {error}", error=error))
        return False
    return True


def evaluations(
    context: typer.Context,
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help=_("Those of one run alone."))] = None,
    as_json: AsJson = False,
) -> None:
    """List stored evaluations, newest first, each with its protocol."""
    with session(context).reader() as store:
        found = store.evaluations(store.find(run).id if run is not None else None)
        names = {record.id: record.name for deleted in (False, True) for record in store.list_runs(deleted=deleted)}
    if as_json:
        print_json([summary_json(summary) for summary in found])
        return
    if not found:
        hint(_("No evaluations are stored yet; make one with: resnet-studio evaluate --run RUN --data DATA"))
        return
    print_table(COLUMNS, [summary_row(summary, names) for summary in found], right=COLUMNS[4:8])
