"""Where images come in by hand: dialogs and the clipboard. Drops are the window's."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from resnet_studio.ui.drops import Brought, brought

FILTER = "Images (*.png *.jpg *.jpeg *.bmp *.webp *.gif *.tif *.tiff);;All files (*)"


class ImageDoor(QObject):
    """``came`` carries what a person chose, as a :class:`Brought`; ``message`` a sentence where nothing was there."""

    came = Signal(object)
    message = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window

    def open_images(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(self._window, "Choose images", "", FILTER)
        self.came.emit(Brought(paths=tuple(Path(path) for path in chosen)))

    def open_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self._window, "Choose a folder of images")
        self.came.emit(Brought(paths=(Path(chosen),) if chosen else ()))

    def paste(self) -> None:
        mime = QGuiApplication.clipboard().mimeData()
        things = brought(mime, "Pasted") if isinstance(mime, QMimeData) else Brought()
        if not things:
            self.message.emit("There is no image on the clipboard.")
        self.came.emit(things)
