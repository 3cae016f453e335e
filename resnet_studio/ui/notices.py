"""What stands in the banner by itself: runs left unfinished, a history that another program writes, a full disk."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StatusChanged
from resnet_studio.history.store import RunStore
from resnet_studio.text import _, _n
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.widgets.banner import Banner

WRITER_PERIOD_MS = 2000
_LEFT = "history/stopped_by_leaving"  # run ids
_DISK_FULL = "room"


class HistoryNotices(QObject):
    """Said at the start. ``writable`` once the right to write was won; ``resume_requested`` carries run ids."""

    writable = Signal()
    resume_requested = Signal(list)

    def __init__(self, store: RunStore, preferences: Preferences, banner: Banner, parent: QObject) -> None:
        super().__init__(parent)
        self._store, self._preferences, self._banner = store, preferences, banner
        self._stopped: list[str] = []
        self._left_over: list[str] = []
        self._timer = QTimer(self, interval=WRITER_PERIOD_MS)
        self._timer.timeout.connect(self._on_try_to_write)
        banner.acted.connect(self._on_banner)

    def greet(self) -> None:
        """Say it now, and go on trying to write where another program does."""
        runs = self._store.list_runs()
        if self._store.notices:
            self._banner.show_notice("history", " ".join(self._store.notices), kind="error")
        if not self._store.writable:
            self._banner.show_notice("reader", self._store.why_read_only, kind="warning")
            self._timer.start()
            return
        stopped = {run.id for run in runs if run.status is RunStatus.STOPPED}
        waiting = [run.id for run in runs if run.status is RunStatus.QUEUED]
        self._stopped = [run_id for run_id in self._preferences.value(_LEFT, [], list) if run_id in stopped]
        self._left_over = [*self._stopped, *reversed(waiting), *self._store.interrupted_at_start]
        if self._left_over:
            count = len(self._left_over)
            what = _n("{count} run was", "{count} runs were", count)
            self._banner.show_notice(
                "left-over",
                _("{what} not finished when the program ended; nothing is lost.", what=what),
                action=_("Resume"),
            )

    def remember(self, run_ids: Sequence[str]) -> None:
        """The window's end stops these runs: they are offered at the next start, with those nobody resumed yet."""
        if self._store.writable:
            self._preferences.set_value(_LEFT, list(dict.fromkeys([*run_ids, *self._stopped])))

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
            self._stopped = []
            self.resume_requested.emit(self._left_over)


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
        if not self._controller.training:
            self._banner.withdraw(_DISK_FULL)
