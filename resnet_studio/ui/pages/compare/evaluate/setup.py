"""The order form: which images, which protocol, each run alone or all together; and what becomes of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from resnet_studio.domain.data_sets import FOLDER, is_drawn, source_choices
from resnet_studio.domain.data_spec import DataSpec
from resnet_studio.domain.documents import parse
from resnet_studio.domain.errors import SpecError
from resnet_studio.text import _
from resnet_studio.ui.pages.compare.evaluate.plan import Order
from resnet_studio.ui.pages.compare.evaluate.session import EvaluateSession
from resnet_studio.ui.preferences import CLASS_FOLDERS
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.field_row import Choice, NumberEdit
from resnet_studio.ui.widgets.flow import FlowLayout, side_by_side
from resnet_studio.ui.widgets.focus import keeping_focus
from resnet_studio.ui.widgets.layouts import in_column
from resnet_studio.ui.widgets.protocol_form import ProtocolForm

_OWN = "own"
_SOURCES = ((_OWN, _("Each run's own data")), *source_choices())


class SetupForm(QFrame):
    """``changed`` when a person has changed the order, ``start_requested`` to start, ``stop_requested`` to stop."""

    changed = Signal()
    start_requested = Signal()
    stop_requested = Signal()

    def __init__(self, session: EvaluateSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.fault = ""
        self.setProperty("role", "panel")
        self.source = named(Choice(), "evaluate_data", tip=_("The test images that the networks see"))
        self.source.setAccessibleName(_("Data"))
        self.source.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        for key, text in _SOURCES:
            self.source.addItem(text, key)
        self.seed = named(
            NumberEdit(1), "evaluate_draw", tip=_("Built-in: which images are drawn. Folder: which are held out")
        )
        self.seed.setAccessibleName(_("Data draw"))
        self.seed.setText("0")
        self.seed.setFixedWidth(64)
        self.draw = named(QLabel(_("draw")), role="muted")
        self.folder = named(
            QLineEdit(), "evaluate_folder", tip=_("test/CLASS or val/CLASS beside train, or one folder of classes")
        )
        self.folder.setPlaceholderText(_("folder with a folder for each class"))
        self.folder.setAccessibleName(_("Data folder"))
        self.browse = named(QPushButton(_("Choose…")), "evaluate_browse")
        self.protocol = ProtocolForm(column=False, parent=self)
        self.alone = named(QCheckBox(_("each alone")), "evaluate_alone", tip=_("One result for each ticked run"))
        self.alone.setChecked(True)
        self.together = named(
            QCheckBox(_("as an ensemble")),
            "evaluate_together",
            tip=_("One result for all ticked runs together: the mean of their softmax outputs"),
        )
        self.start = named(
            QPushButton(_("Evaluate")), "evaluate_button", tip=_("Measure and keep the result (Ctrl+Return)")
        )
        self.stop = named(QPushButton(_("Stop")), "evaluate_stop", tip=_("What is done already stays"))
        self.delete = named(
            QPushButton(_("Delete")), "evaluation_delete", tip=_("Remove the chosen results for good (Del)")
        )
        self.note = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "evaluate_note", role="muted")
        self.bar = named(QProgressBar(), "evaluate_progress", accessible=_("Progress of the evaluation"))
        self.bar.setTextVisible(False)
        self.bar.setFixedWidth(150)
        self._place = side_by_side(self.folder, self.browse)
        data, order = FlowLayout(), QHBoxLayout()
        source = side_by_side(self.source, self.draw, self.seed)
        source.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        data.addWidget(source)
        data.addWidget(self.protocol)
        order.setSpacing(8)
        for widget in (self.alone, self.together, self.start, self.stop, self.bar):
            order.addWidget(widget)
        order.addStretch(1)
        order.addWidget(self.delete)
        in_column(data, self._place, order, self.note, of=self, margins=(10, 8, 10, 8), spacing=6)
        self.source.activated.connect(self._on_source)
        self.seed.textEdited.connect(self.changed)
        self.folder.textEdited.connect(self.changed)
        self.browse.clicked.connect(self._on_browse)
        self.protocol.changed.connect(self.changed)
        self.alone.toggled.connect(self.changed)
        self.together.toggled.connect(self.changed)
        self.start.clicked.connect(self.start_requested)
        self.stop.clicked.connect(self.stop_requested)
        session.changed.connect(self.show_progress)
        go = QShortcut(QKeySequence("Ctrl+Return"), self)
        go.activated.connect(self.start.click)
        self._show_fields()
        self.show_progress()

    @property
    def own(self) -> bool:
        return bool(self.source.currentData() == _OWN)

    def order(self) -> Order | None:
        """None while a field is wrong; :attr:`fault` says which."""
        self.fault = ""
        protocol = self.protocol.choice
        if protocol is None:
            self.fault = self.protocol.fault
            return None
        data = None
        if not self.own:
            source = str(self.source.currentData())
            if source == FOLDER:
                source += self.folder.text().strip()
            if source == FOLDER:
                self.fault = _("Choose the folder that holds a folder of images for each class.")
                return None
            try:
                data = parse(DataSpec, {"source": source, "seed": self.seed.text().strip() or 0 if self._drawn else 0})
            except SpecError as error:
                self.fault = _("The data cannot be used: {error}.", error=error)
                return None
        return Order(data, protocol, self.alone.isChecked(), self.together.isChecked())

    @property
    def _drawn(self) -> bool:
        return self.source.currentData() != _OWN and is_drawn(str(self.source.currentData()))

    def show_sentence(self, sentence: str, *, able: bool, again: bool = False, wrong: bool = True) -> None:
        """What starting would do, or why it cannot.

        ``again`` where all of it is stored already. ``wrong``: whether something that was chosen is why it cannot.
        """
        self._sentence, self._able, self._wrong = sentence, able, wrong and not able
        self.start.setText(_("Evaluate again") if again else _("Evaluate"))
        self.show_progress()

    _sentence, _able, _wrong = "", False, False

    @Slot()
    def show_progress(self) -> None:
        running = self._session.running
        with keeping_focus(self, self.stop, self.start, self.source):
            self.stop.setVisible(running)
            self.start.setVisible(not running)
            self.start.setEnabled(self._able)
        self.bar.setVisible(running)
        fraction = self._session.fraction
        self.bar.setRange(0, 0 if fraction is None else 1000)
        self.bar.setValue(round(1000 * (fraction or 0.0)))
        self.note.setText(self._session.sentence if running else self._sentence)
        role = "error" if self._wrong and not running else "muted"
        if self.note.property("role") != role:
            self.note.setProperty("role", role)
            self.note.style().unpolish(self.note)
            self.note.style().polish(self.note)

    def _show_fields(self) -> None:
        folder = self.source.currentData() == FOLDER
        self._place.setVisible(folder)
        self.draw.setVisible(self._drawn)
        self.seed.setVisible(self._drawn)

    @Slot()
    def _on_source(self) -> None:
        self._show_fields()
        if self.source.currentData() == FOLDER and not self.folder.text():
            self._on_browse()
        self.changed.emit()

    @Slot()
    def _on_browse(self) -> None:
        preferences = self._session.preferences
        chosen = QFileDialog.getExistingDirectory(
            self,
            _("Choose the folder that holds the classes"),
            self.folder.text() or preferences.folder(CLASS_FOLDERS),
        )
        if chosen:
            preferences.set_folder(CLASS_FOLDERS, chosen)
            self.choose_folder(chosen)

    def choose_folder(self, path: str) -> None:
        """As if a person had chosen it."""
        self.source.setCurrentIndex(self.source.findData(FOLDER))
        self.folder.setText(path)
        self._show_fields()
        self.changed.emit()
