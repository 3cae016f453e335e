"""What the Classify page is doing, how far it is, and the buttons that stop it or let it go on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QWidget

from resnet_studio.text import _
from resnet_studio.ui.models import formats
from resnet_studio.ui.pages.classify.session import ClassifySession
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_row
from resnet_studio.ui.widgets.text import duration_text


class BusyRow(QWidget):
    """Hidden while nothing is under way and nothing was stopped."""

    stop_requested = Signal()
    go_on_requested = Signal()

    def __init__(self, session: ClassifySession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._bar = named(QProgressBar(textVisible=False), "classify_progress")
        self._text = named(QLabel(), "classify_progress_text", role="muted")
        self.stop = named(QPushButton(_("Stop")), "classify_stop", tip=_("Esc; what is there already stays"))
        self.go_on = named(
            QPushButton(_("Go on")), "classify_go_on", tip=_("Look at the images that are still missing")
        )
        in_row(self._text, (self._bar, 1), self.stop, self.go_on, of=self, margins=0)
        self.stop.clicked.connect(self.stop_requested)
        self.go_on.clicked.connect(self.go_on_requested)

    def show_progress(self, *, views: int) -> None:
        """``views`` of each image under the test protocol."""
        session, halted = self._session, self._session.halted
        self.setVisible(session.busy or halted)
        self.stop.setVisible(not halted)
        self.go_on.setVisible(halted)
        self._bar.setMaximum(session.total if session.looking else 0 if session.finding else 1)
        self._bar.setValue(session.done if session.looking else 0)
        self._text.setText(self._words(views))

    def _words(self, views: int) -> str:
        if self._session.halted:
            return _("Stopped before the end.")
        if self._session.looking:
            what = "answers" if views == 1 else "looks"
            words = _(
                "{count} of {count_2} {what}",
                count=formats.count(self._session.done),
                count_2=formats.count(self._session.total),
                what=what,
            )
            left = self._session.seconds_left
            return words if left is None else _("{words}, about {left} left", words=words, left=duration_text(left))
        return _("Looking for images…")
