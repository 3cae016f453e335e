"""Whether what was stored is whole: the history, every checkpoint, and folders that belong to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_studio.cli.check import Check, State
from resnet_studio.domain.errors import CheckpointError, StoreError, UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.text_numbers import counted
from resnet_studio.platform.home import Home
from resnet_studio.text import N_, _, _n

if TYPE_CHECKING:
    from resnet_studio.history.storage import Inspection
    from resnet_studio.history.store import RunStore

_SET_ASIDE = _("The next start of the program, or a command that writes, sets it aside and keeps what can be read.")

_OTHER_HISTORY = N_("Open the home's own history, or copy it to this place with `resnet-studio history copy`.")


def storage_checks(home: Home) -> Iterator[Check]:
    """Everything that runs left on the disk; checkpoints and folders only where the history can be read."""
    from resnet_studio.history.storage import has_history

    readable = False
    for check in history_checks(home):
        readable = readable or (check.name == "history" and check.state is not State.WRONG)
        yield check
    if readable and has_history(home):
        yield from checkpoint_checks(home)
        yield from folder_checks(home)


def history_checks(home: Home) -> Iterator[Check]:
    """What the storage says of itself: its schema, damage, runs that make no sense, copies that are kept."""
    from resnet_studio.history.run_folders import lost_history, own_history, run_folders
    from resnet_studio.history.storage import default_url, storage_at
    from resnet_studio.history.store import open_history

    with closing(storage_at(default_url(home))) as storage:
        if lost := lost_history(home, storage):
            there = own_history(home, run_folders(home))
            advice = _OTHER_HISTORY if there else N_("Put a backup of the history in its place.")
            yield Check(N_("history"), lost, State.WRONG, _(advice))
        elif storage.missing():
            yield Check(N_("history"), _("none yet"))
        else:
            try:
                found = storage.inspect()
                if found.problems:
                    yield Check(
                        N_("history"),
                        _("{where} is damaged", where=storage.where),
                        State.WRONG,
                        _SET_ASIDE,
                        found.problems,
                    )
                else:
                    with open_history(home) as store:
                        yield from _readable(store, found)
            except UserError as error:
                yield Check(N_("history"), storage.where, State.WRONG, error.sentence)
        kept = storage.kept()
        if aside := kept.set_aside:
            what = counted(len(aside), "damaged history was", "damaged histories were")
            advice = _("Keep them as long as something is missing from the history, then delete them.")
            yield Check(N_("set aside"), _("{what} set aside", what=what), State.NOTE, advice, aside)
        if kept.elsewhere:
            yield Check(N_("backups"), kept.elsewhere)
        if kept.backups:
            yield Check(N_("backups"), _("{backups} of the history", backups=len(kept.backups)), details=kept.backups)


def _readable(store: RunStore, found: Inspection) -> Iterator[Check]:
    value = _(
        "{schema}, {list_runs}, {size_bytes:.1f} MiB, sound",
        schema=found.schema,
        list_runs=counted(len(store.list_runs()), "run", "runs"),
        size_bytes=found.size_bytes / 2**20,
    )
    if store.writable:
        yield Check(N_("history"), value)
    else:
        yield Check(N_("history"), value, State.NOTE, store.why_read_only)
    if store.unreadable:
        what = _("{unreadable} cannot be read", unreadable=len(store.unreadable))
        advice = _("The other runs are there; `resnet-studio runs delete` takes an id of these too.")
        yield Check(N_("runs"), what, State.WRONG, advice, tuple(store.unreadable.values()))
    store.evaluations()
    if odd := store.unreadable_evaluations:
        what = _("{unreadable} cannot be read", unreadable=len(odd))
        yield Check(N_("evaluations"), what, State.WRONG, _("The others are there."), tuple(odd.values()))
    if pieces := store.odd_pieces():
        what = _n("{count} piece cannot be read", "{count} pieces cannot be read", sum(pieces.values()))
        advice = _("Everything else of these runs is there.")
        yield Check(N_("curves"), what, State.WRONG, advice, tuple(f"{key[:8]}: {n}" for key, n in pieces.items()))


def checkpoint_checks(home: Home) -> Iterator[Check]:
    """Every checkpoint that the history points to: there, whole, with the digests it should have."""
    from resnet_studio.cli.progress_bar import ProgressBar
    from resnet_studio.networks.weights import digest
    from resnet_studio.training.checkpoints import load

    with _opened(home) as store, ProgressBar(_("Checking checkpoints"), quiet=True) as work:
        runs = [*store.list_runs(), *store.list_runs(archived=True), *store.list_runs(deleted=True)]
        rows = [(run, row) for run in runs for row in store.checkpoints(run.id)]
        wrong: list[str] = []
        checked = 0
        for done, (run, row) in enumerate(rows):
            work.report(run.name, done / len(rows))
            try:
                folder = home.run(run.id).checkpoint(row.folder)
                if digest(load(folder).weights) != row.weights_sha256:
                    wrong.append(
                        _(
                            "{name} ({short_id}): {folder} holds other weights than the history says",
                            name=run.name,
                            short_id=run.short_id,
                            folder=folder,
                        )
                    )
            except CheckpointError as error:
                if run.status.active and row.iteration not in {each.iteration for each in store.checkpoints(run.id)}:
                    continue  # a program that trains has removed it meanwhile
                wrong.append(f"{run.name} ({run.short_id}): {error.sentence}")
            checked += 1
    if wrong:
        advice = _("A run goes on from its newest whole checkpoint; without one it starts again.")
        yield Check(
            N_("checkpoints"),
            _("{wrong} of {checked} are not whole", wrong=len(wrong), checked=checked),
            State.WRONG,
            advice,
            tuple(wrong),
        )
    else:
        yield Check(N_("checkpoints"), _("{checked} of {checked} whole", checked=checked))


def folder_checks(home: Home) -> Iterator[Check]:
    """Folders below the runs folder that no run owns, and checkpoints in them that no row points to."""
    from resnet_studio.history.run_folders import own_history, run_folders
    from resnet_studio.training.checkpoints import DAMAGED

    with _opened(home) as store:
        runs = {
            run.id: run for run in (*store.list_runs(), *store.list_runs(archived=True), *store.list_runs(deleted=True))
        }
        known = {*runs, *store.unreadable, *store.unreadable_deleted}
        orphans = sorted(run_folders(home) - known)
        loose: list[str] = []
        damaged: list[str] = []
        for run in runs.values():
            rows = {row.folder for row in store.checkpoints(run.id)}
            for folder in _checkpoint_folders(home, run):
                if folder.name.startswith(DAMAGED):
                    damaged.append(f"{run.name}: {folder}")
                elif home.run(run.id).stored_name(folder) not in rows and not run.status.active:
                    loose.append(f"{run.name}: {folder}")  # one that trains is about to write the row
    if orphans:
        advice = (
            _("They belong to runs of the home's own history, {where}; leave them.", where=own)
            if (own := own_history(home, orphans))
            else _("They belong to no run of this history; delete them, or put a backup of the history back.")
        )
        yield Check(
            N_("run folders"), _("{orphans} without a run", orphans=len(orphans)), State.NOTE, advice,
            tuple(str(home.run(name).path) for name in orphans),
        )  # fmt: skip
    else:
        yield Check(N_("run folders"), _("{known}, each with its run", known=len(known & run_folders(home))))
    if loose:
        advice = _("Left by a program that died; they go when their run is resumed.")
        yield Check(N_("loose checkpoints"), str(len(loose)), State.NOTE, advice, tuple(loose))
    if damaged:
        advice = _("Set aside when their run was resumed; delete them when you like.")
        yield Check(N_("damaged checkpoints"), str(len(damaged)), State.NOTE, advice, tuple(damaged))


def _checkpoint_folders(home: Home, run: RunRecord) -> list[Path]:
    try:
        return sorted(home.run(run.id).checkpoints.iterdir())
    except (OSError, StoreError):
        return []


def _opened(home: Home) -> RunStore:
    from resnet_studio.history.store import open_history

    return open_history(home, writer=False)
