"""What stands above each column: name, size, cost, and how it differs from the network it is compared with."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from resnet_studio.domain.diff import Diff
from resnet_studio.text import _, _n
from resnet_studio.ui.diagram.colours import drawing_font
from resnet_studio.ui.diagram.painter import RowPainter
from resnet_studio.ui.widgets.text import count_text, short_count

HEADING_HEIGHT = 86
_TOP, _LINE = 8.0, 18.0


def heading_lines(found: Diff, n: int) -> tuple[str, ...]:
    """Name, depth and parameters, multiply-adds, and what differs."""
    plan = found.plans[n]
    last = "" if n == 0 else _("vs {names}: {short}", names=found.names[found.baselines[n]], short=found.tally(n).short)
    return (
        found.names[n],
        _("{depth} layers, {parameters} parameters", depth=plan.depth, parameters=count_text(plan.parameters)),
        _("{short_count} multiply-adds{share}", short_count=short_count(plan.multiply_adds), share=_share(found, n)),
        last or _followed(found),
    )


def _followed(found: Diff) -> str:
    """Of the first network: which of the others are compared with it."""
    names = [found.names[n] for n in range(1, len(found.plans)) if found.baselines[n] == 0]
    if not names:
        return _("compared with nothing")
    others = names[0] if len(names) == 1 else _("the others")
    return _n("what {others} is compared with", "what {others} are compared with", len(names), others=others)


def _share(found: Diff, n: int) -> str:
    """``, 18.6 % of VGG-19``; empty where they are equal."""
    base = found.plans[found.baselines[n]]
    if n == 0 or base.multiply_adds == found.plans[n].multiply_adds:
        return ""
    percent = 100.0 * found.plans[n].multiply_adds / base.multiply_adds
    return _(", {percent:.3g} % of {names}", percent=percent, names=found.names[found.baselines[n]])


def heading_text(found: Diff, n: int) -> str:
    """Everything of a column's head, for tool tips and screen readers, with the fields that differ."""
    lines = [*heading_lines(found, n), *([found.sentence(n)] if n else [])]
    fields = [change.text for change in found.fields(n)] if n else []
    return "\n".join([*lines, *fields])


def paint_heading(p: QPainter, where: QRectF, found: Diff, n: int, painter: RowPainter, family: str = "") -> None:
    """As much of the lines as there is room for; ``where`` is :data:`HEADING_HEIGHT` high."""
    for number, line in enumerate(heading_lines(found, n)):
        p.setFont(drawing_font(13 if number == 0 else 11, family, bold=number == 0))
        p.setPen(painter.text if number in (0, 3) and (number == 0 or n) else painter.muted)
        text = p.fontMetrics().elidedText(line, Qt.TextElideMode.ElideRight, max(round(where.width()) - 8, 8))
        top = where.top() + _TOP + number * _LINE
        p.drawText(QRectF(where.left(), top, where.width(), _LINE), Qt.AlignmentFlag.AlignCenter, text)
