"""A form for a study of one's own: fields with their values, what stays fixed, rules; saved as TOML."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QWidget,
)

from resnet_studio.domain.documents import parse
from resnet_studio.domain.errors import SpecError, UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.platform.training_speed import with_runs
from resnet_studio.studies.own_study import SEED, OwnStudy, path_of
from resnet_studio.studies.preview import Preview, preview
from resnet_studio.studies.study_file import STUDY_SUFFIX, write_study
from resnet_studio.text import _
from resnet_studio.training.speed_cache import known_speeds
from resnet_studio.ui.pages.studies.answers import text_label
from resnet_studio.ui.pages.studies.preview_table import PreviewTable
from resnet_studio.ui.pages.studies.setup import left_out_text
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit, Job
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column
from resnet_studio.ui.widgets.number_box import NumberBox
from resnet_studio.ui.widgets.spec_fields import LISTS

_PREVIEW_AFTER_MS = 300  # a number is typed digit by digit
LATE_MS = 400
_GRID = "depth: 20, 56\nblock: plain, basic"
_FIXED = "data: builtin\niterations: 250\nmilestones:\nbatch_size: 64\nlearning_rate: 0.02"


def study_of(name: str, question: str, seeds: int, grid: str, fixed: str, rules: str) -> OwnStudy:
    """The study that the form's texts describe: one field a line, its values after a colon, commas between them.

    Raises:
        UserError: For what is no study, in one sentence.
    """
    axes = {field: [_typed(field, word) for word in words.split(",") if word.strip()] for field, words in _lines(grid)}
    values: dict[str, object] = {
        "name": name.strip(), "question": question.strip(), "grid": axes,
        "fixed": {field: _typed(field, words) for field, words in _lines(fixed)},
        "rules": [line.strip() for line in rules.splitlines() if line.strip()],
    }  # fmt: skip
    if SEED not in axes:
        values["seeds"] = seeds
    study = parse(OwnStudy, values)
    return OwnStudy.from_toml(study.to_toml())  # as the file is read


def _lines(text: str) -> list[tuple[str, str]]:
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        field, colon, words = line.partition(":")
        if not colon:
            raise UserError(_("“{line}” has no colon; write a field, a colon and its values.", line=line))
        found.append((field.strip(), words.strip()))
    return found


def _typed(field: str, words: str) -> object:
    """A number, true or false where it reads as one, else the text.

    A list where the field holds several, with ``+`` or commas between them.
    """
    if field == SEED:
        return _value(words.strip())
    try:
        path = path_of(field)
    except ValueError as error:
        raise UserError(str(error)) from None
    if path in LISTS:
        return [_value(part) for part in re.split(r"[+,\s]+", words) if part]
    return _value(words.strip())


def _value(word: str) -> object:
    try:
        value = tomllib.loads(f"v = {word}")["v"]
    except tomllib.TOMLDecodeError:
        return word
    return value if isinstance(value, bool | int | float) else word


class NewStudyDialog(QDialog):
    """``saved(path)`` when the study was written to a file. What it takes is shown while it is written."""

    saved = Signal(object)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._job: Job | None = None
        self.preview: Preview | None = None
        self.setWindowTitle(_("New study"))
        self.setObjectName("new_study_dialog")
        self.resize(1060, 600)
        self.name = named(QLineEdit(_("My study")), "new_study_name")
        self.question = named(QLineEdit(), "new_study_question")
        self.seeds = named(NumberBox(), "new_study_seeds")
        self.seeds.setRange(1, 100)
        self.seeds.setValue(3)
        self.grid = named(QPlainTextEdit(_GRID), "new_study_grid", tip=_("One field a line; commas between values"))
        self.fixed = named(QPlainTextEdit(_FIXED), "new_study_fixed", tip=_("One field a line, the same in every run"))
        self.rules = named(QPlainTextEdit(), "new_study_rules")
        self.rules.setPlaceholderText(_("shortcut C only where block is bottleneck"))
        self.fault = text_label("", "new_study_fault", role="error")
        self.takes = text_label("", "new_study_takes", role="heading")
        self.left_out = text_label("", "new_study_left_out", role="muted")
        self.table = PreviewTable()
        self._timer = QTimer(self, singleShot=True, interval=_PREVIEW_AFTER_MS)
        self._timer.timeout.connect(self._preview)
        self._late = QTimer(self, singleShot=True, interval=LATE_MS)
        self._late.timeout.connect(self._on_late)
        form = QFormLayout()
        rows = (
            (_("Name"), self.name), (_("Question"), self.question), (_("Seeds"), self.seeds),
            (_("Fields and values"), self.grid), (_("In every run"), self.fixed), (_("Rules"), self.rules),
        )  # fmt: skip
        for title, widget in rows:
            form.addRow(title, widget)
            widget.setAccessibleName(title)
        for editor in (self.grid, self.fixed, self.rules):
            editor.setTabChangesFocus(True)
        self.save = named(QPushButton(_("Save…")), "save_study_button", role="primary")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self.save, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        left = QWidget()
        left.setLayout(form)
        right = QWidget()
        in_column(self.takes, (self.table, 1), self.left_out, of=right, margins=0)
        parts = QSplitter(Qt.Orientation.Horizontal, childrenCollapsible=False)
        parts.addWidget(left)
        parts.addWidget(right)
        parts.setSizes([430, 600])
        in_column((parts, 1), self.fault, buttons, of=self)
        self.save.clicked.connect(self._on_save)
        for signal in (self.name.textChanged, self.grid.textChanged, self.fixed.textChanged, self.rules.textChanged):
            signal.connect(self._check)
        self.seeds.valueChanged.connect(self._check)
        self._check()
        self._begun_with = self._written()

    def _written(self) -> tuple[str, str, int, str, str, str]:
        return (
            self.name.text(), self.question.text(), self.seeds.value(), self.grid.toPlainText(),
            self.fixed.toPlainText(), self.rules.toPlainText(),
        )  # fmt: skip

    def study(self) -> OwnStudy:
        """Raises UserError for texts that are no study."""
        return study_of(*self._written())

    def save_as(self, path: Path) -> None:
        """Write the study and close; a fault stays in the form."""
        try:
            write_study(self.study(), path)
        except UserError as error:
            self.fault.setText(_sentence(error))
            return
        self.saved.emit(path)
        self.accept()

    @Slot()
    def _check(self) -> None:
        try:
            self.study()
        except UserError as error:
            self.fault.setText(_sentence(error))
        else:
            self.fault.setText("")
        self.save.setEnabled(not self.fault.text())
        self._timer.start()

    @Slot()
    def _preview(self) -> None:
        """Work out what the study takes, in a thread; of several the last one counts."""
        if self._job is not None:
            self._job.stop()
            self._job = None
        try:
            study = self.study()
        except UserError:
            self._show_preview(None)
            return
        store, cache = self._services.store, self._services.home.cache

        def work(_emit: Emit, _should_stop: StopCheck) -> Preview:
            return preview(study.plan(), with_runs(known_speeds(cache), store.list_runs()))

        self._job = self._services.jobs.start(work, on_done=self._show_preview, on_failed=self._on_no_plan)
        self._late.start()

    @Slot()
    def _on_late(self) -> None:
        """A large grid takes seconds: what stands there is of another one."""
        self._show_preview(None)
        self.takes.setText(_("Working out what this takes…"))

    @Slot(object)
    def _show_preview(self, found: Preview | None) -> None:
        self._late.stop()
        self.preview = found
        self.takes.setText("" if found is None else found.words)
        self.table.show_preview(found)
        self.left_out.setText("" if found is None else left_out_text(found.plan))
        self.left_out.setVisible(bool(self.left_out.text()))

    @Slot(str)
    def _on_no_plan(self, sentence: str) -> None:
        self._show_preview(None)
        self.fault.setText(sentence)
        self.save.setEnabled(False)

    def reject(self) -> None:
        """What was written is not thrown away by a key."""
        discard, cancel = QMessageBox.StandardButton.Discard, QMessageBox.StandardButton.Cancel
        question = _("Discard this study? What you wrote has not been saved.")
        if self._written() != self._begun_with:
            answer = QMessageBox.question(self, _("Discard"), question, discard | cancel, cancel)
            if answer != discard:
                return
        super().reject()

    def done(self, result: int) -> None:
        if self._job is not None:
            self._job.stop()
        super().done(result)

    @Slot()
    def _on_save(self) -> None:
        chosen, _filter = QFileDialog.getSaveFileName(
            self, _("Save the study"), f"study{STUDY_SUFFIX}", _("Studies (*{suffix})", suffix=STUDY_SUFFIX)
        )
        if chosen:
            path = Path(chosen)
            self.save_as(path if path.suffix else path.with_suffix(STUDY_SUFFIX))


def _sentence(error: UserError) -> str:
    return error.sentence if isinstance(error, SpecError) else str(error)
