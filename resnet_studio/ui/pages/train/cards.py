"""One card for each run of the cohort: its line, its name, how far it is and how well it does."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QProgressBar, QScrollArea, QWidget

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.plots.line_sample import LineSample
from resnet_studio.ui.plots.panels import PlottedRun
from resnet_studio.ui.plots.run_colours import plain_tip
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.elided import ElidedLabel
from resnet_studio.ui.widgets.layouts import STRETCH, in_column
from resnet_studio.ui.widgets.plain_tip import set_tip

_ROLES = {
    RunStatus.RUNNING: Role.ACCENT,
    RunStatus.FINISHED: Role.OK,
    RunStatus.DIVERGED: Role.ERROR,
    RunStatus.FAILED: Role.ERROR,
    RunStatus.INTERRUPTED: Role.WARNING,
    RunStatus.PAUSED: Role.WARNING,
}


class _Name(ElidedLabel):
    """The end of a name often is what tells two runs apart, so the middle gives way."""

    def _elide(self) -> None:
        self.setText(
            self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, max(self.width() - 2, 20))
        )


class RunCard(QFrame):
    """Shows values; knows no store."""

    def __init__(self, run: RunRecord, plotted: PlottedRun, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, f"run_card_{run.id}", role="panel")
        self._theme, self._run, self._plotted = theme, run, plotted
        self._sample = LineSample(plotted.paint(theme), run.residual)
        self._name, self._status = _Name(), QLabel()
        self._name.setProperty("role", "heading")
        self._bar = QProgressBar(textVisible=False)
        self._bar.setRange(0, 1000)
        self._place, self._training, self._test = QLabel(), QLabel(), QLabel()
        captions = [QLabel(_("training error")), QLabel(_("test error"))]
        for label in (*captions, self._place):
            label.setProperty("role", "muted")
        for label in (self._training, self._test):
            label.setProperty("role", "heading")
        layout = QGridLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setHorizontalSpacing(8)
        layout.setVerticalSpacing(3)
        layout.addWidget(self._sample, 0, 0)
        layout.addWidget(self._name, 0, 1, 1, 2)
        layout.addWidget(self._bar, 1, 0, 1, 3)
        layout.addWidget(captions[0], 2, 0, 1, 2)
        layout.addWidget(captions[1], 2, 2)
        layout.addWidget(self._training, 3, 0, 1, 2)
        layout.addWidget(self._test, 3, 2)
        layout.addWidget(self._place, 4, 0, 1, 2)
        layout.addWidget(self._status, 4, 2)
        layout.setColumnStretch(1, 1)
        self.show_run(run, plotted)
        self.restyle()

    def show_run(self, run: RunRecord, plotted: PlottedRun) -> None:
        """Status and progress as the record says, name and line as in the plot."""
        self._run, self._plotted = run, plotted
        self._name.show_text(self._plotted.name)
        tip = _("{name} ({label}), id {short_id}", name=run.name, label=run.spec.network.label, short_id=run.short_id)
        set_tip(self._name, plain_tip(f"{tip}: {run.reason}" if run.reason else tip))
        self._status.setText(_(run.status.value))
        set_tip(self._status, plain_tip(run.reason))
        self._sample.set_colour(self._plotted.paint(self._theme))
        self.show_numbers(run.iteration, run.training_error, run.test_error)
        self._colour_status()

    def show_numbers(self, iteration: int, training: float | None, test: float | None) -> None:
        """Errors in percent; None where not measured."""
        total = self._run.iterations
        self._bar.setValue(round(1000 * iteration / total) if total else 0)
        self._place.setText(_("{progress} iterations", progress=formats.progress(iteration, total)))
        self._training.setText(formats.percent(training))
        self._test.setText(formats.percent(test))
        self.setAccessibleName(
            _(
                "{name}, {status}, training error {percent}, test error {percent_2}",
                name=self._run.name,
                status=self._run.status,
                percent=formats.percent(training),
                percent_2=formats.percent(test),
            )
        )

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """Status, training error, test error, place."""
        return self._status.text(), self._training.text(), self._test.text(), self._place.text()

    def restyle(self) -> None:
        self._sample.set_colour(self._plotted.paint(self._theme))
        self._colour_status()

    def _colour_status(self) -> None:
        colour = self._theme.colour(_ROLES.get(self._run.status, Role.MUTED))
        self._status.setStyleSheet(f"color: {colour.name()};")


class RunCards(QScrollArea):
    """The cards one below the other."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("run_cards")
        self._theme = theme
        self._cards: dict[str, RunCard] = {}
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = named(QWidget(), role="clear")
        self._column = in_column(STRETCH, of=body, margins=(0, 0, 4, 0), spacing=8)
        self.setWidget(body)
        theme.changed.connect(self.on_theme_changed)

    @property
    def cards(self) -> dict[str, RunCard]:
        return self._cards

    def set_runs(self, runs: Sequence[RunRecord]) -> None:
        """Cards of runs that stay are kept."""
        plotted = {run.run_id: run for run in PlottedRun.of_all(runs)}
        if [run.id for run in runs] != list(self._cards):
            for card in self._cards.values():
                self._column.removeWidget(card)
                card.hide()
                card.deleteLater()
            self._cards = {run.id: RunCard(run, plotted[run.id], self._theme) for run in runs}
            for place, card in enumerate(self._cards.values()):
                self._column.insertWidget(place, card)
        for run in runs:
            self._cards[run.id].show_run(run, plotted[run.id])

    @Slot()
    def on_theme_changed(self) -> None:
        for card in self._cards.values():
            card.restyle()
