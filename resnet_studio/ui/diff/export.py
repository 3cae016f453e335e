"""A comparison as a figure: the whole drawing on white paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter

from resnet_studio.domain.diff import Diff
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.word_lists import any_of
from resnet_studio.text import _
from resnet_studio.ui.diagram.colours import Paper, drawing_font
from resnet_studio.ui.diagram.painter import RowPainter
from resnet_studio.ui.diagram.rows import COLUMN, RowKind, Rows
from resnet_studio.ui.diff.heading import HEADING_HEIGHT, paint_heading
from resnet_studio.ui.diff.legend import LEGEND
from resnet_studio.ui.figures import FAMILY, write_figure
from resnet_studio.ui.theme import Role

SCALES = (1, 2, 3, 4)  # pixels of a PNG for each unit of the drawing
_MARGIN, _LEGEND_HEIGHT = 20.0, 46.0


def export_diff(found: Diff, path: Path, *, is_open: Sequence[bool] | None = None, scale: int = 2) -> Path:
    """Write the drawing as the ending of ``path`` says.

    Args:
        found: One, two or three networks.
        path: As :func:`~resnet_studio.ui.figures.write_figure` takes it.
        is_open: For each section whether its blocks are drawn one by one; None: all of them.
        scale: Pixels of a PNG for each unit of the drawing, 1 to 4; a box is 138 units wide.

    Raises:
        UserError: For another scale, and as :func:`~resnet_studio.ui.figures.write_figure` does.
    """
    if scale not in SCALES:
        raise UserError(
            _("A scale of {scale} cannot be drawn; choose {scales}.", scale=scale, scales=any_of(map(str, SCALES)))
        )
    figure = _Figure(found, is_open)
    return write_figure(
        path,
        figure.paint,
        figure.size,
        scale=scale,
        title=", ".join(found.names),
        description=" ".join(found.sentence(n) for n in range(1, len(found.plans))),
    )


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

    def paint(self, p: QPainter) -> None:
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
