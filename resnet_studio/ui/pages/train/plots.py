"""The plots of the Train page: the error, large, and below it every other panel."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QSplitter, QTabWidget, QWidget

from resnet_studio.domain.analyses.gradients import DEFINITION
from resnet_studio.text import _
from resnet_studio.ui.plots.controls import PlotControls
from resnet_studio.ui.plots.curve_data import CurveBook
from resnet_studio.ui.plots.curve_plot import CurvePlot
from resnet_studio.ui.plots.layer_plot import LayerPlot
from resnet_studio.ui.plots.panels import ERROR, LAYER_PANELS, PANELS, PlottedRun
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import framed_panel, in_column, in_splitter, remember_sizes
from resnet_studio.ui.widgets.plain_tip import plain_tip


class TrainPlots(QWidget):
    """All plots draw the same book, over the same axis, with the same runs hidden."""

    def __init__(self, theme: Theme, preferences: Preferences, book: CurveBook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences = preferences
        self.splitter = QSplitter(self)
        large, small = QFrame(self.splitter), QFrame(self.splitter)
        self.controls = PlotControls(preferences, "train", large)
        self.error = named(CurvePlot(theme, book, ERROR, large, whole=True), "train_plot")
        self._tabbed: tuple[CurvePlot | LayerPlot, ...] = (
            *(CurvePlot(theme, book, panel, legend=False) for panel in PANELS if panel is not ERROR),
            *(LayerPlot(theme, book, panel, legend=False) for panel in LAYER_PANELS),
        )
        self.tabs = named(QTabWidget(small, documentMode=True), "train_tabs")
        self.tabs.tabBar().setDrawBase(False)
        for plot in self._tabbed:
            index = self.tabs.addTab(plot, plot.panel.title)
            if isinstance(plot, LayerPlot):
                self.tabs.setTabToolTip(index, plain_tip(_(DEFINITION)))
        framed_panel(self.controls, (self.error, 1), of=large)
        framed_panel((self.tabs, 1), of=small)
        in_splitter((large, 1), (small, 0), of=self.splitter, sizes=(600, 160), name="train_splitter", upright=True)
        remember_sizes(self.splitter, preferences, "train/plots")
        self.splitter.splitterMoved.connect(self._on_splitter_moved)
        self._check: QWidget | None = None
        self._sizes: list[int] | None = None  # before a map needed more room
        self.tabs.currentChanged.connect(self._on_tab)
        in_column(self.splitter, of=self, margins=0)
        self.controls.options_changed.connect(self._on_options)
        self.controls.fit_requested.connect(self.fit)
        self.controls.legend_toggled.connect(self.error.legend.setVisible)
        self.error.hidden_changed.connect(self._on_hidden)
        self.error.legend.setVisible(self.controls.legend.isChecked())
        self._on_options(self.controls.options)

    @property
    def all(self) -> tuple[CurvePlot | LayerPlot, ...]:
        return (self.error, *self._tabbed)

    def set_runs(self, runs: Sequence[PlottedRun]) -> None:
        for plot in self.all:
            plot.set_runs(runs)

    def show_check(self, panel: QWidget | None) -> None:
        """What was measured before training as the first tab, brought to the front; None: no such tab."""
        before = self._check
        if panel is before:
            return
        self._check = panel
        if before is not None:
            self.tabs.removeTab(self.tabs.indexOf(before))
            before.setParent(None)
        if panel is not None:
            self.tabs.insertTab(0, panel, _("Before training"))
            self.tabs.setCurrentIndex(0)
            self._on_tab(0)

    def leave_check(self) -> None:
        """Curves in the place of what was measured before training, so that the errors have their height again."""
        if self._check is not None and self.tabs.currentWidget() is self._check:
            self.tabs.setCurrentIndex(1)

    def show_chance(self, error: float | None) -> None:
        """Mark the error of a guess, in percent."""
        self.error.set_chance(error)

    @Slot()
    def fit(self) -> None:
        for plot in self.all:
            plot.fit()

    @Slot(object)
    def _on_options(self, options: object) -> None:
        for plot in self.all:
            plot.set_options(options)  # type: ignore[arg-type]

    @Slot(object)
    def _on_hidden(self, hidden: object) -> None:
        for plot in self._tabbed:
            plot.set_hidden(hidden)  # type: ignore[arg-type]

    @Slot(int)
    def _on_tab(self, _index: int) -> None:
        """A map or a figure takes half of the height where it has less; curves give it back."""
        sizes, shown = self.splitter.sizes(), self.tabs.currentWidget()
        if isinstance(shown, LayerPlot) or (shown is not None and shown is self._check):
            if self._sizes is None and sizes[1] < sum(sizes) // 2:
                self._sizes = sizes
                self._halve()
        elif self._sizes is not None:
            self.splitter.setSizes(self._sizes)
            self._sizes = None

    def _halve(self) -> None:
        height = sum(self.splitter.sizes())
        self.splitter.setSizes([height - height // 2, height // 2])

    @Slot()
    def _on_splitter_moved(self) -> None:
        self._sizes = None

    # Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Half stays half, so that a lower window does not squeeze the errors."""
        super().resizeEvent(event)
        if self._sizes is not None:
            self._halve()
