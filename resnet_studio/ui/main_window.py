"""The window: rail, pages, menus, status bar; it joins the pages' wishes to the collaborators."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, QUrl, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QGraphicsView,
    QHBoxLayout,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, RunSpec
from resnet_studio.ui.actions import PAGE_ACTIONS, THEME_ACTIONS, Action, WindowState
from resnet_studio.ui.dialogs import ShortcutsDialog, about_box, ask_to_stop, ask_to_wait
from resnet_studio.ui.disk_full_notice import RoomWatch
from resnet_studio.ui.drop_frame import DropFrame, promise
from resnet_studio.ui.drops import Brought, brought, holds_images
from resnet_studio.ui.history_watch import HistoryWatch
from resnet_studio.ui.menus import Menus
from resnet_studio.ui.open_images import ImageDoor
from resnet_studio.ui.pages.base import Page
from resnet_studio.ui.pages.rows import PAGES
from resnet_studio.ui.rail import Rail
from resnet_studio.ui.services import Services
from resnet_studio.ui.status import StatusBar
from resnet_studio.ui.weights.import_weights import WeightsDoor, are_weights
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.banner import Banner

log = logging.getLogger(__name__)

BUILD_AFTER_MS = 100  # after the first paint
EDITORS = (QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QGraphicsView)  # these would take a dropped file as text


class MainWindow(QMainWindow):
    """Pages are built when first shown, or one by one once the window is on screen.

    ``leaving`` is True from the moment the training was told to end for good.
    """

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.services = services
        self.setObjectName("main_window")
        self.setWindowTitle("ResNet Studio")
        self.setMinimumSize(QSize(1060, 640))
        self.setAcceptDrops(True)
        self.leaving = False
        self._painted = True  # nothing to do after the first paint, unless show_and_build() says so
        self.pages: dict[str, Page] = {}
        self.rail = Rail([(row.key, row.title, row.tip) for row in PAGES], services.theme)
        self.banner = Banner()
        self.stack = named(QStackedWidget(), "page_stack")
        self._holders: dict[str, QWidget] = {}
        self._columns: dict[str, QVBoxLayout] = {}
        for row in PAGES:
            holder = QWidget()
            self._columns[row.key] = QVBoxLayout(holder)
            self._columns[row.key].setContentsMargins(0, 0, 0, 0)
            self._holders[row.key] = holder
            self.stack.addWidget(holder)
        self._lay_out()
        self.drop_frame = DropFrame(services.theme, self)
        self.status = StatusBar(services.controller)
        self.setStatusBar(self.status)
        self._history = HistoryWatch(services.store, services.preferences, self.banner, self)
        self._history.resume_requested.connect(self.resume)
        self._history.writable.connect(self._on_writable)
        self._room = RoomWatch(services.controller, self.banner, self)
        self._door = ImageDoor(self)
        self._door.came.connect(self.take)
        self._door.message.connect(self.status.tell)
        self._weights = WeightsDoor(services, self)
        self._weights.imported.connect(self._on_imported)
        self._weights.message.connect(self.status.tell)
        self._weights.problem.connect(self.tell_error)
        self.menus = Menus(self, self._handlers(), services.theme)
        self.menus.actions[THEME_ACTIONS[services.theme.mode]].setChecked(True)
        self.rail.chosen.connect(self.go)
        services.controller.state_changed.connect(self._on_state_changed)
        services.controller.failed.connect(self.tell_error)
        self._builder = QTimer(self, singleShot=True, interval=BUILD_AFTER_MS)
        self._builder.timeout.connect(self._build_next)
        self._restore()
        self._on_state_changed()
        self._history.greet()

    # Pages

    def page(self, key: str) -> Page:
        """The page of that key, built now if it is not there yet."""
        if key not in self.pages:
            row = next(row for row in PAGES if row.key == key)
            page = row.build(self.services)
            self._columns[key].addWidget(page)
            self.pages[key] = page
            page.message.connect(self.status.tell)
            page.working.connect(self.status.show_work)
            self._wire(page)
            for kind in EDITORS:
                for editor in page.findChildren(kind):
                    editor.setAcceptDrops(False)
        return self.pages[key]

    @Slot(str)
    def go(self, key: str) -> None:
        """Show a page."""
        page = self.page(key)
        self.stack.setCurrentWidget(self._holders[key])
        self.rail.choose(key)
        self.services.preferences.set_value("window/page", key)
        page.activate()

    @property
    def current(self) -> str:
        """Key of the page that is shown."""
        return PAGES[self.stack.currentIndex()].key

    def _wire(self, page: Page) -> None:
        """Grant a page's wishes: whichever of these signals it has."""
        wishes: dict[str, Callable[..., object]] = {
            "train_requested": self.train,
            "resume_requested": self.resume,
            "compare_requested": self.compare,
            "classify_requested": self.classify_with,
            "images_requested": self.show_images,
            "design_requested": self._on_design_wanted,
            "import_requested": self._weights.choose,
            "export_requested": self._weights.export,
            "fine_tune_requested": self.fine_tune,
        }
        for name, slot in wishes.items():
            if hasattr(page, name):
                getattr(page, name).connect(slot)

    @Slot()
    def _build_next(self) -> None:
        """Build the remaining pages one a tick, so that the window answers in between."""
        missing = next((row.key for row in PAGES if row.key not in self.pages), None)
        if missing is not None and not self.leaving:
            self.page(missing)
            self._builder.start(10)

    # Wishes

    @Slot(object)
    def train(self, cohort: CohortSpec) -> None:
        """Train a cohort now or after what trains, and show it."""
        self.page("train")  # it must be there before the first event
        self._attempt(self.services.controller.train, cohort, then="train")

    @Slot(list)
    def resume(self, run_ids: Sequence[str]) -> None:
        self.page("train")
        self._attempt(self.services.controller.resume, run_ids, then="train")

    @Slot(list)
    def compare(self, run_ids: Sequence[str]) -> None:
        self.go("compare")
        self._page("compare").show_runs(run_ids)

    @Slot(list)
    def classify_with(self, run_ids: Sequence[str]) -> None:
        self.go("classify")
        self._page("classify").choose_runs(run_ids)

    @Slot(object)
    def fine_tune(self, spec: RunSpec) -> None:
        """Propose on the Design page a run that goes on from a stored one."""
        self.go("design")
        self._page("design").show_spec(spec)
        self.status.tell("Training will begin with that run's weights; choose data and recipe, then train.")

    @Slot(object)
    def _on_imported(self, run: RunRecord) -> None:
        self.services.controller.refresh()
        self.go("runs")
        self._page("runs").choose_runs([run.id])
        self.status.tell(f"{run.name} was imported: {run.spec.network.label}.")

    @Slot(list, list)
    def show_images(self, run_ids: Sequence[str], images: Sequence[object]) -> None:
        """Let these networks see these images: files, or images that are none."""
        self.classify_with(run_ids)
        self._page("classify").classify_images(images)

    @Slot(str)
    def tell_error(self, sentence: str) -> None:
        """A sentence the user should not miss."""
        self.banner.tell("error", sentence, kind="error")

    @Slot(object)
    def take(self, things: Brought) -> None:
        """Classify what was dropped or pasted; weights are imported."""
        if things.remote and not (things.paths or things.images):
            self.tell_error("That picture lies on another machine, and nothing is fetched unasked; save it first.")
            return
        if weights := [path for path in things.paths if are_weights(path)]:
            self._weights.bring(weights)
            things = replace(things, paths=tuple(path for path in things.paths if path not in weights))
        if not things:
            return
        self.go("classify")
        if things.paths:
            self._page("classify").classify_paths(list(things.paths))
        if things.images:
            self._page("classify").classify_images(list(things.images))

    def _page(self, key: str) -> Any:
        return self.page(key)

    def _attempt(self, wish: Callable[..., object], *arguments: object, then: str) -> None:
        try:
            wish(*arguments)
        except UserError as error:
            self.tell_error(str(error))
            return
        self.banner.withdraw("error")
        self.go(then)

    # Menus

    def _handlers(self) -> dict[Action, Callable[[], object]]:
        controller = self.services.controller
        handlers: dict[Action, Callable[[], object]] = {
            Action.OPEN_IMAGES: self._door.open_images,
            Action.OPEN_FOLDER: self._door.open_folder,
            Action.PASTE_IMAGE: self._door.paste,
            Action.IMPORT_WEIGHTS: self._weights.choose,
            Action.SHOW_HOME: self._on_show_home,
            Action.QUIT: self.close,
            Action.TRAIN_TWIN: lambda: self._page("design").train_twin(),
            Action.TRAIN_THIS: lambda: self._page("design").train_this(),
            Action.RUN_STUDY: lambda: self._page("design").run_study(),
            Action.COMPARE_NETWORKS: lambda: self._page("design").compare_networks(),
            Action.PAUSE: lambda: controller.unpause() if controller.paused else controller.pause(),
            Action.STOP: controller.stop,
            Action.FULL_SCREEN: lambda: self.showNormal() if self.isFullScreen() else self.showFullScreen(),
            Action.SHORTCUTS: lambda: ShortcutsDialog(self).open(),
            Action.ABOUT: lambda: about_box(self).open(),
        }
        for key, action in PAGE_ACTIONS.items():
            handlers[action] = lambda key=key: self.go(key)  # type: ignore[misc]
        for mode, action in THEME_ACTIONS.items():
            handlers[action] = lambda mode=mode: self.services.theme.set_mode(mode)  # type: ignore[misc]
        return handlers

    def _on_show_home(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.services.home.root)))

    @Slot()
    def _on_design_wanted(self) -> None:
        self.go("design")

    @Slot()
    def _on_state_changed(self) -> None:
        controller = self.services.controller
        self.menus.apply(
            WindowState(
                training=controller.training,
                paused=controller.paused,
                stopping=controller.stopping,
                writable=self.services.store.writable,
            )
        )

    # Start and end

    @Slot()
    def _on_writable(self) -> None:
        self.status.tell("The history can be written now.")
        self._on_state_changed()
        self.services.controller.state_changed.emit()
        self.services.controller.refresh()

    def _lay_out(self) -> None:
        centre = QWidget()
        row = QHBoxLayout(centre)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        around = QVBoxLayout()
        around.setContentsMargins(16, 8, 16, 0)
        around.addWidget(self.banner)
        column.addLayout(around)
        column.addWidget(self.stack, 1)
        row.addWidget(self.rail)
        row.addLayout(column, 1)
        self.setCentralWidget(centre)

    def _restore(self) -> None:
        preferences = self.services.preferences
        geometry = preferences.value("window/geometry", QByteArray(), QByteArray)
        if geometry.isEmpty() or not self.restoreGeometry(geometry):
            available = QGuiApplication.primaryScreen().availableGeometry().size()
            self.resize(QSize(1440, 900).boundedTo(available * 0.94))
        last = preferences.value("window/page", "design", str)
        self.go(last if last in self._holders else "design")

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
            self._history.remember(() if controller.stopping else controller.active)
            self.setEnabled(False)
            self.banner.tell("leaving", "Stopping and saving; the window closes by itself…")
            QApplication.processEvents()
            while not controller.shut_down():
                if not ask or not ask_to_wait(self):
                    log.error("the training did not stop in time; its last checkpoint is kept")
                    break
        else:
            self._history.remember(())
        self.leaving = True
        controller.shut_down(0)  # nothing starts from here on
        self._builder.stop()
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
            self._builder.start()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.leaving or self.leave():
            event.accept()
        else:
            event.ignore()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if holds_images(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.drop_frame.show_promise(promise(event.mimeData()))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.drop_frame.hide()
        super().dragLeaveEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if holds_images(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        self.drop_frame.hide()
        things = brought(event.mimeData(), "Dropped")
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        self.activateWindow()
        self.take(things)
