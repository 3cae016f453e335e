"""One or two confusion matrices side by side, moved together, with their tools and their scale."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from resnet_studio.text import _
from resnet_studio.ui.pages.compare.evaluate.colour_scale import ScaleBar
from resnet_studio.ui.pages.compare.evaluate.export import Titled
from resnet_studio.ui.pages.compare.evaluate.matrix_drawing import Place
from resnet_studio.ui.pages.compare.evaluate.matrix_view import ZOOM_STEP, MatrixView
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.elided import ElidedLabel
from resnet_studio.ui.widgets.field_row import Choice
from resnet_studio.ui.widgets.flow import FlowLayout, side_by_side
from resnet_studio.ui.widgets.layouts import in_column

MOST = 2
_HINT = _("Click a cell for its images; Ctrl+wheel enlarges. Ctrl+click a second result to lay it beside this one.")


class Matrices(QWidget):
    """``chosen(which, true, answer)``: a cell of the first (0) or second (1) matrix, or a heading of it."""

    chosen = Signal(int, int, int)
    export_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._shown: tuple[Titled, ...] = ()
        self._moving = False
        self.numbers = named(Choice(), "matrix_numbers", tip=_("What the numbers in the cells are"))
        self.numbers.setAccessibleName(_("Numbers in the cells"))
        self.numbers.addItem(_("Images"), False)
        self.numbers.addItem(_("% of the true class"), True)
        self._smaller = self._tool("−", "matrix_smaller", _("Smaller (-)"))
        self._fit = self._tool(_("Fit"), "matrix_fit", _("As large as the room there is (0)"))
        self._larger = self._tool("+", "matrix_larger", _("Larger (+)"))
        self.export_button = named(QPushButton(_("Export…")), "matrix_export", tip=_("The matrix as PNG, SVG or CSV"))
        self.read_out = named(ElidedLabel(), "matrix_read_out", role="muted")
        self.titles = tuple(named(ElidedLabel(), f"matrix_title_{number}") for number in (1, 2))
        self.views = tuple(MatrixView(theme) for _unused in range(MOST))
        tools = FlowLayout(6)
        heading = named(QLabel(_("Confusion matrix")), role="heading")
        heading.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        tools.addWidget(heading)
        zoom = side_by_side(self._smaller, self._fit, self._larger, spacing=6)
        for widget in (self.numbers, zoom, self.export_button):
            tools.addWidget(widget)
        pair = QHBoxLayout()
        pair.setSpacing(14)
        self._columns: list[QWidget] = []
        for title, view in zip(self.titles, self.views, strict=True):
            holder = QWidget()
            in_column(title, (view, 1), of=holder, margins=0, spacing=2)
            pair.addWidget(holder, 1)
            self._columns.append(holder)
        in_column(tools, (pair, 1), self.read_out, ScaleBar(theme), of=self, margins=0, spacing=4)
        self.numbers.currentIndexChanged.connect(self._on_numbers)
        self._smaller.clicked.connect(lambda: self.views[0].set_zoom(self.views[0].zoom / ZOOM_STEP))
        self._larger.clicked.connect(lambda: self.views[0].set_zoom(self.views[0].zoom * ZOOM_STEP))
        self._fit.clicked.connect(self._on_fit)
        self.export_button.clicked.connect(self.export_wanted)
        for view in self.views:
            view.chosen.connect(self._on_chosen)
            view.hovered.connect(self._on_hovered)
            view.zoom_changed.connect(self._on_zoom)
            view.horizontalScrollBar().valueChanged.connect(self._on_scroll)
            view.verticalScrollBar().valueChanged.connect(self._on_scroll)
        self.show_matrices(())

    @staticmethod
    def _tool(text: str, name: str, tip: str) -> QToolButton:
        button = named(QToolButton(), name, tip=tip, accessible=tip)
        button.setText(text)
        return button

    @property
    def shown(self) -> tuple[Titled, ...]:
        return self._shown

    @property
    def percent(self) -> bool:
        return bool(self.numbers.currentData())

    def show_matrices(self, shown: Sequence[Titled]) -> None:
        """At most two."""
        self._shown = tuple(shown[:MOST])
        for number, (holder, title, view) in enumerate(zip(self._columns, self.titles, self.views, strict=True)):
            one = self._shown[number] if number < len(self._shown) else None
            holder.setVisible(one is not None)
            title.show_text(one.title if one else "")
            view.set_matrix(one.matrix if one else None)
        self.export_button.setEnabled(bool(self._shown))
        self._on_hovered("")

    def mark(self, place: Place, which: int | None = None) -> None:
        """Mark a cell in each matrix that has these classes, or in one."""
        names = self._shown[which or 0].matrix.names if self._shown else ()
        for one, view in zip(self._shown, self.views, strict=False):
            if one.matrix.names == names:
                view.set_current(place)
        self._on_hovered("")

    @property
    def _alike(self) -> bool:
        return len(self._shown) == MOST and self._shown[0].matrix.names == self._shown[1].matrix.names

    @Slot(int, int)
    def _on_chosen(self, true: int, answer: int) -> None:
        which = 0 if self.sender() is self.views[0] else 1
        self.mark((true, answer), which)
        self.chosen.emit(which, true, answer)

    @Slot(str)
    def _on_hovered(self, sentence: str) -> None:
        sentences = [view.sentence() for view in self.views[: len(self._shown)]]
        self.read_out.show_text(sentence or next((text for text in sentences if text), _HINT if self._shown else ""))

    @Slot(float)
    def _on_zoom(self, zoom: float) -> None:
        if self._alike and not self._moving:
            self._moving = True
            for view in self.views:
                view.set_zoom(zoom)
            self._moving = False

    @Slot()
    def _on_scroll(self) -> None:
        if not self._alike or self._moving:
            return
        self._moving = True
        for view in self.views:
            for bar, other in (
                (view.horizontalScrollBar(), self._scrolled().horizontalScrollBar()),
                (view.verticalScrollBar(), self._scrolled().verticalScrollBar()),
            ):
                bar.setValue(other.value())
        self._moving = False

    def _scrolled(self) -> MatrixView:
        sender = self.sender()
        return next((view for view in self.views if _bar_of(view, sender)), self.views[0])

    @Slot()
    def _on_numbers(self) -> None:
        for view in self.views:
            view.set_percent(self.percent)

    @Slot()
    def _on_fit(self) -> None:
        for view in self.views:
            view.set_zoom(1.0)


def _bar_of(view: MatrixView, sender: object) -> bool:
    return sender is view.horizontalScrollBar() or sender is view.verticalScrollBar()
