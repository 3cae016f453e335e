"""A comparison as a figure: the whole drawing on white paper, as SVG or PNG. No window and no display are needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from resnet_studio.domain.diff import Diff
from resnet_studio.domain.errors import UserError
from resnet_studio.ui.diagram.painter import Paper, RowPainter, drawing_font
from resnet_studio.ui.diagram.rows import COLUMN, RowKind, Rows
from resnet_studio.ui.diff.heading import HEADING_HEIGHT, paint_heading
from resnet_studio.ui.diff.legend import LEGEND
from resnet_studio.ui.offscreen import application
from resnet_studio.ui.theme import Role

FORMATS = (".svg", ".png")
SCALES = (1, 2, 3, 4)  # pixels of a PNG for each unit of the drawing
FAMILY = "DejaVu Sans"
_MARGIN, _LEGEND_HEIGHT = 20.0, 46.0
_LONGEST_SIDE = 32_000  # pixels that QImage can have on a side, less some
_MOST_PIXELS = 250_000_000  # one gigabyte


def export_diff(found: Diff, path: Path, *, is_open: Sequence[bool] | None = None, scale: int = 2) -> Path:
    """Write the drawing, as the ending says, to an SVG or a PNG.

    Args:
        found: One, two or three networks.
        path: Ends in ``.svg`` or ``.png``.
        is_open: For each section whether its blocks are drawn one by one; None: all of them.
        scale: Pixels of a PNG for each unit of the drawing, 1 to 4; a box is 138 units wide. An SVG has no pixels.

    Raises:
        UserError: For another ending, a PNG that would be too large, or a file that cannot be written.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise UserError(f"{path.name} is neither an SVG nor a PNG; let the name end in {' or '.join(FORMATS)}.")
    if scale not in SCALES:
        raise UserError(
            f"A scale of {scale} cannot be drawn; choose {', '.join(map(str, SCALES[:-1]))} or {SCALES[-1]}."
        )
    application()
    figure = _Figure(found, is_open)
    data = figure.svg() if ending == ".svg" else figure.png(scale)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror or error}); choose another place.") from None
    return path


class _Figure:
    """The drawing's parts and their places."""

    def __init__(self, found: Diff, is_open: Sequence[bool] | None) -> None:
        self.found = found
        self.is_open = list(is_open) if is_open is not None else [True] * len(found.sections)
        self.rows = Rows(found, self.is_open)
        self.width = COLUMN * len(found.plans) + 2 * _MARGIN
        legend = _LEGEND_HEIGHT if len(found.plans) > 1 else 0.0
        self.height = HEADING_HEIGHT + self.rows.height + legend + 2 * _MARGIN

    @property
    def size(self) -> QSize:
        return QSize(math.ceil(self.width), math.ceil(self.height))

    def png(self, scale: int) -> bytes:
        size = self.size * scale
        if max(size.width(), size.height()) > _LONGEST_SIDE or size.width() * size.height() > _MOST_PIXELS:
            raise UserError(
                f"The PNG would have {size.width()} x {size.height()} pixels, which is too many; fold some stages, "
                "choose a smaller scale, or write an SVG."
            )
        image = QImage(size, QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.white)
        p = QPainter(image)
        p.scale(scale, scale)
        self._paint(p)
        p.end()
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs want bytes, Qt text
        return bytes(buffer.data().data())

    def svg(self) -> bytes:
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(self.size)
        generator.setViewBox(QRectF(0, 0, self.size.width(), self.size.height()))
        generator.setTitle(", ".join(self.found.names))
        generator.setDescription(" ".join(self.found.sentence(n) for n in range(1, len(self.found.plans))))
        p = QPainter(generator)
        p.fillRect(QRectF(0, 0, self.size.width(), self.size.height()), Qt.GlobalColor.white)
        self._paint(p)
        p.end()
        return bytes(buffer.data().data())

    def _paint(self, p: QPainter) -> None:
        paper = Paper()
        painter = RowPainter(paper, FAMILY)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        count = len(self.found.plans)
        for n in range(count):
            paint_heading(
                p, QRectF(_MARGIN + n * COLUMN, _MARGIN, COLUMN, HEADING_HEIGHT), self.found, n, painter, FAMILY
            )
        p.setPen(paper.colour(Role.BORDER))
        line = _MARGIN + HEADING_HEIGHT - 1
        p.drawLine(QLineF(_MARGIN, line, self.width - _MARGIN, line))
        p.translate(_MARGIN, _MARGIN + HEADING_HEIGHT)
        for row in self.rows.all:
            p.save()
            p.translate(0, row.top)
            if row.kind is RowKind.SECTION:
                painter.strip(p, self.found, row, self.is_open[row.section], marked=False)
            for n in range(count):
                painter.column(p, self.found, n, row, words=True)
                p.translate(COLUMN, 0)
            p.restore()
        if count > 1:
            p.translate(0, self.rows.height)
            self._paint_legend(p, painter)

    def _paint_legend(self, p: QPainter, painter: RowPainter) -> None:
        for number, (verdict, word) in enumerate(LEGEND):
            where = QRectF(24 + number * 150, 22, 34, 18)
            painter.frame(p, where, verdict)
            p.setFont(drawing_font(11, FAMILY))
            p.setPen(painter.text)
            p.drawText(where.translated(54, 0).adjusted(0, 0, 60, 0), Qt.AlignmentFlag.AlignVCenter, word)
