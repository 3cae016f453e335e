"""What is known of the designed twin before it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from resnet_studio.domain.blueprint import Blueprint, training_bytes
from resnet_studio.domain.enums import Family
from resnet_studio.domain.paper import cifar_row, imagenet_row, paper_sentence
from resnet_studio.domain.specs import RunSpec
from resnet_studio.text import _
from resnet_studio.ui.pages.design.training_time_panel import TimeHere
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import Gap, in_column, scrolled
from resnet_studio.ui.widgets.text import count_text, short_count, size_text


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the table; where ``residual`` is empty ``plain`` stands alone, for both or for the only network."""

    title: str
    plain: str
    residual: str = ""
    tip: str = ""


def network_facts(spec: RunSpec, plans: Sequence[Blueprint], training_images: int | None) -> list[Fact]:
    """The table's lines: of the plain and the residual net, or of one alone.

    ``training_images`` is None while the data is being looked up.
    """
    recipe = spec.recipe

    def line(title: str, values: Sequence[str], tip: str = "") -> Fact:
        return Fact(title, values[0], values[1] if len(values) > 1 else "", tip)

    lines = [
        line(_("Weighted layers"), [str(plan.depth) for plan in plans]),
        line(_("Parameters"), [count_text(plan.parameters) for plan in plans]),
        line(
            _("Multiply-adds"),
            [short_count(plan.multiply_adds) for plan in plans],
            _("Per image: ") + ", ".join(f"{p.spec.label} {count_text(p.multiply_adds)}" for p in plans),
        ),
        line(
            _("Memory from"),
            [size_text(training_bytes(plan, recipe.pass_size)) for plan in plans],
            _(
                "Training in float32: weights, gradients, momentum and what the backward pass keeps; the data set is "
                "extra"
            ),
        ),
    ]
    if training_images:
        epochs = recipe.iterations * recipe.batch_size / training_images
        lines.append(
            Fact(
                _("Epochs"),
                f"{epochs:.3g}" if epochs < 1000 else count_text(round(epochs)),
                tip=_("{training_images} training images", training_images=count_text(training_images)),
            )
        )
    return lines


def paper_text(spec: RunSpec) -> str:
    """What the paper says of the designed network; of one with other classes, what it says of that with the paper's."""
    usual = 10 if spec.network.family is Family.CIFAR else 1000
    if spec.network.classes != usual and not paper_sentence(spec.network):
        sentence = paper_sentence(spec.network.model_copy(update={"classes": usual}))
        if sentence:
            return _("With {usual} classes: {sentence}", usual=count_text(usual), sentence=sentence)
    known = cifar_row(spec.network) or imagenet_row(spec.network)
    nothing = _("says nothing of this network") if known else _("has no network of this shape")
    return paper_sentence(spec.network) or _("The paper {nothing}.", nothing=nothing)


_PAPER_ON = {Family.CIFAR: _("The paper, on CIFAR-10"), Family.IMAGENET: _("The paper, on ImageNet")}


class FactsPanel(QFrame):
    """Shows; asks nobody."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "facts_panel", role="panel")
        sheet = named(QWidget(), role="clear")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(7)
        self._grid.setColumnStretch(0, 1)
        self._paper = named(QLabel(wordWrap=True), "paper_label")
        self.time = TimeHere()
        self._what = named(QLabel(wordWrap=True), "facts_hint", role="muted")
        column = in_column(
            named(QLabel(_("Facts")), role="heading"),
            self._grid,
            self._what,
            Gap(6),
            of=sheet,
            margins=(16, 12, 14, 12),
            spacing=8,
        )
        self._paper_title = named(QLabel(), "paper_title", role="heading")
        column.addWidget(self._paper_title)
        column.addWidget(self._paper)
        column.addSpacing(6)
        column.addWidget(named(QLabel(_("Time here")), role="heading"))
        column.addWidget(self.time)
        self._sections = QVBoxLayout()
        self._sections.setSpacing(8)
        column.addLayout(self._sections)
        column.addStretch(1)
        area = scrolled(sheet)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        in_column(area, of=self, margins=1)
        self._labels: list[QLabel] = []

    def add_section(self, title: str, content: QWidget) -> None:
        """One more heading at the end, with something below it that keeps itself up to date."""
        self._sections.addSpacing(6)
        self._sections.addWidget(named(QLabel(title), role="heading"))
        self._sections.addWidget(content)

    def show_facts(self, spec: RunSpec, lines: list[Fact]) -> None:
        for label in self._labels:
            self._grid.removeWidget(label)
            label.hide()
            label.deleteLater()
        self._labels = []
        twin = bool(lines[0].residual)
        if twin:
            self._put(0, 1, _("plain"), role="muted")
            self._put(0, 2, _("residual"), role="muted")
        for number, fact in enumerate(lines, start=1):
            self._put(number, 0, fact.title, tip=fact.tip, role="muted")
            if fact.residual:
                self._put(number, 1, fact.plain, tip=fact.tip)
                self._put(number, 2, fact.residual, tip=fact.tip)
            else:
                self._put(number, 1, fact.plain, tip=fact.tip, span=2)
        same = twin and lines[1].plain == lines[1].residual
        self._what.setText(_("Shortcuts of option A cost nothing: the twin is equally large.") if same else "")
        self._what.setVisible(same)
        self._paper_title.setText(_PAPER_ON.get(spec.network.family, _("The paper's reference")))
        self._paper.setText(paper_text(spec))

    def _put(self, row: int, column: int, text: str, *, tip: str = "", role: str = "", span: int = 1) -> None:
        label = named(QLabel(text), role=role, tip=tip)
        if column:
            label.setAlignment(Qt.AlignmentFlag.AlignRight)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._grid.addWidget(label, row, column, 1, span)
        self._labels.append(label)

    @property
    def text(self) -> str:
        """Everything the table shows, for tests and screen readers."""
        return " | ".join(label.text() for label in self._labels)
