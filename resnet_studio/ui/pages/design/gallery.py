"""The studies as cards in a row: a question each, and how much training answers it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOption,
    QStylePainter,
    QWidget,
)

from resnet_studio.domain.specs import CohortSpec
from resnet_studio.studies.single_cohorts import SingleCohort
from resnet_studio.text import _
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_row
from resnet_studio.ui.widgets.plain_tip import set_tip
from resnet_studio.ui.widgets.text import counted


def effort_text(cohort: CohortSpec) -> str:
    """``4 runs · 400 iterations · built-in images``."""
    runs, first = len(cohort.runs), cohort.runs[0]
    row = first.data.row
    source = first.data.source if row is None else row.title if row.downloads else row.title.lower()
    return _(
        "{runs} · {iterations} · {source}",
        runs=counted(runs, "run", "runs"),
        iterations=counted(first.recipe.iterations, "iteration", "iterations"),
        source=source,
    )


class StudyCard(QAbstractButton):
    """One study: title, question, effort. Checked while the form shows it."""

    def __init__(self, study: SingleCohort, theme: Theme) -> None:
        super().__init__()
        named(self, f"study_{study.key}", tip=f"{study.title}\n{study.question}\n{effort_text(study.cohort(0))}")
        self.study = study
        self._theme = theme
        self._effort = effort_text(study.cohort(0))
        self.setText(study.title)
        self.setAccessibleDescription(study.question)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(220, 92)

    def minimumSizeHint(self) -> QSize:
        return QSize(150, 92)

    def paintEvent(self, _event: QPaintEvent) -> None:
        p = QStylePainter(self)
        option = QStyleOption()
        option.initFrom(self)
        p.setRenderHint(QStylePainter.RenderHint.Antialiasing)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        colour = self._theme.colour
        p.setBrush(colour(Role.ACCENT_SOFT if self.isChecked() else Role.RAISED if hovered else Role.PANEL))
        pen = p.pen()
        pen.setColor(colour(Role.ACCENT if self.isChecked() or self.hasFocus() else Role.BORDER))
        pen.setWidthF(2.0 if self.hasFocus() else 1.0)
        p.setPen(pen)
        p.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 9, 9)
        inside = self.rect().adjusted(14, 10, -12, -9)
        font = self.font()
        font.setWeight(font.Weight.DemiBold)
        p.setFont(font)
        p.setPen(colour(Role.ACCENT if self.isChecked() else Role.TEXT))
        metrics = p.fontMetrics()
        p.drawText(
            inside,
            Qt.AlignmentFlag.AlignTop,
            metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, inside.width()),
        )
        font.setWeight(font.Weight.Normal)
        font.setPointSizeF(font.pointSizeF() * 0.9)
        p.setFont(font)
        small = p.fontMetrics()
        p.setPen(colour(Role.MUTED))
        effort = small.elidedText(self._effort, Qt.TextElideMode.ElideRight, inside.width())
        p.drawText(inside, Qt.AlignmentFlag.AlignBottom, effort)
        p.setPen(colour(Role.TEXT))
        middle = inside.adjusted(0, metrics.height() + 3, 0, -small.height() - 2)
        p.setClipRect(middle)
        p.drawText(middle, Qt.AlignmentFlag.AlignTop, _two_lines(self.study.question, small, middle.width()))


def _two_lines(text: str, metrics: object, width: int) -> str:
    """``text`` cut to what two lines hold, with an ellipsis."""
    advance = metrics.horizontalAdvance  # type: ignore[attr-defined]
    words, lines = text.split(), [""]
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if advance(longer) <= width:
            lines[-1] = longer
        elif len(lines) < 2:
            lines.append(word)
        else:
            while advance(f"{lines[-1]}…") > width and lines[-1]:
                lines[-1] = lines[-1][:-1]
            lines[-1] = f"{lines[-1].rstrip(' ,')}…"
            break
    return "\n".join(lines)


class Gallery(QWidget):
    """``chosen`` carries the study whose card was pressed; ``all_requested`` when all studies are wanted."""

    chosen, all_requested = Signal(object), Signal()

    def __init__(self, studies: Sequence[SingleCohort], theme: Theme) -> None:
        super().__init__()
        named(self, "study_gallery")
        row = in_row(of=self, margins=0, spacing=10)
        self._group = QButtonGroup(self)
        self._group.setExclusive(False)
        self.cards = {study.key: StudyCard(study, theme) for study in studies}
        for card in self.cards.values():
            self._group.addButton(card)
            row.addWidget(card, 1)
        self.all = named(QPushButton(_("All\nstudies")), "all_studies_button", role="flat")
        set_tip(self.all, _("The paper's questions with budgets, seeds and verdicts, and your own"))
        self.all.setAccessibleName(_("All studies"))
        self.all.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.all.clicked.connect(self.all_requested)
        row.addWidget(self.all)
        self._group.buttonClicked.connect(self._on_clicked)

    def mark(self, key: str) -> None:
        """Check the card of the study that the form shows; none for an empty key."""
        for name, card in self.cards.items():
            card.setChecked(name == key)

    @Slot(QAbstractButton)
    def _on_clicked(self, card: QAbstractButton) -> None:
        if isinstance(card, StudyCard):
            self.mark(card.study.key)
            self.chosen.emit(card.study)
