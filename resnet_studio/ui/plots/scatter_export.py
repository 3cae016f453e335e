"""A scatter as a figure for slides and papers, and as a table."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import pairwise
from math import log10
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from resnet_studio.domain.csv_text import CsvWriter
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.grouping import LEVEL
from resnet_studio.domain.run_fields import RunField
from resnet_studio.domain.scatter import Scatter
from resnet_studio.platform.files import write_whole
from resnet_studio.text import _
from resnet_studio.ui.figures import FAMILY, FORMATS, write_figure
from resnet_studio.ui.plots.figure_axes import INK, RIGHT, paint_axes
from resnet_studio.ui.plots.ranges import log_ticks, nice_span, nice_step, value_label
from resnet_studio.ui.plots.run_colours import at_lightness

FIGURE_SIZE = QSize(1000, 640)  # points
_LEFT, _TOP, _BOTTOM = 84.0, 54.0, 66.0
_DOT, _PAD = 4.2, 0.04  # points; share of the axis left free at both ends


@dataclass(frozen=True, slots=True)
class ScatterFigure:
    """What is shown; ``log``: x as powers of ten, which all of its values allow."""

    found: Scatter
    x: RunField
    y: RunField
    log: bool

    def place(self, x: float) -> float:
        """Along the axis."""
        return log10(x) if self.log else x


def export_scatter(shown: ScatterFigure, path: Path) -> Path:
    """Write what is shown as the ending of ``path`` says: a figure, or a table of the runs as CSV.

    Raises:
        UserError: Without a dot, for another ending, and where the file cannot be written.
    """
    if not shown.found.runs:
        raise UserError(_("No run has both values, so there is nothing to export."))
    if path.suffix.lower() == ".csv":
        return write_whole(path, scatter_csv(shown))
    title = _("{y} against {x}", y=shown.y.title, x=shown.x.title)
    return write_figure(
        path, lambda painter: _draw(painter, shown), FIGURE_SIZE, title=_("ResNet Studio: ") + title, description=title
    )


def scatter_csv(shown: ScatterFigure) -> str:
    """A line a run: id, name, kind, network, seed and both values."""
    out = io.StringIO(newline="")
    table = CsvWriter(out)
    table.writerow(("id", "name", "kind", "network", "seed", shown.x.key, shown.y.key))
    for run in shown.found.runs:
        seed = "" if run.imported else run.spec.recipe.init_seed
        kind = "residual" if run.residual else "plain"
        values = (shown.x.read(run), shown.y.read(run))
        table.writerow((run.id, run.name, kind, run.spec.network.label, seed, *map(_cell, values)))
    return out.getvalue()


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _draw(painter: QPainter, shown: ScatterFigure) -> None:
    found = shown.found
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    font = QFont(FAMILY)
    font.setPixelSize(15)
    painter.setFont(font)
    xs = [shown.place(x) for x in found.xs]
    ends = [end for line in found.lines for mean in line.means for end in (mean.low, mean.high) if end is not None]
    low, high = nice_span(min([*found.ys, *ends]), max([*found.ys, *ends]))
    left, right = min(xs), max(xs)
    room = _PAD * (right - left) or 0.5
    left, right = left - room, right + room
    area = QRectF(_LEFT, _TOP, FIGURE_SIZE.width() - _LEFT - RIGHT, FIGURE_SIZE.height() - _TOP - _BOTTOM)

    def at(x: float, y: float) -> QPointF:
        return QPointF(
            area.left() + (x - left) / (right - left) * area.width(),
            area.bottom() - (y - low) / (high - low) * area.height(),
        )

    _draw_axes(painter, shown, area, (left, right), (low, high))
    for line in found.lines:
        pen = QPen(INK, 1.5)
        if not line.residual:
            pen.setDashPattern([4.0, 2.4])
        painter.setPen(pen)
        points = [at(shown.place(x), mean.mean) for x, mean in zip(line.xs, line.means, strict=True)]
        painter.drawPolyline(points)
        painter.setPen(QPen(INK, 1.1))
        for x, mean in zip(line.xs, line.means, strict=True):
            if mean.low is not None and mean.high is not None:
                painter.drawLine(at(shown.place(x), mean.low), at(shown.place(x), mean.high))
    for run, x, y in zip(found.runs, xs, found.ys, strict=True):
        colour = at_lightness(QColor(run.colour), 0, QColor("white"))
        painter.setPen(QPen(colour, 1.6))
        painter.setBrush(colour if run.residual else QColor("white"))
        painter.drawEllipse(at(x, y), _DOT, _DOT)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    _draw_key(painter, shown)


def _draw_axes(
    painter: QPainter, shown: ScatterFigure, area: QRectF, across: tuple[float, float], up: tuple[float, float]
) -> None:
    wide, high = area.width() / (across[1] - across[0]), area.height() / (up[1] - up[0])
    paint_axes(
        painter,
        area,
        [(area.left() + (x - across[0]) * wide, text) for x, text in _x_ticks(shown, across, area.width())],
        [(area.bottom() - (y - up[0]) * high, value_label(y)) for y in _steps(up, 40 / area.height())],
        shown.x.label,
        shown.y.label,
    )


def _x_ticks(shown: ScatterFigure, across: tuple[float, float], width: float) -> list[tuple[float, str]]:
    """Places along the axis and their words. A field with few values, such as depth, has a tick for each."""
    if shown.found.words:
        return [(float(place), word) for place, word in enumerate(shown.found.words)]
    values = sorted(set(shown.found.xs))
    if shown.log:
        ticks = log_ticks(10 ** across[0], 10 ** across[1])[0]
        return [(log10(value), _short(value)) for value in ticks]
    apart = min((b - a for a, b in pairwise(values)), default=1.0)
    if len(values) <= 12 and apart / (across[1] - across[0]) * width > 34:
        return [(value, _short(value)) for value in values]
    return [(value, _short(value)) for value in _steps(across, 80 / width)]


def _steps(span: tuple[float, float], least: float) -> list[float]:
    step = nice_step((span[1] - span[0]) * least)
    first = -int(-span[0] // step)
    return [place * step for place in range(first, int(span[1] / step + 1e-9) + 1)]


def _short(value: float) -> str:
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= size:
            return f"{value / (size if size > 1e4 else 1e3):g}{unit}"
    return value_label(value)


def _draw_key(painter: QPainter, shown: ScatterFigure) -> None:
    """Above the plot, never on a dot: what filled and hollow mean, and what lines and bars are."""
    kinds = {run.residual for run in shown.found.runs}
    words = [(residual, _("residual") if residual else _("plain")) for residual in (True, False) if residual in kinds]
    x, middle = _LEFT, _TOP / 2
    metrics = QFontMetricsF(painter.font())
    for residual, text in words:
        pen = QPen(INK, 1.5)
        if not residual:
            pen.setDashPattern([4.0, 2.4])
        painter.setPen(pen)
        painter.drawLine(QPointF(x, middle), QPointF(x + 34, middle))
        painter.setPen(QPen(INK, 1.6))
        painter.setBrush(INK if residual else QColor("white"))
        painter.drawEllipse(QPointF(x + 17, middle), _DOT, _DOT)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawText(QPointF(x + 42, middle + metrics.ascent() * 0.36), text)
        x += 42 + metrics.horizontalAdvance(text) + 26
    if shown.found.lines:
        text = _("a dot a run; line: mean; bar: {level:.0%} interval of the mean", level=LEVEL)
        painter.setPen(INK)
        painter.drawText(QPointF(x, middle + metrics.ascent() * 0.36), text)


SUFFIXES = {**FORMATS, ".csv": _("CSV table (*.csv)")}
