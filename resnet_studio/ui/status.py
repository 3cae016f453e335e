"""The status bar: messages on the left; queue, time left, memory and device on the right."""

from __future__ import annotations

from time import monotonic

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from resnet_studio.domain.enums import Phase
from resnet_studio.domain.events import CohortStarted, NoticeGiven, PhaseChanged, ProgressMade
from resnet_studio.domain.queue import QueueStatus
from resnet_studio.domain.visible_text import visible_line
from resnet_studio.platform.host import cores, cpu_name
from resnet_studio.platform.memory import process_bytes
from resnet_studio.text import _
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.plain_tip import set_tip
from resnet_studio.ui.widgets.text import counted, duration_text, size_text

MEMORY_PERIOD_MS = 2000
MESSAGE_MS = 8000
LONG_SECONDS = 10.0
_UNKNOWN_LEFT = (Phase.LOADING, Phase.PROBING, Phase.BUILDING, Phase.AWAITING, Phase.WAITING)


class StatusBar(QStatusBar):
    """Reads the controller; writes nothing. The device is the CPU's name until a training names its own."""

    def __init__(self, controller: RunController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status_bar")
        self.setSizeGripEnabled(False)
        self._controller = controller
        self._phase = ""
        self._left: float | None = None
        self._works: dict[str, str] = {}
        self._began: dict[str, float] = {}  # the clock's seconds at which each page's work began
        self.queue_label = named(QLabel(), "status_queue")
        self.eta_label = named(QLabel(), "status_eta")
        self.memory_label = named(QLabel(), "status_memory", tip=_("Memory this program holds"))
        self.device_label = named(QLabel(_cpu_text()), "status_device", tip=_("Where training runs"))
        for label in (self.queue_label, self.eta_label, self.memory_label, self.device_label):
            self.addPermanentWidget(label)
        self._memory_timer = QTimer(self, interval=MEMORY_PERIOD_MS)
        self._memory_timer.timeout.connect(self._show_memory)
        self._memory_timer.start()
        controller.happened.connect(self._on_happened)
        controller.state_changed.connect(self._on_state_changed)
        self._show_memory()
        self._on_state_changed()

    @Slot(str)
    def show_message(self, sentence: str) -> None:
        """Show a sentence for some seconds."""
        self.showMessage(visible_line(sentence), MESSAGE_MS)

    @Slot(str, str)
    def show_work(self, who: str, sentence: str) -> None:
        """What a page does in the background, where nothing trains; empty when it is over."""
        self._works[who] = sentence
        if sentence:
            self._began.setdefault(who, monotonic())
        else:
            self._began.pop(who, None)
        self._show_progress()

    @property
    def long_works(self) -> list[str]:
        """What pages have been doing in the background for so long that it should not be lost by mistake."""
        return [self._works[who] for who, began in self._began.items() if monotonic() - began >= LONG_SECONDS]

    @Slot()
    def _show_memory(self) -> None:
        self.memory_label.setText(size_text(process_bytes()))

    @Slot(object)
    def _on_happened(self, event: object) -> None:
        if isinstance(event, ProgressMade):
            self._left, self._phase = event.seconds_left, "training"
        elif isinstance(event, PhaseChanged):
            self._phase = event.phase.value
            if event.phase in _UNKNOWN_LEFT:
                self._left = None
        elif isinstance(event, CohortStarted):
            facts = event.environment
            device = facts.get("device_name") or facts.get("device") or self.device_label.text()
            precision = facts.get("precision", "")
            self.device_label.setText(f"{plain_name(device)}, {precision}" if precision else plain_name(device))
        elif isinstance(event, NoticeGiven):
            self.show_message(event.sentence)
            return
        else:
            return
        self._show_progress()

    @Slot()
    def _on_state_changed(self) -> None:
        waiting = sum(entry.status is QueueStatus.WAITING for entry in self._controller.entries)
        self.queue_label.setText(_("{waiting} waiting", waiting=waiting) if waiting else "")
        set_tip(self.queue_label, _("Cohorts in the queue") if waiting else "")
        self.queue_label.setVisible(bool(waiting))
        if not self._controller.trained:
            self._left, self._phase = None, ""
        self._show_progress()

    def _show_progress(self) -> None:
        if not self._controller.trained:
            text = ", ".join(filter(None, self._works.values())) or _("Idle")
        elif self._controller.stopping:
            text = _("Stopping and saving…")
        elif self._controller.paused:
            text = _("Paused")
        elif self._left is not None:
            text = _("{left} left", left=duration_text(self._left))
        else:
            text = f"{self._phase or 'starting'}…".capitalize()
        self.eta_label.setText(text)


def _cpu_text() -> str:
    """``Intel Core i5-8250U, 8 cores``, or as much of it as is known."""
    return _("{plain_name}, {cores}", plain_name=plain_name(cpu_name()), cores=counted(cores(), "core", "cores"))


def plain_name(device: str) -> str:
    """A device's name without trade marks and clock rates."""
    for noise in ("(R)", "(TM)", "(tm)", " CPU", " Processor"):
        device = device.replace(noise, "")
    return " ".join(device.partition("@")[0].split())
