"""A drawing of a report in the window, in the colours of its theme."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, QSize, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QSizePolicy, QWidget

from resnet_studio.studies.report.pictures import Picture
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.plain_tip import set_tip

_WIDEST = 860


class ReportPicture(QWidget):
    """As wide as there is room, up to a point; as high as its drawing is then."""

    def __init__(self, picture: Picture, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture, self._theme = picture, theme
        self._renderer = QSvgRenderer(self)
        self.setObjectName("report_picture")
        self.setAccessibleName(f"{picture.title}. {picture.words}")
        set_tip(self, picture.words)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self._load)
        self._load()

    @Slot()
    def _load(self) -> None:
        ink, soft, line = (self._theme.colour(role).name() for role in (Role.TEXT, Role.MUTED, Role.BORDER))
        style = (
            f"<style>.tick{{font-size:11px;fill:{soft}}}.grid{{stroke:{line}}}.zero{{stroke:{ink}}}"
            ".thin{stroke-width:0.8;stroke-opacity:0.45}.thick{stroke-width:2.2}</style>"
        )
        text = self._picture.drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        start = text.index(">") + 1
        self._renderer.load(QByteArray((text[:start] + style + text[start:]).encode()))
        self.update()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        size = self._renderer.defaultSize()
        return round(min(width, _WIDEST) * size.height() / max(size.width(), 1))

    def sizeHint(self) -> QSize:
        return QSize(560, self.heightForWidth(560))

    def minimumSizeHint(self) -> QSize:
        return QSize(300, self.heightForWidth(300))

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        width = min(self.width(), _WIDEST)
        self._renderer.render(painter, QRectF(0, 0, width, self.heightForWidth(width)))
        painter.end()
