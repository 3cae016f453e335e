"""``doctor``: versions, devices, paths, display and history; what is wrong with them, and what to do."""

from __future__ import annotations

import typer
from rich.text import Text

from resnet_studio.cli import check_installation
from resnet_studio.cli.check import Check, State
from resnet_studio.cli.context import session
from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import print_json, print_table
from resnet_studio.text import _

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.WRONG: "bold red"}


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Look for what is wrong with this installation; exit code 1 if something is."""
    found = check_installation.run_checks(session(context).home)
    wrong = [check for check in found if check.state is State.WRONG]
    if as_json:
        print_json({"healthy": not wrong, "checks": [_as_json(check) for check in found]})
    else:
        rows = [
            (_(check.name), Text(_(check.state.value), style=_STYLES[check.state]), check.value, check.advice)
            for check in found
        ]
        print_table((_("what"), _("state"), _("found"), _("what to do")), rows)
        for check in found:
            for detail in check.details:
                print(f"{_(check.name)}: {detail}")
        print(
            _("Nothing is wrong.")
            if not wrong
            else _("Wrong: {wrong}.", wrong=", ".join(_(check.name) for check in wrong))
        )
    raise typer.Exit(int(bool(wrong)))


def _as_json(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "state": str(check.state),
        "value": check.value,
        "advice": check.advice,
        "details": list(check.details),
    }
