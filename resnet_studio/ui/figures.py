"""Drawings as files: one painter's work as PNG, SVG or PDF, whole or not there. No window and no display are needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QPoint, QRect, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QImage, QPageSize, QPaintDevice, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.word_lists import any_of
from resnet_studio.platform.files import write_whole
from resnet_studio.text import _
from resnet_studio.ui.offscreen import application

FORMATS = {".png": _("PNG image (*.png)"), ".svg": _("SVG drawing (*.svg)"), ".pdf": _("PDF document (*.pdf)")}
FAMILY = "DejaVu Sans"  # of the writing on paper
_LONGEST_SIDE = 32_000  # pixels that QImage can have on a side, less some
_MOST_PIXELS = 250_000_000  # one gigabyte
_POINTS_PER_METRE = 72 / 0.0254
_PDF_DOTS = 1200  # an inch: places of letters are whole dots
_LONGEST_PAGE = 14_400  # points on a side that readers of PDF show

Paint = Callable[[QPainter], object]


def write_figure(
    path: Path, paint: Paint, size: QSize, *, scale: int = 2, title: str = "", description: str = ""
) -> Path:
    """Draw on white and write in the format that the ending of ``path`` names; a file of that name is replaced.

    Args:
        path: Ends in one of :data:`FORMATS`.
        paint: Draws what lies between (0, 0) and ``size``.
        size: In points, 72 to an inch in print.
        scale: Pixels of a PNG for each point.
        title: Of an SVG or PDF.
        description: Goes with the figure, unseen: a PNG's text, an SVG's ``desc``.

    Raises:
        UserError: For another ending, a PNG that would be too large, or a file that cannot be written.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise UserError(
            _("{name} has no ending of a figure; let it end in {one_of}.", name=path.name, one_of=any_of(FORMATS))
        )
    application()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    write(buffer, paint, size, scale, title, description)
    return write_whole(path, bytes(buffer.data().data()))


def _write_png(buffer: QBuffer, paint: Paint, size: QSize, scale: int, _title: str, description: str) -> None:
    pixels = size * scale
    too_large = max(pixels.width(), pixels.height()) > _LONGEST_SIDE or pixels.width() * pixels.height() > _MOST_PIXELS
    image = QImage() if too_large else QImage(pixels, QImage.Format.Format_RGB32)
    if image.isNull():
        raise UserError(
            _(
                "The PNG would have {width} x {height} pixels, which is too many; show less, choose a "
                "smaller scale, or write an SVG or a PDF.",
                width=pixels.width(),
                height=pixels.height(),
            )
        )
    image.fill(Qt.GlobalColor.white)
    _draw(image, paint, scale)
    image.setDotsPerMeterX(round(scale * _POINTS_PER_METRE))
    image.setDotsPerMeterY(round(scale * _POINTS_PER_METRE))
    if description:
        image.setText(_("Description"), description)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs want bytes, Qt text


def _write_svg(buffer: QBuffer, paint: Paint, size: QSize, _scale: int, title: str, description: str) -> None:
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle(title)
    generator.setDescription(description)
    _draw(generator, lambda painter: (painter.fillRect(QRect(QPoint(), size), Qt.GlobalColor.white), paint(painter)))


def _write_pdf(buffer: QBuffer, paint: Paint, size: QSize, _scale: int, title: str, _description: str) -> None:
    writer = QPdfWriter(buffer)
    fitted = min(1.0, _LONGEST_PAGE / max(size.width(), size.height()))
    writer.setResolution(_PDF_DOTS)
    writer.setPageSize(QPageSize(QSizeF(size) * fitted, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF())
    writer.setTitle(title)
    _draw(writer, paint, fitted * _PDF_DOTS / 72)


def _draw(device: QPaintDevice, paint: Paint, scale: float = 1.0) -> None:
    """A device must not go before its painter has ended, whatever ``paint`` raises."""
    painter = QPainter(device)
    try:
        painter.scale(scale, scale)
        paint(painter)
    finally:
        painter.end()


_WRITERS = {".png": _write_png, ".svg": _write_svg, ".pdf": _write_pdf}
