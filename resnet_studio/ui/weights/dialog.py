"""The dialog that makes a stored run of a weights file: what was recognised, what must be said, and how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.domain.enums import Family
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.imported_weights import ImportOptions, Recognition, without_options
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import NetworkSpec, replace
from resnet_studio.domain.visible_text import visible, visible_line
from resnet_studio.text import _
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit, Job, Work
from resnet_studio.ui.weights.images_box import ImagesAnswer, ImagesBox
from resnet_studio.ui.weights.texts import NO_ANSWER, NO_COLOURS, NO_IMAGES, NO_SET, NO_SIZE, assumptions, network_text
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import STRETCH, in_column, in_row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from resnet_studio.weights_io.import_weights import Inspected

_CLASS_FILTER = _("Class names (*.txt *.json *.csv *.names);;All files (*)")


class ImportDialog(QDialog):
    """Reads ``path`` in a thread of its own as soon as it is made; ``imported`` carries the new run.

    ``before`` is how the images of the file before were prepared; it is proposed where this file is of the same kind.
    """

    imported = Signal(object)

    def __init__(
        self, services: Services, path: Path, parent: QWidget | None = None, before: ImagesAnswer | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("import_dialog")
        self.setWindowTitle(_("Import weights"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(620)
        self._services, self._path, self._before = services, path, before
        self._inspected: Inspected | None = None
        self._classes: Path | None = None
        self._key: str | None = None  # of a set of weights; the top of the file has an empty one
        self._job: Job | None = None
        self._lay_out()
        self._read()

    # What is shown

    def _lay_out(self) -> None:
        name = QLabel(visible_line(self._path.name), textFormat=Qt.TextFormat.PlainText)
        title = named(name, "import_title", role="heading")
        self._sets = named(QComboBox(), "import_weights_key", tip=_("Which of the file's sets of weights is imported"))
        self._sets.setVisible(False)
        self._sets.activated.connect(self._on_set)
        self._facts = named(QLabel(), "import_facts")
        self._question = named(QLabel(), "import_question", role="heading")
        for label in (self._facts, self._question):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._choices = QVBoxLayout()
        self._group = QButtonGroup(self)
        self._group.buttonClicked.connect(self._update)
        self.images = ImagesBox()
        self.images.changed.connect(self._update)
        self.image_size = named(
            QLineEdit(), "import_size", tip=_("Height and width of the images that the network sees")
        )
        self.image_size.textChanged.connect(self._update)
        self.name = named(QLineEdit(self._path.stem, maxLength=200), "import_name")
        self._class_label = named(QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True), "import_classes")
        browse = named(
            QPushButton(_("From a file…")), "import_classes_browse", tip=_("A class name a line, or a JSON list")
        )
        browse.clicked.connect(self._on_classes)
        classes = in_row((self._class_label, 1), browse)
        self._form = named(QWidget(), role="clear")
        form = QFormLayout(self._form, verticalSpacing=10)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(self._facts)
        form.addRow(self._question)
        form.addRow(self._choices)
        form.addRow(_("&Images"), self.images)
        form.addRow(_("Image &size"), self.image_size)
        form.addRow(_("Classes"), classes)
        form.addRow(_("&Name"), self.name)
        self._area = area = QScrollArea(widgetResizable=True)
        area.setVisible(False)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._form)
        self._bar = named(QProgressBar(textVisible=False), "import_progress")
        self._doing = named(QLabel(), "import_doing", role="muted")
        self._fault = named(QLabel(), "import_error", role="error")
        for label in (self._doing, self._fault):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.import_button = named(QPushButton(_("&Import")), "import_button", role="primary")
        self.import_button.setDefault(True)
        self.import_button.clicked.connect(self._on_import)
        self._cancel = named(QPushButton(_("Cancel")), "import_cancel")
        self._cancel.clicked.connect(self.reject)
        buttons = in_row(STRETCH, self._cancel, self.import_button)
        in_column(
            title,
            self._sets,
            (area, 100),
            STRETCH,
            self._fault,
            self._doing,
            self._bar,
            buttons,
            of=self,
            margins=(20, 16, 20, 16),
            spacing=10,
        )
        self.resize(640, 600)

    def _show(self, found: Recognition) -> None:
        facts = [*found.notes, *map(without_options, assumptions(found))]
        self._facts.setText(_("Names of {naming}. {facts}", naming=found.naming, facts=" ".join(facts)))
        alternatives = found.alternatives
        self._show_sets(found.sets, chosen=True)
        for button in self._group.buttons():  # of the set that was shown before
            self._group.removeButton(button)
            self._choices.removeWidget(button)
            button.deleteLater()
        self._question.setVisible(len(alternatives) > 1)
        self._question.setText(
            _("The file does not tell which of these it is:") if found.question else _("The file fits these; found:")
        )
        for number, spec in enumerate(alternatives if len(alternatives) > 1 else ()):
            button = named(QRadioButton(network_text(spec)), f"import_network_{number}")
            button.setChecked(spec == found.spec and not found.question)
            self._group.addButton(button, number)
            self._choices.addWidget(button)
        self.images.propose(found.preset, carried=found.carries_preprocessing, before=self._before)
        self.image_size.setText(str(found.spec.image_size))
        self.image_size.setReadOnly(found.spec.family is Family.VGG)
        names = found.class_names
        if not names:
            self._class_label.setText(_("{classes}, without names: class 0, class 1, …", classes=found.spec.classes))
        else:
            self._class_label.setText(f"{len(names)}: {', '.join(names[:4])}, …")
        self._area.setVisible(True)
        self._update()
        first = self._group.button(0) if found.question else self.import_button
        first.setFocus(Qt.FocusReason.OtherFocusReason)  # Return then imports; no button is pressed by it unseen

    def _show_sets(self, sets: Sequence[tuple[str, str]], *, chosen: bool) -> None:
        """The file's sets of weights; the first one is shown as chosen unless nobody chose yet."""
        if self._sets.count() == 0:
            self._sets.setPlaceholderText(_("Choose a set of weights"))
            for key, about in sets:
                self._sets.addItem(_("{key}: {about}", key=key or _("At the top"), about=about), key)
        self._sets.setVisible(len(sets) > 1)
        self._sets.setCurrentIndex(self._sets.findData(sets[0][0]) if chosen and sets else -1)

    @property
    def answered(self) -> bool:
        """False while the file does not tell which network it is, and nobody said so."""
        open_question = self._inspected is not None and self._inspected.found.question
        return not open_question or self._group.checkedId() >= 0

    @property
    def network(self) -> NetworkSpec | None:
        """What is chosen now; None while the question is open or the image size is no such number."""
        if self._inspected is None or not self.answered:
            return None
        found = self._inspected.found
        number = self._group.checkedId()
        spec = found.alternatives[number] if number >= 0 else found.spec
        try:
            return replace(spec, image_size=int(self.image_size.text()))
        except ValueError:  # pydantic's is one too
            return None

    @property
    def options(self) -> ImportOptions:
        colours = self.images.colours
        return ImportOptions(
            mean=colours[0] if colours else None,
            std=colours[1] if colours else None,
            pixel_mean=self.images.pixel_mean,
            mean_of=self.images.mean_of,
            classes=self._classes,
            name=self.name.text(),
            weights_key=self._key,
        )

    @Slot()
    def _update(self) -> None:
        ready = self._inspected is not None and self._job is None
        sized = self._inspected is None or not self.answered or self.network is not None
        self.import_button.setEnabled(ready and self.answered and self.images.usable and sized)
        self._form.setEnabled(ready)
        self._bar.setVisible(self._job is not None)
        self._sets.setEnabled(self._job is None)
        if ready:
            self._doing.setText(NO_ANSWER if not self.answered else "" if self.images.key else NO_IMAGES)
        self._doing.setVisible(self._job is not None or bool(self._doing.text()))
        fault = "" if sized else NO_SIZE
        if ready and not self.images.usable and self.images.key == "own":
            fault = NO_COLOURS
        if fault or self._fault.text() in (NO_COLOURS, NO_SIZE):
            self._fault.setText(visible(fault))
        self._fault.setVisible(bool(self._fault.text()))

    # What is done

    def _read(self) -> None:
        path, options = self._path, ImportOptions(weights_key=self._key)

        def work(emit: Emit, should_stop: StopCheck) -> object:
            from resnet_studio.weights_io.import_weights import ManySetsError, inspect

            try:
                return inspect(path, options, lambda text, share: emit((text, share)), should_stop)
            except ManySetsError as error:
                return error.choices

        self._start(work, self._on_inspected)

    @Slot()
    def _on_import(self) -> None:
        inspected, spec, options, store = self._inspected, self.network, self.options, self._services.store
        if inspected is None or spec is None:
            return

        def work(emit: Emit, should_stop: StopCheck) -> object:
            from resnet_studio.weights_io.import_weights import import_weights

            chosen = inspected.as_network(spec)
            return import_weights(store, chosen, options, lambda text, share: emit((text, share)), should_stop)

        self._start(work, self._on_imported)

    def _start(self, work: Work, on_done: Callable[..., None]) -> None:
        self._fault.clear()
        self._doing.clear()
        self._bar.setRange(0, 0)
        self._job = self._services.jobs.start(
            work, on_item=self._on_progress, on_done=on_done, on_failed=self._on_failed
        )
        self._update()

    @Slot(object)
    def _on_progress(self, item: tuple[str, float | None]) -> None:
        text, share = item
        self._doing.setText(f"{text[:1].upper()}{text[1:]}…")
        self._bar.setRange(0, 0 if share is None else 1000)
        if share is not None:
            self._bar.setValue(round(1000 * share))

    @Slot(object)
    def _on_inspected(self, inspected: Inspected | tuple[tuple[str, str], ...]) -> None:
        self._job = None
        if isinstance(inspected, tuple):
            self._show_sets(inspected, chosen=False)
            self._update()
            self._doing.setText(NO_SET)
            self._doing.setVisible(True)
            self._sets.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        self._inspected = inspected
        self._show(inspected.found)

    @Slot()
    def _on_set(self) -> None:
        """The chosen set is read in place of the one shown."""
        if self._job is None and self._sets.currentData() is not None:
            self._key, self._inspected = self._sets.currentData(), None
            self._read()

    @Slot(object)
    def _on_imported(self, run: RunRecord) -> None:
        self._job = None
        self.imported.emit(run)
        self.accept()

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self._job = None
        self._fault.setText(visible(sentence))
        self._doing.clear()
        self._update()
        self.import_button.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _on_classes(self) -> None:
        chosen, _unused = QFileDialog.getOpenFileName(self, _("Choose class names"), "", _CLASS_FILTER)
        if chosen:
            self._classes = Path(chosen)
            self._class_label.setText(_("From {name}", name=self._classes.name))

    # Qt

    def done(self, result: int) -> None:
        """Escape, Cancel, the close button and the end come here: what runs is told to stop."""
        if self._job is not None:
            self._job.stop()
            self._job = None
        super().done(result)
