"""The list of one run: summary, the paper's errors and its own, every point; filtered and copied."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QLabel,
    QPushButton,
    QTextBrowser,
    QWidget,
)

from resnet_studio.studies.conformity.report import Conformity
from resnet_studio.studies.conformity.texts import as_text, headline
from resnet_studio.text import _
from resnet_studio.ui.conformity.markup import list_markup
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import STRETCH, in_column, in_row
from resnet_studio.ui.widgets.plain_tip import set_tip

WIDE = 640  # pixels from which the list is a table


class ConformityPanel(QWidget):
    """Shows what :meth:`show_conformity` was given; ``copied`` after the text went to the clipboard."""

    copied = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("conformity_panel")
        self._theme = theme
        self._found: Conformity | None = None
        self._drawn: object = None
        self.summary = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "conformity_summary")
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.only_differences = named(QCheckBox(_("Only what differs")), "conformity_filter")
        set_tip(self.only_differences, _("Leave out what conforms, what the paper leaves open and what does not apply"))
        self.copy_button = named(QPushButton(_("Copy as text")), "conformity_copy")
        set_tip(self.copy_button, _("Copy the list, as it is filtered, to the clipboard"))
        self.list = named(QTextBrowser(openLinks=False), "conformity_list")
        self.list.setAccessibleName(_("How the run stands to each point of the paper"))
        self.list.setFrameShape(QFrame.Shape.NoFrame)
        self.list.setStyleSheet("QTextBrowser { border: 0; padding: 0; background: transparent; }")
        self.list.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        tools = in_row(self.only_differences, STRETCH, self.copy_button)
        in_column(self.summary, tools, (self.list, 1), of=self, margins=(0, 4, 0, 0), spacing=8)
        self.only_differences.toggled.connect(self.refresh)
        self.copy_button.clicked.connect(self.copy)
        theme.changed.connect(self.refresh)
        self.show_conformity(None)

    @property
    def text(self) -> str:
        """The list as plain text, for tests."""
        return self.list.toPlainText()

    def show_conformity(self, found: Conformity | None) -> None:
        """None where there is nothing to show. The place in the list is kept while the points stay the same."""
        same = self._found is not None and found is not None and len(found.checks) == len(self._found.checks)
        self._found = found
        place = self.list.verticalScrollBar().value() if same else 0
        self.refresh()
        self.list.verticalScrollBar().setValue(place)

    @Slot()
    def refresh(self) -> None:
        """Draw again if anything that is drawn has changed: points, filter, width or theme."""
        found, wide = self._found, self.width() >= WIDE
        wanted = (found, wide, self.only_differences.isChecked(), self._theme.dark)
        if wanted == self._drawn:
            return
        self._drawn = wanted
        self.copy_button.setEnabled(found is not None)
        if found is None:
            self.summary.setText(_("Choose one run to hold it against the paper."))
            self.list.clear()
            return
        self.summary.setText("\n".join(headline(found)))
        only = self.only_differences.isChecked()
        self.list.setHtml(list_markup(found, self._theme, wide=wide, only_differences=only))

    @Slot()
    def copy(self) -> None:
        """The list as text on the clipboard."""
        if self._found is not None:
            text = as_text(self._found, only_differences=self.only_differences.isChecked())
            QGuiApplication.clipboard().setText(text)
            self.copied.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.refresh()
