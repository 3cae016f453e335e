"""The pages of the window: one is shown, each is built when it is first needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QGraphicsView,
    QLineEdit,
    QPlainTextEdit,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.rows import page_row
from resnet_studio.ui.services import Services

BUILD_AFTER_MS = 100  # after the first paint
_NEXT_MS = 10  # the window answers in between
_EDITORS = (QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QGraphicsView)  # these would take a dropped file as text
_POLISHED, _OWN_STYLE = Qt.WidgetAttribute.WA_WState_Polished, Qt.WidgetAttribute.WA_SetStyle

P = TypeVar("P", bound=Page)


class PageStack(QStackedWidget):
    """``built(page)`` when a page was made, ``page_shown(key)`` when one comes to the front."""

    built = Signal(object)
    page_shown = Signal(str)

    def __init__(self, services: Services, rows: Sequence[PageRow]) -> None:
        super().__init__()
        self.setObjectName("page_stack")
        self._services, self.rows = services, tuple(rows)
        self.pages: dict[str, Page] = {}
        self._holders: dict[str, QVBoxLayout] = {}
        self._unstyled: dict[str, list[QWidget]] = {}  # of pages that were hidden while the theme changed
        services.theme.changing.connect(self.on_theme_changing)
        for row in self.rows:
            holder = QWidget()
            self._holders[row.key] = QVBoxLayout(holder)
            self._holders[row.key].setContentsMargins(0, 0, 0, 0)
            self.addWidget(holder)
        self._builder = QTimer(self, singleShot=True)
        self._builder.timeout.connect(self._build_next)

    @property
    def current(self) -> str:
        """Key of the page that is shown."""
        return self.rows[self.currentIndex()].key

    def page(self, key: str) -> Page:
        """The page of that key, built now if it is not there yet."""
        if key not in self.pages:
            row = page_row(key, self.rows)
            page = self.pages[key] = row.build(self._services, row, self._holders[key].parentWidget())
            self._holders[key].addWidget(page)
            for kind in _EDITORS:
                for editor in page.findChildren(kind):
                    editor.setAcceptDrops(False)
            self.built.emit(page)
        return self.pages[key]

    def page_of(self, key: str, kind: type[P]) -> P:
        """As :meth:`page`, with the type of that page.

        Raises:
            TypeError: If it is of another.
        """
        page = self.page(key)
        if not isinstance(page, kind):
            raise TypeError(f"the page {key} is a {type(page).__name__}, wanted {kind.__name__}")
        return page

    @Slot(str)
    def show_page(self, key: str) -> None:
        """Raises KeyError if there is no such page."""
        page = self.page(key)
        themed = key in self._unstyled
        self._style(key)
        self.setCurrentIndex(list(self._holders).index(key))
        if themed:  # layouts keep the sizes that widgets had in the style before
            for widget in page.findChildren(QWidget):
                widget.updateGeometry()
        self.page_shown.emit(key)
        page.activate()

    def build_rest(self, after_ms: int = BUILD_AFTER_MS) -> None:
        """Build the pages that are missing, one a turn of the event loop."""
        self._builder.start(after_ms)

    def stop_building(self) -> None:
        self._builder.stop()

    @Slot()
    def on_theme_changing(self) -> None:
        """Leave out the pages that nobody sees: a style sheet takes 0.1 ms a widget, and all pages have thousands.

        Qt styles a widget anew that is polished, and sends it an event, unless its style is its own. Windows that
        belong to a hidden page may be in sight and are not left out; its menus and lists open only from the page
        itself.
        """
        window = self.window()
        for key, page in self.pages.items():
            if page.isVisible():
                continue
            left_out = self._unstyled.setdefault(key, [])
            for widget in [page, *page.findChildren(QWidget)]:
                styled = widget.testAttribute(_POLISHED) and not widget.testAttribute(_OWN_STYLE)
                top = widget.window()
                if styled and (top is window or top.windowType() is Qt.WindowType.Popup):
                    widget.setAttribute(_POLISHED, False)
                    widget.setAttribute(_OWN_STYLE)
                    left_out.append(widget)

    def _style(self, key: str) -> None:
        """Give a page the theme that came while it was hidden."""
        style = QApplication.style()
        for widget in self._unstyled.pop(key, []):
            if isValid(widget):
                widget.setAttribute(_OWN_STYLE, False)
                style.unpolish(widget)
                QCoreApplication.sendEvent(widget, QEvent(QEvent.Type.Polish))

    @Slot()
    def _build_next(self) -> None:
        missing = next((row.key for row in self.rows if row.key not in self.pages), None)
        if missing is not None:
            self.page(missing)
            self._builder.start(_NEXT_MS)
