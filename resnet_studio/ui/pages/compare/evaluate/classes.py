"""Tables beside the confusion matrix: the error of each class, and what is taken for what most often."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PySide6.QtCore import QObject

from resnet_studio.domain.text_numbers import signed
from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.pages.compare.evaluate.matrix_drawing import ALL, Matrix, Place

MOST_PAIRS = 500


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class, its images, and its error in percent in each matrix, None without images."""

    number: int
    name: str
    images: int
    errors: tuple[float | None, ...]

    @property
    def place(self) -> Place:
        return self.number, ALL

    @property
    def difference(self) -> float | None:
        """The second error minus the first."""
        first, second = self.errors
        return None if first is None or second is None else second - first


class ClassesModel(RecordTableModel[ClassRow]):
    """A row a class: how many images, and the error in each of the matrices shown."""

    words = 1  # columns that give way where there is little room

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(key=_place, parent=parent)

    def set_matrices(self, matrices: Sequence[Matrix], names: Sequence[str]) -> None:
        """``names`` stand over the errors; matrices of other classes than the first are left out."""
        if not matrices:
            self.set_table((), ())
            return
        first = matrices[0]
        same = [(matrix, name) for matrix, name in zip(matrices, names, strict=True) if matrix.names == first.names]
        columns: list[TableColumn[ClassRow]] = [
            TableColumn(_("Class"), lambda row: row.name, sort=lambda row: row.name.casefold())
        ]
        for place, (_unused, name) in enumerate(same):
            heading = name if len(same) > 1 else _("Error")
            columns.append(TableColumn(heading, partial(_error_of, place), formats.percent, number=True))
        if len(same) == 2:
            columns.append(TableColumn("Δ", lambda row: row.difference, partial(signed, digits=2), number=True))
        columns.append(TableColumn(_("Images"), lambda row: row.images, formats.count, number=True))
        self.set_table(
            columns,
            (
                ClassRow(n, name, int(first.totals[n]), tuple(_error(matrix, n) for matrix, _unused in same))
                for n, name in enumerate(first.names)
            ),
        )


@dataclass(frozen=True, slots=True)
class PairRow:
    """A class that was taken for another: how many images, and their share of the class in percent."""

    place: Place
    true: str
    answer: str
    images: int
    percent: float


class PairsModel(RecordTableModel[PairRow]):
    """A row a pair of classes of which one was taken for the other, the most frequent first."""

    words = 2

    _COLUMNS: tuple[TableColumn[PairRow], ...] = (
        TableColumn(_("True class"), lambda row: row.true, sort=lambda row: row.true.casefold()),
        TableColumn(_("Answer"), lambda row: row.answer, sort=lambda row: row.answer.casefold()),
        TableColumn(_("Images"), lambda row: row.images, formats.count, number=True),
        TableColumn(_("Share"), lambda row: row.percent, formats.percent, number=True),
    )

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(key=_place, parent=parent)

    def set_matrix(self, matrix: Matrix | None) -> None:
        self.set_table(() if matrix is None else self._COLUMNS, () if matrix is None else _pairs(matrix))


def _pairs(matrix: Matrix) -> Iterator[PairRow]:
    """The most frequent first."""
    wrong = matrix.confusion.copy()
    np.fill_diagonal(wrong, 0)
    for flat in np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS].tolist():
        true, answer = divmod(flat, len(matrix))
        count = int(wrong[true, answer])
        if not count:
            return
        names, total = matrix.names, int(matrix.totals[true])
        yield PairRow((true, answer), names[true], names[answer], count, 100 * count / total)


def _place(row: ClassRow | PairRow) -> Place:
    return row.place


def _error_of(matrix: int, row: ClassRow) -> float | None:
    return row.errors[matrix]


def _error(matrix: Matrix, number: int) -> float | None:
    total = int(matrix.totals[number])
    return 100 * matrix.count((number, ALL)) / total if total else None
