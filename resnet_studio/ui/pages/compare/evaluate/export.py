"""Confusion matrices as files: drawings for slides, tables for a spreadsheet. No window is needed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from resnet_studio.domain.errors import UserError
from resnet_studio.ui.pages.compare.evaluate.colour_scale import draw_scale, scale_width
from resnet_studio.ui.pages.compare.evaluate.matrix_colours import MatrixColours
from resnet_studio.ui.pages.compare.evaluate.matrix_drawing import Frame, Matrix, draw, framed

FORMATS = {".png": "PNG image (*.png)", ".svg": "SVG drawing (*.svg)", ".csv": "CSV table (*.csv)"}
_PNG_SCALE = 2
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
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise UserError(f"{path.name} is neither PNG, SVG nor CSV; let the name end in {', '.join(FORMATS)}.")
    if not shown:
        raise UserError("No confusion matrix is shown; choose an evaluation first.")
    data = _csv(shown) if kind == ".csv" else _png(shown, percent) if kind == ".png" else _svg(shown, percent)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}); choose another place.") from None
    return path


def _csv(shown: Sequence[Titled]) -> bytes:
    """A line a cell that holds images: evaluation, true class, answer, images, percent of the class."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("evaluation", "true_class", "answer", "images", "percent_of_class"))
    for one in shown:
        matrix = one.matrix
        for true, name in enumerate(matrix.names):
            for answer, other in enumerate(matrix.names):
                count, total = int(matrix.confusion[true, answer]), int(matrix.totals[true])
                if count:
                    writer.writerow((one.title, name, other, count, f"{100 * count / total:.4f}"))
    return out.getvalue().encode("utf-8")


def _font() -> QFont:
    font = QFont("DejaVu Sans")
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


def _png(shown: Sequence[Titled], percent: bool) -> bytes:
    frames = _frames(shown)
    size = _size(frames)
    scale = _PNG_SCALE if max(size.width(), size.height()) * _PNG_SCALE <= _MOST_PIXELS else 1
    image = QImage(size * scale, QImage.Format.Format_RGB32)
    if image.isNull():
        raise UserError("The matrix is too large for a PNG; export it as SVG or CSV.")
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    painter.scale(scale, scale)
    _draw_all(painter, shown, frames, size, percent)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs want bytes, Qt text
    return bytes(buffer.data().data())


def _svg(shown: Sequence[Titled], percent: bool) -> bytes:
    frames = _frames(shown)
    size = _size(frames)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle("ResNet Studio, confusion matrix: " + ", ".join(one.title for one in shown))
    painter = QPainter(generator)
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), Qt.GlobalColor.white)
    _draw_all(painter, shown, frames, size, percent)
    painter.end()
    return bytes(buffer.data().data())
