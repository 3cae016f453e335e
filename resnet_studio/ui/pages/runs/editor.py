"""Changes of stored runs that a person makes: names, tags, notes, colours, and what is deleted and brought back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.history.store import RunStore
from resnet_studio.text import _
from resnet_studio.ui.models.run_columns import Column, parse_tags
from resnet_studio.ui.pages.runs.dialogs import NoteDialog, TagsDialog


class RunEditor(QObject):
    """``written`` when something was stored, ``failed(sentence)`` when it could not be."""

    written = Signal()
    failed = Signal(str)

    def __init__(self, store: RunStore, page: QWidget) -> None:
        super().__init__(page)
        self._store, self._page = store, page
        self._done: list[tuple[Callable[[Sequence[str]], None], tuple[str, ...]]] = []  # how each is undone; last first

    @property
    def can_undo(self) -> bool:
        return bool(self._done)

    def edit(self, run_id: str, column: Column, text: str) -> None:
        """What was typed into a cell of the table."""
        if column is Column.NAME:
            name = " ".join(text.split())
            if name:
                self._write(lambda: self._store.rename(run_id, name))
            else:
                self.failed.emit(_("A run needs a name; the old one is kept."))
        elif column is Column.TAGS:
            self._write(lambda: self._store.set_tags(run_id, parse_tags(text)))
        else:
            self._write(lambda: self._store.set_note(run_id, text.strip()))

    def ask_tags(self, runs: Sequence[RunRecord]) -> None:
        dialog = TagsDialog(runs, self._page)
        if dialog.exec():
            self._write_each(runs, lambda run: self._store.set_tags(run.id, dialog.tags_for(run)))

    def ask_note(self, run: RunRecord) -> None:
        dialog = NoteDialog(run, self._page)
        if dialog.exec():
            self._write(lambda: self._store.set_note(run.id, dialog.note))

    def set_colour(self, runs: Sequence[RunRecord], colour: str) -> None:
        self._write_each(runs, lambda run: self._store.set_colour(run.id, colour))

    def delete(self, run_ids: tuple[str, ...]) -> bool:
        """True if they are in the trash, until :meth:`undo`."""
        return self._put_away(self._store.delete, self._store.restore, run_ids)

    def archive(self, run_ids: tuple[str, ...]) -> bool:
        """True if they are in the archive, until :meth:`undo`."""
        return self._put_away(self._store.archive, self._store.unarchive, run_ids)

    def unarchive(self, run_ids: tuple[str, ...]) -> bool:
        return self._put_away(self._store.unarchive, self._store.archive, run_ids)

    def restore(self, run_ids: tuple[str, ...]) -> bool:
        return self._put_away(self._store.restore, self._store.delete, run_ids)

    def empty_trash(self) -> bool:
        """For good: what was deleted before cannot be brought back any more."""
        if not self._write(self._store.purge_deleted):
            return False
        self._done = []
        return True

    def undo(self) -> tuple[str, ...]:
        """Bring back what was put away last; the runs that are there again, if any."""
        if not self._done:
            return ()
        back, run_ids = self._done[-1]
        if not self._write(lambda: back(run_ids)):
            return ()
        self._done.pop()
        return run_ids

    def _put_away(
        self, away: Callable[[Sequence[str]], None], back: Callable[[Sequence[str]], None], run_ids: tuple[str, ...]
    ) -> bool:
        self._done.append((back, run_ids))  # before the page shows what is left
        if not self._write(lambda: away(run_ids)):
            self._done.pop()
            return False
        return True

    def _write(self, change: Callable[[], object]) -> bool:
        try:
            change()
        except UserError as error:
            self.failed.emit(str(error))
            return False
        self.written.emit()
        return True

    def _write_each(self, runs: Sequence[RunRecord], change: Callable[[RunRecord], None]) -> None:
        def all_of_them() -> None:
            for run in runs:
                change(run)

        self._write(all_of_them)
