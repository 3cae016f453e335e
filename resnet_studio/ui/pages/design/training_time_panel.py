"""What the designed training takes on this machine, and the button that measures it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QWidget

from resnet_studio.domain.enums import Engine
from resnet_studio.domain.text_numbers import duration_range
from resnet_studio.platform.training_speed import LONG_ENOUGH, Expectation
from resnet_studio.text import _
from resnet_studio.ui.measure_speed import show_measuring
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import Gap, in_column, in_row
from resnet_studio.ui.widgets.plain_tip import set_tip
from resnet_studio.ui.widgets.text import count_text

_MEASURE = _("Train each network of the design for a moment on random images; nothing is stored but how fast it was")


class TimeHere(QWidget):
    """Shows; ``measure_requested`` and ``stop_requested`` are the button's, which has one of two meanings."""

    measure_requested, stop_requested = Signal(), Signal()

    def __init__(self) -> None:
        super().__init__()
        self.label = named(QLabel(wordWrap=True), "time_label")
        self.basis = named(QLabel(wordWrap=True), "time_basis", role="muted")
        self.button = named(QPushButton(_("Measure")), "measure_button", tip=_MEASURE)
        self.bar = named(QProgressBar(textVisible=False), "measure_progress", accessible=_("Progress of measuring"))
        self.bar.setRange(0, 1000)
        self._running = False
        row = in_row(self.button, (self.bar, 1), Gap(), spacing=10)
        in_column(self.label, self.basis, row, of=self, margins=0, spacing=6)
        self.button.clicked.connect(self._on_clicked)
        self.show_state(running=False, possible=True)

    def show_expectation(self, found: Expectation | None, what: str, failure: str = "") -> None:
        """``what``: "twin" or "network"; ``failure``: why it could not be measured."""
        if found is None:
            text, basis = (
                _("Not known yet for this {what}.", what=what),
                _("Measure it, or train something of about this size."),
            )
        else:
            rate = found.images_per_second
            digits = count_text(round(rate)) if rate >= 10 else f"{rate:.2g}"
            text = _(
                "The {what} takes {time}, {digits} images a second.",
                what=what,
                time=duration_range(found.low_seconds, found.high_seconds),
                digits=digits,
            )
            basis = _basis(found)
        self.label.setText(text)
        if not self._running:
            self.basis.setText(failure or basis)

    def show_state(self, *, running: bool, possible: bool) -> None:
        if running and not self._running:
            self.show_progress("starting", 0.0)
        self._running = running
        show_measuring(self.button, _MEASURE, running=running, possible=possible)
        self.bar.setVisible(running)

    @Slot(str, float)
    def show_progress(self, detail: str, fraction: float) -> None:
        self.bar.setValue(round(1000 * fraction))
        set_tip(self.bar, detail)
        self.basis.setText(_("Measuring {detail}…", detail=detail))

    @Slot()
    def _on_clicked(self) -> None:
        (self.stop_requested if self._running else self.measure_requested).emit()


def _basis(found: Expectation) -> str:
    """What the estimate is made of."""
    if found.exact:
        basis = _("As measured here, {engine} steps; tests come on top.", engine=found.engine)
    else:
        basis = _("Scaled from {sources}; tests come on top.", sources=_(" and ").join(found.sources))
    if found.engine is Engine.EAGER and found.iterations >= LONG_ENOUGH:
        basis += _(" Compiling in the background may shorten it.")
    return basis
