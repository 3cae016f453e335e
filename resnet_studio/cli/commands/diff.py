"""``diff``: the differences of two or three networks, in words, as JSON, or drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from resnet_studio.cli.context import Session, session
from resnet_studio.cli.figures import draw_diff
from resnet_studio.cli.output import print_json, print_table
from resnet_studio.cli.spec_arguments import read_run_file
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.diff import Against, Diff, diff
from resnet_studio.domain.diff_report import as_json, lines_of_text
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_names import network_named
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.domain.text_numbers import grouped
from resnet_studio.text import _


def register(app: typer.Typer) -> None:
    app.command(name="diff")(diff_networks)


def diff_networks(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NETWORK NETWORK [NETWORK]",
            help=_(
                "plain-34, resnet-34-B, resnet-50-3x3, vgg-19, cifar-resnet-110, pre-resnet-20, ...; a run file "
                "(*.toml); or a stored run."
            ),
        ),
    ],
    against: Annotated[
        Against, typer.Option("--against", help=_("Compare each network with the previous one, or all with the first."))
    ] = Against.PREVIOUS,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help=_("Draw the comparison as SVG."))] = None,
    png: Annotated[Path | None, typer.Option("--png", metavar="FILE", help=_("Draw the comparison as PNG."))] = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", metavar="FILE", help=_("Draw the comparison as PDF."))] = None,
    scale: Annotated[int, typer.Option("--scale", metavar="1-4", help=_("Size of the PNG. Default: 2."))] = 2,
    folded: Annotated[bool, typer.Option("--folded", help=_("Draw each stage as one box."))] = False,
    wants_json: Annotated[bool, typer.Option("--json", help=_("Print every difference as JSON."))] = False,
) -> None:
    """Compare networks layer by layer, shortcut by shortcut."""
    if not 2 <= len(names) <= 3:
        raise UserError(
            _(
                "Two or three networks can be compared, not {names}; name them like plain-34 resnet-34.",
                names=len(names),
            )
        )
    plans = [blueprint(named_network(name, session(context))) for name in names]
    found = diff(plans, against=against)
    for file, ending in ((svg, ".svg"), (png, ".png"), (pdf, ".pdf")):
        if file is not None:
            draw_diff(found, file, ending, scale, folded=folded)
    if wants_json:
        print_json(as_json(found))
    else:
        _show(found)


def named_network(text: str, here: Session) -> NetworkSpec:
    """Of a run file, a name, or a stored run."""
    if text.lower().endswith(".toml"):
        runs = read_run_file(Path(text)).runs
        if len(runs) > 1:
            raise UserError(_("{text} holds {runs} runs; give a file with one.", text=text, runs=len(runs)))
        return runs[0].network
    try:
        return network_named(text)
    except UserError as error:
        from resnet_studio.history.storage import has_history

        if not has_history(here.home):
            raise
        try:
            with here.reader() as store:
                return store.find(text).spec.network
        except UserError:
            raise error from None


def _show(found: Diff) -> None:
    compared = ["", *(found.names[base] for base in found.baselines[1:])]
    rows = [
        (_("weighted layers"), *(str(plan.depth) for plan in found.plans)),
        ("parameters", *(grouped(plan.parameters) for plan in found.plans)),
        ("multiply-adds", *(grouped(plan.multiply_adds) for plan in found.plans)),
        (_("compared with"), *compared),
        ("differences", "", *(str(found.tally(n).total) for n in range(1, len(found.plans)))),
    ]
    print_table(("", *found.names), rows, right=found.names)
    for n in range(1, len(found.plans)):
        print(found.sentence(n))
        for line in lines_of_text(found, n):
            print(f"  {line}")
