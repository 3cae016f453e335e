"""Evaluates the nets of a study together once they have finished, where its question is answered by that."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QObject, Signal, Slot

from resnet_studio.domain.enums import Device
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.queue import QueueEntry
from resnet_studio.studies.catalog import STUDIES
from resnet_studio.studies.plan import StudyPlan
from resnet_studio.studies.stored import trained_plans
from resnet_studio.text import _
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit
from resnet_studio.ui.threads.reports import throttled

_KEYS = {study.key for study in STUDIES if study.protocols}


class StudyEvaluations(QObject):
    """One study at a time. ``working(sentence)`` says how far it is, empty at the end; ``failed(sentence)``."""

    working = Signal(str)
    failed = Signal(str)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._waiting: list[StudyPlan | str] = []
        self._running = False
        services.controller.entry_ended.connect(self._on_entry_ended)

    def evaluate(self, plan: StudyPlan) -> None:
        """Evaluate what the study lacks, now or after what is evaluated."""
        self._ask(plan)

    @Slot(object)
    def _on_entry_ended(self, entry: QueueEntry) -> None:
        if entry.study in _KEYS:
            self._ask(entry.study)

    def _ask(self, what: StudyPlan | str) -> None:
        if what not in self._waiting:
            self._waiting.append(what)
        self._begin()

    def _begin(self) -> None:
        if self._running or not self._waiting or not self._services.store.writable:
            return
        self._running = True
        busy = self._services.controller.training
        self._services.jobs.start(
            partial(_work, self._waiting.pop(0), self._services.store, busy),
            on_item=self._on_item,
            on_done=self._on_done,
            on_failed=self.failed.emit,
            on_end=self._on_end,
            name="evaluating",
        )

    def _on_item(self, item: tuple[str, float | None]) -> None:
        text, fraction = item
        share = "" if fraction is None else f" {fraction:.0%}"
        self.working.emit(_("Evaluating together: {text}{share}", text=text, share=share))

    def _on_done(self, made: object) -> None:
        if made:
            self._services.controller.refresh()  # whoever shows the study looks again

    @Slot()
    def _on_end(self) -> None:
        self._running = False
        self.working.emit("")
        self._begin()


def _work(what: StudyPlan | str, store: object, busy: bool, emit: Emit, should_stop: StopCheck) -> int:
    """torch enters here; beside a training it keeps to one thread of the CPU."""
    import torch

    from resnet_studio.history.store import RunStore
    from resnet_studio.runner.evaluate_study import evaluate_study
    from resnet_studio.training.devices import lower_priority

    assert isinstance(store, RunStore)
    if busy:
        torch.set_num_threads(1)  # acts on this thread alone
    lower_priority()
    report = throttled(lambda text, fraction: emit((text, fraction)))
    device = Device.CPU if busy else Device.AUTO
    return sum(evaluate_study(plan, store, report, should_stop, device=device) for plan in _plans(what, store))


def _plans(what: StudyPlan | str, store: object) -> Iterable[StudyPlan]:
    if isinstance(what, StudyPlan):
        return (what,)
    study = next(study for study in STUDIES if study.key == what)
    return trained_plans(study, store.list_runs())  # type: ignore[attr-defined]
