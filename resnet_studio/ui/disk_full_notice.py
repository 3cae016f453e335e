"""A full disk, said across the window for as long as training waits for room."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import StatusChanged
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.widgets.banner import Banner

_KEY = "room"


class RoomWatch(QObject):
    """Speaks through the banner. A pause that the user asked for has no reason; one for want of room is a sentence."""

    def __init__(self, controller: RunController, banner: Banner, parent: QObject) -> None:
        super().__init__(parent)
        self._controller, self._banner = controller, banner
        controller.happened.connect(self._on_happened)
        controller.state_changed.connect(self._on_state_changed)

    @Slot(object)
    def _on_happened(self, event: object) -> None:
        if not isinstance(event, StatusChanged):
            return
        if event.status is RunStatus.PAUSED and event.reason:
            self._banner.tell(_KEY, event.reason, kind="warning")
        else:
            self._banner.withdraw(_KEY)

    @Slot()
    def _on_state_changed(self) -> None:
        if not self._controller.training:
            self._banner.withdraw(_KEY)
