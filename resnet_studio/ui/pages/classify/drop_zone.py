"""Where images are dropped or opened: large while there are none, a strip above the grid afterwards."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from resnet_studio.text import _
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import STRETCH, in_column


class DropZone(QWidget):
    """Shows that a drop is welcome; the page takes it. Each button has its signal."""

    files_requested = Signal()
    folder_requested = Signal()
    paste_requested = Signal()
    samples_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._hot = False
        self._large = True
        named(self, "classify_drop_zone", accessible=_("Drop images here"))
        self._heading = named(QLabel(_("Drop images or folders here"), self), role="title")
        self._heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint = named(QLabel(_("from anywhere on this machine; nothing leaves it"), self), role="muted")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for text, name, signal, tip in (
            (_("Open files…"), "classify_open_files", self.files_requested, "Ctrl+O"),
            (
                _("Open folder…"),
                "classify_open_folder",
                self.folder_requested,
                _("Ctrl+Shift+O; all images in it, at any depth"),
            ),
            (_("Paste"), "classify_paste", self.paste_requested, _("Ctrl+V: an image or files from the clipboard")),
            (_("Try the sample images"), "classify_samples", self.samples_requested, _("Drawn by this program")),
        ):
            button = named(QPushButton(text, self), name, tip=tip)
            button.clicked.connect(signal)
            buttons.addWidget(button)
            if name == "classify_open_files":
                self.open_files = button
        buttons.addStretch(1)
        in_column(STRETCH, self._heading, self._hint, buttons, STRETCH, of=self, margins=(12, 8, 12, 8), spacing=8)
        theme.changed.connect(self.update)

    @property
    def hot(self) -> bool:
        """Something that can be dropped hovers over the page."""
        return self._hot

    def set_hot(self, hot: bool) -> None:
        if hot != self._hot:
            self._hot = hot
            self._heading.setText(_("Let go to classify") if hot else _("Drop images or folders here"))
            self._heading.setVisible(self._large or hot)
            self.update()

    def set_large(self, large: bool) -> None:
        self._large = large
        self._heading.setVisible(large or self._hot)
        self._hint.setVisible(large)
        policy = QSizePolicy.Policy.Expanding if large else QSizePolicy.Policy.Maximum
        self.setSizePolicy(QSizePolicy.Policy.Expanding, policy)

    def minimumSizeHint(self) -> QSize:
        return QSize(360, 190 if self._large else 50)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(self._theme.colour(Role.ACCENT if self._hot else Role.FIELD_BORDER), 2.5 if self._hot else 1.5)
        pen.setStyle(Qt.PenStyle.SolidLine if self._hot else Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(self._theme.colour(Role.ACCENT_SOFT if self._hot else Role.PANEL))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(2, 2, -2, -2), 12, 12)
        painter.end()
