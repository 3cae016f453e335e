"""The analysis under way: one background job, how far it is, and what it has found so far."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from resnet_studio.domain.analyses.lesion import Change
from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.text_numbers import percent
from resnet_studio.text import _
from resnet_studio.ui.analyses.work import (
    Answered,
    BlockTaken,
    Inquiry,
    Notice,
    Partial,
    Step,
    looking,
    preparing,
    taking_out,
)
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Job, Work
from resnet_studio.ui.widgets.text import duration_text

if TYPE_CHECKING:
    from resnet_studio.runner.lesion_bench import LesionBench

_TRUST = 0.02  # of the work done before a time left is shown


class AnalysisSession(QObject):
    """Analyses in the background, and what comes of them.

    ``found(inquiry, records)`` when all is measured, ``partial(inquiry, results)`` and ``taken(inquiry, BlockTaken)``
    before that; ``answered(inquiry, records)`` of a change to the networks that is done; ``ended(inquiry)`` last of
    all; ``failed(sentence)``, ``noticed(sentence)`` where only storing failed; ``changed`` for progress.
    """

    changed = Signal()
    found = Signal(object, object)
    partial = Signal(object, object)
    taken = Signal(object, object)
    answered = Signal(object, object)
    ended = Signal(object)
    failed = Signal(str)
    noticed = Signal(str)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._job: Job | None = None
        self._inquiry: Inquiry | None = None
        self._step: Step | None = None
        self._since, self._from = 0.0, 0.0  # when the first fraction of the step under way came, and that fraction
        self._stopping = False
        self._bench: LesionBench | None = None
        self._asked: deque[Change] = deque()  # of the bench
        self._asked_by: Inquiry | None = None
        self._quiet = False  # what is under way is a preparation
        self._next: tuple[Inquiry, Work] | None = None  # behind a preparation

    def _the_bench(self) -> LesionBench:
        """In the job's thread: the module brings torch."""
        if self._bench is None:
            from resnet_studio.runner.lesion_bench import LesionBench

            self._bench = LesionBench(self._asked)
        return self._bench

    @property
    def running(self) -> bool:
        return self._job is not None and (not self._quiet or self._next is not None)

    @property
    def fraction(self) -> float | None:
        return self._step.fraction if self._step is not None else None

    @property
    def sentence(self) -> str:
        """What is being done, how far it is, and how long it still takes."""
        if self._stopping:
            return _("Stopping…")
        if self._step is None:
            return _("Starting…")
        fraction = self._step.fraction
        if fraction is None:
            return self._step.text
        if fraction - self._from < _TRUST:
            return _("{text}, {share}", text=self._step.text, share=percent(100 * fraction, digits=0))
        left = (time.monotonic() - self._since) * (1 - fraction) / (fraction - self._from)
        return _(
            "{text}, {share}, about {left} left",
            text=self._step.text,
            share=percent(100 * fraction, digits=0),
            left=duration_text(left),
        )

    def start(self, inquiry: Inquiry) -> None:
        """Nothing happens while something runs."""
        self._run(inquiry, looking(inquiry, self._services.store, self._the_bench))

    def change(self, inquiry: Inquiry, change: Change) -> None:
        """Of a lesion: this next, as soon as no other analysis is under way."""
        self._asked_by = inquiry
        self._asked.append(change)
        self._answer_changes()

    def prepare(self, inquiry: Inquiry) -> None:
        """Open the networks of a lesion in silence, so that the first change is answered as soon as later ones."""
        if self._job is None:
            self._quiet = True
            self._begin(inquiry, preparing(inquiry, self._services.store, self._the_bench))

    def _answer_changes(self) -> None:
        if self._asked and self._asked_by is not None and self._next is None:
            self._run(self._asked_by, taking_out(self._asked_by, self._services.store, self._the_bench))

    def stop(self) -> None:
        """What is not finished is dropped."""
        self._asked.clear()
        self._next = None
        if self._job is not None:
            self._stopping = True
            self._job.stop()
            self.changed.emit()

    def _run(self, inquiry: Inquiry, work: Work) -> None:
        if self._job is None:
            self._begin(inquiry, work)
        elif self._quiet:
            self._next = inquiry, work
            if inquiry.row.key != "lesion":
                self._job.stop()
            self.changed.emit()

    def _begin(self, inquiry: Inquiry, work: Work) -> None:
        self._inquiry, self._step, self._stopping = inquiry, None, False
        self._job = self._services.jobs.start(
            work, on_item=self._on_item, on_done=self._on_done, on_failed=self._on_failed, on_end=self._on_end,
            name="inside",
        )  # fmt: skip
        self.changed.emit()

    def _on_item(self, item: object) -> None:
        if isinstance(item, Step):
            before = self._step
            if item.fraction is not None and (
                before is None or before.text != item.text or item.fraction < (before.fraction or 0.0)
            ):
                self._since, self._from = time.monotonic(), item.fraction
            self._step = item
            self.changed.emit()
        elif isinstance(item, Partial):
            self.partial.emit(self._inquiry, item.results)
        elif isinstance(item, BlockTaken):
            self.taken.emit(self._inquiry, item)
        elif isinstance(item, Answered):
            self.answered.emit(self._inquiry, item.records)
        elif isinstance(item, Notice):
            self.noticed.emit(item.sentence)

    def _on_done(self, records: tuple[AnalysisRecord, ...]) -> None:
        if records:
            self.found.emit(self._inquiry, records)

    def _on_failed(self, sentence: str) -> None:
        if self._quiet:  # whoever asks is told
            return
        self._asked.clear()
        self.failed.emit(sentence)

    def _on_end(self) -> None:
        quiet, following = self._quiet, self._next
        self._job, self._quiet, self._next = None, False, None
        self.changed.emit()
        if following is not None:
            self._begin(*following)
        if not quiet:
            self.ended.emit(self._inquiry)
        self._answer_changes()
