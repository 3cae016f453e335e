"""A formula set in a serif face: letters slanted, figures upright, scripts, fractions and roots in their places."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.domain.formula import Fraction, Glyphs, Part, Root, Row, Script, parse_formula, spoken
from resnet_studio.ui.theme import Role, Theme

SIZE = 19  # pixels of the letters
_SMALLER, _SMALLEST = 0.72, 10  # of a script over its base; pixels
_FAMILIES = ("STIX Two Text", "Times New Roman", "Liberation Serif", "DejaVu Serif")


@dataclass(frozen=True, slots=True)
class _Box:
    """What a part takes, in pixels: above and below the line on which letters stand."""

    width: float
    up: float
    down: float


class FormulaView(QWidget):
    """As large as its formula, and smaller where there is no room for it."""

    def __init__(self, theme: Theme, markup: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self.markup = theme, ""
        self._formula = Row(())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.show_formula(markup)

    @property
    def text(self) -> str:
        """On one line."""
        return spoken(self._formula)

    def show_formula(self, markup: str) -> None:
        """Raises ValueError for a formula that cannot be read."""
        self.markup, self._formula = markup, parse_formula(markup)
        self.setAccessibleName(self.text)
        self.setVisible(bool(markup))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        box = _measure(self._formula, SIZE)
        return QSize(round(box.width) + 4, round(box.up + box.down) + 6)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = _measure(self._formula, SIZE)
        scale = min(1.0, (self.width() - 4) / max(box.width, 1.0))
        p.translate(2, self.height() / 2)
        p.scale(scale, scale)
        _draw(p, self._formula, QPointF(0, (box.up - box.down) / 2), SIZE, self._theme.colour(Role.TEXT))


def _font(size: float, *, italic: bool) -> QFont:
    font = QFont()
    font.setFamilies(_FAMILIES)
    font.setStyleHint(QFont.StyleHint.Serif)
    font.setPixelSize(max(_SMALLEST, round(size)))
    font.setItalic(italic)
    return font


def _measure(part: Part, size: float) -> _Box:
    if isinstance(part, Glyphs):
        metrics = QFontMetricsF(_font(size, italic=part.italic))
        width = metrics.horizontalAdvance(part.text) + 2 * _space(part, size) + _behind(part, size)
        return _Box(width, 0.74 * size, 0.24 * size)
    if isinstance(part, Row):
        boxes = [_measure(each, size) for each in part.parts] or [_Box(0.0, 0.74 * size, 0.24 * size)]
        return _Box(sum(b.width for b in boxes), max(b.up for b in boxes), max(b.down for b in boxes))
    if isinstance(part, Fraction):
        top, bottom = (_measure(each, 0.9 * size) for each in (part.top, part.bottom))
        gap, axis = 0.16 * size, 0.28 * size
        width = max(top.width, bottom.width) + 0.5 * size
        return _Box(width, axis + gap + top.up + top.down, gap - axis + bottom.up + bottom.down)
    if isinstance(part, Root):
        inner = _measure(part.inner, size)
        return _Box(inner.width + 0.75 * size, inner.up + 0.2 * size, inner.down)
    base = _measure(part.base, size)
    above, below = _scripts(part, size)
    width = max((box.width for box in (above, below) if box is not None), default=0.0)
    up = max(base.up, 0.42 * size + above.up) if above is not None else base.up
    down = max(base.down, 0.2 * size + below.down) if below is not None else base.down
    return _Box(base.width + width + 0.06 * size, up, down)


def _scripts(part: Script, size: float) -> tuple[_Box | None, _Box | None]:
    above = _measure(part.above, _SMALLER * size) if part.above is not None else None
    below = _measure(part.below, _SMALLER * size) if part.below is not None else None
    return above, below


def _space(part: Glyphs, size: float) -> float:
    """On both sides."""
    return 0.26 * size if part.between else 0.02 * size


def _behind(part: Glyphs, size: float) -> float:
    """More of it, after a comma."""
    return 0.3 * size if part.text == "," else 0.0


def _draw(p: QPainter, part: Part, at: QPointF, size: float, ink: QColor) -> None:
    """``at``: the left end of the line on which the letters stand."""
    if isinstance(part, Glyphs):
        p.setFont(_font(size, italic=part.italic))
        p.setPen(ink)
        p.drawText(QPointF(at.x() + _space(part, size), at.y()), part.text)
    elif isinstance(part, Row):
        x = at.x()
        for each in part.parts:
            _draw(p, each, QPointF(x, at.y()), size, ink)
            x += _measure(each, size).width
    elif isinstance(part, Fraction):
        _draw_fraction(p, part, at, size, ink)
    elif isinstance(part, Root):
        _draw_root(p, part, at, size, ink)
    else:
        base = _measure(part.base, size)
        _draw(p, part.base, at, size, ink)
        right = at.x() + base.width + 0.04 * size
        if part.above is not None:
            _draw(p, part.above, QPointF(right, at.y() - 0.42 * size), _SMALLER * size, ink)
        if part.below is not None:
            _draw(p, part.below, QPointF(right, at.y() + 0.2 * size), _SMALLER * size, ink)


def _draw_fraction(p: QPainter, part: Fraction, at: QPointF, size: float, ink: QColor) -> None:
    whole = _measure(part, size)
    top, bottom = (_measure(each, 0.9 * size) for each in (part.top, part.bottom))
    axis, gap = at.y() - 0.28 * size, 0.16 * size
    p.setPen(QPen(ink, max(1.0, 0.055 * size), Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
    p.drawLine(QLineF(at.x() + 0.1 * size, axis, at.x() + whole.width - 0.1 * size, axis))
    middle = at.x() + whole.width / 2
    _draw(p, part.top, QPointF(middle - top.width / 2, axis - gap - top.down), 0.9 * size, ink)
    _draw(p, part.bottom, QPointF(middle - bottom.width / 2, axis + gap + bottom.up), 0.9 * size, ink)


def _draw_root(p: QPainter, part: Root, at: QPointF, size: float, ink: QColor) -> None:
    inner = _measure(part.inner, size)
    left, top, bottom = at.x() + 0.08 * size, at.y() - inner.up - 0.12 * size, at.y() + inner.down
    p.setPen(QPen(ink, max(1.0, 0.06 * size), Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    points = [
        QPointF(left, at.y() - 0.3 * size), QPointF(left + 0.14 * size, at.y() - 0.36 * size),
        QPointF(left + 0.32 * size, bottom), QPointF(left + 0.55 * size, top),
        QPointF(left + 0.6 * size + inner.width, top),
    ]  # fmt: skip
    p.drawPolyline(points)
    _draw(p, part.inner, QPointF(left + 0.58 * size, at.y()), size, ink)
