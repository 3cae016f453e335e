"""What the history has to say at the start: another program writes it, or runs were left unfinished."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.history.store import RunStore
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.widgets.banner import Banner

WRITER_PERIOD_MS = 2000
_LEFT = "history/stopped_by_leaving"  # run ids


class HistoryWatch(QObject):
    """Speaks through the banner. ``writable`` once the right to write was won; ``resume_requested`` carries run ids."""

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
            self._banner.tell("history", " ".join(self._store.notices), kind="error")
        if not self._store.writable:
            self._banner.tell("reader", self._store.why_read_only, kind="warning")
            self._timer.start()
            return
        stopped = {run.id for run in runs if run.status is RunStatus.STOPPED}
        waiting = [run.id for run in runs if run.status is RunStatus.QUEUED]
        self._stopped = [run_id for run_id in self._preferences.value(_LEFT, [], list) if run_id in stopped]
        self._left_over = [*self._stopped, *reversed(waiting), *self._store.interrupted_at_start]
        if self._left_over:
            count = len(self._left_over)
            what = "1 run was" if count == 1 else f"{count} runs were"
            self._banner.tell(
                "left-over", f"{what} not finished when the program ended; nothing is lost.", action="Resume"
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
            self._banner.tell("reader", str(error), kind="error")
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
