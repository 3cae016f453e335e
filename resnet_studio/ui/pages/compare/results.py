"""Below the curves: what the twins say, the results, and the fields that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QStackedWidget,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.domain.comparison import Curves, display_names, twin_gaps
from resnet_studio.domain.records import RunRecord
from resnet_studio.studies.conclusions import conclusion
from resnet_studio.studies.run_results import run_results
from resnet_studio.text import _
from resnet_studio.ui.pages.compare.tables import DifferencesModel, ResultsModel
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.elided import ElidedLabel

_WIDEST_CHOICE = 300  # pixels
LEAST_TABLE = 130  # pixels: the tabs, a header and two rows
MOST_SENTENCES = 2  # the others stand in a tab of their own


class ResultTables(QWidget):
    """Shows records; ``baseline_changed(run id)``."""

    baseline_changed = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.conclusion = QLabel(wordWrap=True)
        self.conclusion.setObjectName("conclusion_label")
        self.conclusion.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.twins = tuple(ElidedLabel() for _unused in range(MOST_SENTENCES))
        for number, label in enumerate(self.twins, 1):
            label.setObjectName(f"twins_label_{number}")
        self.results, self.differences = ResultsModel(theme, self), DifferencesModel(self)
        self.results_view = self._table("results_table", _("Results of the runs"))
        self.results_view.setModel(self.results)
        self.results_view.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.results_view.setSortingEnabled(True)
        self.results_view.setIconSize(QSize(34, 14))
        self.results_view.horizontalHeader().setSortIndicatorClearable(True)
        self.differences_view = self._table("differences_table", _("Fields in which the runs differ"))
        self.differences_view.setModel(self.differences)
        same = QLabel(_("The runs are the same in every field."))
        same.setProperty("role", "muted")
        same.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._differing = QStackedWidget()
        self._differing.addWidget(self.differences_view)
        self._differing.addWidget(same)
        self.tabs = QTabWidget()
        self.tabs.setObjectName("compare_tabs")
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.results_view, _("Results"))
        self.tabs.addTab(self._differing, _("What differs"))
        self.all_twins = QPlainTextEdit(readOnly=True)
        self.all_twins.setObjectName("twins_text")
        self.all_twins.setPlaceholderText(_("A plain and a residual run of one depth, trained together, make a twin."))
        self.tabs.addTab(self.all_twins, _("Twins"))
        self.baseline = QComboBox()
        self.baseline.setObjectName("baseline_choice")
        self.baseline.setAccessibleName(_("Baseline"))
        self.baseline.setToolTip(_("The run that the Δ columns are measured against"))
        self.baseline.setMinimumContentsLength(14)
        self.baseline.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.baseline.setMaximumWidth(_WIDEST_CHOICE)
        corner = QWidget()
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, 0, 4)
        caption = QLabel(_("Baseline"))
        caption.setProperty("role", "muted")
        row.addWidget(caption)
        row.addWidget(self.baseline)
        self.tabs.setCornerWidget(corner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.conclusion)
        for label in self.twins:
            layout.addWidget(label)
        self.tabs.setMinimumHeight(LEAST_TABLE)
        layout.addWidget(self.tabs, 1)
        self.baseline.activated.connect(self._on_baseline)

    def _table(self, name: str, title: str) -> QTableView:
        table = QTableView()
        table.setObjectName(name)
        table.setAccessibleName(title)
        table.setShowGrid(False)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(27)
        table.horizontalHeader().setHighlightSections(False)
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), table)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self._on_copy)
        return table

    def show_runs(
        self,
        runs: Sequence[RunRecord],
        baseline: str,
        curves: Curves | None = None,
        steps: Mapping[str, int] | None = None,
    ) -> None:
        """``baseline`` is one of the runs' ids, or empty without runs; ``steps`` in lightness by run id."""
        self.results.set_runs(runs, baseline, curves, steps)
        self.differences.set_runs(runs)
        count = self.differences.rowCount()
        self._differing.setCurrentIndex(0 if count or len(runs) < 2 else 1)
        self.tabs.setTabText(1, _("What differs ({count})", count=count))
        names = list(display_names(runs).items())
        before = [(self.baseline.itemData(i), self.baseline.itemText(i)) for i in range(self.baseline.count())]
        if names != before:
            self.baseline.clear()
            for run_id, name in names:
                self.baseline.addItem(name, run_id)
        self.baseline.setCurrentIndex(self.baseline.findData(baseline))
        sentence = conclusion(run_results(runs, curves or {}))
        self.conclusion.setText(sentence)
        self.conclusion.setVisible(bool(sentence))
        found = twin_gaps(runs, curves)
        lines = [gap.sentence for gap in found]
        for label, line in zip(self.twins, [*lines, *("" for _unused in self.twins)], strict=False):
            label.show_text(line)
            label.setVisible(bool(line) and not sentence)  # the conclusion says so too
        self.tabs.setTabText(2, _("Twins ({lines})", lines=len(lines)))
        if self.all_twins.toPlainText() != "\n".join(lines):
            self.all_twins.setPlainText("\n".join(lines))
        if names != before:
            self.results_view.resizeColumnsToContents()
            self.differences_view.resizeColumnsToContents()

    @Slot(int)
    def _on_baseline(self, index: int) -> None:
        self.baseline_changed.emit(self.baseline.itemData(index))

    @Slot()
    def _on_copy(self) -> None:
        """The chosen rows with their header, for a spreadsheet."""
        view = self.results_view if self.tabs.currentIndex() == 0 else self.differences_view
        model = view.model()
        columns = range(model.columnCount())
        rows = sorted({index.row() for index in view.selectionModel().selectedIndexes()})
        head = [str(model.headerData(column, Qt.Orientation.Horizontal)) for column in columns]
        lines = [[str(model.index(row, column).data()) for column in columns] for row in rows]
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in [head, *lines]))
