"""What the folders of runs take on disk, looked at in the background."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from resnet_studio.domain.events import StopCheck
    from resnet_studio.domain.records import RunRecord
    from resnet_studio.ui.services import Services
    from resnet_studio.ui.threads.jobs import Emit, Job, Work

_EVERY = 0.5  # seconds: the table of a long list is painted anew each time


class FolderSizes(QObject):
    """``found`` brings pairs of a run and the bytes of its folder, some at a time."""

    found = Signal(object)

    def __init__(self, services: Services, parent: QObject) -> None:
        super().__init__(parent)
        self._services = services
        self._job: Job | None = None

    def measure(self, due: Sequence[RunRecord]) -> None:
        """These, in the place of what is looked at now."""
        if self._job is not None:
            self._job.stop()
        if due:
            self._job = self._services.jobs.start(self._work(due), on_item=self.found.emit, name="sizes")

    def _work(self, due: Sequence[RunRecord]) -> Work:
        home = self._services.home

        def work(emit: Emit, should_stop: StopCheck) -> None:
            found, sent_at = [], time.monotonic()
            for run in due:
                if should_stop():
                    return
                found.append((run, home.run(run.id).size_bytes()))
                if time.monotonic() - sent_at >= _EVERY:
                    emit(found)
                    found, sent_at = [], time.monotonic()
            emit(found)

        return work
