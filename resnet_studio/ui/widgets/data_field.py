"""Where the images come from: a data set that is known by name, or a folder; with what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QWidget,
)

from resnet_studio.domain.data_sets import FOLDER, DataSetRow, find_data_set, source_choices
from resnet_studio.domain.specs import DataSpec
from resnet_studio.domain.visible_text import visible
from resnet_studio.text import _
from resnet_studio.ui.preferences import CLASS_FOLDERS
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit, Job
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.field_row import TITLE_WIDTH, Choice
from resnet_studio.ui.widgets.layouts import in_column, in_row
from resnet_studio.ui.widgets.plain_tip import plain_tip, set_tip
from resnet_studio.ui.widgets.text import count_text, counted, download_text

if TYPE_CHECKING:
    from resnet_studio.data.datasets.describe import DataFacts
    from resnet_studio.domain.events import StopCheck

NO_FOLDER = _("Choose a folder that holds a folder of images for each class.")
CLASSES_NAMED = 60  # in the tool tip
SCAN_AFTER_MS = 250  # a path is typed letter by letter


class DataField(QWidget):
    """``edited``: a person chose other data. ``facts_known``: :attr:`facts` or :attr:`fault` is another."""

    edited = Signal(str)
    facts_known = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._job: Job | None = None
        self._download: Job | None = None
        self._spec = DataSpec()
        self.facts: DataFacts | None = None
        self.fault = ""
        self._source = named(Choice(), "field_data.source", tip=_("Where images and labels come from."))
        for key, text in source_choices():
            self._source.addItem(text, key)
        self._source.setAccessibleName(_("Data"))
        self._source.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._source.setMinimumContentsLength(6)
        self._path = named(
            QLineEdit(), "data_folder_path", tip=_("train/CLASS and test/CLASS, or one folder of classes")
        )
        self._path.setPlaceholderText(_("folder with a folder for each class"))
        self._path.setAccessibleName(_("Data folder"))
        self._choose = named(QPushButton(_("Choose…")), "choose_folder_button")
        self._folder_row = QWidget()
        in_row((self._path, 1), self._choose, of=self._folder_row, margins=0)
        self._note = named(QLabel(wordWrap=True), "data_note", role="muted")
        self._error = named(QLabel(wordWrap=True), "error_data.source", role="error")
        for label in (self._note, self._error):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._fetch = named(QPushButton(_("Download")), "download_button")
        self._progress = named(QProgressBar(), "download_progress")
        self._progress.setRange(0, 1000)
        top = QHBoxLayout()
        top.setSpacing(8)
        title = QLabel(_("Data"))
        title.setFixedWidth(TITLE_WIDTH)
        title.setBuddy(self._source)
        top.addWidget(title)
        top.addWidget(self._source, 1)
        column = in_column(top, of=self, margins=0, spacing=4)
        for widget in (self._folder_row, self._note, self._error, self._fetch, self._progress):
            column.addWidget(widget)
            widget.setVisible(widget is self._note)
        self._scan_timer = QTimer(self, singleShot=True, interval=SCAN_AFTER_MS)
        self._scan_timer.timeout.connect(self._scan)
        self._source.activated.connect(self._on_source)
        self._path.textEdited.connect(self._on_path)
        self._path.returnPressed.connect(self._scan)
        self._choose.clicked.connect(self._on_choose)
        self._fetch.clicked.connect(self._on_fetch)
        application = QGuiApplication.instance()
        assert isinstance(application, QGuiApplication)
        application.applicationStateChanged.connect(self._on_application)

    @property
    def text(self) -> str:
        """The specification's ``source``."""
        key = str(self._source.currentData())
        return f"{FOLDER}{self._path.text().strip()}" if key == FOLDER else key

    def set_source(self, spec: DataSpec) -> None:
        """Show a source and look it up, with what is drawn and held out of it."""
        source, known = spec.source, self.facts or self.fault or self._job
        if source == self.text and spec == self._spec and known:
            return
        self._spec = spec
        folder = source.startswith(FOLDER)
        self._source.setCurrentIndex(self._source.findData(FOLDER if folder else source))
        if folder:
            self._path.setText(source.removeprefix(FOLDER))
        self._folder_row.setVisible(folder)
        self._scan()

    @Slot(Qt.ApplicationState)
    def _on_application(self, state: Qt.ApplicationState) -> None:
        """A person who comes back may have put right what the sentence says."""
        if state is Qt.ApplicationState.ApplicationActive and self.fault and self._path.text() and self._job is None:
            self._scan()

    def ask_for_folder(self) -> None:
        """Show that a folder is wanted which is not known yet."""
        self._path.clear()
        self._source.setCurrentIndex(self._source.findData(FOLDER))
        self._folder_row.show()
        self._scan()

    def choose_folder(self, path: str) -> None:
        """As if a person had chosen it."""
        self._source.setCurrentIndex(self._source.findData(FOLDER))
        self._path.setText(path)
        self._changed()
        self._scan()

    def show_error(self, sentence: str) -> None:
        """What the specification finds wrong; what the data say themselves comes first."""
        sentence = visible(self.fault or sentence)
        self._error.setText(sentence[:1].upper() + sentence[1:])
        self._error.setVisible(bool(sentence))
        self._note.setVisible(not sentence)

    @property
    def missing(self) -> DataSetRow | None:
        """The data set that is chosen and has to be downloaded first."""
        return find_data_set(self.text) if self.facts is not None and self.facts.missing else None

    @property
    def sentence(self) -> str:
        return self._error.text() if self.fault else ""

    @Slot()
    def _on_source(self) -> None:
        self._changed()
        if self._folder_row.isVisible() and not self._path.text():
            self._on_choose()
        self._scan()

    @Slot()
    def _on_path(self) -> None:
        self._changed()
        self._scan_timer.start()

    @Slot()
    def _on_choose(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self,
            _("Choose the folder that holds the classes"),
            self._path.text() or self._services.preferences.folder(CLASS_FOLDERS),
        )
        if chosen:
            self._services.preferences.set_folder(CLASS_FOLDERS, chosen)
            self.choose_folder(chosen)

    def _changed(self) -> None:
        self._folder_row.setVisible(self._source.currentData() == FOLDER)
        self.facts, self.fault = None, NO_FOLDER if self.text == FOLDER else ""
        self.edited.emit("data.source")

    @Slot()
    def _scan(self) -> None:
        """Look the data up in a thread: a folder may lie on a slow disk."""
        self._scan_timer.stop()
        if self._job is not None:
            self._job.stop()
            self._job = None
        self.facts, self.fault = None, ""
        if self.text == FOLDER:
            self.fault = NO_FOLDER
            self._fetch.hide()
            self.facts_known.emit()
            return
        self._note.setText(_("Looking…"))
        home, spec = self._services.home, self._spec.model_copy(update={"source": self.text})

        def look(_emit: Emit, _should_stop: StopCheck) -> object:
            from resnet_studio.data.datasets.describe import describe

            return describe(spec, home)

        self._job = self._services.jobs.start(look, on_done=self._on_facts, on_failed=self._on_failed)

    @Slot(object)
    def _on_facts(self, facts: DataFacts) -> None:
        row = find_data_set(self.text)
        if facts.obstacle and not facts.missing:  # a package is not installed, or files are damaged
            self._on_failed(facts.obstacle)
            return
        self._job = None
        self.facts, self.fault = facts, ""
        classes = counted(len(facts.class_names), "class", "classes")
        size = _(" of {image_size} x {image_size} pixels", image_size=row.image_size) if row and row.image_size else ""
        training, test = count_text(facts.training_images), count_text(facts.test_images)
        note = _("Not on this machine yet: press Download.") if facts.missing else facts.note
        self._note.setText(
            _(
                "{classes}, {training} training and {test} test images{size}. {note}",
                classes=classes,
                training=training,
                test=test,
                size=size,
                note=note,
            ).strip()
        )
        more = ["…"] if len(facts.class_names) > CLASSES_NAMED else []
        set_tip(self._note, plain_tip(", ".join([*facts.class_names[:CLASSES_NAMED], *more])))
        self._offer_download()
        self.facts_known.emit()

    @Slot(str)
    def _on_failed(self, sentence: str) -> None:
        self._job = None
        self.facts, self.fault = None, sentence
        self._fetch.hide()
        self.facts_known.emit()

    @Slot()
    def _on_fetch(self) -> None:
        """The one thing that is fetched from the network, because a person pressed for it."""
        if self._download is not None:
            self._download.stop()
            return
        row, home = self.missing, self._services.home
        if row is None:
            return

        def fetch(emit: Emit, should_stop: StopCheck) -> object:
            from resnet_studio.data.datasets.downloaded import download

            download(row, home, lambda text, fraction: emit((text, fraction)), should_stop)
            return None

        self._progress.setValue(0)
        self._progress.show()
        self._fetch.setText(_("Stop the download"))
        self._download = self._services.jobs.start(
            fetch, on_item=self._on_fetched_some, on_failed=self._on_failed, on_end=self._on_fetch_ended
        )

    @Slot(object)
    def _on_fetched_some(self, item: tuple[str, float | None]) -> None:
        text, fraction = item
        self._note.setText(text)
        self._progress.setRange(0, 0 if fraction is None else 1000)
        self._progress.setValue(int(1000 * (fraction or 0)))

    @Slot()
    def _on_fetch_ended(self) -> None:
        self._download = None
        self._progress.hide()
        if not self.fault:
            self._scan()
        self._offer_download()

    def _offer_download(self) -> None:
        """The button, while a download goes on or the chosen data set is missing."""
        if self._download is not None:
            return
        row = self.missing
        self._fetch.setVisible(row is not None)
        if row is not None:
            size = row.download_bytes
            self._fetch.setText(
                _("Download {title}", title=row.title)
                if size is None
                else _("Download {title} ({size})", title=row.title, size=download_text(size))
            )
