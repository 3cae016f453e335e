"""``classify``: trained networks on images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resnet_studio.cli.context import find_all, session
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import hint, print_json, print_table
from resnet_studio.cli.protocols import FlipOption, ProtocolOption, ResizeOption, ScalesOption, protocol_from_options
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.protocols import ProtocolKind
from resnet_studio.domain.records import Classification
from resnet_studio.text import _

DeviceOption = Annotated[Device, typer.Option("--device", help=_("Where the network runs."))]


def register(app: typer.Typer) -> None:
    app.command()(classify)


def classify(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help=_("Image files, or folders of them."))],
    run: Annotated[list[str], typer.Option("--run", metavar="RUN", help=_("A trained run; may be given many times."))],
    top: Annotated[int, typer.Option(min=1, metavar="NUMBER", help=_("Labels per image."))] = 5,
    protocol: ProtocolOption = str(ProtocolKind.SINGLE),
    resize: ResizeOption = None,
    scales: ScalesOption = None,
    flip: FlipOption = False,
    device: DeviceOption = Device.AUTO,
    as_json: AsJson = False,
) -> None:
    """Name what is in images, each run with the preprocessing it was trained with."""
    from resnet_studio.data.images import find_images, listed_formats
    from resnet_studio.inference import classify as classifying
    from resnet_studio.inference.models import load

    chosen = protocol_from_options(protocol, resize, scales, flip)
    with session(context).reader() as store:
        runs = find_all(store, run)
        networks = [load(store, record, device) for record in runs]
    for network in networks:
        if network.notice:
            hint(network.notice)
    images, refused = find_images(paths)
    if not images and not refused:
        raise UserError(
            _("There are no images in {paths}; give image files or a folder of them.", paths=", ".join(map(str, paths)))
        )
    newest: dict[tuple[str, str], Classification] = {}

    def take(result: Classification) -> None:
        newest[result.path, result.run_id] = result

    with StopOnSignals() as stopping:
        try:
            classifying.classify(images, networks, take, stopping, top, chosen)
        except Stopped:
            hint(_("Stopped; these are the images seen so far."))
    failed = {path for path, run_id in newest if not run_id}
    results = [result for result in newest.values() if result.error or result.path not in failed]
    order = {str(path): place for place, path in enumerate(images)}
    columns = {record.id: place for place, record in enumerate(runs)}
    results.sort(key=lambda result: (order[result.path], columns.get(result.run_id, -1)))
    results += [Classification(str(path), "", error=reason) for path, reason in refused]
    names = {record.id: record.name for record in runs}
    if as_json:
        print_json([_as_json(result) for result in results])
    else:
        rows = [(r.path, names.get(r.run_id, ""), r.error or _in_words(r)) for r in results]
        print_table((_("image"), _("run"), _("what it sees")), rows)
    if stopping.received is not None:
        raise typer.Exit(stopping.exit_code)
    if all(result.error for result in results):
        raise UserError(_("None of these files could be classified; give {formats} images.", formats=listed_formats()))


def _as_json(result: Classification) -> dict[str, object]:
    if result.error:
        return {"path": result.path, "error": result.error}
    predictions = [{"label": p.label, "probability": p.probability} for p in result.predictions]
    views = {} if result.of == 1 else {"views": result.views, "of": result.of}
    note = {"note": result.note} if result.note else {}
    return {"path": result.path, "run": result.run_id, "predictions": predictions, **views, **note}


def _in_words(result: Classification) -> str:
    seen = ", ".join(f"{p.label} {p.probability:.1%}" for p in result.predictions)
    return f"{seen}. {result.note}" if result.note else seen
