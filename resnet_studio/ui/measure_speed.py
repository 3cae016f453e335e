"""How long a training will take: expected by what is known of this machine, and measured on request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QPushButton

from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, RunSpec
from resnet_studio.platform.training_speed import Expectation, KnownSpeeds, expected, quickly, with_runs
from resnet_studio.text import _
from resnet_studio.training.speed_cache import known_speeds
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit, Job
from resnet_studio.ui.widgets.plain_tip import set_tip

_MEASURED_ALONE = _("Not while something trains or is measured: each would slow the other down")
_JOB = "speed"
SECONDS = 2.5  # for all networks that are measured together, once they are built


def show_measuring(button: QPushButton, tip: str, *, running: bool, possible: bool) -> None:
    """What the button that measures, or stops that, says now; ``tip`` is of the former."""
    button.setText(_("Stop") if running else _("Measure"))
    button.setEnabled(running or possible)
    set_tip(button, _("Stop measuring") if running else tip if possible else _MEASURED_ALONE)


class Measuring(QObject):
    """Answers from what is known; :meth:`start` finds out more in a thread, never beside a training.

    ``changed``: another answer or another state. ``progressed(detail, fraction)``.
    """

    changed, progressed = Signal(), Signal(str, float)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._runs: tuple[RunRecord, ...] = ()
        self._known = KnownSpeeds()
        self._job: Job | None = None
        self._failed: tuple[tuple[RunSpec, ...], str] | None = None
        services.controller.state_changed.connect(self._on_state_changed)
        self._read()

    @property
    def running(self) -> bool:
        return self._job is not None

    @property
    def possible(self) -> bool:
        """Not beside a training, nor beside what another page measures: each would slow the other down."""
        elsewhere = not self.running and self._services.jobs.is_running(_JOB)
        return not elsewhere and not self._services.controller.training

    def expected(self, cohort: CohortSpec) -> Expectation | None:
        """None where nothing comparable was measured or trained on this machine."""
        return expected(cohort, self._known)

    def failure(self, runs: Sequence[RunSpec]) -> str:
        """Why ``runs`` could not be measured, as a sentence; empty where that was not so or not tried."""
        return self._failed[1] if self._failed is not None and self._failed[0] == tuple(runs) else ""

    def show_runs(self, runs: Iterable[RunRecord]) -> None:
        """What was trained here, the newest first."""
        self._runs = tuple(runs)
        self._read()

    def start(self, runs: Sequence[RunSpec]) -> None:
        """Train each network of ``runs`` for a moment, and remember how fast it was."""
        if self.running or not self.possible:
            return
        cache, designs = self._services.home.cache, [quickly(run) for run in runs]

        def work(emit: Emit, should_stop: StopCheck) -> None:
            from resnet_studio.training.devices import lower_priority
            from resnet_studio.training.speed_probe import probe  # torch enters here

            lower_priority()
            probe(designs, cache, seconds=SECONDS, should_stop=should_stop, report=lambda *progress: emit(progress))

        def failed(sentence: str) -> None:
            self._failed = (tuple(runs), sentence)

        self._failed = None
        self._job = self._services.jobs.start(
            work, on_item=self._on_item, on_failed=failed, on_end=self._on_end, name=_JOB
        )
        self.changed.emit()

    @Slot()
    def stop(self) -> None:
        """Heard within a second; networks that were measured are remembered."""
        if self._job is not None:
            self._job.stop()

    def _read(self) -> None:
        self._known = with_runs(known_speeds(self._services.home.cache), self._runs)

    def _on_item(self, progress: tuple[str, float | None]) -> None:
        detail, fraction = progress
        self.progressed.emit(detail, fraction or 0.0)

    @Slot()
    def _on_end(self) -> None:
        self._job = None
        self._read()
        self.changed.emit()

    @Slot()
    def _on_state_changed(self) -> None:
        if not self.possible:
            self.stop()
        self.changed.emit()
