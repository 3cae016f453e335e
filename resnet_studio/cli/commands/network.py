"""``network``: a network's blueprint, its counts, and the paper's row beside them."""

from __future__ import annotations

from typing import Annotated

import typer

from resnet_studio.cli.options import GivenOptions, changed, spec_options
from resnet_studio.cli.output import print_facts, print_json, print_table
from resnet_studio.domain.blueprint import Blueprint, Shape, as_json
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.paper import paper_sentence
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.domain.text_numbers import grouped
from resnet_studio.text import _


def register(app: typer.Typer) -> None:
    app.command()(network)


@spec_options("network.")
def network(
    given: GivenOptions,
    wants_json: Annotated[bool, typer.Option("--json", help=_("Print the whole blueprint as JSON."))] = False,
) -> None:
    """Show a network without training it: shapes, parameters, multiply-adds."""
    fields = {path.removeprefix("network."): value for path, value in given.items()}
    plan = blueprint(changed(NetworkSpec(), fields))
    if wants_json:
        print_json(as_json(plan))
    else:
        _show(plan)


def _shape(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def _show(plan: Blueprint) -> None:
    rows: list[tuple[str, ...]] = [("input", _shape(plan.input), "", "", "", "")]
    parts = [("stem", plan.stem, None), *((s.name, None, s) for s in plan.stages), ("head", plan.head, None)]
    for name, layers, stage in parts:
        if stage is not None:
            layers = tuple(layer for block in stage.blocks for layer in block.layers)
        if not layers:  # VGG has no stem
            continue
        rows.append(
            (
                name,
                _shape(layers[-1].output),
                str(len(stage.blocks)) if stage is not None else "",
                str(sum(layer.kind.weighted for layer in layers)),
                grouped(sum(layer.parameters for layer in layers)),
                grouped(sum(layer.multiply_adds for layer in layers)),
            )
        )
    columns = (_("part"), _("output"), _("blocks"), _("weighted layers"), _("parameters"), _("multiply-adds"))
    print_table(columns, rows, title=plan.spec.label, right=columns[2:])
    print_facts(
        (
            (_("depth"), _("{depth} weighted layers, projections not counted", depth=plan.depth)),
            (_("parameters"), grouped(plan.parameters)),
            (_("multiply-adds"), grouped(plan.multiply_adds)),
            (_("the paper"), paper_sentence(plan.spec) or _("says nothing of this network")),
        )
    )
