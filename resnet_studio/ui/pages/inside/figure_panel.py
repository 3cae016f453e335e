"""One analysis shown: finding, definition and cautions, the figure or the table, and what writes them to files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.domain.analyses.caption import caption
from resnet_studio.domain.analyses.records import how_measured
from resnet_studio.domain.analyses.result import Table
from resnet_studio.domain.analyses.rows import AnalysisRow
from resnet_studio.domain.text_numbers import moment
from resnet_studio.platform.files import write_whole
from resnet_studio.text import _
from resnet_studio.ui.analyses.results import Shown
from resnet_studio.ui.charts.canvas import FigureCanvas
from resnet_studio.ui.charts.export import export_found
from resnet_studio.ui.figures import FORMATS
from resnet_studio.ui.models.numbers import NumbersModel
from resnet_studio.ui.save_file import ask_for_file
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit, Work
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_stack
from resnet_studio.ui.widgets.plain_tip import set_tip
from resnet_studio.ui.widgets.text import unbroken

KINDS = {
    ".png": _("Figure as PNG…"), ".svg": _("Figure as SVG…"), ".pdf": _("Figure as PDF…"), ".csv": _("Table as CSV…"),
}  # fmt: skip


_NARROWEST_COLUMN = 90  # pixels


class FigurePanel(QWidget):
    """``block_pointed(name)`` from the figure, ``status_message(sentence)``, ``failed(sentence)``."""

    block_pointed = Signal(str)
    status_message = Signal(str)
    failed = Signal(str)

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.setObjectName("figure_panel")
        self._services = services
        self.shown: Shown | None = None
        self.title = named(QLabel(wordWrap=True), "inside_finding", role="heading")
        self.title.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.definition = named(QLabel(wordWrap=True), "inside_definition", role="muted")
        self.measured = named(QLabel(wordWrap=True), "inside_measured", role="muted")
        self.answer = named(QLabel(wordWrap=True), "inside_answer")
        self.canvas = FigureCanvas(services.theme)
        self.model = NumbersModel(self)
        self.table = named(QTableView(), "inside_table", accessible=_("The figure as a table"))
        self.table.setModel(self.model)
        self.table.verticalHeader().hide()
        self.table.setTabKeyNavigation(False)
        self.nothing = named(QLabel(wordWrap=True), "inside_nothing", role="muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack = in_stack(self.canvas, self.table, self.nothing)
        self.as_table = named(QPushButton(_("Show as &table")), "inside_as_table", tip=_("Every number of the figure"))
        self.as_table.setCheckable(True)
        self.as_table.toggled.connect(self._on_as_table)
        self.export_button = named(QPushButton(_("Export")), "inside_export", tip=_("Write what is shown to a file"))
        menu = QMenu(self)
        for suffix, text in KINDS.items():
            action = menu.addAction(text)
            action.setData(suffix)
            action.triggered.connect(self._on_export)
            if suffix == ".png":
                action.setShortcut(QKeySequence("Ctrl+E"))
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                self.addAction(action)
        self.export_button.setMenu(menu)
        foot, column = QHBoxLayout(), QVBoxLayout(self)
        foot.addWidget(self.measured, 1)
        for button in (self.as_table, self.export_button):
            foot.addWidget(button, 0, Qt.AlignmentFlag.AlignBottom)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.title)
        column.addWidget(self.answer)
        column.addWidget(self.stack, 1)
        column.addWidget(self.definition)
        column.addLayout(foot)
        self.canvas.pointed.connect(self.block_pointed)
        self.show_row(None)

    def show_row(self, row: AnalysisRow | None) -> None:
        """Nothing is found of this analysis yet."""
        self.shown = None
        self.title.setText(_(row.title) if row is not None else "")
        self.say("")
        self.measured.setText("")
        self.canvas.show_figure(None)
        if row is not None and row.key == "lesion":
            self.nothing.setText(_("Click a block in the drawing to take it out, or press Measure for all blocks."))
        else:
            self.nothing.setText(_("Not measured yet of these networks. Press Measure."))
        self.stack.setCurrentWidget(self.nothing)
        self.model.show_table(Table((), ()))
        self._show_definition(row)
        self._show_buttons()

    def show_results(self, shown: Shown) -> None:
        self.shown = shown
        figure = shown.figure
        self.title.setText(unbroken(f"{figure.title}."))
        self._show_definition(shown.row)
        if shown.records:
            when = moment(max(record.created_at for record in shown.records))
            words = how_measured(shown.records)
            self.measured.setText(_("Measured {when}. {words}", when=when, words=words))
        else:
            self.measured.setText(_("Under way: what is shown is not all yet."))
        self.canvas.show_figure(figure)
        self.stack.setCurrentWidget(self.table if self.as_table.isChecked() else self.canvas)
        if self.as_table.isChecked():
            self._fill_table()
        self._show_buttons()

    def say(self, sentence: str) -> None:
        """The answer to what was chosen in the drawing; empty: none."""
        self.answer.setText(sentence)
        self.answer.setVisible(bool(sentence))

    def export(self, path: Path) -> None:
        """Write what is shown, in the format that the ending names."""
        if self.shown is None:
            return
        self._services.jobs.start(_writing(self.shown, path), on_done=self._on_exported, on_failed=self._on_failed)

    def _show_definition(self, row: AnalysisRow | None) -> None:
        if row is None:
            self.definition.setText("")
            set_tip(self.definition, "")
            return
        below = "\n".join(f"• {_(sentence)}" for sentence in (*row.terms, *row.cautions))
        for widget in (self.definition, self.title):
            set_tip(widget, below)
        more = _("Point here: what the words mean.") if row.terms else ""
        self.definition.setText(" ".join(filter(None, [_(row.definition), *map(_, row.cautions[:1]), more])))

    def _show_buttons(self) -> None:
        self.as_table.setEnabled(self.shown is not None)
        self.export_button.setEnabled(self.shown is not None)

    def _fill_table(self) -> None:
        if self.shown is not None:
            self.model.show_table(self.shown.table)
            self._fit_columns()

    def _fit_columns(self) -> None:
        """As wide as what is in them; where that is too much the widest, of names, gives way."""
        self.table.resizeColumnsToContents()
        header, bar = self.table.horizontalHeader(), self.table.verticalScrollBar().sizeHint().width()
        room = self.stack.width() - bar - 2 * self.table.frameWidth()
        over = header.length() - room
        if over > 0 and header.count():
            widest = max(range(header.count()), key=header.sectionSize)
            header.resizeSection(widest, max(_NARROWEST_COLUMN, header.sectionSize(widest) - over))

    @Slot(bool)
    def _on_as_table(self, wanted: bool) -> None:
        if wanted:
            self._fill_table()
        self.stack.setCurrentIndex(int(wanted))

    @Slot()
    def _on_export(self) -> None:
        action = self.sender()
        if not isinstance(action, QAction) or self.shown is None:
            return
        suffix = str(action.data())
        kinds = {suffix: FORMATS.get(suffix, _("CSV table (*.csv)"))}
        title, name = action.text().rstrip("…"), f"{self.shown.row.key}{suffix}"
        if path := ask_for_file(self, title, name, kinds, self._services.preferences, "inside/folder"):
            self.export(path)

    def _on_exported(self, path: Path) -> None:
        self.status_message.emit(_("Written: {path}", path=path))

    def _on_failed(self, sentence: str) -> None:
        self.failed.emit(sentence)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.as_table.isChecked():
            self._fit_columns()


def _writing(shown: Shown, path: Path) -> Work:
    def work(_emit: Emit, _should_stop: object) -> object:
        if path.suffix.lower() == ".csv":
            return write_whole(path, shown.table.as_csv())
        return export_found(shown.figure, path, caption(shown.row, shown.records))

    return work
