"""The menu of the devices that this window trains on, kept for the next start."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from resnet_studio.text import _
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.training_slots import ALL, AUTOMATIC, CPU

TRAIN_ON = "training/device"


class DeviceMenu(QMenu):
    """One choice of several. The GPUs are looked up when it is first opened: that takes loading torch."""

    def __init__(self, controller: RunController, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(_("Train &on"), parent)
        self.setObjectName("train_on_menu")
        self.setToolTipsVisible(True)
        self._controller, self._preferences = controller, preferences
        self._group = QActionGroup(self)
        controller.train_on(preferences.value(TRAIN_ON, AUTOMATIC, str))
        controller.devices_found.connect(self._show_choices)
        self.aboutToShow.connect(controller.find_devices)
        self._group.triggered.connect(self._on_chosen)
        self._show_choices()

    @Slot()
    def _show_choices(self) -> None:
        for action in self._group.actions():
            self._group.removeAction(action)
        self.clear()
        here = self._controller.devices
        self._add(AUTOMATIC, _("Automatic"), _("What each recipe says: a GPU where there is one, else the CPU"))
        self._add(CPU, _("CPU"), _("The processor alone, also where there is a GPU"))
        for name, called in here.gpus if here is not None else ():
            self._add(name, _("{called} ({name})", called=called, name=name), _("This GPU alone"))
        if here is None:
            self.addAction(_("Looking for GPUs…")).setEnabled(False)
        every = self._add(ALL, _("All devices"), _("One cohort on each GPU, at the same time"))
        if here is not None and len(here.all) < 2:
            every.setEnabled(False)
            every.setToolTip(_("This machine has one device to train on"))

    def _add(self, choice: str, text: str, tip: str) -> QAction:
        action = QAction(text, self, checkable=True, toolTip=tip, statusTip=tip)
        action.setObjectName(f"train_on_{choice or 'automatic'}_action")
        action.setData(choice)
        action.setChecked(choice == self._controller.choice)
        self._group.addAction(action)
        self.addAction(action)
        return action

    @Slot(QAction)
    def _on_chosen(self, action: QAction) -> None:
        choice = action.data()
        self._preferences.set_value(TRAIN_ON, choice)
        self._controller.train_on(choice)
