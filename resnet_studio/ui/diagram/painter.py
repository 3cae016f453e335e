"""Paints one row of the drawing. Plain nets have dashed outlines, residual nets solid ones, as everywhere.

What differs is shown three ways at once: by a sign, by a tint that colour-blind people can tell apart, and by the
outline (added: thick, missing: an empty dashed frame, changed: bold writing).
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPainter, QPainterPath, QPen

from resnet_studio.domain.alignment import Item
from resnet_studio.domain.blueprint import BlockPlan, Join, LayerKind
from resnet_studio.domain.diff import ORDER, SYMBOLS, Diff, Finding, GroupDiff, Tally, Verdict
from resnet_studio.domain.explain import shape_text
from resnet_studio.text import _
from resnet_studio.ui.diagram.colours import STAGE_HUES, VERDICT_COLOURS, Colours, drawing_font, mixed
from resnet_studio.ui.diagram.rows import (
    BOX_HEIGHT,
    BOX_WIDTH,
    COLUMN,
    PLUS_RADIUS,
    Row,
    RowKind,
    contents_text,
    section_text,
    section_title,
)
from resnet_studio.ui.diagram.text import layer_text
from resnet_studio.ui.theme import Role

TEXT_FROM_ZOOM = 0.45  # smaller writing is a blur
CENTRE = COLUMN / 2
LEFT = CENTRE - BOX_WIDTH / 2
ARC_REACH = 120.0  # of the curve's handles; the arc itself bulges three quarters as far
BADGE_RADIUS = 7.0


class RowPainter:
    """Pens, brushes and fonts of one theme; made anew when the theme changes."""

    def __init__(self, colours: Colours, family: str = "") -> None:
        """``family``: of the writing; the application's where it is empty."""
        text, muted = colours.colour(Role.TEXT), colours.colour(Role.MUTED)
        self.text, self.muted, self.accent = text, muted, colours.colour(Role.ACCENT)
        self.mark = colours.colour(Role.ACCENT_SOFT)
        panel = colours.colour(Role.PANEL)
        self.verdicts = {verdict: QColor(pair[colours.dark]) for verdict, pair in VERDICT_COLOURS.items()}
        self._tints = {v: mixed(panel, colour, 0.2 if colours.dark else 0.13) for v, colour in self.verdicts.items()}
        self._fills = [mixed(panel, QColor(hue), 0.26 if colours.dark else 0.14) for hue in STAGE_HUES]
        self._edges = [mixed(text, QColor(hue), 0.75) for hue in STAGE_HUES]
        self._neutral_fill, self._neutral_edge = colours.colour(Role.RAISED), colours.colour(Role.FIELD_BORDER)
        self._panel = QBrush(panel)
        self._flow = QPen(muted, 1.2)
        self._arc = QPen(self.accent, 1.8)
        self._dotted = QPen(self.accent, 2.0, Qt.PenStyle.DotLine)
        self._dotted.setCapStyle(Qt.PenCapStyle.RoundCap)
        self._font, self._small, self._tiny = (drawing_font(pixels, family) for pixels in (12, 11, 10))
        self._bold = drawing_font(12, family, bold=True)

    def strip(self, p: QPainter, diff: Diff, row: Row, is_open: bool, *, marked: bool) -> None:
        """The line across all columns that opens and folds a section. Origin: the row's corner."""
        width = COLUMN * len(diff.plans)
        found = diff.sections[row.section]
        if marked:
            p.setPen(Qt.PenStyle.NoPen)
            p.setBrush(self.mark)
            p.drawRoundedRect(QRectF(4, 3, width - 8, row.height - 6), 6, 6)
        p.setFont(self._bold)
        p.setPen(self._edge(diff, row.section))
        texts = [section_text(diff, row.section, n) for n in range(len(diff.plans))]
        title = f"{'▾' if is_open else '▸'}  {section_title(found)}"
        if len(set(texts)) == 1:
            free = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip  # one column is narrow
            p.drawText(QRectF(0, 0, width, row.height), free, f"{title}   {texts[0]}")
            return
        p.drawText(QRectF(0, 5, width, 22), Qt.AlignmentFlag.AlignCenter, title)
        p.setFont(self._small)
        p.setPen(self.muted)
        for n, text in enumerate(texts):
            p.drawText(QRectF(n * COLUMN, 26, COLUMN, 18), Qt.AlignmentFlag.AlignCenter, text)

    def column(self, p: QPainter, diff: Diff, n: int, row: Row, *, words: bool) -> None:
        """One row of one column. Origin: the corner of the row in that column."""
        if row.kind is RowKind.INPUT:
            self._line(p, 26, row.height)
            if words:
                text = _("image {input}", input=shape_text(diff.plans[n].input))
                self._write(p, QRectF(0, 6, COLUMN, 18), text, self._small, self.muted)
        elif row.kind is RowKind.SECTION:
            if row.height < 40:
                self._line(p, 0, 6)
            self._line(p, row.height - 6, row.height)
        elif row.kind is RowKind.FOLDED:
            self._folded(p, diff, n, row, words)
        else:
            self._group(p, diff, n, row, words)

    def badge(self, p: QPainter, centre: QPointF, verdict: Verdict) -> None:
        """The sign of what differs, on a disc."""
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(self.verdicts[verdict])
        p.drawEllipse(centre, BADGE_RADIUS, BADGE_RADIUS)
        where = QRectF(centre.x() - BADGE_RADIUS, centre.y() - BADGE_RADIUS - 0.5, 2 * BADGE_RADIUS, 2 * BADGE_RADIUS)
        self._write(p, where, SYMBOLS[verdict], self._bold, self._panel.color())

    def frame(self, p: QPainter, where: QRectF, verdict: Verdict) -> None:
        """A layer's place in a legend: as :meth:`column` draws one that differs so."""
        self._tint(p, where, verdict)
        if verdict is Verdict.MISSING:
            self._ghost(p, where)
        else:
            self._box(p, where, -1, False, Finding(verdict))
        self.badge(p, _badge_place(where), verdict)

    def _group(self, p: QPainter, diff: Diff, n: int, row: Row, words: bool) -> None:
        group, plan = diff.sections[row.section].groups[row.group], diff.plans[n]
        lines = group.group.lines
        last = row.section == len(diff.sections) - 1 and row.group == len(diff.sections[-1].groups) - 1
        self._line(p, 0, row.box_top(len(lines) - 1) if last else row.height)
        for number in range(len(lines)):
            if group.layers[number][n].differs:
                self._tint(p, self._place(row, number), group.layers[number][n].verdict)
        block = group.group.blocks[n]
        if block is not None and block.join is not Join.NONE:
            self._shortcut(p, block, row, words)
        for number, line in enumerate(lines):
            self._layer(p, diff, group, (number, n), line[n], row, plain=not plan.spec.residual, words=words)
        if group.shortcuts[n].differs:
            self._mark_shortcut(p, group.shortcuts[n], row)

    def _place(self, row: Row, line: int) -> QRectF:
        return QRectF(LEFT, row.box_top(line), BOX_WIDTH, BOX_HEIGHT)

    def _layer(
        self, p: QPainter, diff: Diff, group: GroupDiff, at: tuple[int, int], item: Item | None, row: Row, *,
        plain: bool, words: bool,
    ) -> None:  # fmt: skip
        """``at``: line and column."""
        finding = group.layers[at[0]][at[1]]
        where = self._place(row, at[0])
        if item is None:
            if finding.differs:
                self._ghost(p, where)
                self.badge(p, _badge_place(where), Verdict.MISSING)
            return
        block = item.stage >= 0 and item.main.kind is LayerKind.CONV
        self._box(p, where, self._hue(diff, row.section) if block else -1, plain, finding)
        if words:
            font = self._bold if finding.verdict is Verdict.CHANGED else self._font
            self._write(p, where, layer_text(item.main).replace("global average", "average"), font, self.text)
            before = [layer for layer in item.before if layer.kind is not LayerKind.FLATTEN]
            if before:
                text = ", ".join("BN" if layer.kind is LayerKind.BATCH_NORM else "ReLU" for layer in before)
                margin = QRectF(0, where.top(), LEFT - BADGE_RADIUS - 7, BOX_HEIGHT)
                self._write(p, margin, text, self._tiny, self.muted, Qt.AlignmentFlag.AlignRight)
        if finding.differs:
            self.badge(p, _badge_place(where), finding.verdict)

    def _shortcut(self, p: QPainter, block: BlockPlan, row: Row, words: bool) -> None:
        """An arc from before the block to the sum after it; dotted where dimensions change."""
        p.setBrush(Qt.BrushStyle.NoBrush)
        p.setPen(self._dotted if block.changes_dimensions else self._arc)
        p.drawPath(_arc(row))
        self._plus(p, row)
        label = {Join.PROJECTION: "1×1", Join.ZERO_PAD: _("pad 0")}.get(block.join, "")
        if words and label:
            x = CENTRE + 0.75 * ARC_REACH
            where = QRectF(x + 5, (3 + row.plus_y) / 2 - 9, COLUMN - x - 5, 18)
            self._write(p, where, label, self._small, self.accent, Qt.AlignmentFlag.AlignLeft)

    def _mark_shortcut(self, p: QPainter, finding: Finding, row: Row) -> None:
        arc = _arc(row)
        if finding.verdict is Verdict.MISSING:
            pen = QPen(self.verdicts[Verdict.MISSING], 1.2)
            pen.setDashPattern([2.0, 4.0])
            p.setPen(pen)
            p.setBrush(Qt.BrushStyle.NoBrush)
            p.drawPath(arc)
        self.badge(p, arc.pointAtPercent(0.36), finding.verdict)

    def _plus(self, p: QPainter, row: Row) -> None:
        centre = QPointF(CENTRE, row.plus_y)
        p.setPen(self._arc)
        p.setBrush(self._panel)
        p.drawEllipse(centre, PLUS_RADIUS, PLUS_RADIUS)
        p.drawLine(centre - QPointF(3, 0), centre + QPointF(3, 0))
        p.drawLine(centre - QPointF(0, 3), centre + QPointF(0, 3))

    def _folded(self, p: QPainter, diff: Diff, n: int, row: Row, words: bool) -> None:
        """Everything of a section as one stack of cards, with what differs in it."""
        self._line(p, 0, row.height)
        found = diff.sections[row.section]
        inside = [item for group in found.section.groups for line in group.lines if (item := line[n]) is not None]
        layers = len(inside)
        block = next((block for group in found.section.groups if (block := group.blocks[n]) is not None), None)
        plain = not diff.plans[n].spec.residual
        if layers:
            if block is not None and block.join is not Join.NONE:
                arc = Row(RowKind.GROUP, row.top, row.height, row.section, 0, 2)
                self._shortcut(p, block, arc, words=False)
            for offset in range(min(layers, 3) - 1, -1, -1):
                where = QRectF(LEFT + 4.0 * offset, 10 + 4.0 * offset, BOX_WIDTH, 34)
                self._box(p, where, self._hue(diff, row.section), plain, Finding())
        tally = found.tally(n)
        if words and layers:
            signs = _signs(tally)
            where = QRectF(LEFT, 10, BOX_WIDTH, 19 if signs else 34)
            self._write(p, where, _("{inside} folded", inside=contents_text(inside)), self._font, self.text)
            self._write(p, QRectF(LEFT, 26, BOX_WIDTH, 17), signs, self._bold, self.text)
        elif words and tally.total:
            self._ghost(p, QRectF(LEFT, 10, BOX_WIDTH, 34))
            self._write(p, QRectF(LEFT, 10, BOX_WIDTH, 34), _signs(tally), self._bold, self.text)

    def _line(self, p: QPainter, top: float, bottom: float) -> None:
        p.setPen(self._flow)
        p.drawLine(QPointF(CENTRE, top), QPointF(CENTRE, bottom))

    def _box(self, p: QPainter, where: QRectF, hue: int, plain: bool, finding: Finding) -> None:
        pen = QPen(self._neutral_edge if hue < 0 else self._edges[hue], 1.3)
        if finding.differs:
            pen = QPen(self.verdicts[finding.verdict], 2.2 if finding.verdict is Verdict.ADDED else 1.5)
        if plain:
            pen.setDashPattern([4.0, 2.5])
        p.setPen(pen)
        p.setBrush(self._neutral_fill if hue < 0 else self._fills[hue])
        p.drawRoundedRect(where, 5, 5)

    def _tint(self, p: QPainter, where: QRectF, verdict: Verdict) -> None:
        p.setPen(Qt.PenStyle.NoPen)
        p.setBrush(self._tints[verdict])
        p.drawRoundedRect(where.adjusted(-16, -2.5, 16, 2.5), 7, 7)

    def _ghost(self, p: QPainter, where: QRectF) -> None:
        """The empty place of a layer that is missing here."""
        pen = QPen(self.verdicts[Verdict.MISSING], 1.2)
        pen.setDashPattern([2.0, 3.0])
        p.setPen(pen)
        p.setBrush(self._tints[Verdict.MISSING])
        p.drawRoundedRect(where, 5, 5)

    def _edge(self, diff: Diff, section: int) -> QColor:
        hue = self._hue(diff, section)
        return self.text if hue < 0 else self._edges[hue]

    def _hue(self, diff: Diff, section: int) -> int:
        """The running number of the sections that hold blocks; -1 for the others."""
        if max(diff.sections[section].section.stages) < 0:
            return -1
        before = diff.sections[:section]
        return sum(max(found.section.stages) >= 0 for found in before) % len(STAGE_HUES)

    def _write(
        self, p: QPainter, where: QRectF, text: str, font: QFont, colour: QColor,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignHCenter,
    ) -> None:  # fmt: skip
        p.setFont(font)
        p.setPen(colour)
        p.drawText(where, Qt.AlignmentFlag.AlignVCenter | align, text)


def _signs(tally: Tally) -> str:
    """``+3  ≠2``."""
    counts = tally.layers + tally.shortcuts
    return "   ".join(f"{SYMBOLS[verdict]}{counts[verdict]}" for verdict in ORDER if counts[verdict])


def _badge_place(where: QRectF) -> QPointF:
    """At the left edge of a box, clear of its writing."""
    return QPointF(where.left() - 5.0, where.center().y())


def _arc(row: Row) -> QPainterPath:
    arc = QPainterPath(QPointF(CENTRE, 3))
    right = CENTRE + ARC_REACH
    arc.cubicTo(QPointF(right, 3), QPointF(right, row.plus_y), QPointF(CENTRE + PLUS_RADIUS, row.plus_y))
    return arc
