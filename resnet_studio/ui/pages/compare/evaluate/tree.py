"""The stored evaluations as a tree: a group a data set and protocol, in it a row a run or ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Slot
from PySide6.QtGui import QColor, QFont, QIcon, QPixmap

from resnet_studio.domain.records import EvaluationSummary, RunRecord
from resnet_studio.ui.models import formats
from resnet_studio.ui.pages.compare.evaluate.run_groups import (
    MOST_ALWAYS_RIGHT,
    Group,
    about,
    evaluation_name,
    group,
    weights_text,
)
from resnet_studio.ui.plots.line_sample import SAMPLE_WIDTH, sample_icon
from resnet_studio.ui.plots.run_colours import plain_tip, shaded
from resnet_studio.ui.theme import Role, Theme

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class Column(IntEnum):
    NAME = 0
    TOP1 = 1
    TOP5 = 2
    GAIN = 3
    WEIGHTS = 4
    WHEN = 5


_HEADS = {
    Column.NAME: ("Evaluation", "Results of the same images under the same protocol stand together"),
    Column.TOP1: ("Top-1 error", "Images whose true class is not the first answer"),
    Column.TOP5: ("Top-5 error", "Images whose true class is not among the first five answers"),
    Column.GAIN: ("Gain", "Percentage points by which an ensemble's top-1 error is below its best member's"),
    Column.WEIGHTS: ("Weights of", "The iteration that the weights come from"),
    Column.WHEN: ("Evaluated", "When this was measured"),
}


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
        self._shades: dict[str, int] = {}
        theme.changed.connect(self._on_theme)

    @property
    def groups(self) -> tuple[Group, ...]:
        return self._groups

    def set_evaluations(
        self,
        evaluations: Sequence[EvaluationSummary],
        runs: Sequence[RunRecord],
        names: Mapping[str, str],
        shades: Mapping[str, int] | None = None,
    ) -> None:
        """``runs`` and ``names``, by run id, are of all runs that are stored; ``shades`` of those that are compared."""
        self.beginResetModel()
        self._groups = group(evaluations)
        self._runs = {run.id: run for run in runs}
        self._names = dict(names)
        self._shades = dict(shades or {})
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

    def index(self, row: int, column: int, parent: Index = _ROOT) -> QModelIndex:
        if not 0 <= column < len(Column) or not 0 <= row < self.rowCount(parent):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1 if parent.isValid() else 0)

    def parent(self, index: Index = _ROOT) -> QModelIndex:  # type: ignore[override]
        if not index.isValid() or not index.internalId():
            return QModelIndex()
        return self.createIndex(index.internalId() - 1, 0, 0)

    def rowCount(self, parent: Index = _ROOT) -> int:
        if not parent.isValid():
            return len(self._groups)
        if parent.internalId() or parent.column():
            return 0
        return len(self._groups[parent.row()].evaluations)

    def columnCount(self, parent: Index = _ROOT) -> int:
        del parent
        return len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        evaluation = self.evaluation_at(index)
        if evaluation is None:
            return self._group_data(self._groups[index.row()], index.column(), role)
        column = Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(evaluation, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(about(evaluation, self._names))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if Column.TOP1 <= column <= Column.GAIN else _LEFT
        if role == Qt.ItemDataRole.DecorationRole and column is Column.NAME:
            run = None if evaluation.is_ensemble else self._runs.get(evaluation.run_ids[0])
            return sample_icon(self._colour(run), run.residual) if run else _no_icon()
        if role == Qt.ItemDataRole.ForegroundRole and column is Column.WEIGHTS and any(evaluation.outdated):
            return self._theme.colour(Role.WARNING)
        if role == Qt.ItemDataRole.ForegroundRole and column is Column.GAIN and (evaluation.gain or 0) > 0:
            return self._theme.colour(Role.OK)
        return None

    def _colour(self, run: RunRecord) -> QColor:
        """As beside its tick and in the plots."""
        own, ground = self._theme.run_colour(run.colour), self._theme.colour(Role.PANEL)
        return shaded(own, self._shades.get(run.id, 0), ground)

    def _text(self, evaluation: EvaluationSummary, column: Column) -> str:
        if column is Column.NAME:
            return evaluation_name(evaluation, self._names)
        if column is Column.TOP1:
            return formats.percent(evaluation.top1_error)
        if column is Column.TOP5:
            few = evaluation.classes <= MOST_ALWAYS_RIGHT
            return formats.NONE if few else formats.percent(evaluation.top5_error)
        if column is Column.GAIN:
            return "" if evaluation.gain is None else f"{evaluation.gain:+.2f}"
        if column is Column.WEIGHTS:
            return weights_text(evaluation) + (", older" if any(evaluation.outdated) else "")
        return formats.moment(evaluation.created_at)

    def _group_data(self, one: Group, column: int, role: int) -> object:
        if column:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            parts = [one.title, f"{formats.count(one.images)} images", one.mark]
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
        title, tip = _HEADS[Column(section)]
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if Column.TOP1 <= section <= Column.GAIN else _LEFT
        return None

    @Slot()
    def _on_theme(self) -> None:
        for row in range(len(self._groups)):
            parent = self.index(row, 0)
            last = self.rowCount(parent) - 1
            self.dataChanged.emit(self.index(0, 0, parent), self.index(last, len(Column) - 1, parent))
