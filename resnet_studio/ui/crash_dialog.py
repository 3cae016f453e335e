"""Errors that are ours: logged with their trace, then offered for copying. Nothing is swallowed."""

from __future__ import annotations

import logging
import platform
import sys
import threading
import traceback
from time import monotonic
from types import TracebackType
from typing import Any

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import QObject, Qt, QtMsgType, Signal, Slot, qInstallMessageHandler
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from resnet_studio import __version__
from resnet_studio.domain.errors import HistoryAwayError
from resnet_studio.text import _
from resnet_studio.ui.threads.jobs import unexpected
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import STRETCH, in_column, in_row

QUIET_SECONDS = 10.0

log = logging.getLogger(__name__)
qt_log = logging.getLogger("qt")

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def surroundings() -> str:
    """Versions that a report of a fault needs, one a line; torch only where it is loaded already."""
    torch = sys.modules.get("torch")
    lines = [
        _("ResNet Studio {version}", version=__version__),
        _(
            "Python {python_version}, PySide6 {pyside_version}",
            python_version=platform.python_version(),
            pyside_version=pyside_version,
        ),
        platform.platform(),
    ]
    if torch is not None:
        lines.append(_("torch {version}", version=getattr(torch, "__version__", "?")))
    return "\n".join(lines)


def crashed() -> str:
    """What is said at the start after a crash in native code."""
    return _("ResNet Studio crashed the last time it ran. The trace names where; nothing of it was sent.")


class FaultReporter(QObject):
    """Catches what nobody caught, in any thread. ``reported(sentence, details)`` arrives in the GUI thread.

    A history whose server does not answer is no fault: whoever wanted to read it shows what was there before, and
    ``away(sentence)`` says why.
    """

    reported = Signal(str, str)
    away = Signal(str)

    def install(self) -> None:
        """From now on until :meth:`remove`."""
        self._before: tuple[Any, Any] = (sys.excepthook, threading.excepthook)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        self._qt_before = qInstallMessageHandler(self._on_qt_message)

    def remove(self) -> None:
        sys.excepthook, threading.excepthook = self._before
        qInstallMessageHandler(self._qt_before)

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt | SystemExit):
            return
        if isinstance(error, HistoryAwayError):
            log.warning("%s", error)
            self.away.emit(error.sentence)
            return
        log.critical("an error that nobody expected", exc_info=(kind, error, trace))
        details = "".join(traceback.format_exception(kind, error, trace))
        self.reported.emit(unexpected(error), details)

    def _on_thread_exception(self, facts: threading.ExceptHookArgs) -> None:
        if facts.exc_value is not None:
            self._on_exception(facts.exc_type, facts.exc_value, facts.exc_traceback)

    def _on_qt_message(self, kind: QtMsgType, _context: object, message: str) -> None:
        qt_log.log(_LEVELS.get(kind, logging.WARNING), "%s", message)


class FaultDialog(QDialog):
    """One at a time; further faults are added to its details.

    The same fault that comes again and again, with each tick of a clock, opens it once: a closed dialog stays closed
    until that fault has not come for ``QUIET_SECONDS``, and ``repeated(sentence)`` is for the status bar.
    """

    repeated = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._last_come: dict[str, float] = {}  # details, and the clock's seconds
        self.setObjectName("fault_dialog")
        self.setWindowTitle(_("Something went wrong"))
        self.resize(640, 380)
        self._sentence = named(QLabel(wordWrap=True), "fault_sentence", role="heading")
        self._sentence.setTextFormat(Qt.TextFormat.PlainText)
        hint = QLabel(
            _("What is already stored is safe. The details below are also in the log; copy them into a report."),
            wordWrap=True,
        )
        hint.setProperty("role", "muted")
        self._details = named(QPlainTextEdit(readOnly=True), "fault_details")
        self._details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        copy = named(QPushButton(_("Copy details")), "copy_fault_button")
        close = named(QPushButton(_("Close"), default=True), "close_fault_button")
        row = in_row(STRETCH, copy, close)
        in_column(self._sentence, hint, (self._details, 1), row, of=self, margins=(20, 18, 20, 16), spacing=10)
        copy.clicked.connect(self._on_copy)
        close.clicked.connect(self.accept)

    @Slot(str, str)
    def show_fault(self, sentence: str, details: str) -> None:
        now = monotonic()
        again = now - self._last_come.get(details, -QUIET_SECONDS) < QUIET_SECONDS
        self._last_come[details] = now
        if again:
            self.repeated.emit(sentence)
            return
        if self.isVisible():
            self._details.appendPlainText(f"\n{sentence}\n{details}")
            return
        self._sentence.setText(sentence)
        self._details.setPlainText(f"{surroundings()}\n\n{details}")
        self.open()

    @property
    def details(self) -> str:
        return self._details.toPlainText()

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self._sentence.text()}\n{self.details}")
