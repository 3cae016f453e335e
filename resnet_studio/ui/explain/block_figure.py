"""A block as a small figure: main path, shortcut and addition, with the shapes on the way."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from resnet_studio.domain.blueprint import BlockPlan, Join, Layer, LayerKind
from resnet_studio.domain.explain import shape_text
from resnet_studio.text import _
from resnet_studio.ui.diagram.colours import STAGE_HUES, drawing_font, mixed
from resnet_studio.ui.diagram.text import layer_text
from resnet_studio.ui.theme import Role, Theme

_WIDTH, _TOP, _STEP, _SMALL_STEP, _BOX = 396.0, 8.0, 40.0, 27.0, 150.0
_CENTRE, _LINE = 176.0, 22.0
_PLUS = 9.0


class BlockFigure(QWidget):
    """Empty until :meth:`show_block`."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("block_figure")
        self._theme = theme
        self._block: BlockPlan | None = None
        self._first = self._last = 0
        theme.changed.connect(self._on_theme_changed)
        self.hide()

    def show_block(self, block: BlockPlan | None, first: int = 0, last: int = 0) -> None:
        """``first`` and ``last``: numbers of the weighted layers that x and H(x) come from; 0: not shown."""
        self._block, self._first, self._last = block, first, last
        self.setVisible(block is not None)
        if block is not None:
            self.setFixedSize(self.sizeHint())
            self.setAccessibleName(self._words(block))
        self.update()

    def _rows(self, block: BlockPlan) -> list[Layer]:
        return [*block.before, *block.branch]

    def _height(self, block: BlockPlan) -> float:
        rows = sum(_STEP if layer.kind is LayerKind.CONV else _SMALL_STEP for layer in self._rows(block))
        after = len(block.after) * _SMALL_STEP
        return (
            _TOP + _LINE + 14 + rows + (2 * _PLUS + 14 if block.join is not Join.NONE else 0) + after + 14 + _LINE + 8
        )

    def _words(self, block: BlockPlan) -> str:
        layers = ", ".join(layer_text(layer) for layer in self._rows(block) if layer.kind is LayerKind.CONV)
        return _("{block}: main path {layers}; shortcut {join}", block=block.name, layers=layers, join=block.join)

    @Slot()
    def _on_theme_changed(self) -> None:
        self.update()

    # Qt

    def sizeHint(self) -> QSize:
        return QSize(round(_WIDTH), round(self._height(self._block)) if self._block is not None else 0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._block is None:
            return
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        _Painting(p, self._theme, self._block, self._first, self._last).paint()


class _Painting:
    """One painting of one block, from the top to the bottom; ``y`` is how far it has come."""

    def __init__(self, p: QPainter, theme: Theme, block: BlockPlan, first: int, last: int) -> None:
        self.p, self.theme, self.block, self.first, self.last = p, theme, block, first, last
        self.text, self.muted = theme.colour(Role.TEXT), theme.colour(Role.MUTED)
        self.accent, self.panel = theme.colour(Role.ACCENT), theme.colour(Role.PANEL)
        self.hue = QColor(STAGE_HUES[0])
        self.y = _TOP

    def paint(self) -> None:
        block = self.block
        self.value("x", self.first, shape_text(block.input))
        self.y += 14
        start = self.y - 6
        before, self.y = self.y, self.y
        for layer in (*block.before, *block.branch):
            self.layer(layer)
        self.brace(before, self.y)
        if block.join is not Join.NONE:
            self.addition(start)
        for layer in block.after:
            self.layer(layer)
        self.flow(self.y, self.y + 14)
        self.y += 14
        self.value("H(x)", self.last, shape_text(block.output))

    def flow(self, top: float, bottom: float) -> None:
        self.p.setPen(QPen(self.muted, 1.3))
        self.p.drawLine(QPointF(_CENTRE, top), QPointF(_CENTRE, bottom))

    def write(self, where: QRectF, text: str, colour: QColor, *, bold: bool = False, small: bool = False,
              align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignHCenter) -> None:  # fmt: skip
        self.p.setFont(drawing_font(11 if small else 12, bold=bold))
        self.p.setPen(colour)
        self.p.drawText(where, Qt.AlignmentFlag.AlignVCenter | align, text)

    def value(self, name: str, layer: int, shape: str) -> None:
        """What flows in or out, with the number of the layer that it comes from and its shape."""
        index = f"a[{layer}] = " if layer else ""
        self.write(QRectF(_CENTRE - 90, self.y, 180, _LINE), f"{index}{name}:  {shape}", self.text, bold=True)
        self.y += _LINE
        if name == "x":
            self.flow(self.y, self.y + 14)

    def layer(self, layer: Layer) -> None:
        """A weighted layer as a box with its output's shape, anything else as a narrow one."""
        conv = layer.kind is LayerKind.CONV
        step, height, width = (_STEP, 26.0, _BOX) if conv else (_SMALL_STEP, 17.0, _BOX * 0.62)
        self.flow(self.y, self.y + step)
        where = QRectF(_CENTRE - width / 2, self.y + (step - height) / 2, width, height)
        pen = QPen(mixed(self.text, self.hue, 0.75) if conv else self.muted, 1.3 if conv else 1.0)
        if self.block.join is Join.NONE:
            pen.setDashPattern([4.0, 2.5])
        self.p.setPen(pen)
        self.p.setBrush(mixed(self.panel, self.hue, 0.22) if conv else self.panel)
        self.p.drawRoundedRect(where, 5, 5)
        names = {LayerKind.BATCH_NORM: _("batch norm"), LayerKind.RELU: "ReLU"}
        self.write(where, names.get(layer.kind, layer_text(layer)), self.text if conv else self.muted, small=not conv)
        self.y += step

    def brace(self, top: float, bottom: float) -> None:
        """F(x), at the left of the layers that compute it."""
        x = _CENTRE - _BOX / 2 - 22
        path = QPainterPath(QPointF(x + 7, top + 5))
        path.lineTo(x, top + 5)
        path.lineTo(x, bottom - 5)
        path.lineTo(x + 7, bottom - 5)
        self.p.setPen(QPen(self.muted, 1.2))
        self.p.setBrush(Qt.BrushStyle.NoBrush)
        self.p.drawPath(path)
        self.write(QRectF(0, (top + bottom) / 2 - 18, x - 6, 18), "F(x)", self.text, bold=True,
                   align=Qt.AlignmentFlag.AlignRight)  # fmt: skip
        self.write(QRectF(0, (top + bottom) / 2, x - 6, 16), _("main path"), self.muted, small=True,
                   align=Qt.AlignmentFlag.AlignRight)  # fmt: skip

    def addition(self, start: float) -> None:
        """The shortcut from ``start`` and the sum."""
        p, centre = self.p, QPointF(_CENTRE, self.y + 7 + _PLUS)
        self.flow(self.y, centre.y() - _PLUS)
        pen = QPen(self.accent, 2.0, Qt.PenStyle.DotLine if self.block.changes_dimensions else Qt.PenStyle.SolidLine)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        x = _CENTRE + _BOX / 2 + 26
        path = QPainterPath(QPointF(_CENTRE, start))
        path.lineTo(x - 12, start)
        path.quadTo(QPointF(x, start), QPointF(x, start + 12))
        path.lineTo(x, centre.y() - 12)
        path.quadTo(QPointF(x, centre.y()), QPointF(x - 12, centre.y()))
        path.lineTo(centre + QPointF(_PLUS, 0))
        p.setPen(pen)
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.drawPath(path)
        p.setPen(QPen(self.accent, 2.0))
        p.setBrush(self.panel)
        p.drawEllipse(centre, _PLUS, _PLUS)
        p.drawLine(centre - QPointF(4.5, 0), centre + QPointF(4.5, 0))
        p.drawLine(centre - QPointF(0, 4.5), centre + QPointF(0, 4.5))
        middle = (start + centre.y()) / 2
        for number, text in enumerate(self.shortcut_words()):
            where = QRectF(x + 8, middle - 26 + 17 * number, _WIDTH - x - 8, 17)
            self.write(where, text, self.accent if number == 0 else self.muted, bold=number == 0, small=number > 0,
                       align=Qt.AlignmentFlag.AlignLeft)  # fmt: skip
        self.y = centre.y() + _PLUS + 4
        self.flow(centre.y() + _PLUS, self.y)

    def shortcut_words(self) -> list[str]:
        block = self.block
        if block.join is Join.ZERO_PAD:
            zeros = block.output[0] - block.input[0]
            return ["pad(x)", _("shortcut,"), _("{zeros} zero channels", zeros=zeros)]
        if block.join is Join.PROJECTION:
            conv = block.projection[0]
            return ["W\N{LATIN SUBSCRIPT SMALL LETTER S} x", _("shortcut,"), layer_text(conv)]
        return ["x", _("shortcut")]
