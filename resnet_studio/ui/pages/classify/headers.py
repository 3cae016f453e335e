"""The headers of the grid: images down the left side, networks across the top; they stay while the cells scroll."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QHeaderView, QWidget

from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _
from resnet_studio.ui.images.image_row import ImageRow
from resnet_studio.ui.images.thumbnails import Thumbnails
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.run_columns import data_name
from resnet_studio.ui.pages.classify.results import HeadingRole, ResultsModel
from resnet_studio.ui.plots.line_sample import SAMPLE_WIDTH, paint_sample
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.elided import keep_end
from resnet_studio.ui.widgets.text import counted

ROW_HEIGHT = 124
PICTURE, GAP, MARGIN = 88, 8, 12  # logical pixels, as all that follow
_ONE_OF_TWO = 72  # side of a picture beside another one
_NARROWEST, _LEAST_BARS = 165, 140  # of a network's answers; of the bars beside pictures
_IMAGES_WIDTH = 200
_LEAST = 6  # a picture of 3 x 700 pixels would be a line that nobody sees
_SMALL = 64  # pictures below this side are shown pixel by pixel
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class ImagesHeader(QHeaderView):
    """One image a row: its picture, its name, and the folder it lies in."""

    def __init__(self, model: ResultsModel, thumbnails: Thumbnails, theme: Theme, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self._results, self._thumbnails, self._theme = model, thumbnails, theme
        self.setObjectName("classify_images")
        self.setStyleSheet("QHeaderView { border: 0; border-radius: 0; }")
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setDefaultSectionSize(ROW_HEIGHT)
        self.setMinimumSectionSize(ROW_HEIGHT)
        self.setSectionsClickable(True)
        self.setHighlightSections(True)
        thumbnails.ready.connect(self.viewport().update)

    def sizeHint(self) -> QSize:
        return QSize(_IMAGES_WIDTH, super().sizeHint().height())

    def paintSection(self, painter: QPainter, rect: QRect, logical_index: int) -> None:
        image = self._results.headerData(logical_index, Qt.Orientation.Vertical, HeadingRole.IMAGE)
        if not isinstance(image, ImageRow):
            return
        painter.save()
        selected = self.selectionModel() is not None and self.selectionModel().rowIntersectsSelection(logical_index)
        painter.fillRect(rect, self._theme.colour(Role.ACCENT_SOFT if selected else Role.PANEL))
        painter.setPen(self._theme.colour(Role.GRID))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        frame = QRect(rect.left() + 8, rect.top() + (rect.height() - PICTURE) // 2, PICTURE, PICTURE)
        self._paint_picture(painter, frame, self._thumbnails.picture(image))
        words = rect.adjusted(PICTURE + 16, 10, -4, -10)
        painter.setPen(self._theme.colour(Role.TEXT))
        lines = _wrapped(image.name, painter, words.width())
        height = painter.fontMetrics().height()
        top = words.center().y() - (len(lines) + bool(image.folder)) * height // 2
        for line in lines:
            painter.drawText(QRect(words.left(), top, words.width(), height), int(_LEFT), line)
            top += height
        if image.folder:
            painter.setPen(self._theme.colour(Role.MUTED))
            folder = painter.fontMetrics().elidedText(image.folder, Qt.TextElideMode.ElideMiddle, words.width())
            painter.drawText(QRect(words.left(), top, words.width(), height), int(_LEFT), folder)
        painter.restore()

    def _paint_picture(self, painter: QPainter, frame: QRect, picture: QPixmap | None) -> None:
        if picture is None or picture.isNull():
            painter.fillRect(frame, self._theme.colour(Role.RAISED))
            return
        size = picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(_LEAST, _LEAST))
        area = QRect(frame.topLeft(), size)
        area.moveCenter(frame.center())
        small = max(picture.width(), picture.height()) < _SMALL
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not small)
        painter.drawPixmap(area, picture)


class NetworksHeader(QHeaderView):
    """One network a column: its line, its name, what it was trained on, and how many of its guesses are right."""

    def __init__(self, model: ResultsModel, iterations: Mapping[str, int], theme: Theme, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._results, self._iterations, self._theme = model, iterations, theme
        self.setObjectName("classify_networks")
        self.setStyleSheet("QHeaderView { border: 0; border-radius: 0; }")
        self.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.set_pictures(0)
        self.setSectionsClickable(False)
        self.setMinimumHeight(74)

    def set_pictures(self, pictures: int) -> None:
        """Leave room for so many beside each answer."""
        beside = MARGIN + pictures * (map_side(pictures) + GAP) + _LEAST_BARS + MARGIN
        self.setMinimumSectionSize(beside if pictures else _NARROWEST)
        self.resizeSections()  # Qt itself only makes them wider

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), 74)

    def paintSection(self, painter: QPainter, rect: QRect, logical_index: int) -> None:
        run = self._results.headerData(logical_index, Qt.Orientation.Horizontal, HeadingRole.RUN)
        if not isinstance(run, RunRecord):
            return
        painter.save()
        painter.fillRect(rect, self._theme.colour(Role.PANEL))
        painter.setPen(QPen(self._theme.colour(Role.BORDER), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        area = rect.adjusted(12, 8, -8, -8)
        height = area.height() // 3
        line = QRectF(area.left(), area.top(), SAMPLE_WIDTH, height)
        paint_sample(painter, line, self._theme.run_colour(run.colour), run.residual)
        plain = painter.font()
        bold = QFont(plain)
        bold.setWeight(QFont.Weight.DemiBold)
        rest = area.width() - SAMPLE_WIDTH - 8
        mark = self._results.name_of(run).removeprefix(run.name)
        for number, (text, end, font, role) in enumerate(
            (
                (run.name, mark, bold, Role.TEXT),
                (self._about(run), "", plain, Role.MUTED),
                (self._score(logical_index), "", plain, Role.MUTED),
            )
        ):
            painter.setFont(font)
            painter.setPen(self._theme.colour(role))
            left, width = (area.left() + SAMPLE_WIDTH + 8, rest) if number == 0 else (area.left(), area.width())
            words = keep_end(painter.fontMetrics(), text, end, width)
            painter.drawText(QRect(left, area.top() + number * height, width, height), int(_LEFT), words)
        painter.restore()

    def _about(self, run: RunRecord) -> str:
        classes = counted(len(run.class_names), "class", "classes")
        parts = [data_name(run), classes] if run.data_known else [classes]
        used = self._iterations.get(run.id)
        if used is not None and used < run.iterations and not run.imported:
            parts.append(_("at iteration {count}", count=formats.count(used)))
        return ", ".join(parts)

    def _score(self, column: int) -> str:
        return self._results.score(column).sentence


def map_side(pictures: int) -> int:
    """Of each of so many pictures in a cell."""
    return PICTURE if pictures < 2 else _ONE_OF_TWO


def _wrapped(name: str, painter: QPainter, width: int) -> list[str]:
    """A long file name on two lines, its middle left out if that is not enough."""
    metrics = painter.fontMetrics()
    if metrics.horizontalAdvance(name) <= width:
        return [name]
    cut = len(name)
    while cut > 1 and metrics.horizontalAdvance(name[:cut]) > width:
        cut -= 1
    words = max(name.rfind(mark, 1, cut) for mark in " ._-")
    rest_fits = words > 0 and metrics.horizontalAdvance(name[words:].lstrip()) <= width
    if words > cut // 2 or rest_fits:  # rather at a space or a dot than anywhere
        cut = words + (name[words] != ".")
    return [name[:cut].rstrip(), metrics.elidedText(name[cut:].lstrip(), Qt.TextElideMode.ElideMiddle, width)]


def tick(painter: QPainter, area: QRectF, theme: Theme, *, right: bool) -> None:
    """A check mark or a cross: told apart by shape, and by colour."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(theme.colour(Role.OK if right else Role.ERROR), 2.0)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    if right:
        corners = ((0.1, 0.55), (0.4, 0.85), (0.9, 0.2))
        points = [QPointF(area.left() + x * area.width(), area.top() + y * area.height()) for x, y in corners]
        painter.drawPolyline(points)
    else:
        inner = area.adjusted(1.5, 1.5, -1.5, -1.5)
        painter.drawLine(inner.topLeft(), inner.bottomRight())
        painter.drawLine(inner.topRight(), inner.bottomLeft())
    painter.restore()
