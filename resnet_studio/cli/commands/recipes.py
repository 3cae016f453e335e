"""``recipes``: the paper's recipes, their fields and where in the paper each comes from."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import print_facts, print_json, print_table
from resnet_studio.domain.presets import FIELD_HELP, PRESETS, Preset, find_preset
from resnet_studio.domain.specs import RecipeSpec
from resnet_studio.text import _


def register(app: typer.Typer) -> None:
    app.command()(recipes)


def recipes(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help=_("One recipe, with the paper's word on each field."))
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List the paper's recipes, for `train --recipe`."""
    chosen = (find_preset(name),) if name else PRESETS
    if as_json:
        found = [_as_json(preset) for preset in chosen]
        print_json(found[0] if name else found)
    elif name:
        _show(chosen[0])
    else:
        _list()


def _as_json(preset: Preset) -> dict[str, Any]:
    values = preset.recipe.model_dump(mode="json")
    return {
        "key": preset.key,
        "title": preset.title,
        "source": preset.source,
        "does": preset.does,
        "wants": preset.wants,
        "families": [str(family) for family in preset.families],
        "fields": {field: {"value": values[field], "paper": FIELD_HELP[field]} for field in preset.fields},
    }


def _list() -> None:
    titles = [(preset.key, preset.help.replace("\n\n", " ")) for preset in PRESETS]
    print_facts(titles)
    print()
    fields = [field for field in RecipeSpec.model_fields if any(field in preset.fields for preset in PRESETS)]
    rows = [(_title(field), *(_text(p.fields.get(field, "–")) for p in PRESETS)) for field in fields]
    print_table((_("field"), *(preset.key for preset in PRESETS)), rows)
    print()
    print(_("`recipes NAME` has the paper's word on each field; `train --recipe NAME` trains by it."))


def _show(preset: Preset) -> None:
    print_facts(
        [(_("recipe"), f"{preset.title} ({preset.source})"), (_("does"), preset.does), (_("wants"), preset.wants)]
    )
    print()
    rows = [(_title(field), _text(value), FIELD_HELP[field]) for field, value in preset.fields.items()]
    print_table((_("field"), _("value"), _("the paper")), rows)


def _title(field: str) -> str:
    return RecipeSpec.model_fields[field].title or field


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or _("none")
    return {True: _("yes"), False: _("no")}[value] if isinstance(value, bool) else str(value)
