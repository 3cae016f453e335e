"""The glossary to look up: a list that is filtered as one types, and the chosen word explained."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Family
from resnet_studio.domain.explain import last_layer
from resnet_studio.domain.glossary import TERMS, Term, find_term, matching
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.text import _
from resnet_studio.ui.explain.block_figure import BlockFigure
from resnet_studio.ui.explain.formula import formulas_html, where_text
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.link_label import LinkLabel

_KEY = Qt.ItemDataRole.UserRole
_PLAIN: dict[str, object] = {"block": "plain"}
# The block that a word's figure shows: values of a network, the number of the stage, that of the block in it.
_FIGURES: dict[str, tuple[dict[str, object], int, int]] = {
    "plain-net": (_PLAIN, 0, 0),
    "residual-net": ({}, 0, 0),
    "residual-block": ({}, 0, 0),
    "main-path": ({}, 0, 0),
    "shortcut": ({}, 0, 0),
    "identity-mapping": ({}, 0, 0),
    "basic-block": ({}, 0, 0),
    "bottleneck": ({"family": Family.IMAGENET, "depth": 50}, 0, 1),
    "single-block": ({"block": "single"}, 0, 0),
    "option-a": ({}, 1, 0),
    "option-b": ({"shortcut": "B"}, 1, 0),
    "option-c": ({"shortcut": "C"}, 0, 0),
    "projection": ({"shortcut": "B"}, 1, 0),
    "zero-padding": ({}, 1, 0),
    "activation": ({"activation": "pre"}, 0, 1),
}


class Words(QWidget):
    """Shows the first word until another is chosen."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("glossary")
        self.search = named(QLineEdit(clearButtonEnabled=True), "glossary_search", accessible=_("Search the words"))
        self.search.setPlaceholderText(_("Search, such as skip connection"))
        self.list = named(QListWidget(), "glossary_list", accessible=_("Words"))
        self.list.setFixedWidth(250)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.name = named(QLabel(wordWrap=True), "glossary_name", role="heading")
        self.where = named(QLabel(wordWrap=True), "glossary_where", role="muted")
        self.sentences = named(QLabel(wordWrap=True), "glossary_text")
        self.formulas = named(QLabel(wordWrap=True), "glossary_formulas")
        self.see = named(LinkLabel(wordWrap=True), "glossary_see", role="muted")
        self.figure = BlockFigure(theme)
        self.see.linkActivated.connect(self.show_term)
        for label in (self.sentences, self.formulas):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        left, right, row = QVBoxLayout(), QVBoxLayout(), QHBoxLayout(self)
        left.addWidget(self.search)
        left.addWidget(self.list, 1)
        right.setSpacing(8)
        for widget in (self.name, self.where, self.sentences, self.formulas):
            right.addWidget(widget)
        right.addWidget(self.figure, 0, Qt.AlignmentFlag.AlignHCenter)
        right.addWidget(self.see)
        right.addStretch(1)
        row.setSpacing(18)
        row.addLayout(left)
        row.addLayout(right, 1)
        self.search.textChanged.connect(lambda text: self._list(text))
        self.list.currentItemChanged.connect(self._on_chosen)
        self._list("")

    @property
    def term(self) -> Term | None:
        """The one that is explained; None where the search finds nothing."""
        item = self.list.currentItem()
        return find_term(item.data(_KEY)) if item is not None else None

    @Slot(str)
    def show_term(self, key: str) -> None:
        """Explain this word, whatever was searched for."""
        self.search.clear()
        self.list.setCurrentRow([term.key for term in TERMS].index(key))

    def _list(self, text: str) -> None:
        self.list.clear()
        for term in matching(text):
            item = QListWidgetItem(term.name, self.list)
            item.setData(_KEY, term.key)
        self.list.setCurrentRow(0)
        if not self.list.count():
            self._show(None)

    @Slot()
    def _on_chosen(self) -> None:
        self._show(self.term)

    def _show(self, term: Term | None) -> None:
        self.name.setText(term.name if term is not None else _("No word has that in it."))
        self.where.setText(where_text(term) if term is not None else "")
        self.sentences.setText(term.text if term is not None else "")
        self.formulas.setText(formulas_html(term.formulas, points=15) if term is not None else "")
        self.formulas.setVisible(term is not None and bool(term.formulas))
        links = [f'<a href="{key}">{escape(find_term(key).name)}</a>' for key in (term.see if term is not None else ())]
        self.see.setText(_("See also: {links}", links=", ".join(links)) if links else "")
        if term is None or term.key not in _FIGURES:
            self.figure.show_block(None)
            return
        values, stage, number = _FIGURES[term.key]
        plan = blueprint(NetworkSpec.model_validate(values))
        block = plan.stages[stage].blocks[number]
        last = last_layer(plan, block)
        self.figure.show_block(block, last - sum(layer.kind.weighted for layer in block.branch), last)
