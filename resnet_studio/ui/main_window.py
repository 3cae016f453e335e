"""The window: rail, pages, menus and status bar laid out, what is dropped on it, and how it starts and closes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QByteArray, QMimeData, QSize, QTimer, QUrl, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QGuiApplication,
    QPaintEvent,
)
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from resnet_studio.text import _
from resnet_studio.ui.actions import THEME_ACTIONS, Action, WindowState
from resnet_studio.ui.device_menu import DeviceMenu
from resnet_studio.ui.dialogs import about_box, ask_to_leave_work, ask_to_stop, ask_to_wait
from resnet_studio.ui.drop_frame import DropFrame, drop_sentence
from resnet_studio.ui.explain.term import term_of
from resnet_studio.ui.images.drop_target import DropTarget
from resnet_studio.ui.images.open_images import DroppedImages, choose_folder, choose_images
from resnet_studio.ui.lessons_offer import LessonsOffer
from resnet_studio.ui.menus import Menus
from resnet_studio.ui.notices import DiskFullNotice, HistoryNotices
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.rows import PAGES
from resnet_studio.ui.places_dialog import PlacesDialog
from resnet_studio.ui.queue_end import QueueEndNotice
from resnet_studio.ui.rail import Rail
from resnet_studio.ui.services import Services
from resnet_studio.ui.status import StatusBar
from resnet_studio.ui.widgets.banner import Banner
from resnet_studio.ui.widgets.layouts import in_column, in_row
from resnet_studio.ui.window_navigator import WindowNavigator

log = logging.getLogger(__name__)


class MainWindow(QMainWindow):
    """``leaving`` is True from the moment the training was stopped for good."""

    def __init__(self, services: Services, rows: Sequence[PageRow] = PAGES, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("main_window")
        self.setWindowTitle("ResNet Studio")
        self.setMinimumSize(QSize(1060, 640))
        self.leaving = False
        self._painted = True  # nothing to do after the first paint, unless show_and_build() says so
        self.banner, self.status = Banner(), StatusBar(services.controller)
        self.navigator = WindowNavigator(services, rows, self.banner, self.status, self)
        self.services, self.pages = self.navigator.services, self.navigator.pages
        self.rail = Rail(rows, services.theme)
        self.menus = Menus(self, rows, self._handlers(), services.theme)
        self.menus.add_menu(_("&Training"), DeviceMenu(services.controller, services.preferences, self))
        self.menus.actions[THEME_ACTIONS[services.theme.mode]].setChecked(True)
        self._history = HistoryNotices(services.store, services.controller, self.banner, self)
        self._disk_full = DiskFullNotice(services.controller, self.banner, self)
        self._lessons = LessonsOffer(services, self.banner, self)
        self._lay_out()
        self._connect()
        self._restore()
        self._on_state_changed()
        self._lessons.offer()
        self._history.greet()
        self._queue_end = QueueEndNotice(services.controller, services.preferences, self)
        services.controller.watch()

    def _lay_out(self) -> None:
        centre = QWidget()
        row = in_row(of=centre, margins=0, spacing=0)
        column = in_column(margins=0, spacing=0)
        around = in_column(self.banner, margins=(16, 8, 16, 0))
        column.addLayout(around)
        column.addWidget(self.pages, 1)
        row.addWidget(self.rail)
        row.addLayout(column, 1)
        self.setCentralWidget(centre)
        self.setStatusBar(self.status)
        self.drop_frame = DropFrame(self.services.theme, self)
        self._drops = DropTarget(self)

    def _connect(self) -> None:
        self.rail.chosen.connect(self.pages.show_page)
        self.menus.page_chosen.connect(self.pages.show_page)
        self.pages.built.connect(self._on_page_built)
        self.pages.page_shown.connect(self._on_page_shown)
        self._drops.entered.connect(self._on_drag)
        self._drops.left.connect(self.drop_frame.hide)
        self._drops.dropped.connect(self._on_drop)
        self._lessons.accepted.connect(partial(self.pages.show_page, "lessons"))
        self._history.resume_requested.connect(self.navigator.resume)
        self._history.go_on_requested.connect(self.navigator.go_on)
        self._history.writable.connect(self._on_writable)
        self.services.controller.state_changed.connect(self._on_state_changed)
        self.services.controller.failed.connect(self.navigator.show_error)

    def _handlers(self) -> dict[Action, Callable[[], object]]:
        navigator, controller, theme = self.navigator, self.services.controller, self.services.theme
        preferences = self.services.preferences
        handlers: dict[Action, Callable[[], object]] = {
            Action.OPEN_IMAGES: lambda: navigator.open_images(DroppedImages(choose_images(self, preferences))),
            Action.OPEN_FOLDER: lambda: navigator.open_images(DroppedImages(choose_folder(self, preferences))),
            Action.PASTE_IMAGE: navigator.paste_images,
            Action.IMPORT_WEIGHTS: navigator.import_weights,
            Action.SHOW_HOME: lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.services.home.root))),
            Action.PLACES: lambda: PlacesDialog(self.services.home, self.services.store.where, self).open(),
            Action.QUIT: self.close,
            Action.TRAIN_TWIN: lambda: navigator.design_page.train_twin(),
            Action.TRAIN_THIS: lambda: navigator.design_page.train_this(),
            Action.RUN_STUDY: lambda: navigator.design_page.run_study(),
            Action.COMPARE_NETWORKS: lambda: navigator.design_page.compare_networks(),
            Action.PAUSE: lambda: controller.unpause() if controller.paused else controller.pause(),
            Action.STOP: controller.stop,
            Action.FULL_SCREEN: lambda: self.showNormal() if self.isFullScreen() else self.showFullScreen(),
            Action.SHORTCUTS: lambda: navigator.explain(term_of(QApplication.focusWidget())),
            Action.WORDS: lambda: navigator.explain("residual-block"),
            Action.LESSONS: lambda: self.pages.show_page("lessons"),
            Action.ABOUT: lambda: about_box(self).open(),
        }
        return handlers | {action: partial(theme.set_mode, mode) for mode, action in THEME_ACTIONS.items()}

    @Slot(object)
    def _on_page_built(self, page: Page) -> None:
        page.message.connect(self.status.show_message)
        page.working.connect(partial(self.status.show_work, page.row.key))

    @Slot(str)
    def _on_page_shown(self, key: str) -> None:
        self.rail.choose(key)
        if key == "lessons":
            self._lessons.withdraw()
        self.services.preferences.set_value("window/page", key)

    @Slot(object)
    def _on_drag(self, mime: QMimeData) -> None:
        self.drop_frame.show_sentence(drop_sentence(mime))

    @Slot(object)
    def _on_drop(self, dropped: DroppedImages) -> None:
        self.activateWindow()
        self.navigator.open_images(dropped)

    @Slot()
    def _on_state_changed(self) -> None:
        controller = self.services.controller
        self.menus.apply(
            WindowState(
                training=bool(controller.trained),
                paused=controller.paused,
                stopping=controller.stopping,
                writable=self.services.store.writable,
                held_elsewhere=self.services.store.held_elsewhere,
            )
        )

    @Slot()
    def _on_writable(self) -> None:
        self.status.show_message(_("The history can be written now."))
        self._on_state_changed()
        self.services.controller.state_changed.emit()
        self.services.controller.refresh()

    # Start and end

    def _restore(self) -> None:
        preferences = self.services.preferences
        geometry = preferences.value("window/geometry", QByteArray(), QByteArray)
        if geometry.isEmpty() or not self.restoreGeometry(geometry):
            available = QGuiApplication.primaryScreen().availableGeometry().size()
            self.resize(QSize(1440, 900).boundedTo(available * 0.94))
        first, last = self.pages.rows[0].key, preferences.value("window/page", "", str)
        self.pages.show_page(last if any(row.key == last for row in self.pages.rows) else first)

    def show_and_build(self) -> None:
        """Show the window; everything that can wait comes after the first paint."""
        self._painted = False
        self.show()

    def leave(self, *, ask: bool = True) -> bool:
        """Stop and save, then close. Returns False if the user wants to go on.

        ``ask=False`` is for signals of the operating system: nobody may be there to answer.
        """
        controller = self.services.controller
        if controller.training:
            if ask and not ask_to_stop(self, len(controller.queue)):
                return False
            self.leaving = True
            self.setEnabled(False)
            self.banner.show_notice("leaving", _("Stopping and saving; the window closes by itself…"))
            QApplication.processEvents()
            while not controller.shut_down():
                if not ask or not ask_to_wait(self):
                    log.error("the training did not stop in time; its last checkpoint is kept")
                    break
        elif ask and (works := self.status.long_works) and not ask_to_leave_work(self, works):
            return False
        self.leaving = True
        controller.shut_down(0)  # nothing starts from here on
        self.pages.stop_building()
        self._history.stop()
        self.services.jobs.stop_all()
        self.services.preferences.set_value("window/geometry", self.saveGeometry())
        self.services.preferences.sync()
        return True

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self, self.rail.load_icons)
            QTimer.singleShot(0, self, self.menus.load_icons)
            self.pages.build_rest()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.leaving or self.leave():
            event.accept()
        else:
            event.ignore()
