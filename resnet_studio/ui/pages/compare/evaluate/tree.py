"""The stored evaluations as a tree: a group a data set and protocol, in it a row a run or ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from functools import partial

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, Qt, Slot
from PySide6.QtGui import QColor, QFont, QIcon, QPixmap

from resnet_studio.domain.records import EvaluationSummary, RunRecord
from resnet_studio.domain.text_numbers import signed
from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import ROOT, Index, TableColumn
from resnet_studio.ui.pages.compare.evaluate.run_groups import (
    MOST_ALWAYS_RIGHT,
    Group,
    about,
    evaluation_name,
    group,
    weights_text,
)
from resnet_studio.ui.plots.line_sample import SAMPLE_WIDTH, sample_icon
from resnet_studio.ui.plots.run_colours import line_colour, plain_tip
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.text import counted


class Column(IntEnum):
    NAME = 0
    TOP1 = 1
    TOP5 = 2
    GAIN = 3
    WEIGHTS = 4
    WHEN = 5


def _no_icon() -> QIcon:
    """Room like that of a line's sample, so that names stand below each other."""
    pixmap = QPixmap(SAMPLE_WIDTH, 14)
    pixmap.fill(Qt.GlobalColor.transparent)
    return QIcon(pixmap)


class EvaluationsModel(QAbstractItemModel):
    """Groups are rows without a parent; their names span all columns in the view."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._groups: tuple[Group, ...] = ()
        self._runs: dict[str, RunRecord] = {}
        self._names: Mapping[str, str] = {}
        self._lightness_steps: dict[str, int] = {}
        self._columns = self._evaluation_columns()
        theme.changed.connect(self._on_theme)

    @property
    def groups(self) -> tuple[Group, ...]:
        return self._groups

    def set_evaluations(
        self,
        evaluations: Sequence[EvaluationSummary],
        runs: Sequence[RunRecord],
        names: Mapping[str, str],
        steps: Mapping[str, int] | None = None,
    ) -> None:
        """``runs`` and ``names``, by run id, are of all stored runs; ``steps`` in lightness of those compared."""
        self.beginResetModel()
        self._groups = group(evaluations)
        self._runs = {run.id: run for run in runs}
        self._names = dict(names)
        self._lightness_steps = dict(steps or {})
        self.endResetModel()

    def evaluation_at(self, index: Index) -> EvaluationSummary | None:
        """None for a group's row."""
        if not index.isValid() or not index.internalId():
            return None
        return self._groups[index.internalId() - 1].evaluations[index.row()]

    def index_of(self, evaluation_id: str) -> QModelIndex:
        for place, one in enumerate(self._groups):
            for row, evaluation in enumerate(one.evaluations):
                if evaluation.id == evaluation_id:
                    return self.createIndex(row, 0, place + 1)
        return QModelIndex()

    def index(self, row: int, column: int, parent: Index = ROOT) -> QModelIndex:
        if not 0 <= column < len(Column) or not 0 <= row < self.rowCount(parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: Index = ROOT) -> QModelIndex:  # type: ignore[override]
        if not index.isValid() or not index.internalId():
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, 0)

    def rowCount(self, parent: Index = ROOT) -> int:
        if not parent.isValid():
            return len(self._groups)
        if parent.internalId() or parent.column():
            return 0
        return len(self._groups[parent.row()].evaluations)

    def columnCount(self, parent: Index = ROOT) -> int:
        del parent
        return len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        evaluation = self.evaluation_at(index)
        if evaluation is None:
            return self._group_data(self._groups[index.row()], index.column(), role)
        return self._columns[Column(index.column())].data(evaluation, role)

    def _evaluation_columns(self) -> dict[Column, TableColumn[EvaluationSummary]]:
        def tip(one: EvaluationSummary) -> str:
            return plain_tip(about(one, self._names))

        return {
            Column.NAME: TableColumn(
                _("Evaluation"),
                lambda one: evaluation_name(one, self._names),
                cell_tip=tip,
                icon=self._icon,
                tip=_("Results of the same images under the same protocol stand together"),
            ),
            Column.TOP1: TableColumn(
                _("Top-1 error"),
                lambda one: one.top1_error,
                formats.percent,
                number=True,
                cell_tip=tip,
                tip=_("Images whose true class is not the first answer"),
            ),
            Column.TOP5: TableColumn(
                _("Top-5 error"),
                _top5_error,
                formats.percent,
                number=True,
                cell_tip=tip,
                tip=_("Images whose true class is not among the first five answers"),
            ),
            Column.GAIN: TableColumn(
                _("Gain"),
                lambda one: one.gain,
                partial(signed, digits=2),
                number=True,
                unknown="",
                cell_tip=tip,
                tip=_("Percentage points by which an ensemble's top-1 error is below its best member's"),
                colour=lambda one: self._theme.colour(Role.OK) if (one.gain or 0) > 0 else None,
            ),
            Column.WEIGHTS: TableColumn(
                _("Weights of"),
                lambda one: weights_text(one) + (_(", older") if any(one.outdated) else ""),
                cell_tip=tip,
                tip=_("The iteration that the weights come from"),
                colour=lambda one: self._theme.colour(Role.WARNING) if any(one.outdated) else None,
            ),
            Column.WHEN: TableColumn(
                _("Evaluated"),
                lambda one: one.created_at,
                formats.moment,
                cell_tip=tip,
                tip=_("When this was measured"),
            ),
        }

    def _icon(self, evaluation: EvaluationSummary) -> QIcon:
        run = None if evaluation.is_ensemble else self._runs.get(evaluation.run_ids[0])
        return sample_icon(self._colour(run), run.residual) if run else _no_icon()

    def _colour(self, run: RunRecord) -> QColor:
        """As beside its tick and in the plots."""
        return line_colour(self._theme, run.colour, self._lightness_steps.get(run.id, 0))

    def _group_data(self, one: Group, column: int, role: int) -> object:
        if column:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            parts = [one.title, counted(one.images, "image", "images"), one.mark]
            text = " · ".join(part for part in parts if part)
            return text if role == Qt.ItemDataRole.DisplayRole else plain_tip(f"{text}\n{one.evaluations[0].data}")
        if role == Qt.ItemDataRole.FontRole:
            font = QFont()
            font.setWeight(QFont.Weight.DemiBold)
            return font
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        if self.evaluation_at(index) is None:
            return Qt.ItemFlag.ItemIsEnabled
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        return self._columns[Column(section)].heading(role)

    @Slot()
    def _on_theme(self) -> None:
        for row in range(len(self._groups)):
            parent = self.index(row, 0)
            last = self.rowCount(parent) - 1
            self.dataChanged.emit(self.index(0, 0, parent), self.index(last, len(Column) - 1, parent))


def _top5_error(evaluation: EvaluationSummary) -> float | None:
    """Of so few classes it says nothing."""
    return None if evaluation.classes <= MOST_ALWAYS_RIGHT else evaluation.top5_error
