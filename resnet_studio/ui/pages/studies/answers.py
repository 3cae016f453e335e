"""What a study answers: verdicts with their dots and rule, nets beside the paper, differences of the recipes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from resnet_studio.domain.text_numbers import NONE
from resnet_studio.studies.result_rows import result_columns, seeds_note
from resnet_studio.studies.rule import rule_text
from resnet_studio.studies.verdicts import Verdict
from resnet_studio.text import _, _n
from resnet_studio.ui.pages.studies.dots import SeedDots
from resnet_studio.ui.pages.studies.gallery import OUTCOME_ROLES
from resnet_studio.ui.pages.studies.picture import ReportPicture
from resnet_studio.ui.pages.studies.preview_table import PreviewTable
from resnet_studio.ui.pages.studies.work import Look
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column
from resnet_studio.ui.widgets.text import count_text, short_count

_MOST_NETS, _MOST_VERDICTS, _MOST_DIFFERENCES = 60, 16, 40  # shown; each is a handful of labels
_LABEL_ROLES = {Role.OK: "ok", Role.ERROR: "error"}


def text_label(text: str, name: str = "", *, role: str = "") -> QLabel:
    """A paragraph that can be selected and copied."""
    label = named(QLabel(text, wordWrap=True, textFormat=Qt.TextFormat.PlainText), name, role=role)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


class Answers(QWidget):
    """Built anew for each :class:`Look` that says something else."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: object = None
        self._content: QWidget | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._rule_shown = True

    def show_look(self, view: Look) -> None:
        said = (view.plan, view.found.verdicts, view.rows, view.differences, view.pictures)
        if said == self._shown:
            return
        self.clear()
        self._shown = said
        content = QWidget()
        column = in_column(of=content, margins=0, spacing=8)
        nets = (_("Nets"), [_nets(view)]) if view.found.done else (_("What will be trained"), [_preview(view)])
        verdicts = [*map(self._verdict, _shown_verdicts(view)), *_more_verdicts(view), self._rule(view)]
        parts: list[tuple[str, Sequence[QWidget]]] = [(_("Verdict"), verdicts)]
        parts += [(picture.title, [ReportPicture(picture, self._theme)]) for picture in view.pictures]
        parts.append(nets)
        for title, widgets in parts if view.found.done else reversed(parts):  # before it starts: what will be trained
            column.addWidget(named(QLabel(title), role="heading"))
            for widget in widgets:
                column.addWidget(widget)
        column.addWidget(named(QLabel(_("Beside the paper")), role="heading"))
        column.addWidget(_differences(view))
        self._content = content
        self._column.insertWidget(0, content)

    @Slot()
    def clear(self) -> None:
        self._shown = None
        if self._content is not None:
            self._column.removeWidget(self._content)
            self._content.setParent(None)
            self._content.deleteLater()
            self._content = None

    def _rule(self, view: Look) -> QWidget:
        """The rule in words, which can be folded."""
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        button = named(QPushButton(_("The rule")), "rule_button", role="flat")
        button.setCheckable(True)
        button.setChecked(self._rule_shown)
        text = text_label(rule_text(view.plan.looks, len(view.plan.comparisons)), "rule_label", role="muted")
        text.setVisible(self._rule_shown)
        button.toggled.connect(text.setVisible)
        button.toggled.connect(self._on_rule)
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(text)
        return holder

    @Slot(bool)
    def _on_rule(self, shown: bool) -> None:
        self._rule_shown = shown

    def _verdict(self, verdict: Verdict) -> QFrame:
        frame = named(QFrame(), "verdict_panel", role="panel")
        column = in_column(
            text_label(verdict.comparison.question, role="muted"), of=frame, margins=(12, 8, 12, 8), spacing=4
        )
        badge = text_label(verdict.outcome.words, "outcome_label", role="heading")
        column.addWidget(badge)
        column.addWidget(
            text_label(verdict.text, "verdict_label", role=_LABEL_ROLES.get(OUTCOME_ROLES[verdict.outcome], ""))
        )
        if verdict.pairs:
            column.addWidget(SeedDots(verdict, self._theme))
        if verdict.comparison.paper:
            paper = _("The paper: {paper}", paper=verdict.comparison.paper)
            column.addWidget(text_label(paper, "paper_label"))
        if verdict.beside_the_paper:
            column.addWidget(text_label(verdict.beside_the_paper, "beside_label"))
        return frame


def _shown_verdicts(view: Look) -> Sequence[Verdict]:
    """Those that say something come first; of a large grid not all."""
    verdicts = sorted(view.found.verdicts, key=lambda verdict: not verdict.pairs)
    return verdicts[:_MOST_VERDICTS]


def _more_verdicts(view: Look) -> list[QWidget]:
    more = len(view.found.verdicts) - _MOST_VERDICTS
    if more < 1:
        return []
    words = _n("{count} comparison more stands in the report.", "{count} comparisons more stand in the report.", more)
    return [text_label(words, "more_verdicts_label", role="muted")]


def _preview(view: Look) -> QWidget:
    table = PreviewTable()
    table.show_preview(view.preview)
    table.fit_height()
    return table


def _nets(view: Look) -> QWidget:
    rows = [
        (
            row.label, count_text(row.parameters), short_count(row.multiply_adds), str(row.seeds), row.training_error,
            row.test_error, row.paper,
        )
        for row in view.rows[:_MOST_NETS]
    ]  # fmt: skip
    grid = _grid("nets_grid", result_columns(), rows, numbers=range(1, 6))
    notes = []
    if any(verdict.unseen for verdict in view.found.verdicts):
        notes.append(text_label(seeds_note(view.found), "nets_seeds_label", role="muted"))
    if len(view.rows) > _MOST_NETS:
        more = _("{count} nets more stand in the report and in Compare.", count=len(view.rows) - _MOST_NETS)
        notes.append(text_label(more, "more_nets_label", role="muted"))
    if not notes:
        return grid
    holder = QWidget()
    in_column(grid, *notes, of=holder, margins=0)
    return holder


def _differences(view: Look) -> QWidget:
    if not view.differences:
        return text_label(_("Every point of the paper that these runs can meet is met."), "differences_label")
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    count = len(view.differences)
    column.addWidget(text_label(_n("{count} point differs:", "{count} points differ:", count), "differences_label"))
    heads = (_("point"), _("here"), _("the paper"), _("nets"))
    rows = [
        (each.topic, each.run, _("{paper} ({where})", paper=each.paper, where=each.where), each.nets)
        for each in view.differences[:_MOST_DIFFERENCES]
    ]
    column.addWidget(_grid("differences_grid", heads, rows))
    return holder


def _grid(
    name: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()
) -> QFrame:  # fmt: skip
    """A small table of texts that breaks its lines."""
    frame = named(QFrame(), name, role="panel")
    grid = QGridLayout(frame)
    grid.setContentsMargins(12, 8, 12, 8)
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(4)
    for column, head in enumerate(heads):
        grid.addWidget(_cell(head, right=column in numbers, role="muted"), 0, column)
        if column not in numbers:
            grid.setColumnStretch(column, 1)
    for place, row in enumerate(rows, start=1):
        for column, text in enumerate(row):
            grid.addWidget(_cell(text or NONE, right=column in numbers), place, column)
    return frame


def _cell(text: str, *, right: bool, role: str = "") -> QLabel:
    label = text_label(text, role=role)
    label.setWordWrap(not right)
    across = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    label.setAlignment(across | Qt.AlignmentFlag.AlignTop)
    return label
