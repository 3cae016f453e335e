"""``weights``: files of other programs in, files for other programs out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resnet_studio.cli.context import session
from resnet_studio.cli.output import counted, hint, print_facts, print_json
from resnet_studio.cli.progress_bar import Work
from resnet_studio.cli.spec_arguments import data_spec
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.domain.enums import Block, Shortcut, StridePlace, ZeroPadding
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.imported_weights import Colour, ImportOptions, Wishes
from resnet_studio.domain.records import RunRecord, run_json

app = typer.Typer(help="Weights of other programs: import and export.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_STRUCTURE = "Where shapes do not tell"
_IMAGES = "Images and classes"


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="weights")


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=".safetensors, .pth, .pt or .th; nothing in it is run.")],
    mean: Annotated[
        str,
        typer.Option(metavar="R,G,B", help="Mean of each colour, of values in 0..1.", rich_help_panel=_IMAGES),
    ] = "",
    std: Annotated[
        str, typer.Option(metavar="R,G,B", help="Standard deviation of each colour.", rich_help_panel=_IMAGES)
    ] = "",
    pixel_mean: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A mean image: .npy, .safetensors or .pth.", rich_help_panel=_IMAGES),
    ] = None,
    mean_of: Annotated[
        str,
        typer.Option(metavar="DATA", help="Measure the mean image of a data set's training images: builtin, cifar10 or "
                     "folder:PATH.", rich_help_panel=_IMAGES),
    ] = "",
    classes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Class names, one a line, in the order of the outputs.",
                     rich_help_panel=_IMAGES),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(min=8, max=1024, metavar="PIXELS", help="Height and width of the input.", rich_help_panel=_IMAGES),
    ] = None,
    block: Annotated[
        Block | None, typer.Option(help="plain: it has no shortcuts.", rich_help_panel=_STRUCTURE)
    ] = None,
    shortcut: Annotated[Shortcut | None, typer.Option(help="none, A, B or C.", rich_help_panel=_STRUCTURE)] = None,
    zero_padding: Annotated[
        ZeroPadding | None, typer.Option(help="Where option A has its zeros.", rich_help_panel=_STRUCTURE)
    ] = None,
    stride_place: Annotated[
        StridePlace | None, typer.Option(help="Which layer of a bottleneck halves the image.",
                                         rich_help_panel=_STRUCTURE)
    ] = None,
    weights_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Which weights are meant where the file holds several sets, such "
                                 "as state_dict_ema.", rich_help_panel=_STRUCTURE)
    ] = None,
    name: Annotated[str, typer.Option(metavar="TEXT", help="Of the new run; else that of the file.")] = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Make a stored run of a weights file: torchvision's, timm's, common CIFAR scripts' or our own."""
    options = ImportOptions(
        wishes=Wishes(block, shortcut, zero_padding, stride_place, image_size),
        mean=colour(mean, "--mean"),
        std=colour(std, "--std"),
        pixel_mean=pixel_mean,
        mean_of=data_spec(mean_of, option="--mean-of") if mean_of else None,
        classes=classes,
        name=name,
        weights_key=weights_key,
    )
    from resnet_studio.weights_io.import_weights import import_weights, inspect

    with session(context).writer() as store, StopOnSignals() as stopping, Work("importing", silent=as_json) as work:
        try:
            inspected = inspect(file, options, work.report, stopping)
            run = import_weights(store, inspected, options, work.report, stopping)
        except Stopped:
            raise typer.Exit(stopping.exit_code) from None
    if as_json:
        print_json(run_json(run))
        return
    _show(run)


def _show(run: RunRecord) -> None:
    told = run.environment
    print_facts(
        (
            ("run", f"{run.name} ({run.id})"),
            ("network", run.spec.network.label),
            ("parameters", counted(run.parameters)),
            ("classes", f"{len(run.class_names)}: {', '.join(run.class_names[:3])}, …"),
            ("names", told["source_names"]),
            ("told by the file", told["recognised"]),
            ("assumed", told["assumed"]),
            ("weights", run.weights_sha256 or ""),
        )
    )


def colour(text: str, option: str) -> Colour | None:
    """Three numbers divided by commas, None for nothing; raises UserError for anything else."""
    if not text.strip():
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError(
            f"{option} must be three numbers divided by commas, like 0.485,0.456,0.406, got {text!r}."
        ) from None
    return red, green, blue


@app.command()
def export(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="An id, a unique beginning of one, or a name.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; the suffix tells the format.")],
    kind: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="safetensors, torchvision or onnx; else by the suffix."),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write a run's newest weights, with its preprocessing, for other programs."""
    from resnet_studio.weights_io.export_weights import Format, export_weights, format_of

    if kind and kind not in set(Format):
        raise UserError(f"The format {kind!r} is not known; choose {', '.join(Format)}.")
    chosen = Format(kind) if kind else format_of(file)
    with session(context).reader() as store:
        exported = export_weights(store, store.find(run), file, chosen)
    if as_json:
        print_json(
            {
                "format": str(chosen),
                "files": [str(path) for path in exported.files],
                "weights_sha256": exported.weights_sha256,
                "note": exported.note,
            }
        )
        return
    for path in exported.files:
        print(path)
    hint(exported.note)
