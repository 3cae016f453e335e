"""The grid of images and networks: a virtual view, so hundreds of images scroll like ten."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractItemView, QTableView, QWidget

from resnet_studio.text import _
from resnet_studio.ui.images.thumbnails import Thumbnails
from resnet_studio.ui.pages.classify.delegate import BarsDelegate
from resnet_studio.ui.pages.classify.headers import ImagesHeader, NetworksHeader
from resnet_studio.ui.pages.classify.maps import ClassMaps
from resnet_studio.ui.pages.classify.results import ResultsModel
from resnet_studio.ui.pages.classify.session import ClassifySession
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named


class ResultsGrid(QTableView):
    """Rows are chosen; Del asks to take the chosen images away, Ctrl+C to copy the results."""

    remove_requested = Signal()
    copy_requested = Signal()

    def __init__(
        self,
        model: ResultsModel,
        session: ClassifySession,
        thumbnails: Thumbnails,
        maps: ClassMaps,
        theme: Theme,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._results, self._session, self._maps = model, session, maps
        named(self, "classify_grid", accessible=_("Images by networks"))
        self.setModel(model)
        self.setVerticalHeader(ImagesHeader(model, thumbnails, theme, self))
        self._networks = NetworksHeader(model, session.iterations, theme, self)
        self.setHorizontalHeader(self._networks)
        self.setItemDelegate(BarsDelegate(theme, self._waiting, maps, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setAcceptDrops(False)  # the page takes drops
        for keys, signal in (("Del", self.remove_requested), ("Ctrl+C", self.copy_requested)):
            shortcut = QShortcut(QKeySequence(keys), self, context=Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(signal)
        theme.changed.connect(self.repaint_all)
        maps.ready.connect(self.viewport().update)
        maps.switched.connect(lambda: self._networks.set_pictures(self._maps.pictures))

    @property
    def chosen_keys(self) -> tuple[str, ...]:
        """Keys of the chosen images, from top to bottom."""
        images = self._results.images
        return tuple(images[index.row()].key for index in sorted(self.selectionModel().selectedRows()))

    def show_row(self, row: int) -> None:
        """Choose it alone and bring it into sight."""
        self.clearSelection()
        self.selectRow(row)
        self.setCurrentIndex(self._results.index(row, 0))
        self.executeDelayedItemsLayout()
        self.verticalScrollBar().setValue(
            min(max(self.verticalScrollBar().value(), self._end_of(row)), self.verticalHeader().sectionPosition(row))
        )

    def _end_of(self, row: int) -> int:
        """Where to scroll at least for the whole row to be seen."""
        header = self.verticalHeader()
        return max(0, header.sectionPosition(row) + header.sectionSize(row) - self.viewport().height())

    def repaint_all(self) -> None:
        for part in (self, self.verticalHeader(), self.horizontalHeader()):
            part.viewport().update()

    def _waiting(self) -> str:
        if self._session.looking:
            return "…"
        return "stopped" if self._session.halted else _("not available")
