"""``data``: which data sets there are, what is in one, and their downloads."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from resnet_studio.cli.context import session
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import print_facts, print_json, print_table
from resnet_studio.cli.progress_bar import ProgressBar
from resnet_studio.cli.spec_arguments import data_spec
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.domain.data_sets import DATA_SETS, DataSetRow, find_data_set, source_names
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.nearest_words import nearest
from resnet_studio.domain.specs import DataSpec
from resnet_studio.domain.text_numbers import download_size, grouped
from resnet_studio.domain.word_lists import any_of
from resnet_studio.platform.home import Home
from resnet_studio.text import _, _n

app = typer.Typer(help=_("Data sets: list them, describe one, download one."), no_args_is_help=True)
_KEYS = [row.key for row in DATA_SETS if row.downloads]


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="data")


@app.command("list")
def list_all(context: typer.Context, as_json: AsJson = False) -> None:
    """Every data set that the program knows by name, and whether it is on this machine."""
    home = session(context).home
    known = [_described(DataSpec(source=row.key), home) for row in DATA_SETS]
    if as_json:
        print_json(known)
        return
    print_table(
        (_("data"), _("title"), _("classes"), _("pixels"), _("training"), _("test"), _("download"), _("present")),
        [
            (
                one["data"], one["title"], len(one["classes"]), one["image_size"] or _("many sizes"),
                grouped(one["training_images"]), grouped(one["test_images"]),
                download_size(one["download_bytes"]) if one["md5"] else "", _yes(one["present"]),
            )
            for one in known
        ],
        right=(_("classes"), _("pixels"), _("training"), _("test"), _("download")),
    )  # fmt: skip


@app.command()
def show(
    context: typer.Context,
    data: Annotated[str, typer.Argument(metavar="DATA", help=f"{source_names()}.")],
    data_draw: Annotated[int, typer.Option("--data-draw", min=0, metavar="NUMBER", help=_("As for training."))] = 0,
    as_json: AsJson = False,
) -> None:
    """Classes, counts and sizes of a data set; no image is decoded."""
    spec, home = data_spec(data, data_draw), session(context).home
    facts = _described(spec, home)
    if as_json:
        print_json(facts)
        return
    row = spec.row
    stored = [("pixels", _pixels(row))] if row else []
    if row and row.downloads:
        stored.append(("download", download_size(row.download_bytes)))
        stored += [("checksum", _("MD5 {md5} of {name}", md5=file.md5, name=file.name)) for file in row.downloads]
    print_facts(
        (
            (_("data"), spec.source),
            (_("title"), facts["title"]),
            (_("classes"), f"{len(facts['classes'])}: {', '.join(facts['classes'])}"),
            (_("training images"), grouped(facts["training_images"])),
            (_("test images"), grouped(facts["test_images"])),
            *stored,
            (_("present"), _yes(facts["present"])),
            (_("where"), facts["path"]),
            (_("ready"), _yes(facts["ready"])),
            *([(_("note"), facts["note"])] if facts["note"] else []),
        )
    )


@app.command()
def download(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="DATA", help=f"{', '.join(_KEYS)}.")],
) -> None:
    """Download a data set once; nothing else ever uses the network."""
    row = find_data_set(name)
    if row is None or not row.downloads:
        keys, near = any_of(_KEYS), any_of(nearest(name, _KEYS))
        raise UserError(
            _("{name!r} cannot be downloaded; did you mean {near}? Choose {keys}.", name=name, near=near, keys=keys)
            if near
            else _("{name!r} cannot be downloaded; choose {keys}.", name=name, keys=keys)
        )
    from resnet_studio.data.datasets.downloaded import download as fetch

    home = session(context).home.prepare()
    with StopOnSignals() as stopping, ProgressBar(row.title) as work:
        try:
            fetch(row, home, work.report, stopping)
        except Stopped:
            raise typer.Exit(stopping.exit_code) from None
    print(_("{title} is in {data}; train on it with --data {key}.", title=row.title, data=home.data, key=row.key))


def _described(spec: DataSpec, home: Home) -> dict[str, Any]:
    """Facts as JSON has them; what a folder does not have is null."""
    from resnet_studio.data.datasets.describe import describe

    facts, row = describe(spec, home), spec.row
    return {
        "data": spec.source,
        "title": row.title if row else spec.folder,
        "classes": list(facts.class_names),
        "training_images": facts.training_images,
        "test_images": facts.test_images,
        "image_size": row.image_size if row else None,
        "channels": row.channels if row else None,
        "download_bytes": row.download_bytes if row else None,
        "md5": {file.name: file.md5 for file in row.downloads} if row else None,
        "present": not facts.missing,
        "path": str(_place(row, spec, home)),
        "ready": facts.ready,
        "note": facts.note,
    }


def _place(row: DataSetRow | None, spec: DataSpec, home: Home) -> Any:
    from resnet_studio.data.datasets import paths

    if row is None:
        return spec.folder
    return paths.data_set_folder(home, row) if row.downloads else paths.builtin_cache(home, spec.seed)


def _pixels(row: DataSetRow) -> str:
    if row.photos:
        return _("many sizes")
    return _n(
        "{image_size} x {image_size}, grey",
        "{image_size} x {image_size}",
        row.channels,
        image_size=row.image_size,
    )


def _yes(value: bool) -> str:
    return "yes" if value else "no"
