"""The signal check before the demo trains: the job that measures it, and the figure that stays beside the curves."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QLabel, QWidget

from resnet_studio.domain.analyses.rows import find_analysis
from resnet_studio.domain.analyses.signal import SignalCheck, finding, reading
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.specs import CohortSpec, RunSpec
from resnet_studio.platform.home import Home
from resnet_studio.text import _
from resnet_studio.ui.charts.canvas import FigureCanvas
from resnet_studio.ui.services import Services
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.threads.jobs import Emit, Job, Work
from resnet_studio.ui.threads.reports import throttled
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column
from resnet_studio.ui.widgets.plain_tip import set_tip

STARTING = _("Before any training: how the gradient comes back from the last block to the first.")


class FirstCheckPanel(QWidget):
    """The finding in words above its figure."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("first_check_panel")
        self.finding = named(QLabel(wordWrap=True), "first_check_finding")
        self.canvas = FigureCanvas(theme)
        in_column(self.finding, (self.canvas, 1), of=self, margins=(0, 4, 0, 0), spacing=4)
        self._definition = _(find_analysis("signal").definition)
        set_tip(self, f"<p>{escape(self._definition)}</p>")
        self.show_results((), 0)

    def show_results(self, results: Sequence[SignalCheck], wanted: int) -> None:
        """``wanted``: how many networks there are; nothing is known of them yet where ``results`` is empty."""
        self.finding.setText(finding(results, wanted) or self._definition)
        self.canvas.show_figure(SignalCheck.figure(results) if results else None)


class FirstCheck(QObject):
    """The signal check before a cohort is trained.

    ``changed`` with its progress; ``found`` when it is measured; ``ended(cohort)`` when the cohort may be trained, also
    where the check has failed; ``failed(sentence)`` before that. After a stop comes none of them.
    """

    changed, found, ended, failed = Signal(), Signal(), Signal(object), Signal(str)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._job: Job | None = None
        self._over = False
        self.cohort: CohortSpec | None = None
        self.results: tuple[SignalCheck, ...] = ()
        self.sentence = ""

    @property
    def reading(self) -> str:
        """What it shows, in a sentence."""
        return _("Before any training. {reading}", reading=reading(self.results)) if self.results else ""

    @property
    def running(self) -> bool:
        return self._job is not None

    def start(self, cohort: CohortSpec) -> None:
        """Nothing happens while one is under way."""
        if self._job is not None:
            return
        self.cohort, self.results, self._over, self.sentence = cohort, (), False, _("Signal check")
        self._job = self._services.jobs.start(
            _checking(cohort, self._services.home), on_item=self._on_item, on_done=self._on_done,
            on_failed=self._on_failed, on_end=self._on_end, name="signal check",
        )  # fmt: skip
        self.changed.emit()

    def is_of(self, specs: Sequence[RunSpec]) -> bool:
        """Whether what was found is of these runs' networks with their weights."""
        if self.cohort is None or not self.results:
            return False
        return [_begins(spec) for spec in specs] == [_begins(spec) for spec in self.cohort.runs]

    def _on_item(self, sentence: object) -> None:
        self.sentence = str(sentence)
        self.changed.emit()

    def _on_done(self, results: tuple[SignalCheck, ...]) -> None:
        self.results, self._over = results, True
        self.found.emit()

    def _on_failed(self, sentence: str) -> None:
        self._over = True
        self.failed.emit(sentence)

    def _on_end(self) -> None:
        self._job = None
        self.changed.emit()
        if self._over:
            self.ended.emit(self.cohort)


def _begins(spec: RunSpec) -> tuple[object, ...]:
    """What a run's first gradients depend on."""
    return spec.network, spec.recipe.init_seed, spec.data


def _checking(cohort: CohortSpec, home: Home) -> Work:
    def work(emit: Emit, should_stop: StopCheck) -> object:
        from resnet_studio.runner.first_check import check_cohort  # torch enters here

        def report(text: str, fraction: float | None) -> None:
            emit(text if fraction is None else _("{text}, {share:.0%}", text=text, share=fraction))

        return check_cohort(cohort, home, throttled(report), should_stop)

    return work
