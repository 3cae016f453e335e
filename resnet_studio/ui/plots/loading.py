"""Stored curves, read off the GUI thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal, Slot

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.records import Curve
from resnet_studio.domain.series import Series
from resnet_studio.history.store import RunStore
from resnet_studio.ui.threads.jobs import Job, Jobs


class CurveLoader(QObject):
    """Reads the curves of runs one after another; a new request replaces the one before.

    ``loaded(list of Curve)`` comes for each run, ``finished()`` after the last. Runs that were removed meanwhile are
    left out.
    """

    loaded, finished, failed = Signal(object), Signal(), Signal(str)

    def __init__(self, store: RunStore, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._jobs = store, jobs
        self._job: Job | None = None

    @property
    def loading(self) -> bool:
        return self._job is not None

    def load(self, run_ids: Sequence[str]) -> None:
        self.stop()
        if run_ids:
            self._job = self._jobs.start(
                _reading(self._store, tuple(run_ids)),
                on_item=self._on_item,
                on_done=self._on_done,
                on_failed=self._on_failed,
            )
        else:
            self.finished.emit()

    def stop(self) -> None:
        """What is under way is not delivered."""
        if self._job is not None:
            self._job.stop()
            self._job = None

    @Slot(object)
    def _on_item(self, curves: object) -> None:
        self.loaded.emit(curves)

    @Slot(object)
    def _on_done(self, _result: object) -> None:
        self._job = None
        self.finished.emit()

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self._job = None
        self.failed.emit(sentence)


def _reading(store: RunStore, run_ids: tuple[str, ...]) -> Callable[[Callable[[object], None], StopCheck], object]:
    def read(emit: Callable[[object], None], should_stop: StopCheck) -> None:
        for run_id in run_ids:
            if should_stop():
                return
            try:
                found = store.curves([run_id], list(Series))
            except UserError:
                store.list_runs()  # a history that cannot be read at all says so here
                continue
            curves: list[Curve] = [curve for curve in found.values() if len(curve)]
            emit(curves)

    return read
