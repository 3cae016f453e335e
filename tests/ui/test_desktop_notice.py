"""The end of the queue on the desktop: through a real session bus with a portal of our own, and in silence without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio.domain.queue import QueueEntry, QueueStatus
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.ui import queue_end
from resnet_studio.ui.queue_end import NOTIFY, QueueEndNotice, queue_sentence
from resnet_studio.ui.services import Services

ROOT = Path(__file__).parents[2]

PORTAL = """
import json, sys
from PySide6.QtCore import ClassInfo, QCoreApplication, QObject, QTimer, Slot
from PySide6.QtDBus import QDBusConnection
from resnet_studio.ui.desktop_notice import INTERFACE, PATH, SERVICE, DesktopNotice

@ClassInfo({"D-Bus Interface": INTERFACE})
class Portal(QObject):
    @Slot(str, "QVariantMap")
    def AddNotification(self, key, notification):
        print(json.dumps([key, notification]), flush=True)

application = QCoreApplication([])
bus = QDBusConnection.connectToBus(QDBusConnection.BusType.SessionBus, "portal")
portal = Portal()
if sys.argv[1] == "there":
    assert bus.registerObject(PATH, INTERFACE, portal, QDBusConnection.RegisterOption.ExportAllSlots)
    assert bus.registerService(SERVICE)
notice = DesktopNotice("The queue has ended", "3 cohorts <b>&", application)
if notice._watcher is not None:
    notice._watcher.finished.connect(application.quit)
    QTimer.singleShot(20000, application.quit)
    application.exec()
print("over" if notice.over else "waiting")
"""


def said(*command: str, **environment: str) -> list[str]:
    clean = {name: value for name, value in os.environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"}
    result = subprocess.run(
        [*command], env={**clean, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.skipif(shutil.which("dbus-run-session") is None, reason="dbus-run-session starts a session bus")
def test_the_portal_gets_title_and_sentence_and_no_sound() -> None:
    lines = said("dbus-run-session", "--", sys.executable, "-c", PORTAL, "there")
    assert lines == [
        '["resnet-studio-queue", {"body": "3 cohorts <b>&", "priority": "normal", "sound": "silent", '
        '"title": "The queue has ended"}]',
        "over",
    ]


@pytest.mark.skipif(shutil.which("dbus-run-session") is None, reason="dbus-run-session starts a session bus")
def test_a_bus_without_a_portal_is_no_error() -> None:
    assert said("dbus-run-session", "--", sys.executable, "-c", PORTAL, "missing") == ["over"]


def test_without_a_session_bus_nothing_happens() -> None:
    assert said(sys.executable, "-c", PORTAL, "missing", DBUS_SESSION_BUS_ADDRESS="unix:path=/nowhere") == ["over"]


def entries(services: Services, cohort: CohortSpec, *statuses: QueueStatus) -> list[QueueEntry]:
    made = [services.store.enqueue(cohort) for _ in statuses]
    return [
        QueueEntry(**{**{f: getattr(e, f) for f in QueueEntry.__slots__}, "status": status})
        for e, status in zip(made, statuses, strict=True)
    ]


def test_the_sentence_counts_and_names_what_failed(services: Services, tiny_twin: CohortSpec) -> None:
    good, bad = QueueStatus.FINISHED, QueueStatus.FAILED
    assert queue_sentence(entries(services, tiny_twin, good, good)) == "2 cohorts have been trained."
    assert queue_sentence(entries(services, tiny_twin, good, bad)) == (
        "1 cohort has been trained. Failed: Twin of depth 8."
    )


def test_the_window_says_it_unless_it_is_looked_at_or_not_wanted(
    services: Services, tiny_twin: CohortSpec, qtbot: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PySide6.QtWidgets import QWidget

    shown: list[str] = []
    monkeypatch.setattr(queue_end, "DesktopNotice", lambda _title, sentence, _parent: shown.append(sentence))
    window = QWidget()
    qtbot.addWidget(window)  # type: ignore[attr-defined]
    notice = QueueEndNotice(services.controller, services.preferences, window)
    some = entries(services, tiny_twin, QueueStatus.FINISHED)
    services.controller.queue_ended.emit(some)
    assert shown == ["1 cohort has been trained."]
    services.preferences.set_value(NOTIFY, False)
    services.controller.queue_ended.emit(some)
    assert len(shown) == 1
    assert notice.parent() is window
