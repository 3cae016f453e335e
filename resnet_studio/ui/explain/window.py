"""One block or layer of a design explained: figure, formulas with its own numbers, prices, and the words for it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QLabel, QWidget

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Layer
from resnet_studio.domain.explain import Explanation, Price, explain_block, explain_layer, last_layer
from resnet_studio.domain.glossary import Term, find_term
from resnet_studio.text import _
from resnet_studio.ui.explain.block_figure import BlockFigure
from resnet_studio.ui.explain.formula import formulas_html
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import STRETCH, in_column, scrolled
from resnet_studio.ui.widgets.link_label import LinkLabel
from resnet_studio.ui.widgets.text import count_text

_WIDTH, _HEIGHT = 440, 700  # pixels


class ExplainWindow(QDialog):
    """Stays open while other blocks are chosen. ``term_requested(key)`` when one of its words is pressed."""

    term_requested = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("explain_window")
        self.found: Explanation | None = None
        self.kind = named(QLabel(wordWrap=True), "explain_kind", role="heading")
        self.which = named(QLabel(wordWrap=True), "explain_which", role="muted")
        self.formulas = named(QLabel(wordWrap=True), "explain_formulas")
        self.figure = BlockFigure(theme)
        self.sentences = named(QLabel(wordWrap=True), "explain_text")
        self.prices = named(QLabel(wordWrap=True), "explain_prices")
        self.terms = named(LinkLabel(wordWrap=True), "explain_terms", role="muted")
        self.terms.linkActivated.connect(self.term_requested)
        self.terms.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        for label in (self.formulas, self.sentences, self.prices):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        sheet = named(QWidget(), role="clear")
        in_column(
            self.kind,
            self.which,
            self.formulas,
            (self.figure, 0, Qt.AlignmentFlag.AlignHCenter),
            self.sentences,
            self.prices,
            self.terms,
            STRETCH,
            of=sheet,
            margins=(18, 14, 14, 14),
            spacing=8,
        )
        in_column(scrolled(sheet), of=self, margins=0)
        self.resize(QSize(_WIDTH, min(_HEIGHT, round(QGuiApplication.primaryScreen().availableSize().height() * 0.85))))

    def show_beside(self, drawing: QWidget) -> None:
        """Show it where it leaves the drawing free: beside the window where there is room, else at its right edge."""
        if not self.isVisible():
            around, screen = drawing.window().frameGeometry(), drawing.screen().availableGeometry()
            left = min(around.right() + 8, screen.right() - self.width() - 8)
            free = drawing.mapToGlobal(drawing.rect().topRight()).x()
            top = max(screen.top(), min(around.top() + 40, screen.bottom() - self.height() - 40))
            self.move(left if left >= free else max(free, around.right() - self.width()), top)
        self.show()
        self.raise_()

    def explain(self, plan: Blueprint, what: BlockPlan | Layer) -> None:
        """Show what this block, or this layer of stem or head, is."""
        if isinstance(what, BlockPlan):
            self.found = explain_block(plan, what)
            last = last_layer(plan, what)
            self.figure.show_block(what, last - sum(layer.kind.weighted for layer in what.branch), last)
        else:
            self.found = explain_layer(plan, what)
            self.figure.show_block(None)
        found = self.found
        self.setWindowTitle(found.title)
        self.kind.setText(found.kind)
        self.which.setText(found.title)
        self.formulas.setText(formulas_html(found.formulas, points=15))
        self.formulas.setVisible(bool(found.formulas))
        self.sentences.setText(found.text)
        self.prices.setText(_prices_html(found))
        self.terms.setText(words_html(map(find_term, found.terms)))


def words_html(terms: Iterable[Term]) -> str:
    """Their names, each a link whose address is the term's key."""
    links = ", ".join(f'<a href="{term.key}">{escape(term.name)}</a>' for term in terms)
    return _("The words: {links}", links=links)


def _prices_html(found: Explanation) -> str:
    """Parts and the whole; then what the shortcut would cost with the other options."""
    heads = ("", _("parameters"), _("multiply-adds"))
    head = "".join(f'<td align="right">&nbsp;&nbsp;&nbsp;{escape(text)}</td>' for text in heads)
    rows = [f"<tr>{head}</tr>", *map(_row, found.prices)]
    if found.options:
        others = escape(_("With other options:"))
        rows.append(f'<tr><td colspan="3"><br>{others}</td></tr>')
        rows += map(_row, found.options)
    return f'<table cellspacing="0" cellpadding="2">{"".join(rows)}</table>'


def _row(price: Price) -> str:
    cells = (escape(price.part), count_text(price.parameters), count_text(price.multiply_adds))
    aligned = zip(("left", "right", "right"), cells, strict=True)
    return "<tr>" + "".join(f'<td align="{align}">{cell}</td>' for align, cell in aligned) + "</tr>"
