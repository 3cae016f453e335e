"""The queue beside the curves, joined to the controller: what is asked of it is done, and what it takes is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal, Slot

from resnet_studio.domain.errors import UserError
from resnet_studio.platform.queue_time import queue_time
from resnet_studio.platform.training_speed import KnownSpeeds, with_runs
from resnet_studio.training.speed_cache import known_speeds
from resnet_studio.ui.pages.train.queue import QueuePanel
from resnet_studio.ui.queue_end import NOTIFY
from resnet_studio.ui.services import Services


class QueueSteering(QObject):
    """``changed`` when times are known better; ``failed(sentence)`` where something that was asked cannot be done.

    ``message(sentence)`` is for the status bar.
    """

    changed, failed, message = Signal(), Signal(str), Signal(str)

    def __init__(self, services: Services, panel: QueuePanel, parent: QObject) -> None:
        super().__init__(parent)
        self._services, self._panel = services, panel
        self._known = KnownSpeeds()
        controller = services.controller
        panel.notifies = services.preferences.value(NOTIFY, True, bool)
        panel.move_requested.connect(partial(self._move, controller.move))
        panel.step_requested.connect(partial(self._move, controller.move_by))
        for wanted, change in (
            (panel.remove_requested, controller.remove),
            (panel.repeat_requested, controller.repeat),
            (panel.ask_requested, controller.ask),
            (panel.resume_requested, controller.resume),
            (panel.clear_requested, controller.clear_ended),
        ):
            wanted.connect(partial(self._try, change))
        panel.go_on_requested.connect(controller.go_on)
        panel.hold_requested.connect(controller.hold)
        panel.notify_chosen.connect(self._on_notify_chosen)
        self.learn_speeds()

    def show_queue(self, shown: Sequence[str]) -> None:
        """As it is now; ``shown``: ids of the runs that the page shows."""
        controller = self._services.controller
        self._panel.show_queue(
            controller.entries,
            queue_time(controller.entries, self._known),
            shown,
            held=controller.held,
            writable=self._services.store.writable,
        )

    def learn_speeds(self) -> None:
        """From what was measured here and what was trained, in a thread."""
        store, cache = self._services.store, self._services.home.cache
        self._services.jobs.start(
            lambda _emit, _should_stop: with_runs(known_speeds(cache), store.list_runs()),
            on_done=self._on_speeds,
            on_failed=self.message.emit,
        )

    @Slot(object)
    def _on_speeds(self, known: KnownSpeeds) -> None:
        self._known = known
        self.changed.emit()

    def _move(self, move: Callable[[str, int], None], entry_id: str, where: int) -> None:
        self._try(move, entry_id, where)
        self._panel.choose(entry_id)

    @Slot(bool)
    def _on_notify_chosen(self, chosen: bool) -> None:
        self._panel.notifies = chosen
        self._services.preferences.set_value(NOTIFY, chosen)

    def _try(self, change: Callable[..., None], *asked: object) -> None:
        try:
            change(*asked)
        except UserError as error:
            self.failed.emit(str(error))
