"""One line for the Design page: how many points conform, and a button that opens the list in a window of its own."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPushButton, QWidget

from resnet_studio.domain.specs import RunSpec
from resnet_studio.studies.conformity.checks import State
from resnet_studio.studies.conformity.report import Conformity, of_spec
from resnet_studio.text import _
from resnet_studio.ui.conformity.panel import ConformityPanel
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import Gap, in_column
from resnet_studio.ui.widgets.plain_tip import plain_tip, set_tip


class ConformityWindow(QDialog):
    """Not modal: the design can be changed beside it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("conformity_window")
        self.panel = ConformityPanel(theme)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        in_column((self.panel, 1), buttons, of=self, margins=(18, 12, 18, 12))
        self.resize(940, 620)

    def show_conformity(self, found: Conformity) -> None:
        self.setWindowTitle(_("{label} and the paper", label=found.label))
        self.panel.show_conformity(found)


class ConformityLine(QWidget):
    """Follows :meth:`show_spec` at each keystroke; its button opens a window that follows too."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("conformity_line")
        self._theme = theme
        self._window: ConformityWindow | None = None
        self.found: Conformity | None = None
        self.counts = named(QLabel(wordWrap=True), "conformity_counts")
        self.differs = named(QLabel(wordWrap=True), "conformity_differs", role="muted")
        self.button = named(QPushButton(_("Show all points")), "conformity_button")
        set_tip(self.button, _("Every point of the paper, and how this design stands to it"))
        self.button.setEnabled(False)
        in_column(
            self.counts,
            self.differs,
            Gap(2),
            (self.button, 0, Qt.AlignmentFlag.AlignLeft),
            of=self,
            margins=0,
            spacing=4,
        )
        self.button.clicked.connect(self.open_list)

    @property
    def window_of_list(self) -> ConformityWindow | None:
        """The open list, None before it was first opened."""
        return self._window

    def show_spec(
        self,
        spec: RunSpec,
        training_images: int | None = None,
        test_images: int | None = None,
        class_names: tuple[str, ...] = (),
    ) -> None:
        """The last three are the data's, where they are known already."""
        self.found = of_spec(spec, training_images, test_images, class_names)
        self.counts.setText(_counts(self.found))
        set_tip(self.counts, plain_tip(self.found.sentence))
        self.counts.setAccessibleName(self.found.sentence)
        self.differs.setText(_differs(self.found))
        self.button.setEnabled(True)
        if self._window is not None and self._window.isVisible():
            self._window.show_conformity(self.found)

    @Slot()
    def open_list(self) -> None:
        """The same window again while it is open."""
        if self.found is None:
            return
        if self._window is None:
            self._window = ConformityWindow(self._theme, self.window())
        self._window.show_conformity(self.found)
        self._window.show()
        self._window.activateWindow()


_WORDS = {
    State.CONFORMS: _("conform"),
    State.DIFFERS: _("differ"),
    State.OPEN: _("open"),
    State.UNKNOWN: _("unknown"),
}


def _counts(found: Conformity) -> str:
    """Broken between two of them where there is too little room for all."""
    counts = found.counts
    return "   ".join(
        f"{state.sign}\u00a0{counts[state]}\u00a0{word}" for state, word in _WORDS.items() if counts[state]
    )


def _differs(found: Conformity) -> str:
    """The topics in which the design differs, for a narrow column."""
    topics = [check.topic[:1].lower() + check.topic[1:] for check in found.of(State.DIFFERS)]
    if not topics:
        return _("Differs in nothing ({yardstick}).", yardstick=found.yardstick)
    more = _(" and {topics} more", topics=len(topics) - 4) if len(topics) > 4 else ""
    return _("Differs in {topics}{more}.", topics=", ".join(topics[:4]), more=more)
