"""Confusion matrices as files: drawings for slides, tables for a spreadsheet. No window is needed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter

from resnet_studio.domain.csv_text import CsvWriter
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.word_lists import any_of
from resnet_studio.platform.files import write_whole
from resnet_studio.text import _
from resnet_studio.ui import figures
from resnet_studio.ui.pages.compare.evaluate.colour_scale import draw_scale, scale_width
from resnet_studio.ui.pages.compare.evaluate.matrix_colours import MatrixColours
from resnet_studio.ui.pages.compare.evaluate.matrix_drawing import Frame, Matrix, draw, framed

FORMATS = {**figures.FORMATS, ".csv": _("CSV table (*.csv)")}
_PNG_SCALE = 2  # pixels for each point, where a PNG of so many is not too large
_MARGIN, _TITLE, _SCALE = 16.0, 30.0, 34.0  # points
_CELL, _SMALL_CELL, _BODY = 46.0, 12.0, 2400.0
_MOST_PIXELS = 12_000  # of a side of a PNG


@dataclass(frozen=True, slots=True)
class Titled:
    """A matrix with what stands over it."""

    title: str
    matrix: Matrix


def export(shown: Sequence[Titled], path: Path, *, percent: bool) -> Path:
    """Write one or two matrices, side by side, as the ending of ``path`` says.

    Raises:
        UserError: For another ending, nothing to write, or a file that cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise UserError(
            _(
                "{name} has no ending of a matrix; let it end in {one_of}.",
                name=path.name,
                one_of=any_of(FORMATS),
            )
        )
    if not shown:
        raise UserError(_("No confusion matrix is shown; choose an evaluation first."))
    if path.suffix.lower() == ".csv":
        return write_whole(path, _csv(shown))
    frames = _frames(shown)
    size = _size(frames)
    return figures.write_figure(
        path,
        lambda painter: _draw_all(painter, shown, frames, size, percent),
        size,
        scale=_PNG_SCALE if max(size.width(), size.height()) * _PNG_SCALE <= _MOST_PIXELS else 1,
        title=_("ResNet Studio, confusion matrix: ") + ", ".join(one.title for one in shown),
    )


def _csv(shown: Sequence[Titled]) -> str:
    """A line a cell that holds images: evaluation, true class, answer, images, percent of the class."""
    out = io.StringIO(newline="")
    writer = CsvWriter(out, line_end="\r\n")
    writer.writerow(("evaluation", "true_class", "answer", "images", "percent_of_class"))
    for one in shown:
        matrix = one.matrix
        for true, name in enumerate(matrix.names):
            for answer, other in enumerate(matrix.names):
                count, total = int(matrix.confusion[true, answer]), int(matrix.totals[true])
                if count:
                    writer.writerow((one.title, name, other, count, f"{100 * count / total:.4f}"))
    return out.getvalue()


def _font() -> QFont:
    font = QFont(figures.FAMILY)
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(14)
    return font


def _frames(shown: Sequence[Titled]) -> list[Frame]:
    """Cells as large as many classes allow."""
    metrics = QFontMetricsF(_font())
    cells = (max(_SMALL_CELL, min(_CELL, _BODY / max(1, len(one.matrix)))) for one in shown)
    return [framed(one.matrix.names, metrics, cell, cell) for one, cell in zip(shown, cells, strict=True)]


def _size(frames: Sequence[Frame]) -> QSize:
    width = sum(frame.right for frame in frames) + _MARGIN * (1 + len(frames))
    height = max(frame.bottom for frame in frames) + _TITLE + _SCALE + 2 * _MARGIN
    return QSize(max(round(width) + 4, round(scale_width(QFontMetricsF(_font())) + 2 * _MARGIN)), round(height) + 4)


def _draw_all(painter: QPainter, shown: Sequence[Titled], frames: Sequence[Frame], size: QSize, percent: bool) -> None:
    colours = MatrixColours.on_paper()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setFont(_font())
    left = _MARGIN
    for one, frame in zip(shown, frames, strict=True):
        painter.save()
        painter.translate(left, _MARGIN)
        painter.setPen(colours.ink)
        bold = QFont(_font())
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        room = frame.right if len(shown) > 1 else size.width() - 2 * _MARGIN
        title = QFontMetricsF(bold).elidedText(one.title, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRectF(0, 0, room, _TITLE - 6), int(Qt.AlignmentFlag.AlignLeft), title)
        painter.setFont(_font())
        painter.translate(0, _TITLE)
        view = QRectF(0, 0, frame.right + 1, frame.bottom + 1)
        draw(painter, one.matrix, frame, colours, view=view, percent=percent, vector=len(one.matrix) <= 200)
        painter.restore()
        left += frame.right + _MARGIN
    area = QRectF(_MARGIN, size.height() - _MARGIN - 20, size.width() - 2 * _MARGIN, 20)
    draw_scale(painter, area, colours)
