"""The list in a window of its own, which follows the form while it is open."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QWidget

from resnet_studio.studies.conformity.report import Conformity
from resnet_studio.text import _
from resnet_studio.ui.conformity.panel import ConformityPanel
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.layouts import in_column


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
