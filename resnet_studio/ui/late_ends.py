"""Ends of trainings that could not be stored, on a full disk or without the folder: tried until they are stored."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.domain.records import RunRecord
    from resnet_studio.history.store import RunStore
    from resnet_studio.runner.queue_work import EntryWork

log = logging.getLogger(__name__)

RETRY_PERIOD_MS = 2000
_NOT_STORED = _("The end of this training could not be stored at once; it goes on from its last checkpoint.")


class LateEnds(QObject):
    """Of runs and entries whose thread is over. ``changed``: a run has got another status."""

    changed = Signal()

    def __init__(self, store: RunStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._runs: set[str] = set()
        self._works: list[EntryWork] = []
        self.retry = QTimer(self, interval=RETRY_PERIOD_MS, singleShot=True)
        self.retry.timeout.connect(self.store_all)

    def add(self, runs: Iterable[str], work: EntryWork) -> None:
        """Runs that nobody trains any more, whatever is stored of them, and the work that trained them."""
        self._runs.update(runs)
        if not work.stored:
            self._works.append(work)

    def ended(self, runs: Iterable[RunRecord]) -> list[RunRecord]:
        """Records as they will be stored: what nobody trains any more is stopped."""
        return [
            replace(run, status=RunStatus.STOPPED, reason=_NOT_STORED)
            if run.id in self._runs and run.status.active
            else run
            for run in runs
        ]

    @Slot()
    def store_all(self) -> None:
        """Now, or else once more after a while."""
        try:
            for run_id in sorted(self._runs):
                self._store_run(run_id)
            while self._works:
                self._works[0].store_end()
                del self._works[0]
        except StoreError as error:
            log.info("the end of a training cannot be stored yet: %s", error)
            self.retry.start()

    def _store_run(self, run_id: str) -> None:
        try:
            if self._store.get(run_id).status.active:
                self._store.set_status(run_id, RunStatus.STOPPED, _NOT_STORED)
                self.changed.emit()
        except StoreError:
            raise
        except UserError:  # it was removed meanwhile
            pass
        self._runs.discard(run_id)
