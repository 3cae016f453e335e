"""Below the curves: what the twins say, the results, and the fields that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTableView,
    QTabWidget,
    QWidget,
)

from resnet_studio.domain.comparison import Curves, display_names, twin_gaps
from resnet_studio.domain.grouping import NO_GROUPS, Grouping, group_runs
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.text_numbers import plain_minus
from resnet_studio.studies.conclusions import conclusion
from resnet_studio.studies.run_results import run_results
from resnet_studio.text import _, _n
from resnet_studio.ui.pages.compare.tables import DifferencesModel, GroupResultsModel, ResultsModel
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column, in_stack
from resnet_studio.ui.widgets.plain_tip import set_tip

_WIDEST_CHOICE = 300  # pixels
LEAST_TABLE = 154  # pixels: the tabs, a header and three rows
MOST_SENTENCES = 3  # the others stand in a tab of their own


class ResultTables(QWidget):
    """Shows records; ``baseline_changed(run id)``, ``more_seeds_requested(runs)`` of the chosen groups, or of all."""

    baseline_changed = Signal(str)
    more_seeds_requested = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.conclusion = named(QLabel(wordWrap=True), "conclusion_label")
        self.conclusion.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.twins = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "twins_label")
        self.twins.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.results, self.differences = ResultsModel(theme, self), DifferencesModel(self)
        self.groups = GroupResultsModel(theme, self)
        self._group_baseline = ""
        self._hints: dict[QTableView, list[int]] = {}  # widths that the columns of a table asked for last
        self.results_view = self._table("results_table", _("Results of the runs"))
        self.groups_view = self._table("group_results_table", _("Results of the groups"))
        for view, model in ((self.results_view, self.results), (self.groups_view, self.groups)):
            view.setModel(model)
            view.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            view.setSortingEnabled(True)
            view.setIconSize(QSize(34, 14))
            view.horizontalHeader().setSortIndicatorClearable(True)
        self._shown_results = in_stack(self.results_view, self.groups_view)
        self.differences_view = self._table("differences_table", _("Fields in which the runs differ"))
        self.differences_view.setModel(self.differences)
        same = named(QLabel(_("The runs are the same in every field.")), role="muted")
        same.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._differing = in_stack(self.differences_view, same)
        self.tabs = named(QTabWidget(documentMode=True), "compare_tabs")
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self._shown_results, _("Results"))
        self.tabs.addTab(self._differing, _("What differs"))
        self.all_twins = named(QPlainTextEdit(readOnly=True), "twins_text")
        self.all_twins.setPlaceholderText(_("A plain and a residual run of one depth, trained together, make a twin."))
        self.tabs.addTab(self.all_twins, _("Twins"))
        self.baseline = QComboBox()
        self.baseline.setObjectName("baseline_choice")
        self.baseline.setAccessibleName(_("Baseline"))
        set_tip(self.baseline, _("The run that the Δ columns are measured against"))
        self.baseline.setMinimumContentsLength(14)
        self.baseline.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.baseline.setMaximumWidth(_WIDEST_CHOICE)
        corner = QWidget()
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, 0, 4)
        caption = named(QLabel(_("Baseline")), role="muted")
        self.more_seeds = QPushButton(_("More seeds"))
        self.more_seeds.setObjectName("more_seeds_of_groups")
        self.more_seeds.setProperty("role", "flat")
        set_tip(
            self.more_seeds, _("Train what the chosen groups, or all, lack for the next verdict, at 3, 5 or 10 seeds")
        )
        self.more_seeds.clicked.connect(self._on_more_seeds)
        row.addWidget(self.more_seeds)
        row.addWidget(caption)
        row.addWidget(self.baseline)
        self.tabs.setCornerWidget(corner)
        layout = in_column(self.conclusion, self.twins, of=self, margins=0, spacing=4)
        self.tabs.setMinimumHeight(LEAST_TABLE)
        layout.addWidget(self.tabs, 1)
        self.baseline.activated.connect(self._on_baseline)

    def _table(self, name: str, title: str) -> QTableView:
        table = named(QTableView(showGrid=False, wordWrap=False), name, accessible=title)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(27)
        table.horizontalHeader().setHighlightSections(False)
        shortcut = QShortcut(QKeySequence.StandardKey.Copy, table, context=Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self._on_copy)
        return table

    def show_runs(
        self,
        runs: Sequence[RunRecord],
        baseline: str,
        curves: Curves | None = None,
        steps: Mapping[str, int] | None = None,
        grouping: Grouping = NO_GROUPS,
    ) -> None:
        """``baseline`` is one of the runs' ids, or empty without runs; ``steps`` in lightness by run id."""
        self.results.set_runs(runs, baseline, curves, steps)
        groups = group_runs(runs, grouping) if grouping else []
        self.groups.set_groups(groups, self._group_baseline)
        self._shown_results.setCurrentIndex(1 if grouping else 0)
        self.more_seeds.setVisible(bool(grouping))
        self.differences.set_runs(runs)
        count = self.differences.rowCount()
        self._differing.setCurrentIndex(0 if count or len(runs) < 2 else 1)
        self.tabs.setTabText(1, _("What differs ({count})", count=count))
        names = [(group.id, group.name) for group in groups] if grouping else list(display_names(runs).items())
        before = [(self.baseline.itemData(i), self.baseline.itemText(i)) for i in range(self.baseline.count())]
        if names != before:
            self.baseline.clear()
            for run_id, name in names:
                self.baseline.addItem(name, run_id)
        self.baseline.setCurrentIndex(self.baseline.findData(self.groups.baseline if grouping else baseline))
        sentence = conclusion(run_results(runs, curves or {}))
        self.conclusion.setText(sentence)
        self.conclusion.setVisible(bool(sentence))
        found = twin_gaps(runs, curves)
        lines = [gap.sentence for gap in found]
        more = len(lines) - MOST_SENTENCES
        shown = lines[:MOST_SENTENCES]
        if more > 0:
            shown.append(_n("One more twin stands under Twins.", "{count} more twins stand under Twins.", more))
        self.twins.setText("\n".join(shown))
        self.twins.setVisible(bool(lines) and not sentence)  # the conclusion says so too
        self.tabs.setTabText(2, _("Twins ({lines})", lines=len(lines)))
        if self.all_twins.toPlainText() != "\n".join(lines):
            self.all_twins.setPlainText("\n".join(lines))
        for view in (self.results_view, self.groups_view, self.differences_view):
            if names != before:
                view.resizeColumnsToContents()
            self._widen(view)
        self._keep_whole()

    def _widen(self, view: QTableView) -> None:
        """Room for a value that is longer than those before it; a column that a person made narrow stays so else."""
        hints = [view.sizeHintForColumn(column) for column in range(view.model().columnCount())]
        before = self._hints.get(view, [])
        for column, hint in enumerate(hints):
            grown = column >= len(before) or hint > before[column]
            if grown and hint > view.columnWidth(column):
                view.setColumnWidth(column, hint)
        self._hints[view] = hints

    def _keep_whole(self) -> None:
        """A splitter knows nothing of lines that a text needs at this width, and would cut the table's last rows."""
        layout = self.layout()
        assert layout is not None
        lines = layout.minimumHeightForWidth(self.width()) if layout.hasHeightForWidth() else 0
        self.setMinimumHeight(max(lines, layout.minimumSize().height()))

    @Slot(int)
    def _on_baseline(self, index: int) -> None:
        chosen = self.baseline.itemData(index)
        if self._shown_results.currentIndex() == 1:
            self._group_baseline = chosen
            self.groups.set_groups(self.groups.records, chosen)
        else:
            self.baseline_changed.emit(chosen)

    @Slot()
    def _on_more_seeds(self) -> None:
        rows = sorted({index.row() for index in self.groups_view.selectionModel().selectedIndexes()})
        groups = [self.groups.record_at(row) for row in rows] or list(self.groups.records)
        self.more_seeds_requested.emit([run for group in groups for run in group.runs])

    @Slot()
    def _on_copy(self) -> None:
        """The chosen rows with their header, for a spreadsheet."""
        results = self.groups_view if self._shown_results.currentIndex() == 1 else self.results_view
        view = results if self.tabs.currentIndex() == 0 else self.differences_view
        model = view.model()
        columns = range(model.columnCount())
        rows = sorted({index.row() for index in view.selectionModel().selectedIndexes()})
        head = [str(model.headerData(column, Qt.Orientation.Horizontal)) for column in columns]
        lines = [[plain_minus(str(model.index(row, column).data())) for column in columns] for row in rows]
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in [head, *lines]))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._keep_whole()
