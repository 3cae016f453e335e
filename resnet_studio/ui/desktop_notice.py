"""A sentence on the desktop, wherever the window is: through the session bus, else the tray. Never a sound."""

from __future__ import annotations

import logging
import os
import sys

from PySide6.QtCore import QCoreApplication, QElapsedTimer, QEventLoop, QObject, Slot
from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCall, QDBusPendingCallWatcher

from resnet_studio.domain.visible_text import visible

log = logging.getLogger(__name__)

SERVICE, PATH, INTERFACE = (
    "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Notification",
)  # fmt: skip
_ID = "resnet-studio-queue"  # a later notice takes the place of an earlier one
_SHOWN_MS, _WAIT_MS = 10_000, 2000


class DesktopNotice(QObject):
    """One sentence, sent when it is made; without a desktop nothing happens.

    The desktop portal is asked: the older ``org.freedesktop.Notifications`` wants an unsigned number, which PySide6
    cannot send. Where there is no portal, or no bus, the tray shows it if the window's program has one.
    """

    def __init__(self, title: str, sentence: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.over = False
        self._title, self._sentence = visible(title), visible(sentence)
        self._watcher: QDBusPendingCallWatcher | None = None
        call = self._send()
        if call is None:
            self._through_tray()
        else:
            self._watcher = QDBusPendingCallWatcher(call, self)
            self._watcher.finished.connect(self._on_answer)

    def _send(self) -> QDBusPendingCall | None:
        if sys.platform in ("win32", "darwin") or not QDBusConnection.sessionBus().isConnected():
            return None
        message = QDBusMessage.createMethodCall(SERVICE, PATH, INTERFACE, "AddNotification")
        notification = {"title": self._title, "body": self._sentence, "priority": "normal", "sound": "silent"}
        message.setArguments([_ID, notification])
        return QDBusConnection.sessionBus().asyncCall(message, _WAIT_MS)

    @Slot(QDBusPendingCallWatcher)
    def _on_answer(self, answer: QDBusPendingCallWatcher) -> None:
        self.over = True
        if answer.isError():
            log.info("the desktop shows no notices: %s", answer.error().message())
            self._through_tray()

    def _through_tray(self) -> None:
        from PySide6.QtWidgets import QApplication, QSystemTrayIcon

        self.over = True
        if not isinstance(QApplication.instance(), QApplication):
            return
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            tray = QSystemTrayIcon(QApplication.windowIcon(), self)
            tray.show()
            tray.showMessage(self._title, self._sentence, QApplication.windowIcon(), _SHOWN_MS)


def notify_from_terminal(title: str, sentence: str) -> None:
    """For a program without a window; waits at most two seconds, and only where there is a session bus."""
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return
    application = QCoreApplication.instance() or QCoreApplication([])
    notice, waited = DesktopNotice(title, sentence), QElapsedTimer()
    waited.start()
    while not notice.over and waited.elapsed() < _WAIT_MS:
        application.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 100)
