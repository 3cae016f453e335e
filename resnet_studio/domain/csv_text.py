"""The one writer of tables for spreadsheets: no cell is a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import TextIO

from resnet_studio.domain.visible_text import visible

_FORMULA = ("=", "+", "-", "@", "\t")  # how cells begin that spreadsheets execute


class CsvWriter:
    """Rows into a text file that was opened with ``newline=""``."""

    def __init__(self, out: TextIO, *, delimiter: str = ",", line_end: str = "\n") -> None:
        self._writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end)

    def writerow(self, cells: Sequence[object]) -> None:
        """One line. Texts that a spreadsheet would execute, and that are no numbers, get an apostrophe in front."""
        self._writer.writerow([inert(cell) for cell in cells])

    def writerows(self, rows: Iterable[Sequence[object]]) -> None:
        for row in rows:
            self.writerow(row)


def inert(cell: object) -> object:
    """``cell``, such that a spreadsheet does not take it for a formula."""
    if not isinstance(cell, str):
        return cell
    cell = visible(cell)  # a carriage return would end the line, a lone surrogate cannot be written
    if not cell.startswith(_FORMULA):
        return cell
    return cell if cell[0] in "+-" and _is_number(cell) else f"'{cell}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
