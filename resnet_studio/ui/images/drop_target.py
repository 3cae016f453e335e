"""Lets a widget take images and other files that are dropped on it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from resnet_studio.ui.images.open_images import dropped_images, holds_images


class DropTarget(QObject):
    """Files and images dropped on ``widget``.

    ``entered(QMimeData)`` when something it would take is held over ``widget``, ``left`` when that is over, and
    ``dropped(DroppedImages)`` after it, if it was let go there.
    """

    entered = Signal(object)
    left = Signal()
    dropped = Signal(object)

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.DragLeave:
            self.left.emit()
        if not isinstance(event, QDropEvent):  # entering and moving are drops, too
            return super().eventFilter(watched, event)
        if not holds_images(event.mimeData()):
            event.ignore()
            return True
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if isinstance(event, QDragEnterEvent):
            self.entered.emit(event.mimeData())
        elif event.type() is QEvent.Type.Drop:
            self.left.emit()
            self.dropped.emit(dropped_images(event.mimeData()))
        return True
