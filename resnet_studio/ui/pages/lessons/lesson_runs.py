"""Runs that a lesson trains: begun through the controller's queue as any others, followed, and found again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QObject, Signal, Slot

from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CohortStarted, CurvesGrew, PhaseChanged, ProgressMade, StatusChanged
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW, Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.studies.learning import Stand
from resnet_studio.studies.lessons.cohorts import TAG
from resnet_studio.studies.rule import WORST_ERROR
from resnet_studio.text import _
from resnet_studio.ui.pages.lessons.place import LessonPlace
from resnet_studio.ui.plots.curve_data import CurveBook
from resnet_studio.ui.plots.loading import CurveLoader
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.text import duration_text


class LessonRuns(QObject):
    """The runs that a lesson trains.

    ``changed`` when curves, progress or statuses are others; ``ended`` once when the last of the runs has ended;
    ``failed(sentence)``.
    """

    changed, ended = Signal(), Signal()
    failed = Signal(str)

    def __init__(self, services: Services, place: LessonPlace, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services, self._place, self._name = services, place, name
        self.book = CurveBook()
        self.runs: tuple[RunRecord, ...] = ()
        self._iteration, self._iterations = 0, 0
        self._left: float | None = None
        self._doing = ""
        self._was_over = False
        self._loader = CurveLoader(services.store, services.jobs, self)
        self._loader.loaded.connect(self._on_loaded)
        self._loader.failed.connect(self.failed)
        controller = services.controller
        controller.happened.connect(self._on_happened)
        controller.state_changed.connect(self._on_state_changed)
        controller.runs_changed.connect(self._reload)
        self._show(place.runs(name))

    # What is

    @property
    def run_ids(self) -> tuple[str, ...]:
        return tuple(run.id for run in self.runs)

    @property
    def running(self) -> bool:
        """One of them trains now, here or in another program."""
        return bool(set(self.run_ids) & set(self._services.controller.trained))

    @property
    def waiting(self) -> bool:
        """One of them is in the queue and none trains."""
        on_their_way = self._services.controller.on_their_way
        return not self.running and any(run.id in on_their_way for run in self.runs)

    @property
    def held(self) -> bool:
        """They wait, and so does the whole queue."""
        return self.waiting and self._services.controller.held

    @property
    def over(self) -> bool:
        """All have ended and cannot go on."""
        return bool(self.runs) and not any(run.resumable or run.status.active for run in self.runs)

    @property
    def resumable(self) -> bool:
        return any(run.resumable for run in self.runs) and not self.running and not self.waiting

    @property
    def fraction(self) -> float:
        """Of all their iterations together."""
        whole = sum(run.iterations for run in self.runs)
        done = sum(max(run.iteration, self._reached(run)) for run in self.runs)
        return min(1.0, done / whole) if whole else 0.0

    def _reached(self, run: RunRecord) -> int:
        buffer = self.book.get(run.id, Series.TRAINING_ERROR)
        return int(buffer.iterations[-1]) if buffer is not None else 0

    @property
    def sentence(self) -> str:
        """What happens with them now."""
        if self._services.controller.stopping and self.running:
            return _("Stopping and saving…")
        if self.running:
            left = _(", {left} left", left=duration_text(self._left)) if self._left is not None else ""
            if self._iteration:
                return _(
                    "Iteration {iteration} of {iterations}{left}",
                    iteration=self._iteration,
                    iterations=self._iterations,
                    left=left,
                )
            return self._doing or _("Starting…")
        if self.waiting:
            if self.held:
                return _("It waits in the queue, and the queue until you say so.")
            return _("It waits in the queue until what trains now has ended.")
        if self.over:
            return _("Ended; the runs stand on the page Runs, with the tag {tag}.", tag=TAG)
        if self.runs:
            return _("Stopped at iteration {iteration}; it goes on from there.", iteration=self.runs[0].iteration)
        return ""

    @property
    def trouble(self) -> str:
        """Why one of them failed, as one sentence; empty where none did."""
        return next((run.reason or str(run.status) for run in self.runs if run.status is RunStatus.FAILED), "")

    def stand(self, run: RunRecord) -> Stand | None:
        """Its training error over its last iterations; a diverged run counts as wrong in all."""
        buffer = self.book.get(run.id, Series.TRAINING_ERROR)
        if buffer is None:
            return None
        last = np.asarray(buffer.values[-TRAINING_ERROR_WINDOW:], np.float64)
        error = float(last.mean())
        if run.status is RunStatus.DIVERGED or not math.isfinite(error):
            error = WORST_ERROR
        return Stand(run, run.name, error, len(last))

    def last_test(self, run: RunRecord) -> float | None:
        buffer = self.book.get(run.id, Series.TEST_ERROR)
        return buffer.last if buffer is not None else None

    # What is asked for

    def begin(self, cohorts: Sequence[CohortSpec], note: Callable[[RunRecord], str] | None = None) -> None:
        """Train these, one after another, and follow them from now on; ``note`` goes with each run.

        Raises:
            UserError: If they cannot be trained.
        """
        run_ids: list[str] = []
        for cohort in cohorts:
            run_ids += self._services.controller.train(cohort)
            self._place.set_runs(self._name, run_ids)
        for run_id in run_ids:
            self._services.store.set_tags(run_id, [TAG])
            if note is not None and (text := note(self._services.store.get(run_id))):
                self._services.store.set_note(run_id, text)
        self._show(run_ids)

    def resume(self) -> None:
        """Raises UserError if they cannot go on."""
        self._services.controller.resume([run.id for run in self.runs if run.resumable])
        self._reload()

    def stop(self) -> None:
        """Stop and save what trains, and take what waits out of the queue."""
        controller = self._services.controller
        mine = set(self.run_ids)
        for entry in controller.entries:
            if mine & set(entry.run_ids) and not entry.claimed and set(entry.run_ids) <= controller.on_their_way:
                controller.remove(entry.id)
        if self.running:
            controller.stop()
        self._reload()

    # What happens

    def _show(self, run_ids: Sequence[str]) -> None:
        self._iteration, self._left, self._doing = 0, None, ""
        self.runs = self._read(run_ids)
        self.book.keep_only(self.run_ids)
        self._was_over = self.over
        self._loader.load(self.run_ids)
        self.changed.emit()

    def _read(self, run_ids: Sequence[str]) -> tuple[RunRecord, ...]:
        """Those that are not deleted."""
        found = []
        for run_id in run_ids:
            try:
                run = self._services.store.get(run_id)
            except UserError:
                continue
            if not run.deleted:
                found.append(run)
        return tuple(found)

    @Slot()
    def _reload(self) -> None:
        if not self.runs:
            return
        self.runs = self._read(self.run_ids)
        over = self.over
        if over and not self._was_over:
            self._was_over = True
            self._loader.load(self.run_ids)
            self.changed.emit()
            self.ended.emit()
        else:
            self._was_over = over
            self.changed.emit()

    @Slot()
    def _on_state_changed(self) -> None:
        self._reload()

    @Slot(object)
    def _on_loaded(self, curves: object) -> None:
        mine = set(self.run_ids)
        self.book.load(curve for curve in curves if curve.run_id in mine)  # type: ignore[attr-defined]
        self.changed.emit()

    @Slot(object)
    def _on_happened(self, event: object) -> None:
        mine = set(self.run_ids)
        if isinstance(event, CurvesGrew):
            chunks = [chunk for chunk in event.chunks if chunk.run_id in mine]
            self.book.extend(chunks)
            if chunks:
                self.changed.emit()
        elif isinstance(event, StatusChanged):
            if event.run_id in mine:
                if event.status is RunStatus.RUNNING and event.iteration is not None:
                    self.book.truncate(event.run_id, event.iteration)  # it goes on from its checkpoint
                self._reload()
        elif isinstance(event, ProgressMade | PhaseChanged | CohortStarted) and mine & set(event.run_ids):
            if isinstance(event, ProgressMade):
                self._iteration, self._iterations = event.iteration, event.iterations
                self._left = event.seconds_left
            elif isinstance(event, CohortStarted):
                self._iteration, self._iterations, self._left = event.iteration, event.iterations, None
            elif event.phase is not Phase.TRAINING:
                share = f" {event.fraction:.0%}" if event.fraction is not None else ""
                self._doing = f"{_(event.phase.value).capitalize()}{share}"
            self.changed.emit()
