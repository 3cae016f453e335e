"""The first start offers the lessons, once."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from resnet_studio.domain.errors import UserError
from resnet_studio.text import _
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.banner import Banner

_KEY = "lessons"
_OFFERED = "lessons/offered"


class LessonsOffer(QObject):
    """``accepted`` when the button in the banner is pressed."""

    accepted = Signal()

    def __init__(self, services: Services, banner: Banner, parent: QObject) -> None:
        super().__init__(parent)
        self._services, self._banner = services, banner
        banner.acted.connect(self._on_banner)

    def offer(self) -> None:
        """Where nothing was ever trained here, and nobody was asked before."""
        preferences, store = self._services.preferences, self._services.store
        if preferences.value(_OFFERED, False, bool) or not store.writable:
            return
        try:
            known = store.list_runs() or store.list_runs(archived=True)
        except UserError:
            return
        if known:
            return
        preferences.set_value(_OFFERED, True)
        self._banner.show_notice(
            _KEY,
            _(
                "New here? Five lessons of about three minutes show why depth hurts a plain net and what a shortcut "
                "changes, measured live on this machine. They stay on the page Lessons."
            ),
            action=_("Begin the lessons"),
        )

    def withdraw(self) -> None:
        """The learner has found the lessons."""
        self._banner.withdraw(_KEY)

    @Slot(str)
    def _on_banner(self, key: str) -> None:
        if key == _KEY:
            self._banner.withdraw(key)
            self.accepted.emit()
