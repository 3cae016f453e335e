"""Builds the window's collaborators, shows it, and takes everything down in order."""

from __future__ import annotations

import logging
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QIcon, QSessionManager
from PySide6.QtWidgets import QApplication, QMessageBox

from resnet_studio import __version__
from resnet_studio.domain.errors import UserError
from resnet_studio.history.store import RunStore, open_history
from resnet_studio.platform.crash_trace import take_new_trace
from resnet_studio.platform.home import Home
from resnet_studio.platform.resources import resources
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.crash_dialog import FaultDialog, FaultReporter, crashed
from resnet_studio.ui.gc_in_gui_thread import GarbageCollector
from resnet_studio.ui.main_window import MainWindow
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.services import Services
from resnet_studio.ui.stop_signals import Interrupts
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.threads.jobs import Jobs

if TYPE_CHECKING:
    from resnet_studio.domain.specs import CohortSpec

log = logging.getLogger(__name__)


class Studio(QObject):
    """Everything that lives as long as the window, and the order in which it ends."""

    def __init__(self, home: Home, store: RunStore) -> None:
        super().__init__()
        self.garbage = GarbageCollector(self)
        preferences = Preferences(home)
        self.theme = Theme(preferences, self)
        self.jobs = Jobs(self)
        self.controller = RunController(store, self)
        self.window = MainWindow(Services(home, store, self.controller, preferences, self.theme, self.jobs))
        self.faults = FaultReporter(self)
        self.fault_dialog = FaultDialog(self.window)
        self.faults.reported.connect(self.fault_dialog.show_fault)
        self.faults.away.connect(self.window.status.show_message)
        self.fault_dialog.repeated.connect(self.window.status.show_message)
        self.controller.crashed.connect(self.fault_dialog.show_fault)
        self.jobs.crashed.connect(self.fault_dialog.show_fault)
        self.faults.install()
        self.interrupts = Interrupts(self)
        self.interrupts.arrived.connect(self._on_signal)
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.commitDataRequest.connect(self.on_session_ends, Qt.ConnectionType.DirectConnection)
        self.exit_code = 0

    @Slot(int)
    def _on_signal(self, number: int) -> None:
        """The operating system asks us to go: save, then go. A dialog that waits for an answer is closed first."""
        if self.window.leaving:
            return
        log.info("signal %d: closing", number)
        self.exit_code = 128 + number
        while (dialog := QApplication.activeModalWidget()) is not None:
            dialog.close()
            if QApplication.activeModalWidget() is dialog:
                break
        if self.window.leave(ask=False):
            self.window.close()
            QApplication.quit()

    @Slot(QSessionManager)
    def on_session_ends(self, _manager: QSessionManager | None) -> None:
        """The user logs out or the machine shuts down: there is a moment to save, and nobody to ask."""
        if not self.window.leaving:
            log.info("the session ends: closing")
            self.window.leave(ask=False)

    def take_down(self) -> bool:
        """False if a thread still runs: the process must then end without waiting for it."""
        ended = self.jobs.stop_all() and self.controller.shut_down()
        self.interrupts.remove()
        self.faults.remove()
        self.garbage.remove()
        return ended


def make_application() -> QApplication:
    """The one QApplication, with its name and icon."""
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("ResNet Studio")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("resnet-studio")
    icon = resources() / "icon.png"
    if icon.is_file():
        app.setWindowIcon(QIcon(str(icon)))
    return app


def run_window(home: Home, cohort: CohortSpec | None = None) -> int:
    """Show the window until it is closed; ``cohort`` starts training at once.

    Raises:
        UserError: If the history cannot be read.
    """
    app = make_application()
    try:
        store = open_history(home)
    except UserError as error:
        _show_without_window(app, str(error))
        raise
    log.info("ResNet Studio %s, home %s, %s", __version__, home.root, "writing" if store.writable else "reading")
    studio = Studio(home, store)
    studio.window.show_and_build()
    if trace := take_new_trace(home):
        QTimer.singleShot(0, studio.window, partial(studio.fault_dialog.show_fault, crashed(), trace))
    if cohort is not None:
        QTimer.singleShot(0, studio.window, partial(studio.window.navigator.demonstrate, cohort))
    app.exec()
    ended = studio.take_down()
    store.close()
    code = studio.exit_code
    if not ended:
        log.error("a thread did not end in time; leaving without it")
        logging.shutdown()
        os._exit(code or 1)
    studio.window.deleteLater()
    del studio
    return code


def _show_without_window(app: QApplication, sentence: str) -> None:
    """Started from a desktop, nobody sees the terminal."""
    if app.platformName() != "offscreen" and not (sys.stderr and sys.stderr.isatty()):
        QMessageBox.critical(None, "ResNet Studio", sentence)
