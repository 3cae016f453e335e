"""Says on the desktop that the queue has ended, unless the window is looked at or the person does not want it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from resnet_studio.domain.queue import QueueEntry, QueueStatus
from resnet_studio.text import _, _n
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.desktop_notice import DesktopNotice
from resnet_studio.ui.preferences import Preferences

ENDED = _("The queue has ended")
NOTIFY = "queue/notify"  # preference: whether the end of the queue is said on the desktop


class QueueEndNotice(QObject):
    """Of one window."""

    def __init__(self, controller: RunController, preferences: Preferences, window: QWidget) -> None:
        super().__init__(window)
        self._preferences, self._window = preferences, window
        controller.queue_ended.connect(self._on_queue_ended)

    @Slot(list)
    def _on_queue_ended(self, entries: list[QueueEntry]) -> None:
        if self._preferences.value(NOTIFY, True, bool) and not self._window.isActiveWindow():
            DesktopNotice(ENDED, queue_sentence(entries), self)


def queue_sentence(entries: Sequence[QueueEntry]) -> str:
    """How many cohorts ended well, and which failed."""
    failed = [entry.title for entry in entries if entry.status is QueueStatus.FAILED]
    cohorts = _n("{count} cohort has been trained.", "{count} cohorts have been trained.", len(entries) - len(failed))
    if not failed:
        return cohorts
    return _("{cohorts} Failed: {names}.", cohorts=cohorts, names=", ".join(failed))
