"""Tables beside the confusion matrix: the error of each class, and what is taken for what most often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from resnet_studio.ui.models import formats
from resnet_studio.ui.pages.compare.evaluate.matrix_drawing import ALL, Matrix, Place

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
PLACE_ROLE = Qt.ItemDataRole.UserRole + 2
MOST_PAIRS = 500
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    key: float | str


class _Table(QAbstractTableModel):
    """Rows of cells with the place in the matrix that each row speaks of; columns after ``words`` are numbers."""

    words = 1

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._heads: list[str] = []
        self._rows: list[tuple[Place, tuple[_Cell, ...]]] = []

    def _set(self, heads: list[str], rows: Sequence[tuple[Place, tuple[_Cell, ...]]]) -> None:
        self.beginResetModel()
        self._heads, self._rows = heads, list(rows)
        self.endResetModel()

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._heads)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        place, cells = self._rows[index.row()]
        if role == PLACE_ROLE:
            return place
        if role == Qt.ItemDataRole.DisplayRole:
            return cells[index.column()].text
        if role == SORT_ROLE:
            return cells[index.column()].key
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if index.column() < self.words else _RIGHT
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self._heads):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._heads[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if section < self.words else _RIGHT
        return None


class ClassesModel(_Table):
    """A row a class: how many images, and the error in each of the matrices shown."""

    def set_matrices(self, matrices: Sequence[Matrix], names: Sequence[str]) -> None:
        """``names`` stand over the errors; matrices of other classes than the first are left out."""
        if not matrices:
            self._set([], [])
            return
        first = matrices[0]
        same = [(matrix, name) for matrix, name in zip(matrices, names, strict=True) if matrix.names == first.names]
        heads = ["Class", *(name if len(same) > 1 else "Error" for _, name in same)]
        if len(same) == 2:
            heads.append("Δ")
        heads.append("Images")
        rows = []
        for number, title in enumerate(first.names):
            errors = [_error(matrix, number) for matrix, _ in same]
            cells = [_Cell(title, title.casefold())]
            cells += [_Cell(formats.percent(error), -1.0 if error is None else error) for error in errors]
            if len(same) == 2:
                low, high = errors
                delta = None if low is None or high is None else high - low
                cells.append(_Cell(formats.NONE if delta is None else f"{delta:+.2f}", delta or 0.0))
            cells.append(_Cell(formats.count(int(first.totals[number])), float(first.totals[number])))
            rows.append(((number, ALL), tuple(cells)))
        self._set(heads, rows)


class PairsModel(_Table):
    """A row a pair of classes of which one was taken for the other, the most frequent first."""

    words = 2

    def set_matrix(self, matrix: Matrix | None) -> None:
        if matrix is None:
            self._set([], [])
            return
        wrong = matrix.confusion.copy()
        np.fill_diagonal(wrong, 0)
        order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
        rows = []
        for flat in order.tolist():
            true, answer = divmod(flat, len(matrix))
            count = int(wrong[true, answer])
            if not count:
                break
            share = 100 * count / int(matrix.totals[true])
            cells = (
                _Cell(matrix.names[true], matrix.names[true].casefold()),
                _Cell(matrix.names[answer], matrix.names[answer].casefold()),
                _Cell(formats.count(count), float(count)),
                _Cell(formats.percent(share), share),
            )
            rows.append(((true, answer), cells))
        self._set(["True class", "Answer", "Images", "Share"], rows)


def _error(matrix: Matrix, number: int) -> float | None:
    total = int(matrix.totals[number])
    return 100 * matrix.count((number, ALL)) / total if total else None
