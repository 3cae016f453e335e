"""The strip above a plot: what lies below, how much is smoothed, what is drawn."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from resnet_studio.text import _
from resnet_studio.ui.plots.curve_data import XAxis
from resnet_studio.ui.plots.panels import PlotOptions
from resnet_studio.ui.preferences import Preferences

RAW_FROM = 300  # iterations; of fewer, single batches are noise that hides the means
WINDOWS = (1, 10, 25, 50, 100, 250, 1000)
_AXES = {XAxis.ITERATION: _("Iterations"), XAxis.EPOCH: _("Epochs"), XAxis.TIME: _("Training time")}


class PlotControls(QWidget):
    """Emits ``options_changed(PlotOptions)``, ``fit_requested()``, ``legend_toggled(bool)``; remembers its state."""

    options_changed, fit_requested, legend_toggled = Signal(object), Signal(), Signal(bool)

    def __init__(self, preferences: Preferences, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences, self._key = preferences, key
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.axis = self._choice("x_axis_choice", _("What the curves are drawn over (X)"), "X")
        for axis, text in _AXES.items():
            self.axis.addItem(text, axis.value)
        self.window_ = self._choice(
            "smoothing_choice",
            _("Draw the mean of the last batches, up to each point, over the training curves (M)"),
            "M",
        )
        for window in WINDOWS:
            self.window_.addItem(_("No smoothing") if window == 1 else _("Mean of {window}", window=window), window)
        for choice in (self.axis, self.window_):
            choice.setMinimumContentsLength(max(len(choice.itemText(i)) for i in range(choice.count())) * 3 // 4)
        self.raw = self._toggle("raw_toggle", _("Raw"), "W", _("Raw training curves under the smoothed ones"))
        self.log = self._toggle("log_toggle", _("Log"), "L", _("Logarithmic values; zero lies at the lower end"))
        self.legend = self._toggle("legend_toggle", _("Legend"), "G", _("The box with the numbers under the cursor"))
        self.fit = QPushButton(_("Fit"))
        self.fit.setObjectName("fit_button")
        self.fit.setToolTip(_("Show everything and follow the curves again (F, or a double click in the plot)"))
        self.fit.setShortcut(QKeySequence("F"))
        self.fit.clicked.connect(self.fit_requested)
        for widget in (self.axis, self.window_, self.raw, self.log, self.legend):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addWidget(self.fit)
        self._restore()
        for choice in (self.axis, self.window_):
            choice.currentIndexChanged.connect(self._on_changed)
        for toggle in (self.raw, self.log):
            toggle.toggled.connect(self._on_changed)
        self.legend.toggled.connect(self._on_legend)

    @property
    def options(self) -> PlotOptions:
        return PlotOptions(
            XAxis(self.axis.currentData()), self.window_.currentData(), self.raw.isChecked(), self.log.isChecked()
        )

    def set_options(self, options: PlotOptions) -> None:
        self.axis.setCurrentIndex(self.axis.findData(options.axis.value))
        self.window_.setCurrentIndex(max(self.window_.findData(options.window), 0))
        self.raw.setChecked(options.raw)
        self.log.setChecked(options.log)

    def propose_raw(self, iterations: int) -> None:
        """Draw raw curves of so many iterations or not, unless a person has chosen already; nothing is remembered."""
        raw = iterations >= RAW_FROM
        if not self._raw_chosen and raw != self.raw.isChecked():
            self.raw.blockSignals(True)
            self.raw.setChecked(raw)
            self.raw.blockSignals(False)
            self.options_changed.emit(self.options)

    def _choice(self, name: str, tip: str, key: str) -> QComboBox:
        choice = QComboBox()
        choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        choice.setObjectName(name)
        choice.setToolTip(tip)
        choice.setAccessibleName(tip.split(" (")[0])
        shortcut = QShortcut(QKeySequence(key), choice)
        shortcut.activated.connect(lambda: choice.setCurrentIndex((choice.currentIndex() + 1) % choice.count()))
        return choice

    def _toggle(self, name: str, text: str, key: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setCheckable(True)
        button.setChecked(True)
        button.setShortcut(QKeySequence(key))
        button.setToolTip(f"{tip} ({key})")
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
            )
        )
        self.legend.setChecked(values.value(f"{key}_legend", True, bool))
        self._raw_chosen = values.value(f"{key}_raw", True, bool) == values.value(f"{key}_raw", False, bool)

    @Slot()
    def _on_changed(self) -> None:
        options, key = self.options, f"{self._key}/plot"
        self._raw_chosen |= self.sender() is self.raw
        for name, value in (
            ("axis", options.axis.value), ("window", options.window), ("raw", options.raw), ("log", options.log)
        ):  # fmt: skip
            if name != "raw" or self._raw_chosen:
                self._preferences.set_value(f"{key}_{name}", value)
        self.options_changed.emit(options)

    @Slot(bool)
    def _on_legend(self, shown: bool) -> None:
        self._preferences.set_value(f"{self._key}/plot_legend", shown)
        self.legend_toggled.emit(shown)
