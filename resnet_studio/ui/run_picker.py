"""A list of every stored run, to tick: of the Compare page, and wherever runs are chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from PySide6.QtCore import QModelIndex, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QWidget,
)

from resnet_studio.domain.comparison import NamesInList
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_filter import parse_filter
from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.models.runs_table import RunsProxy, run_id
from resnet_studio.ui.plots.line_sample import sample_icon
from resnet_studio.ui.plots.run_colours import line_colour, plain_tip
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.filter_field import FilterField
from resnet_studio.ui.widgets.layouts import in_column
from resnet_studio.ui.widgets.plain_tip import set_tip

NARROW = 240  # pixels
_CELL_MARGIN = 9


class PickModel(RecordTableModel[RunRecord]):
    """Runs with a tick and their test error. ``ticked(list of ids)`` comes when the user ticks, in order of ticking."""

    ticked = Signal(list)

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        columns = (
            TableColumn(
                _("Run"), self._name, cell_tip=self._about, icon=self._icon,
                checked=lambda run: run.id in self._chosen,
            ),
            TableColumn(_("Test error"), _error, formats.percent, number=True, cell_tip=self._about),
        )  # fmt: skip
        super().__init__(columns, key=run_id, parent=parent)
        self._theme = theme
        self._chosen: dict[str, None] = {}  # ids in order of ticking
        self._lightness_steps: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._naming = NamesInList()
        theme.changed.connect(self.refresh)

    def set_runs(self, runs: Sequence[RunRecord], chosen: Iterable[str], steps: Mapping[str, int]) -> None:
        """Show these and tick the ``chosen`` ids, without a signal; ``steps`` in lightness by run id, as plots do."""
        self._chosen = dict.fromkeys(chosen)
        self._lightness_steps = dict(steps)
        by_id = {run.id: run for run in runs}
        self._names = self._naming.of(runs, [by_id[run_id] for run_id in self._chosen if run_id in by_id])
        self.set_records(runs)
        self.refresh()

    def toggle(self, run: RunRecord) -> None:
        self.check(run, run.id not in self._chosen)

    def check(self, record: RunRecord, checked: bool) -> bool:
        self.choose([record.id], checked)
        return True

    def choose(self, run_ids: Iterable[str], wanted: bool) -> None:
        """Tick or untick for the user."""
        gone = set() if wanted else set(run_ids)
        chosen = [run_id for run_id in self._chosen if run_id not in gone]
        chosen = list(dict.fromkeys([*chosen, *run_ids])) if wanted else chosen
        if chosen != list(self._chosen):
            self._chosen = dict.fromkeys(chosen)
            self.refresh()
            self.ticked.emit(chosen)

    def colour(self, run: RunRecord) -> QColor:
        """As it is drawn in the plot."""
        return line_colour(self._theme, run.colour, self._lightness_steps.get(run.id, 0))

    def _name(self, run: RunRecord) -> str:
        return self._names.get(run.id, run.name)

    def _about(self, run: RunRecord) -> str:
        return _about(run, self._name(run))

    def _icon(self, run: RunRecord) -> QIcon:
        return sample_icon(self.colour(run), run.residual)


def _error(run: RunRecord) -> float | None:
    """Of training; of a run that was not tested while it trained, that of its newest evaluation."""
    evaluated = run.evaluated_error
    return run.test_error if run.test_error is not None or evaluated is None else evaluated.top1


def _about(run: RunRecord, name: str) -> str:
    trained = _(
        "{run_progress} iterations on {label}", run_progress=formats.run_progress(run), label=run.spec.data.label
    )
    evaluated = run.evaluated_error
    measured = "" if evaluated is None else "\n" + _("evaluated: {sentence}", sentence=evaluated.sentence)
    seed = _("seed {init_seed}, ", init_seed=run.spec.recipe.init_seed)
    return plain_tip(
        _(
            "{name} ({label}), id {short_id}\n{status}, {trained}\n{seed}{moment}",
            name=name,
            label=run.spec.network.label,
            short_id=run.short_id,
            status=run.status,
            trained=_("trained elsewhere") if run.imported else trained,
            seed="" if run.imported else seed,
            moment=formats.moment(run.created_at),
        )
        + measured
    )


class RunPicker(QWidget):
    """Filter, list, and two buttons. ``chosen_changed(list of run ids)``."""

    chosen_changed = Signal(list)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("run_picker")
        self.model = PickModel(theme, self)
        self.proxy = RunsProxy(self.model, self)
        self.filter = FilterField(lambda: self.model.records)
        self.filter.setObjectName("compare_filter")
        self.filter.setPlaceholderText(_("Filter, for example: depth>20"))
        self.filter.setAccessibleName(_("Filter the runs to compare"))
        self.problem = named(QLabel(wordWrap=True), "compare_filter_problem", role="error")
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.hide()
        self.view = QTableView()
        named(self.view, "compare_runs", accessible=_("Runs to compare"))
        self.view.setModel(self.proxy)
        self.view.setShowGrid(False)
        self.view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.view.setWordWrap(False)  # or a name's last word goes to a line that nobody sees
        self.view.setIconSize(QSize(34, 14))
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setTabKeyNavigation(False)
        set_tip(self.view, _("Tick the runs to draw; a double click or the space key does it too"))
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(28)
        header = self.view.horizontalHeader()
        header.hide()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)  # its title, which is hidden, is wider
        self.count = named(QLabel(), role="muted")
        self.all = self._button("tick_all_button", _("Tick shown"), _("Tick every run that the filter lets through"))
        self.none = self._button("tick_none_button", _("Clear"), _("Untick every run"))
        head = named(QLabel(_("Runs")), role="heading")
        top, foot = QHBoxLayout(), QHBoxLayout()
        top.addWidget(head)
        top.addStretch(1)
        top.addWidget(self.count)
        foot.addWidget(self.all)
        foot.addWidget(self.none)
        foot.addStretch(1)
        in_column(top, self.filter, self.problem, (self.view, 1), foot, of=self, margins=0, spacing=6)
        self.filter.textChanged.connect(self._on_filter)
        self.view.doubleClicked.connect(self._on_double_click)
        self.all.clicked.connect(lambda: self.model.choose([run.id for run in self.proxy.records], True))
        self.none.clicked.connect(self._on_none)
        self.model.ticked.connect(self.chosen_changed)
        self.model.ticked.connect(self._show_count)

    @staticmethod
    def _button(name: str, text: str, tip: str) -> QPushButton:
        return named(QPushButton(text), name, role="flat", tip=tip)

    def show_runs(self, runs: Sequence[RunRecord], chosen: Sequence[str], steps: Mapping[str, int]) -> None:
        self.model.set_runs(runs, chosen, steps)
        self._show_count(list(chosen))

    @Slot(list)
    def _show_count(self, chosen: list[str]) -> None:
        ticked, count = formats.count(len(chosen)), formats.count(self.model.rowCount())
        self.count.setText(_("{chosen} of {count}", chosen=ticked, count=count))

    @Slot(str)
    def _on_filter(self, text: str) -> None:
        wanted = parse_filter(text)
        self.proxy.set_filter(wanted)
        self.problem.setText(wanted.problem)
        self.problem.setVisible(bool(wanted.problem))

    @Slot(QModelIndex)
    def _on_double_click(self, index: QModelIndex) -> None:
        self.model.toggle(self.proxy.run_at(index.row()))

    @Slot()
    def _on_none(self) -> None:
        self.model.choose([run.id for run in self.model.records], False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is narrow the names take the errors' room; the tables have those too."""
        super().resizeEvent(event)
        self.view.setColumnHidden(1, self.width() < NARROW)
        widest = self.view.fontMetrics().horizontalAdvance(formats.percent(100.0))
        self.view.horizontalHeader().resizeSection(1, widest + 2 * _CELL_MARGIN)
