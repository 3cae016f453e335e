"""Paints one row of the drawing. Plain nets have dashed outlines, residual nets solid ones, as everywhere."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter, QPainterPath, QPen

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join, Layer, LayerKind
from resnet_studio.ui.design.elements import layer_text, shape_text
from resnet_studio.ui.design.rows import (
    BOX_HEIGHT,
    BOX_TOPS,
    BOX_WIDTH,
    COLUMN,
    PLUS_RADIUS,
    PLUS_Y,
    WIDTH,
    Row,
    RowKind,
)
from resnet_studio.ui.theme import Role, Theme

STAGE_HUES = ("#3b82f6", "#10a37f", "#c2650c")  # told apart by shape and label too
TEXT_FROM_ZOOM = 0.45  # smaller writing is a blur
CENTRE = COLUMN / 2
ARC_REACH = 120.0  # of the curve's handles; the arc itself bulges three quarters as far


class RowPainter:
    """Pens, brushes and fonts of one theme; made anew when the theme changes."""

    def __init__(self, theme: Theme) -> None:
        text, muted = theme.colour(Role.TEXT), theme.colour(Role.MUTED)
        self.text, self.muted, self.accent = text, muted, theme.colour(Role.ACCENT)
        self.mark = theme.colour(Role.ACCENT_SOFT)
        panel = theme.colour(Role.PANEL)
        self._fills = [_mix(panel, QColor(hue), 0.26 if theme.dark else 0.14) for hue in STAGE_HUES]
        self._edges = [_mix(text, QColor(hue), 0.75) for hue in STAGE_HUES]
        self._neutral_fill, self._neutral_edge = theme.colour(Role.RAISED), theme.colour(Role.FIELD_BORDER)
        self._panel = QBrush(panel)
        self._flow = QPen(muted, 1.2)
        self._arc = QPen(self.accent, 1.8)
        self._dotted = QPen(self.accent, 2.0, Qt.PenStyle.DotLine)
        self._dotted.setCapStyle(Qt.PenCapStyle.RoundCap)
        self._rule = QPen(theme.colour(Role.BORDER), 1.0)
        self._font, self._small, self._bold = QFont(), QFont(), QFont()
        self._font.setPixelSize(12)
        self._small.setPixelSize(11)
        self._bold.setPixelSize(12)
        self._bold.setWeight(QFont.Weight.DemiBold)

    def stage_strip(self, p: QPainter, plan: Blueprint, row: Row, is_open: bool, *, marked: bool) -> None:
        """The line across both columns that opens and folds a stage. Origin: the row's corner."""
        stage = plan.stages[row.stage]
        channels, height, width = stage.output
        if marked:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(self.mark)
            p.drawRoundedRect(QRectF(4, 4, WIDTH - 8, row.height - 8), 6, 6)
        p.setFont(self._bold)
        p.setPen(self._edges[row.stage])
        blocks = f"{len(stage.blocks)} {'block' if len(stage.blocks) == 1 else 'blocks'}"
        label = f"{'▾' if is_open else '▸'}  Stage {row.stage + 1}   {width}×{height}, {channels} filters, {blocks}"
        p.drawText(QRectF(0, 0, WIDTH, row.height), Qt.AlignmentFlag.AlignCenter, label)

    def column(self, p: QPainter, plan: Blueprint, row: Row, *, words: bool) -> None:
        """One row of one column. Origin: the corner of the row in that column."""
        plain = not plan.spec.residual
        if row.kind is RowKind.INPUT:
            self._line(p, 26, row.height)
            if words:
                p.setFont(self._small)
                p.setPen(self.muted)
                p.drawText(QRectF(0, 6, COLUMN, 18), Qt.AlignmentFlag.AlignCenter, f"image {shape_text(plan.input)}")
        elif row.kind is RowKind.STEM:
            self._single(p, plan.stem[0], row, plain, words, ends=False)
        elif row.kind is RowKind.POOL:
            self._single(p, plan.head[0], row, plain, words, ends=False)
        elif row.kind is RowKind.FC:
            self._single(p, plan.head[1], row, plain, words, ends=True)
        elif row.kind is RowKind.STAGE:
            self._line(p, 0, 6)
            self._line(p, row.height - 6, row.height)
        elif row.kind is RowKind.FOLDED:
            self._folded(p, plan, row, plain, words)
        else:
            self._block(p, plan.stages[row.stage].blocks[row.block], row, plain, words)

    def _single(self, p: QPainter, layer: Layer, row: Row, plain: bool, words: bool, *, ends: bool) -> None:
        self._line(p, 0, row.height if not ends else 9)
        self._box(p, QRectF(CENTRE - BOX_WIDTH / 2, 8, BOX_WIDTH, BOX_HEIGHT), -1, plain)
        if words:
            self._label(p, 8, layer_text(layer).replace("global average", "average"))

    def _block(self, p: QPainter, block: BlockPlan, row: Row, plain: bool, words: bool) -> None:
        self._line(p, 0, row.height)
        if block.join is not Join.NONE:
            self._shortcut(p, block, words)
        convs = [layer for layer in block.branch if layer.kind is LayerKind.CONV]
        for layer, top in zip(convs, BOX_TOPS, strict=True):
            self._box(p, QRectF(CENTRE - BOX_WIDTH / 2, top, BOX_WIDTH, BOX_HEIGHT), row.stage, plain)
            if words:
                self._label(p, top, layer_text(layer))

    def _shortcut(self, p: QPainter, block: BlockPlan, words: bool) -> None:
        """An arc from before the block to the sum after it; dotted where dimensions change."""
        arc = QPainterPath(QPointF(CENTRE, 3))
        right = CENTRE + ARC_REACH
        arc.cubicTo(QPointF(right, 3), QPointF(right, PLUS_Y), QPointF(CENTRE + PLUS_RADIUS, PLUS_Y))
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.setPen(self._dotted if block.changes_dimensions else self._arc)
        p.drawPath(arc)
        self._plus(p)
        label = {Join.PROJECTION: "1×1", Join.ZERO_PAD: "pad 0"}.get(block.join, "")
        if words and label:
            p.setFont(self._small)
            p.setPen(self.accent)
            x = CENTRE + 0.75 * ARC_REACH
            where = QRectF(x + 5, (3 + PLUS_Y) / 2 - 9, COLUMN - x - 5, 18)
            p.drawText(where, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, label)

    def _plus(self, p: QPainter) -> None:
        centre = QPointF(CENTRE, PLUS_Y)
        p.setPen(self._arc)
        p.setBrush(self._panel)
        p.drawEllipse(centre, PLUS_RADIUS, PLUS_RADIUS)
        p.drawLine(centre - QPointF(3, 0), centre + QPointF(3, 0))
        p.drawLine(centre - QPointF(0, 3), centre + QPointF(0, 3))

    def _folded(self, p: QPainter, plan: Blueprint, row: Row, plain: bool, words: bool) -> None:
        """All blocks of a stage as one stack of cards."""
        self._line(p, 0, row.height)
        blocks = len(plan.stages[row.stage].blocks)
        if not plain:
            self._shortcut(p, plan.stages[row.stage].blocks[0], words=False)
        for offset in range(min(blocks, 3) - 1, -1, -1):
            shift = 4.0 * offset
            self._box(p, QRectF(CENTRE - BOX_WIDTH / 2 + shift, 10 + shift, BOX_WIDTH, 34), row.stage, plain)
        if words:
            p.setFont(self._font)
            p.setPen(self.text)
            where = QRectF(CENTRE - BOX_WIDTH / 2, 10, BOX_WIDTH, 34)
            p.drawText(where, Qt.AlignmentFlag.AlignCenter, f"{2 * blocks} layers folded")

    def _line(self, p: QPainter, top: float, bottom: float) -> None:
        p.setPen(self._flow)
        p.drawLine(QPointF(CENTRE, top), QPointF(CENTRE, bottom))

    def _box(self, p: QPainter, where: QRectF, stage: int, plain: bool) -> None:
        pen = QPen(self._neutral_edge if stage < 0 else self._edges[stage], 1.3)
        if plain:
            pen.setDashPattern([4.0, 2.5])
        p.setPen(pen)
        p.setBrush(self._neutral_fill if stage < 0 else self._fills[stage])
        p.drawRoundedRect(where, 5, 5)

    def _label(self, p: QPainter, top: float, text: str) -> None:
        p.setFont(self._font)
        p.setPen(self.text)
        where = QRectF(CENTRE - BOX_WIDTH / 2, top, BOX_WIDTH, BOX_HEIGHT)
        p.drawText(where, Qt.AlignmentFlag.AlignCenter, text)


def _mix(base: QColor, other: QColor, share: float) -> QColor:
    """``share`` of ``other`` in ``base``."""
    rest = 1.0 - share
    return QColor.fromRgbF(
        rest * base.redF() + share * other.redF(),
        rest * base.greenF() + share * other.greenF(),
        rest * base.blueF() + share * other.blueF(),
    )
