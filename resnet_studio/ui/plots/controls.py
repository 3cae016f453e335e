"""The strip above a plot: what lies below, how much is smoothed, what is drawn."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QSizePolicy, QSlider, QWidget

from resnet_studio.text import _
from resnet_studio.ui.plots.curve_data import XAxis
from resnet_studio.ui.plots.panels import PlotOptions
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.flow import FlowLayout
from resnet_studio.ui.widgets.layouts import STRETCH, in_row
from resnet_studio.ui.widgets.plain_tip import set_tip

WINDOWS = (1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50, 70, 100, 150, 200, 250, 350, 500, 700, 1000)
_AXES = {
    XAxis.ITERATION: _("Iterations"),
    XAxis.EPOCH: _("Epochs"),
    XAxis.TIME: _("Training time"),
    XAxis.IMAGES: _("Images seen"),
}
_SMOOTHING_TIP = _(
    "Smoothing of the training curves (M): a debiased exponential mean over about N batches.\n"
    "With w = 1 − 1/N, each point is Σ wᵗ⁻ⁱ xᵢ / Σ wᵗ⁻ⁱ over all batches i up to t, so the first is the first value.\n"
    "Tests are drawn as they were measured. Raw draws the batches themselves behind."
)


class SmoothingSlider(QWidget):
    """``changed`` when the window is another; the slider's steps grow with it."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.slider = named(QSlider(Qt.Orientation.Horizontal), "smoothing_slider", accessible=_("Smoothing"))
        self.slider.setRange(0, len(WINDOWS) - 1)
        self.slider.setPageStep(3)
        self.slider.setMinimumWidth(80)
        self.slider.setMaximumWidth(140)
        self.value = named(QLabel(), role="muted")
        self.value.setMinimumWidth(self.value.fontMetrics().horizontalAdvance(_("Smooth {window}", window=1000)) + 4)
        for widget in (self, self.slider, self.value):
            set_tip(widget, _SMOOTHING_TIP)
        in_row(self.slider, self.value, of=self, margins=(4, 0, 0, 0), spacing=6)
        self.slider.valueChanged.connect(self._on_moved)
        self._on_moved()

    @property
    def window_size(self) -> int:
        return WINDOWS[self.slider.value()]

    def set_window(self, window: int) -> None:
        """The step that is nearest."""
        self.slider.setValue(min(range(len(WINDOWS)), key=lambda place: abs(WINDOWS[place] - window)))

    @Slot()
    def step(self) -> None:
        """To the next of a few, and round again."""
        self.slider.setValue((self.slider.value() + 5) % len(WINDOWS) if self.window_size < WINDOWS[-1] else 0)

    @Slot()
    def _on_moved(self) -> None:
        window = self.window_size
        self.value.setText(_("Not smoothed") if window == 1 else _("Smooth {window}", window=window))
        self.changed.emit()


class PlotControls(QWidget):
    """The controls of a plot; remembers its state.

    Emits ``options_changed(PlotOptions)``, ``fit_requested()``, ``back_requested()``, ``legend_toggled(bool)``.
    """

    options_changed, fit_requested, legend_toggled = Signal(object), Signal(), Signal(bool)
    back_requested = Signal()

    def __init__(self, preferences: Preferences, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences, self._key = preferences, key
        self._row = FlowLayout(4)  # in a narrow window what is last takes a second line
        self.setLayout(self._row)
        self.axis = self._choice("x_axis_choice", _("What the curves are drawn over (X)"), "X")
        for axis, text in _AXES.items():
            self.axis.addItem(text, axis.value)
        self.axis.setMinimumContentsLength(max(map(len, _AXES.values())) * 3 // 4)
        self.smoothing = SmoothingSlider()
        QShortcut(QKeySequence("M"), self.smoothing).activated.connect(self.smoothing.step)
        self.raw = self._toggle("raw_toggle", _("Raw"), "W", _("Raw training curves under the smoothed ones"))
        self.log = self._toggle("log_toggle", _("Log"), "L", _("Logarithmic values; zero lies at the lower end"))
        self.outliers = self._toggle(
            "outliers_toggle",
            _("Outliers"),
            "O",
            _("The axis reaches to the farthest value; without, it leaves out the outermost hundredths"),
        )
        self.legend = self._toggle("legend_toggle", _("Legend"), "G", _("The box with the numbers under the cursor"))
        self.fit = QPushButton(_("Fit"))
        self.fit.setObjectName("fit_button")
        set_tip(self.fit, _("Show everything and follow the curves again (F, or a double click in the plot)"))
        self.fit.setShortcut(QKeySequence("F"))
        self.fit.clicked.connect(self.fit_requested)
        self.back = QPushButton("\N{LEFTWARDS ARROW}")  # its word would take the room of the names beside the plot
        named(self.back, "zoom_back_button", role="flat", accessible=_("Back"))
        keeps = self.back.sizePolicy()
        keeps.setRetainSizeWhenHidden(True)  # or a zoom would move all that is beside it
        self.back.setSizePolicy(keeps)
        set_tip(self.back, _("To the part that was seen before the last zoom (Backspace)"))
        self.back.setShortcut(QKeySequence("Backspace"))
        self.back.clicked.connect(self.back_requested)
        self.back.hide()
        self._zoom = QWidget()
        in_row(STRETCH, self.back, self.fit, of=self._zoom, margins=0, spacing=6)
        self._zoom.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for widget in (self.axis, self.smoothing, self.raw, self.log, self.outliers, self.legend, self._zoom):
            self._row.addWidget(widget)
        self._restore()
        self.axis.currentIndexChanged.connect(self._on_changed)
        self.smoothing.changed.connect(self._on_changed)
        for toggle in (self.raw, self.log, self.outliers):
            toggle.toggled.connect(self._on_changed)
        self.legend.toggled.connect(self._on_legend)

    def add(self, *widgets: QWidget) -> None:
        """More of a page's own, after the others."""
        self._row.removeWidget(self._zoom)
        for widget in (*widgets, self._zoom):
            self._row.addWidget(widget)

    @property
    def options(self) -> PlotOptions:
        return PlotOptions(
            XAxis(self.axis.currentData()),
            self.smoothing.window_size,
            self.raw.isChecked(),
            self.log.isChecked(),
            self.outliers.isChecked(),
        )

    def set_options(self, options: PlotOptions) -> None:
        self.axis.setCurrentIndex(self.axis.findData(options.axis.value))
        self.smoothing.set_window(options.window)
        self.raw.setChecked(options.raw)
        self.log.setChecked(options.log)
        self.outliers.setChecked(options.outliers)

    def _choice(self, name: str, tip: str, key: str) -> QComboBox:
        choice = named(QComboBox(), name, tip=tip, accessible=tip.split(" (")[0])
        choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        shortcut = QShortcut(QKeySequence(key), choice)
        shortcut.activated.connect(lambda: choice.setCurrentIndex((choice.currentIndex() + 1) % choice.count()))
        return choice

    def _toggle(self, name: str, text: str, key: str, tip: str) -> QPushButton:
        button = named(QPushButton(text), name, tip=f"{tip} ({key})")
        button.setCheckable(True)
        button.setChecked(True)
        button.setShortcut(QKeySequence(key))
        return button

    def _restore(self) -> None:
        default, values, key = PlotOptions(), self._preferences, f"{self._key}/plot"
        axis = values.value(f"{key}_axis", default.axis.value, str)
        self.set_options(
            replace(
                default,
                axis=XAxis(axis) if axis in list(XAxis) else default.axis,
                window=values.value(f"{key}_window", default.window, int),
                raw=values.value(f"{key}_raw", default.raw, bool),
                log=values.value(f"{key}_log", default.log, bool),
                outliers=values.value(f"{key}_outliers", default.outliers, bool),
            )
        )
        self.legend.setChecked(values.value(f"{key}_legend", True, bool))

    @Slot()
    def _on_changed(self) -> None:
        options, key = self.options, f"{self._key}/plot"
        values = {
            "axis": options.axis.value,
            "window": options.window,
            "raw": options.raw,
            "log": options.log,
            "outliers": options.outliers,
        }
        for name, value in values.items():
            self._preferences.set_value(f"{key}_{name}", value)
        self.options_changed.emit(options)

    @Slot(bool)
    def _on_legend(self, shown: bool) -> None:
        self._preferences.set_value(f"{self._key}/plot_legend", shown)
        self.legend_toggled.emit(shown)
