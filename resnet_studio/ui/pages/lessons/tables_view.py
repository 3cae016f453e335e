"""What shortcuts and bottlenecks cost, for a depth that is chosen."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHeaderView, QLabel, QTableView, QWidget

from resnet_studio.domain.analyses.result import Table
from resnet_studio.studies.lessons import prices
from resnet_studio.studies.lessons.rows import StepRow
from resnet_studio.text import _
from resnet_studio.ui.models.numbers import NumbersModel
from resnet_studio.ui.pages.lessons.course import Course
from resnet_studio.ui.pages.lessons.experiment import ExperimentView
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.field_row import Choice
from resnet_studio.ui.widgets.layouts import STRETCH, in_row

DEPTHS = (20, 32, 44, 56, 110)  # of the paper's CIFAR-10 nets


class PricesView(ExperimentView):
    """Counted anew at each choice."""

    def __init__(self, course: Course, step: StepRow, parent: QWidget | None = None) -> None:
        super().__init__(step.key, parent)
        self.button.hide()
        self.depth_choice = named(Choice(), "lesson_depth", accessible=_("Depth"))
        for depth in DEPTHS:
            self.depth_choice.addItem(_("{depth} layers", depth=depth), depth)
        self.depth_choice.setCurrentIndex(
            DEPTHS.index(course.sizes.deep.depth) if course.sizes.deep.depth in DEPTHS else 0
        )
        self.shortcuts, self.blocks = NumbersModel(self), NumbersModel(self)
        self.shortcut_table = _table(self.shortcuts, "lesson_shortcuts", _("Prices of the shortcuts"))
        self.block_table = _table(self.blocks, "lesson_blocks", _("Prices of the blocks"))
        head = in_row(QLabel(_("CIFAR-10 nets of")), self.depth_choice, STRETCH)
        self.body.addLayout(head)
        self.body.addWidget(self.shortcut_table)
        self.body.addSpacing(8)
        self.body.addWidget(QLabel(_("One block of the nets for ImageNet, at the first of their sizes")))
        self.body.addWidget(self.block_table)
        self.body.addStretch(1)
        self.depth_choice.activated.connect(self._on_depth)

    def activate(self) -> None:
        self._on_depth()
        self.done.emit()

    @Slot()
    def _on_depth(self, _place: int = 0) -> None:
        depth = int(self.depth_choice.currentData())
        _fill(self.shortcut_table, self.shortcuts, prices.shortcut_prices(depth))
        _fill(self.block_table, self.blocks, prices.block_prices())
        self.say((*prices.shortcut_words(depth), prices.block_words()))


def _table(model: NumbersModel, name: str, title: str) -> QTableView:
    table = named(QTableView(), name, accessible=title)
    table.setModel(model)
    table.verticalHeader().hide()
    table.setTabKeyNavigation(False)
    table.setSelectionMode(QTableView.SelectionMode.NoSelection)
    return table


def _fill(table: QTableView, model: NumbersModel, values: Table) -> None:
    model.show_table(values)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
    rows = sum(table.rowHeight(row) for row in range(model.rowCount()))
    table.setFixedHeight(table.horizontalHeader().sizeHint().height() + rows + 4)
