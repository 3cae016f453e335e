"""``conformity``: stored runs or a run file against the paper, point by point; also what other commands show of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from resnet_studio.cli.context import find_all, session
from resnet_studio.cli.output import print_json, print_table
from resnet_studio.cli.spec_arguments import read_run_file
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import RunSpec
from resnet_studio.platform.home import Home
from resnet_studio.studies.conformity import Conformity, Part, State, of_run, of_spec
from resnet_studio.studies.conformity.texts import as_json, headline, shown_checks
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore

_STYLES = {State.CONFORMS: "green", State.DIFFERS: "bold yellow", State.UNKNOWN: "cyan"}


def register(app: typer.Typer) -> None:
    app.command("conformity")(conformity)


def conformity(
    context: typer.Context,
    names: Annotated[
        list[str], typer.Argument(metavar="RUN|RUN.toml...", help=_("Stored runs, or run files that end in .toml."))
    ],
    differences: Annotated[bool, typer.Option("--differences", help=_("Only what differs or is not known."))] = False,
    wants_json: Annotated[bool, typer.Option("--json", help=_("Print the whole lists as JSON."))] = False,
) -> None:
    """Hold runs against the paper: what conforms, what differs and how, what the paper leaves open."""
    here = session(context)
    found: list[tuple[dict[str, str], Conformity]] = []
    stored = [name for name in names if not name.lower().endswith(".toml")]
    for name in names:
        if name not in stored:
            found += [
                ({"file": name, "name": run.label}, of_design(run, here.home)) for run in read_run_file(Path(name)).runs
            ]
    if stored:
        with here.reader() as store:
            runs = find_all(store, stored)
            lists = of_stored(store, runs)
        found += [({"id": run.id, "name": run.name}, one) for run, one in zip(runs, lists, strict=True)]
    if wants_json:
        printed = [{**words, **as_json(one)} for words, one in found]
        print_json(printed[0] if len(printed) == 1 else printed)
        return
    for number, (words, one) in enumerate(found):
        if number:
            print()
        print(words["name"] if "file" in words else f"{words['name']} ({words['id']})")
        show_conformity(one, only_differences=differences)


def of_design(spec: RunSpec, home: Home) -> Conformity:
    """Before training; the data's counts are looked up where that is possible."""
    from resnet_studio.data.datasets.describe import describe

    try:
        facts = describe(spec.data, home)
    except UserError:
        return of_spec(spec)
    return of_spec(spec, facts.training_images, facts.test_images, facts.class_names)


def of_stored(store: RunStore, runs: Sequence[RunRecord]) -> list[Conformity]:
    """One a run, each with its siblings of other seeds and its evaluations."""
    others = store.list_runs()
    return [of_run(run, others, store.evaluations(run.id)) for run in runs]


def show_conformity(found: Conformity, *, only_differences: bool = False) -> None:
    """Summary, the paper's errors, the run's own, and a table of the points."""
    for line in headline(found):
        print(line)
    checks = shown_checks(found, only_differences=only_differences)
    rows: list[tuple[Any, ...]] = []
    for part in Part:
        rows += [
            (
                _(part.value) if number == 0 else "",
                Text(f"{check.state.sign} {_(check.state.value)}", style=_STYLES.get(check.state, "")),
                check.topic,
                check.run,
                f"{check.paper} ({check.where})" if check.state is not State.NOT_APPLICABLE else "",
            )
            for number, check in enumerate(check for check in checks if check.part is part)
        ]
    if rows:
        print_table(("", "", _("point"), _("this run"), _("the paper")), rows)
