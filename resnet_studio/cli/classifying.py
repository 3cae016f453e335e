"""``classify`` and ``evaluate``: trained networks on images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resnet_studio.cli.asking import data_spec
from resnet_studio.cli.console import counted, hint, percent, print_facts, print_json, print_table
from resnet_studio.cli.session import find_all, session
from resnet_studio.cli.stopping import StopOnSignals
from resnet_studio.cli.work import Work
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.records import Classification
from resnet_studio.domain.terms import Device

DeviceOption = Annotated[Device, typer.Option("--device", help="Where the network runs.")]


def register(app: typer.Typer) -> None:
    app.command()(classify)
    app.command()(evaluate)


def classify(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Image files, or folders of them.")],
    run: Annotated[list[str], typer.Option("--run", metavar="RUN", help="A trained run; may be given many times.")],
    top: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Labels per image.")] = 5,
    device: DeviceOption = Device.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Name what is in images, each run with the preprocessing it was trained with."""
    from resnet_studio.data.images import find_images
    from resnet_studio.inference import classify as classifying
    from resnet_studio.inference.models import load

    with session(context).reader() as store:
        runs = find_all(store, run)
        networks = [load(store, record, device) for record in runs]
    for network in networks:
        if network.notice:
            hint(network.notice)
    images, refused = find_images(paths)
    if not images and not refused:
        raise UserError(f"There are no images in {', '.join(map(str, paths))}; give image files or a folder of them.")
    results: list[Classification] = []
    with StopOnSignals() as stopping:
        try:
            classifying.classify(images, networks, results.append, stopping, top)
        except Stopped:
            hint("Stopped; these are the images seen so far.")
    order = {str(path): place for place, path in enumerate(images)}
    columns = {record.id: place for place, record in enumerate(runs)}
    results.sort(key=lambda result: (order[result.path], columns.get(result.run_id, -1)))
    results += [Classification(str(path), "", error=reason) for path, reason in refused]
    names = {record.id: record.name for record in runs}
    if as_json:
        print_json([_as_json(result) for result in results])
    else:
        rows = [(r.path, names.get(r.run_id, ""), r.error or _in_words(r)) for r in results]
        print_table(("image", "run", "what it sees"), rows)
    if stopping.heard is not None:
        raise typer.Exit(stopping.exit_code)
    if all(result.error for result in results):
        raise UserError("None of these files could be classified; give PNG, JPEG, BMP, GIF, TIFF or WebP images.")


def _as_json(result: Classification) -> dict[str, object]:
    if result.error:
        return {"path": result.path, "error": result.error}
    predictions = [{"label": p.label, "probability": p.probability} for p in result.predictions]
    return {"path": result.path, "run": result.run_id, "predictions": predictions}


def _in_words(result: Classification) -> str:
    return ", ".join(f"{p.label} {p.probability:.1%}" for p in result.predictions)


def evaluate(
    context: typer.Context,
    run: Annotated[str, typer.Option("--run", metavar="RUN", help="A trained run.")],
    data: Annotated[str, typer.Option("--data", metavar="DATA", help="builtin, cifar10 or folder:PATH.")],
    protocol: Annotated[str, typer.Option(help="single: the whole image, once.")] = "single",
    data_draw: Annotated[
        int | None,
        typer.Option("--data-draw", min=0, metavar="NUMBER", help="As for training; the run's own if unset."),
    ] = None,
    device: DeviceOption = Device.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure a run's errors on the test images of a data set."""
    from resnet_studio.inference import evaluate as evaluating
    from resnet_studio.inference.models import load

    if protocol != evaluating.PROTOCOL:
        raise UserError(f"The protocol {protocol!r} is not known; choose {evaluating.PROTOCOL}.")
    here = session(context)
    spec = data_spec(data, data_draw or 0)
    with here.reader() as store:
        record = store.find(run)
        if data_draw is None and spec.source == record.spec.data.source:
            spec = record.spec.data
        network = load(store, record, device)
    if network.notice:
        hint(network.notice)
    with StopOnSignals() as stopping, Work("evaluating", silent=as_json) as work:
        try:
            found = evaluating.evaluate(network, spec, here.home, work.report, stopping)
        except Stopped:
            raise typer.Exit(stopping.exit_code) from None
    if as_json:
        print_json(
            {
                "run": found.run_id,
                "protocol": found.protocol,
                "data": found.data,
                "images": found.images,
                "top1_error": found.top1_error,
                "top5_error": found.top5_error,
                "skipped": list(found.skipped),
            }
        )
        return
    print_facts(
        (
            ("run", f"{record.name} ({record.short_id}), iteration {network.iteration}"),
            ("data", f"{found.data}, {counted(found.images)} test images"),
            ("protocol", found.protocol),
            ("top-1 error", percent(found.top1_error)),
            ("top-5 error", percent(found.top5_error)),
            *([("left out", f"{len(found.skipped)} unreadable files")] if found.skipped else []),
        )
    )
