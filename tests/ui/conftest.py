"""The window's collaborators, all real: a store in a temporary home, a controller, threads."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot

from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.navigator import Navigator
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.services import Services
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.threads.jobs import Jobs

from ..waiting import HANG_SECONDS

HANG_MS = round(1000 * HANG_SECONDS)


@pytest.fixture(scope="session", autouse=True)
def frozen_objects_thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def garbage_is_collected_here() -> Iterator[None]:
    """Tests leave widgets and cycles of Qt objects behind. Only this thread may delete them, and it does so now."""
    if QCoreApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()


class PatientQtBot(QtBot):
    """Waits for what happens as long as a loaded machine may take, whatever shorter time a test names.

    Where the time may pass without it (``raising=False``), the time is the test's.
    """

    def waitUntil(self, callback: Callable[[], object], *, timeout: int = 0) -> None:  # noqa: N802
        super().waitUntil(callback, timeout=max(timeout, HANG_MS))

    def waitSignal(self, signal: object, *, timeout: int | None = 0, **named: Any) -> Any:  # noqa: N802
        return super().waitSignal(signal, timeout=_patient(timeout, **named), **named)

    def waitSignals(self, signals: object, *, timeout: int | None = 0, **named: Any) -> Any:  # noqa: N802
        return super().waitSignals(signals, timeout=_patient(timeout, **named), **named)


def _patient(timeout: int | None, *, raising: bool = True, **_named: Any) -> int:
    return max(timeout or 0, HANG_MS) if raising else timeout or 0


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> QtBot:
    return PatientQtBot(request)


class RecordingNavigator(Navigator):
    """Leads nowhere. ``asked`` holds, by method, what each call was given: the one argument, or a tuple of all."""

    def __init__(self) -> None:
        self.asked: defaultdict[str, list[object]] = defaultdict(list)

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found):
            return found
        asked = self.asked[name]
        return lambda *given: asked.append(given[0] if len(given) == 1 else given)


@pytest.fixture
def services(qapp: object, home: Home) -> Iterator[Services]:
    """Everything a page is handed; threads that a test left running are stopped and must end."""
    with RunStore.open(home) as store:
        preferences = Preferences(home)
        jobs, controller = Jobs(), RunController(store)
        yield Services(home, store, controller, preferences, Theme(preferences), jobs, RecordingNavigator())
        assert jobs.stop_all()
        assert controller.shut_down()
        QCoreApplication.processEvents()
