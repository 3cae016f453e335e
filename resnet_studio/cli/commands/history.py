"""``history``: moving a whole history from one place to another."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_studio.cli.options import AsJson
from resnet_studio.cli.output import hint, print_json, print_table
from resnet_studio.cli.progress_bar import ProgressBar
from resnet_studio.cli.stop_signals import StopOnSignals
from resnet_studio.domain.errors import Stopped, StoreError, UserError
from resnet_studio.platform.home import Home
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.history.copying import CopiedTable
    from resnet_studio.history.storage import Storage

app = typer.Typer(help=_("Where the history is: copy it to another place."), no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="history")


@app.callback()
def _common() -> None:
    pass


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help=_("A home folder, or the URL of a history."))],
    target: Annotated[str, typer.Argument(metavar="TO", help=_("The same, of a place without a history."))],
    as_json: AsJson = False,
) -> None:
    """Copy a whole history, from a home to a server or back, and check every table of the copy.

    The folders of the runs are not copied: give the same --runs DIR, or copy them.
    """
    with StopOnSignals() as stopping, ProgressBar(_("Copying"), quiet=as_json) as work:
        from resnet_studio.history.copying import copy_history

        with closing(_source(source)) as here, closing(_target(target)) as there:
            try:
                copied = copy_history(here, there, work.report, stopping)
            except Stopped:
                hint(_("Stopped; {where} is as it was.", where=there.where))
                raise typer.Exit(stopping.exit_code) from None
            where = there.where
    if as_json:
        print_json([{"table": one.name, "rows": one.rows, "sha256": one.sha256} for one in copied])
        return
    _print(copied)
    print(_("The history is in {where} now as well; the old one is as it was.", where=where))


def _print(copied: tuple[CopiedTable, ...]) -> None:
    rows = [(one.name, one.rows, one.sha256[:16]) for one in copied]
    print_table((_("table"), _("rows"), _("checksum, the same in both")), rows, right=(_("rows"),))


def _storage(place: str) -> Storage:
    from resnet_studio.history.storage import default_url, storage_at

    if "://" in place:
        return storage_at(place)
    return storage_at(default_url(Home(Home.find(place).root)))


def _source(place: str) -> Storage:
    """Open for reading; one that a program of one process writes is not copied from under it."""
    storage = _storage(place)
    try:
        if what := storage.missing():
            raise UserError(_("The history {where} {what}; there is nothing to copy.", where=storage.where, what=what))
        if not storage.shared and not storage.open_for_writing():
            raise StoreError(storage.why_read_only)
        storage.open_for_reading()
    except BaseException:
        storage.close()
        raise
    return storage


def _target(place: str) -> Storage:
    if "://" not in place:
        Home.find(place).prepare()
    storage = _storage(place)
    try:
        if not storage.open_for_writing():
            raise StoreError(storage.why_read_only)
    except BaseException:
        storage.close()
        raise
    return storage
