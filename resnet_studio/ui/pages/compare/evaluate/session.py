"""The evaluations under way: one background job for all tasks of an order, with what is left of it in time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QObject, Signal

from resnet_studio.text import _
from resnet_studio.ui.pages.compare.evaluate.plan import Task
from resnet_studio.ui.pages.compare.evaluate.work import Step, Stored, TaskFailed, evaluating
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Job
from resnet_studio.ui.widgets.text import duration_text

_TRUST = 0.02  # of the work done before a time left is shown


class EvaluateSession(QObject):
    """``stored(evaluation id)`` as each one is done, ``failed(sentence)``, ``ended`` last; ``changed`` for progress."""

    changed = Signal()
    stored = Signal(str)
    failed = Signal(str)
    ended = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self.preferences = services, services.preferences
        self._job: Job | None = None
        self._step: Step | None = None
        self._started = 0.0
        self._stopping = False
        self.notes: tuple[str, ...] = ()  # on pixels, of the order that ran last

    @property
    def running(self) -> bool:
        return self._job is not None

    @property
    def fraction(self) -> float | None:
        """Of the whole order, 0..1; None while nothing is known."""
        if self._step is None or (self._step.fraction is None and not self._step.number):
            return None
        return (self._step.number + (self._step.fraction or 0.0)) / self._step.of

    @property
    def seconds_left(self) -> float | None:
        """None as long as too little is done to say."""
        fraction = self.fraction
        if fraction is None or fraction < _TRUST:
            return None
        return (time.monotonic() - self._started) * (1 - fraction) / fraction

    @property
    def sentence(self) -> str:
        """What is being done, how far it is, and how long it still takes."""
        if self._stopping:
            return _("Stopping…")
        step = self._step
        if step is None:
            return _("Starting…")
        parts = [f"{step.name}: {step.text}"]
        if step.of > 1:
            parts[0] = _("{number} of {of}, {parts}", number=step.number + 1, of=step.of, parts=parts[0])
        if step.fraction is not None:
            parts.append(f"{step.fraction:.0%}")
        left = self.seconds_left
        if left is not None:
            parts.append(_("about {left} left", left=duration_text(left)))
        return ", ".join(parts)

    def start(self, tasks: Sequence[Task], names: Mapping[str, str]) -> None:
        """Nothing happens while something runs."""
        if self._job is not None or not tasks:
            return
        self._step, self._stopping, self._started, self.notes = None, False, time.monotonic(), ()
        work = evaluating(self._services.store, tasks, names, single_threaded=self._services.controller.training)
        self._job = self._services.jobs.start(
            work, on_item=self._on_item, on_failed=self._on_failed, on_end=self._on_end
        )
        self.changed.emit()

    def stop(self) -> None:
        """Evaluations that are done stay; the one under way is dropped."""
        if self._job is not None:
            self._stopping = True
            self._job.stop()
            self.changed.emit()

    def _on_item(self, item: object) -> None:
        if isinstance(item, Step):
            self._step = item
            self.changed.emit()
        elif isinstance(item, Stored):
            self.notes = tuple(dict.fromkeys((*self.notes, *item.notes)))
            self.stored.emit(item.evaluation_id)
        elif isinstance(item, TaskFailed):
            self.failed.emit(item.sentence)

    def _on_failed(self, sentence: str) -> None:
        self.failed.emit(sentence)

    def _on_end(self) -> None:
        self._job = None
        self.changed.emit()
        self.ended.emit()
