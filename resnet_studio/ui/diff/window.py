"""The window in which networks are compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFrame,
    QLabel,
    QPushButton,
    QWidget,
)

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.diff import diff
from resnet_studio.domain.diff_report import lines_of_text
from resnet_studio.domain.enums import Family
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_names import network_named
from resnet_studio.domain.specs import NetworkSpec, counterpart
from resnet_studio.text import _
from resnet_studio.ui.diff.choice import NetworkChoice
from resnet_studio.ui.diff.export import SCALES, export_diff
from resnet_studio.ui.diff.legend import Legend
from resnet_studio.ui.diff.view import DiffView
from resnet_studio.ui.figures import FORMATS
from resnet_studio.ui.save_file import ask_for_file
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import STRETCH, in_column, in_row
from resnet_studio.ui.widgets.plain_tip import plain_tip, set_tip

POINT = _("Point at a layer, or mark one with the arrow keys, to see what differs there; press a strip to fold it.")
COUNTING = _("A pool counts as a layer in these sums; depths count the layers with weights alone.")
DESIGN, TWIN = _("this design"), _("its twin")
_SHOWN_LINES = 40


class DiffWindow(QDialog):
    """Not modal: the Design page goes on beside it."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("diff_window")
        self.setWindowTitle(_("Compare networks"))
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self._services = services
        self.view = DiffView(services.theme)
        self.choice = NetworkChoice(self._find)
        self._pointed = named(QLabel(POINT, wordWrap=True), "diff_pointed", role="muted")
        self._summary = named(QLabel(wordWrap=True), "diff_summary")
        self._scale = named(QComboBox(), "diff_scale", tip=_("Pixels of a PNG for each unit of the drawing"))
        self._scale.addItems([f"{scale}×" for scale in SCALES])
        self._scale.setCurrentIndex(services.preferences.value("diff/scale", 1, int) % len(SCALES))
        self._scale.setAccessibleName(_("Scale of a PNG"))
        self.export_button = self._button(_("Export…"), "diff_export", _("Save the whole drawing to a file"), "Ctrl+E")
        self._buttons = [
            self._button(_("Previous"), "diff_previous", _("The difference before the marked place"), "Shift+F3"),
            self._button(_("Next difference"), "diff_next", _("The difference after the marked place"), "F3"),
            self._button(_("Open all"), "diff_open_all", _("Show every block"), "Ctrl+Shift+O"),
            self._button(_("Fold all"), "diff_fold_all", _("Fold every stage"), "Ctrl+Shift+F"),
            self._button(_("Fit"), "diff_fit", _("Show all of it at once (0 in the drawing fits the width)"), "Ctrl+0"),
        ]
        self._lay_out()
        self._connect()
        self._on_changed()
        self.resize(QSize(1120, 780).boundedTo(self.screen().availableGeometry().size() * 0.94))

    def offer_design(self, design: NetworkSpec | None) -> None:
        """The network in the form may be compared, and its twin; where it is shown it follows the form."""
        if design is None:
            self.choice.offer({})
        elif design.family is Family.VGG:
            self.choice.offer({DESIGN: design})
        else:
            self.choice.offer({DESIGN: design, TWIN: counterpart(design)})

    def show_design(self) -> None:
        """Compare the network in the form with its twin, the plain one first."""
        names = [name for name in (DESIGN, TWIN) if name in self.choice.offered]
        if len(names) == 2:
            self.choice.show_own(names if self.choice.offered[DESIGN].residual is False else names[::-1])

    def export(self, path: Path) -> None:
        """Write the drawing as it is folded now; a missing ending makes it an SVG."""
        found = self.view.diff
        if found is None or not self.choice.networks:
            self._pointed.setText(_("There is nothing to export: name at least two networks."))
            return
        path = path if path.suffix.lower() in FORMATS else path.with_name(f"{path.name}.svg")
        is_open, scale = self.view.open_sections, SCALES[self._scale.currentIndex()]
        self.export_button.setEnabled(False)
        self._services.jobs.start(
            lambda _emit, _should_stop: export_diff(found, path, is_open=is_open, scale=scale),
            on_done=self._on_exported,
            on_failed=self._on_not_exported,
        )

    def _find(self, text: str) -> NetworkSpec:
        """The network of a name, or that of a stored run."""
        if text in (DESIGN, TWIN):
            fault = _("The form has a wrong field") if text == DESIGN else _("The network in the form has no twin")
            raise UserError(_("{fault}; name another network.", fault=fault))
        try:
            return network_named(text)
        except UserError as error:
            try:
                return self._services.store.find(text).spec.network
            except UserError:
                raise error from None

    def _button(self, text: str, name: str, tip: str, keys: str) -> QPushButton:
        button = named(QPushButton(text), name)
        native = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
        set_tip(button, f"{tip} ({native})")
        button.setAutoDefault(False)  # Return in a field of text presses nothing
        QShortcut(QKeySequence(keys), self, button.click)
        return button

    def _lay_out(self) -> None:
        drawing = named(QFrame(), "diff_panel", role="panel")
        in_column((self.view, 1), self._pointed, of=drawing, margins=(8, 6, 8, 6))
        self._pointed.setFixedHeight(2 * self._pointed.fontMetrics().lineSpacing() + 4)
        self._pointed.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        for label in (self._pointed, self._summary):
            label.setTextFormat(Qt.TextFormat.PlainText)
        buttons = in_row(
            *self._buttons,
            STRETCH,
            named(QLabel(_("PNG scale")), role="muted"),
            self._scale,
            self.export_button,
            spacing=8,
        )
        column = in_column(self.choice, of=self, margins=(16, 12, 16, 12), spacing=10)
        summary = in_row((self._summary, 1), (Legend(self._services.theme), 0, Qt.AlignmentFlag.AlignTop))
        column.addLayout(summary)
        column.addWidget(drawing, 1)
        column.addLayout(buttons)

    def _connect(self) -> None:
        steps: tuple[Callable[[], object], ...] = (
            lambda: self._go(-1),
            lambda: self._go(1),
            lambda: self.view.fold_all(folded=False),
            lambda: self.view.fold_all(folded=True),
            self.view.fit_whole,
        )
        for button, step in zip(self._buttons, steps, strict=True):
            button.clicked.connect(step)
        self.choice.changed.connect(self._on_changed)
        self.view.pointed.connect(self._on_pointed)
        self.export_button.clicked.connect(self._on_export)
        self._scale.activated.connect(lambda index: self._services.preferences.set_value("diff/scale", index))

    def _go(self, step: int) -> None:
        if self.view.go_to_difference(step):
            self.view.setFocus()
        else:
            self._pointed.setText(
                _("No difference comes ") + (_("after") if step > 0 else _("before")) + _(" the marked place.")
            )

    @Slot()
    def _on_changed(self) -> None:
        networks = self.choice.networks
        self.view.setEnabled(bool(networks))
        for button in (*self._buttons, self.export_button):
            button.setEnabled(bool(networks))
        if not networks:
            self._summary.setText(_("A network needs another name."))
            return
        found = diff([blueprint(spec) for spec in networks], against=self.choice.mode)
        if self.view.diff is None or self.view.diff.names != found.names:
            self.view.show_diff(found)
            self.view.start_over()
            self._pointed.setText(POINT)
        else:
            self.view.show_diff(found)
        compared = range(1, len(networks))
        self._summary.setText("  ".join(found.sentence(n) for n in compared))
        lines = [line for n in compared for line in (found.sentence(n), *lines_of_text(found, n))]
        more = [_("… and {lines} more", lines=len(lines) - _SHOWN_LINES)] if len(lines) > _SHOWN_LINES else []
        set_tip(self._summary, plain_tip("\n".join([COUNTING, *lines[:_SHOWN_LINES], *more])))

    @Slot(str)
    def _on_pointed(self, text: str) -> None:
        self._pointed.setText(text or POINT)

    @Slot()
    def _on_export(self) -> None:
        names = self.view.diff.names if self.view.diff else ()
        name = f"{'-'.join(names).replace(' ', '-')}.svg"
        preferences = self._services.preferences
        if file := ask_for_file(self, _("Export the drawing"), name, FORMATS, preferences, "diff/folder"):
            self.export(file)

    # Qt

    def showEvent(self, event: QShowEvent) -> None:
        """The line below begins anew."""
        super().showEvent(event)
        if not event.spontaneous():
            self._pointed.setText(POINT)

    @Slot(object)
    def _on_exported(self, path: Path) -> None:
        self.export_button.setEnabled(True)
        self._pointed.setText(_("Saved as {path}.", path=path))

    @Slot(str)
    def _on_not_exported(self, sentence: str) -> None:
        self.export_button.setEnabled(True)
        self._pointed.setText(sentence)
