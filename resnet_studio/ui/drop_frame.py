"""The frame around the whole window while something that it would take is held over it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMimeData, QObject, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from resnet_studio.domain.visible_text import visible_line
from resnet_studio.text import _, _n
from resnet_studio.ui.dropped_files import sort_files
from resnet_studio.ui.images.open_images import local_paths
from resnet_studio.ui.theme import Role, Theme


def drop_sentence(mime: QMimeData) -> str:
    """What letting go does."""
    from resnet_studio.data.images import is_image_name  # not needed before something is dragged

    paths = local_paths(mime)
    files = sort_files(paths)
    weights = files.weights
    if files.studies and len(files.studies) == len(paths):
        return _("Let go to open the study {name}", name=files.studies[0].name)
    if not weights:
        if paths and not any(is_image_name(path.name) or not path.suffix or path.is_dir() for path in paths):
            return _n("{name} is no image", "These {count} files are no images", len(paths), name=paths[0].name)
        return _("Let go to classify")
    name = weights[0].name if len(weights) == 1 else _("{weights} weights files", weights=len(weights))
    others = len(weights) < len(mime.urls())
    return _("Let go to import {name}", name=name) + (_(" and classify the rest") if others else "")


class DropFrame(QWidget):
    """Lies over ``window`` and lets the mouse through; hidden until :meth:`show_sentence`."""

    def __init__(self, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self._theme, self._window = theme, window
        self.text = ""
        self.setObjectName("drop_frame")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        window.installEventFilter(self)

    def show_sentence(self, text: str) -> None:
        self.text = text = visible_line(text)
        self.setAccessibleName(text)
        self.setGeometry(self._window.rect())
        self.raise_()
        self.show()
        self.update()

    # Qt

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self._window.rect())
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        p = QPainter(self)
        p.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = self._theme.colour(Role.WINDOW)
        veil.setAlphaF(0.55)
        p.fillRect(self.rect(), veil)
        p.setPen(QPen(self._theme.colour(Role.ACCENT), 3))
        p.drawRoundedRect(QRectF(self.rect()).adjusted(4, 4, -4, -4), 10, 10)
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.5)
        font.setWeight(QFont.Weight.DemiBold)
        p.setFont(font)
        metrics = QFontMetricsF(font)
        text = metrics.elidedText(self.text, Qt.TextElideMode.ElideMiddle, self.width() - 120)
        plate = QRectF(0, 0, metrics.horizontalAdvance(text) + 48, metrics.height() + 28)
        plate.moveCenter(QRectF(self.rect()).center())
        p.setBrush(self._theme.colour(Role.ACCENT_SOFT))
        p.drawRoundedRect(plate, 10, 10)
        p.setPen(self._theme.colour(Role.TEXT))
        p.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)
        p.end()
