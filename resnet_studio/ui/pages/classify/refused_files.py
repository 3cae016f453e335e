"""Files that could not be used, each with its sentence."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QWidget

from resnet_studio.text import _, _n
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column

SHOWN = 2000


class RefusedDialog(QDialog):
    """A list to read and to copy."""

    def __init__(self, sentences: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("refused_dialog")
        self.setWindowTitle(_("Files that were left out"))
        self.resize(640, 360)
        shown = list(sentences[:SHOWN])
        if len(sentences) > SHOWN:
            shown.append(_("… and {sentences} more", sentences=len(sentences) - SHOWN))
        self._text = QPlainTextEdit("\n".join(shown), self)
        named(self._text, "refused_text", accessible=_("Files that were left out, with the reasons"))
        self._text.setReadOnly(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())  # the style's icons are for light ground
        buttons.rejected.connect(self.reject)
        in_column(QLabel(summary(len(sentences)), self), (self._text, 1), buttons, of=self)

    @property
    def text(self) -> str:
        return self._text.toPlainText()


def summary(count: int) -> str:
    return _n("{count} file was left out", "{count} files were left out", count)
