"""``weights``: files of other programs in, files for other programs out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resnet_studio.cli.context import session
from resnet_studio.cli.options import AsJson, RunName
from resnet_studio.cli.output import hint, print_facts, print_json
from resnet_studio.cli.progress_bar import ProgressBar
from resnet_studio.cli.spec_arguments import data_spec
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.domain.data_sets import Colour, source_names
from resnet_studio.domain.enums import Block, Shortcut, StridePlace, ZeroPadding
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.imported_weights import ImportOptions, StructureHints
from resnet_studio.domain.records import RunRecord, run_json
from resnet_studio.domain.text_numbers import grouped
from resnet_studio.text import _

app = typer.Typer(help=_("Weights of other programs: import and export."), no_args_is_help=True)
_STRUCTURE = _("Where shapes do not tell")
_IMAGES = _("Images and classes")


def named_file(text: str) -> Path:
    """The path; raises UserError for an empty text, which would be the current folder."""
    if not text:
        raise UserError(_("The name of the file is empty; give the path of a file."))
    return Path(text)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="weights")


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", parser=named_file, help=_(
        ".safetensors, .pth, .pt or .th; nothing in it is run."))],
    mean: Annotated[
        str,
        typer.Option(metavar="R,G,B", help=_("Mean of each colour, of values in 0..1."), rich_help_panel=_IMAGES),
    ] = "",
    std: Annotated[
        str, typer.Option(metavar="R,G,B", help=_("Standard deviation of each colour."), rich_help_panel=_IMAGES)
    ] = "",
    pixel_mean: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=_("A mean image: .npy, .safetensors or .pth."), rich_help_panel=_IMAGES),
    ] = None,
    mean_of: Annotated[
        str,
        typer.Option(metavar="DATA", help=_("Measure the mean image of a data set's training images: "
                                            "{source_names}.", source_names=source_names()),
                     rich_help_panel=_IMAGES),
    ] = "",
    classes: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=_("Class names, one a line, in the order of the outputs."),
                     rich_help_panel=_IMAGES),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(min=8, max=1024, metavar="PIXELS", help=_("Height and width of the "
                                                               "input."), rich_help_panel=_IMAGES),
    ] = None,
    block: Annotated[
        Block | None, typer.Option(help=_("plain: it has no shortcuts."), rich_help_panel=_STRUCTURE)
    ] = None,
    shortcut: Annotated[Shortcut | None, typer.Option(help=_("none, A, B or C."), rich_help_panel=_STRUCTURE)] = None,
    zero_padding: Annotated[
        ZeroPadding | None, typer.Option(help=_("Where option A has its zeros."), rich_help_panel=_STRUCTURE)
    ] = None,
    stride_place: Annotated[
        StridePlace | None, typer.Option(help=_("Which layer of a bottleneck halves the image."),
                                         rich_help_panel=_STRUCTURE)
    ] = None,
    weights_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help=_("Which weights are meant where the file holds several sets, such as state_dict_ema."),
            rich_help_panel=_STRUCTURE,
        ),
    ] = None,
    name: Annotated[str, typer.Option(metavar="TEXT", help=_("Of the new run; else that of the file."))] = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Make a stored run of a weights file: torchvision's, timm's, common CIFAR scripts' or our own."""
    options = ImportOptions(
        hints=StructureHints(block, shortcut, zero_padding, stride_place, image_size),
        mean=colour(mean, "--mean"),
        std=colour(std, "--std"),
        pixel_mean=pixel_mean,
        mean_of=data_spec(mean_of, option="--mean-of") if mean_of else None,
        classes=classes,
        name=name,
        weights_key=weights_key,
    )
    from resnet_studio.weights_io.import_weights import import_weights, inspect

    with (
        session(context).writer() as store,
        StopOnSignals() as stopping,
        ProgressBar("importing", quiet=as_json) as work,
    ):
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
    facts = run.environment
    print_facts(
        (
            (_("run"), f"{run.name} ({run.id})"),
            (_("network"), run.spec.network.label),
            (_("parameters"), grouped(run.parameters)),
            (_("classes"), f"{len(run.class_names)}: {', '.join(run.class_names[:3])}, …"),
            (_("names"), facts["source_names"]),
            (_("told by the file"), facts["recognised"]),
            (_("assumed"), facts["assumed"]),
            (_("weights"), run.weights_sha256 or ""),
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
            _(
                "{option} must be three numbers divided by commas, like 0.485,0.456,0.406, got {text!r}.",
                option=option,
                text=text,
            )
        ) from None
    return red, green, blue


@app.command()
def export(
    context: typer.Context,
    run: RunName,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", parser=named_file, help=_("Where to; the suffix tells the format."))
    ],
    kind: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help=_("safetensors, torchvision or onnx; else by the suffix.")),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Write a run's newest weights, with its preprocessing, for other programs."""
    from resnet_studio.weights_io.export_weights import Format, export_weights, format_of

    if kind and kind not in set(Format):
        raise UserError(_("The format {kind!r} is not known; choose {format}.", kind=kind, format=", ".join(Format)))
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
