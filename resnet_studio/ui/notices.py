"""What stands in the banner by itself: runs left unfinished, a history that another program writes, a full disk."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StatusChanged
from resnet_studio.domain.queue import QueueStatus
from resnet_studio.history.store import RunStore
from resnet_studio.text import _, _n
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.widgets.banner import Banner

WRITER_PERIOD_MS = 2000
_DISK_FULL = "room"


class HistoryNotices(QObject):
    """What the window says of the history at the start.

    ``writable`` once the right to write was won; ``resume_requested`` carries run ids, ``go_on_requested`` is about the
    queue.
    """

    writable, go_on_requested = Signal(), Signal()
    resume_requested = Signal(list)

    def __init__(self, store: RunStore, controller: RunController, banner: Banner, parent: QObject) -> None:
        super().__init__(parent)
        self._store, self._controller, self._banner = store, controller, banner
        self._left_over: list[str] = []
        self._timer = QTimer(self, interval=WRITER_PERIOD_MS)
        self._timer.timeout.connect(self._on_try_to_write)
        banner.acted.connect(self._on_banner)
        controller.state_changed.connect(self._on_state_changed)
        controller.queue_changed.connect(self._on_queue_changed)

    def greet(self) -> None:
        """Say it now, and go on trying to write where another program does."""
        runs = self._store.list_runs()
        if self._store.notices:
            self._banner.show_notice("history", " ".join(self._store.notices), kind="error")
        if not self._store.writable:
            self._banner.show_notice("reader", self._store.why_read_only, kind="warning")
            self._timer.start()
            return
        queued = {run_id for entry in self._controller.entries for run_id in entry.run_ids}
        waiting = [run.id for run in runs if run.status is RunStatus.QUEUED]
        left = [*reversed(waiting), *self._store.interrupted_at_start]
        self._left_over = [run_id for run_id in left if run_id not in queued]
        if self._left_over:
            count = len(self._left_over)
            what = _n("{count} run was", "{count} runs were", count)
            self._banner.show_notice(
                "left-over",
                _("{what} not finished when the program ended; nothing is lost.", what=what),
                action=_("Resume"),
            )
        if self._controller.held:
            self._banner.show_notice("queue", self._about_queue(), action=_("Go on"))

    def _about_queue(self) -> str:
        """What waits, and where the first of it stands."""
        waiting = [entry for entry in self._controller.entries if entry.status is QueueStatus.WAITING]
        cohorts = _n("{count} cohort waits", "{count} cohorts wait", len(waiting))
        begun = next((entry for entry in waiting if entry.begun), None)
        if begun is None:
            return _("{cohorts} in the queue; nothing begins until you say so.", cohorts=cohorts)
        return _(
            "{cohorts} in the queue; {title} goes on at iteration {iteration} of {iterations}. Nothing is lost.",
            cohorts=cohorts,
            title=begun.title,
            iteration=begun.iteration,
            iterations=begun.iterations,
        )

    def stop(self) -> None:
        self._timer.stop()

    @Slot()
    def _on_try_to_write(self) -> None:
        """The other program may have been closed."""
        try:
            if not self._store.become_writer():
                return
        except UserError as error:
            self._timer.stop()
            self._banner.show_notice("reader", str(error), kind="error")
            return
        self._timer.stop()
        self._banner.withdraw("reader")
        self.greet()
        self.writable.emit()

    @Slot(str)
    def _on_banner(self, key: str) -> None:
        if key == "left-over":
            self._banner.withdraw(key)
            self.resume_requested.emit(self._left_over)
        elif key == "queue":
            self._banner.withdraw(key)
            self.go_on_requested.emit()

    @Slot()
    def _on_state_changed(self) -> None:
        if not self._controller.held:
            self._banner.withdraw("queue")

    @Slot()
    def _on_queue_changed(self) -> None:
        if self._controller.held:
            self._banner.say_instead("queue", self._about_queue())


class DiskFullNotice(QObject):
    """Said for as long as training waits for room. A pause that the user asked for has no reason, this one has."""

    def __init__(self, controller: RunController, banner: Banner, parent: QObject) -> None:
        super().__init__(parent)
        self._controller, self._banner = controller, banner
        controller.happened.connect(self._on_happened)
        controller.state_changed.connect(self._on_state_changed)

    @Slot(object)
    def _on_happened(self, event: object) -> None:
        if not isinstance(event, StatusChanged):
            return
        if event.status is RunStatus.PAUSED and event.reason:
            self._banner.show_notice(_DISK_FULL, event.reason, kind="warning")
        else:
            self._banner.withdraw(_DISK_FULL)

    @Slot()
    def _on_state_changed(self) -> None:
        if not self._controller.trained:
            self._banner.withdraw(_DISK_FULL)
