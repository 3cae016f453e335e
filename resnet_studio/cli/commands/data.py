"""``data``: what is there, and the one download."""

from __future__ import annotations

from typing import Annotated

import typer

from resnet_studio.cli.context import session
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import print_facts, print_json
from resnet_studio.cli.progress_bar import ProgressBar
from resnet_studio.cli.spec_arguments import data_spec
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.text_numbers import grouped

app = typer.Typer(help="Data sets: look at one, download CIFAR-10.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="data")


@app.command()
def show(
    context: typer.Context,
    data: Annotated[str, typer.Argument(metavar="DATA", help="builtin, cifar10 or folder:PATH.")],
    data_draw: Annotated[int, typer.Option("--data-draw", min=0, metavar="NUMBER", help="As for training.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Count the classes and images of a data set, without decoding any."""
    from resnet_studio.data.datasets.describe import describe

    spec = data_spec(data, data_draw)
    facts = describe(spec, session(context).home)
    if as_json:
        print_json(
            {
                "data": spec.source,
                "classes": list(facts.class_names),
                "training_images": facts.training_images,
                "test_images": facts.test_images,
                "ready": facts.ready,
                "note": facts.note,
            }
        )
        return
    print_facts(
        (
            ("data", spec.source),
            ("classes", f"{len(facts.class_names)}: {', '.join(facts.class_names)}"),
            ("training images", grouped(facts.training_images)),
            ("test images", grouped(facts.test_images)),
            ("ready", "yes" if facts.ready else "no"),
            *([("note", facts.note)] if facts.note else []),
        )
    )


@app.command()
def download(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="cifar10", help="The data set to fetch.")],
) -> None:
    """Download a data set once; nothing else ever uses the network."""
    if name != "cifar10":
        raise UserError(f"{name!r} cannot be downloaded; only cifar10 can.")
    from resnet_studio.data.datasets.registry import download_cifar10

    home = session(context).home.prepare()
    with StopOnSignals() as stopping, ProgressBar("CIFAR-10") as work:
        try:
            download_cifar10(home, work.report, stopping)
        except Stopped:
            raise typer.Exit(stopping.exit_code) from None
    print(f"CIFAR-10 is in {home.data}; train on it with --data cifar10.")
