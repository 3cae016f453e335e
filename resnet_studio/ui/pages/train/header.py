"""The top of the Train page: what trains, how far it is, and what can be done about it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QWidget

from resnet_studio.domain.enums import Phase
from resnet_studio.text import _
from resnet_studio.ui.pages.train.state import CohortState
from resnet_studio.ui.plots.run_colours import plain_tip
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.elided import ElidedLabel
from resnet_studio.ui.widgets.layouts import in_row
from resnet_studio.ui.widgets.plain_tip import set_tip

_BUSY = (Phase.LOADING, Phase.PROBING, Phase.BUILDING)


class TrainHeader(QWidget):
    """Title, phase, facts and buttons. The page connects the buttons."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.title, self.headline, self.facts = ElidedLabel(), QLabel(), QLabel()
        self.title.setProperty("role", "title")
        self.seen = named(QLabel(wordWrap=True), "seen_label")
        self.seen.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.seen.setMinimumHeight(self.seen.fontMetrics().height())
        self.headline.setObjectName("phase_label")
        named(self.facts, "progress_label", role="muted")
        self.bar = named(QProgressBar(textVisible=False), "cohort_progress", accessible=_("Progress of the cohort"))
        self.pause = self._button("pause_button", _("Pause"), _("Hold the training, or go on with it (Ctrl+P)"))
        self.stop = self._button("stop_button", _("Stop"), _("Save a checkpoint and end; it can be resumed (Ctrl+.)"))
        self.resume = self._button(
            "resume_button", _("Resume"), _("Go on from the last checkpoint (Ctrl+Shift+R)"), "Ctrl+Shift+R"
        )
        self.compare = self._button(
            "open_compare_button", _("Open in Compare"), _("These runs side by side (Ctrl+Shift+C)"), "Ctrl+Shift+C"
        )
        self.classify = self._button(
            "classify_button",
            _("Classify with these"),
            _("Show images to these networks (Ctrl+Shift+L)"),
            "Ctrl+Shift+L",
        )
        top = in_row((self.title, 1), self.pause, self.stop, self.resume, self.compare, self.classify, spacing=8)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(6)
        layout.addLayout(top, 0, 0, 1, 2)
        layout.addWidget(self.seen, 1, 0, 1, 2)
        layout.addWidget(self.headline, 2, 0)
        layout.addWidget(self.facts, 2, 1, Qt.AlignmentFlag.AlignRight)
        layout.addWidget(self.bar, 3, 0, 1, 2)
        layout.setColumnStretch(0, 1)
        theme.changed.connect(self.on_theme_changed)
        self.on_theme_changed()

    def _button(self, name: str, text: str, tip: str, key: str = "") -> QPushButton:
        button = named(QPushButton(text), name, tip=tip)
        if key:
            button.setShortcut(QKeySequence(key))
        return button

    def show_seen(self, sentence: str) -> None:
        """What the numbers show: while runs train how they stand, at the end the conclusion."""
        if sentence != self.seen.text():
            self.seen.setText(sentence)

    def show_checking(self, title: str, sentence: str) -> None:
        """Something is measured before training begins."""
        self.title.show_text(title)
        self.headline.setText(sentence)
        self.facts.setText("")
        self.bar.setRange(0, 0)
        for button in (self.pause, self.stop, self.resume):
            button.hide()
        for button in (self.compare, self.classify):
            button.setEnabled(False)

    def show_state(self, state: CohortState, *, training: bool, paused: bool, stopping: bool, resumable: bool) -> None:
        """``training``: this cohort is in the worker's hands."""
        self.title.show_text(state.title)
        set_tip(self.title, plain_tip(state.title))
        headline = state.headline
        if stopping:
            headline = _("Stopping, a checkpoint is being saved")
        elif training and paused:
            headline = _("Paused")
        elif training and state.phase is None and not state.active:
            headline = _("Starting")
        self.headline.setText(headline)
        self.facts.setText(state.facts)
        busy = training and state.phase in _BUSY
        if busy and state.fraction is None:
            self.bar.setRange(0, 0)
        else:
            share = state.fraction if busy and state.fraction is not None else None
            if share is None:
                share = state.iteration / state.iterations if state.iterations else 0.0
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * share))
        for button in (self.pause, self.stop):
            button.setVisible(training)
            button.setEnabled(not stopping)
        if (self.pause.text() == _("Continue")) != paused:
            self.pause.setText(_("Continue") if paused else _("Pause"))
            self.pause.setIcon(self._theme.icon("ph.play" if paused else "ph.pause"))
        self.resume.setVisible(resumable)
        measured = any(run.iteration for run in state.runs) or state.iteration > 0
        self.compare.setEnabled(bool(state.runs))
        self.classify.setEnabled(measured)

    @Slot()
    def on_theme_changed(self) -> None:
        for button, icon in (
            (self.pause, "ph.pause"),
            (self.stop, "ph.stop"),
            (self.resume, "ph.play"),
            (self.compare, "ph.chart-line"),
            (self.classify, "ph.image"),
        ):
            button.setIcon(self._theme.icon(icon, Role.TEXT))
