"""Python's collector of cycles, run by the window's thread alone.

It runs in whichever thread happens to allocate, a training thread too, and a Qt object that is deleted by the wrong
thread takes the process down. So the automatic collection is off while the window lives, and a timer does its work.
"""

from __future__ import annotations

import gc
import sys

from PySide6.QtCore import QObject, QTimer, Slot

PERIOD_MS = 1000
_THRESHOLDS = (700, 10, 10)  # as Python's own: objects, collections of the first and of the second generation


class GarbageCollector(QObject):
    """Collects in the thread it lives in until :meth:`remove` gives the work back to Python."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_enabled = gc.isenabled()
        self._modules_seen = 0
        gc.disable()
        self._timer = QTimer(self, interval=PERIOD_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def remove(self) -> None:
        self._timer.stop()
        gc.unfreeze()  # or the modules' own objects would outlive the interpreter, and say so
        if self._was_enabled:
            gc.enable()

    @Slot()
    def collect(self) -> None:
        """Collect the oldest generation that is due.

        What large modules made is set aside first: it never becomes garbage, and to look through it takes longer
        than a window may stand still.
        """
        counts = gc.get_count()
        due = [generation for generation in (0, 1, 2) if counts[generation] > _THRESHOLDS[generation]]
        if not due:
            return
        if max(due) == 2 and self._modules_changed():
            gc.freeze()
            return
        gc.collect(max(due))

    def _modules_changed(self) -> bool:
        seen, self._modules_seen = self._modules_seen, len(sys.modules)
        return self._modules_seen > seen
