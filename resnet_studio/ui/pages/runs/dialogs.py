"""Small windows for tags and notes, and the menu of colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtGui import QColor, QIcon, QKeySequence, QPainter, QPixmap, QShortcut, Qt
from PySide6.QtWidgets import (
    QColorDialog,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QWidget,
)

from resnet_studio.domain.colours import OKABE_ITO
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _, _n
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.run_columns import parse_tags
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column

_NAMED = 5  # runs that a question names one by one
_COLOUR_NAMES = (_("Blue"), _("Vermilion"), _("Green"), _("Pink"), _("Orange"), _("Sky blue"), _("Brown"))


def plain_label(text: str, parent: QWidget) -> QLabel:
    """A label that shows the names people give as they are, never as HTML."""
    return QLabel(text, parent, textFormat=Qt.TextFormat.PlainText)


def ask_to_delete_unreadable(parent: QWidget, sentences: Sequence[str]) -> bool:
    """``sentences``: why each of the runs cannot be read."""
    question = _n(
        "Put {count} run that cannot be read into the trash?",
        "Put {count} runs that cannot be read into the trash?",
        len(sentences),
    )
    box = QMessageBox(QMessageBox.Icon.Question, _("Delete unreadable runs"), question, parent=parent)
    box.setObjectName("unreadable_question")
    box.setTextFormat(Qt.TextFormat.PlainText)
    named, more = sentences[:_NAMED], len(sentences) - _NAMED
    box.setInformativeText("\n".join([*named, *([_("… and {count} more", count=more)] if more > 0 else [])]))
    box.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
    box.setDefaultButton(QMessageBox.StandardButton.No)
    return box.exec() == QMessageBox.StandardButton.Yes


class NoteDialog(QDialog):
    """Edits one run's note; ``note`` is what stands there now.

    Ctrl+Return saves; a changed text is not lost unasked.
    """

    def __init__(self, run: RunRecord, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("note_dialog")
        self.setWindowTitle(_("Note on {name}", name=run.name))
        self.resize(480, 300)
        self._text = named(QPlainTextEdit(run.note, self, tabChangesFocus=True), "note_text", accessible=_("Note"))
        self._text.setPlaceholderText(_("What did you want to know? What did you see?"))
        self._before = self.note
        for key in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(key), self).activated.connect(self.accept)
        _lay_out(
            self,
            plain_label(
                _(
                    "{name} ({label}, id {short_id})",
                    name=run.name,
                    label=run.spec.network.label,
                    short_id=run.short_id,
                ),
                self,
            ),
            self._text,
        )

    @property
    def note(self) -> str:
        return self._text.toPlainText().strip()

    def reject(self) -> None:
        """Escape, Cancel and the window's close button all come here."""
        answer = _ask_save(self) if self.note != self._before else QMessageBox.StandardButton.Discard
        if answer == QMessageBox.StandardButton.Save:
            self.accept()
        elif answer == QMessageBox.StandardButton.Discard:
            super().reject()


class TagsDialog(QDialog):
    """Edits the tags of one run or of several: with several, the tags that all of them have.

    Tags that only some of them have are left alone.
    """

    def __init__(self, runs: Sequence[RunRecord], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tags_dialog")
        self.setWindowTitle(_("Tags"))
        self.setMinimumWidth(420)
        self._common = [tag for tag in runs[0].tags if all(tag in run.tags for run in runs)]
        self._line = named(QLineEdit(", ".join(self._common), self), "tags_text", accessible=_("Tags"))
        self._line.setPlaceholderText(_("for example: baseline, seed sweep"))
        what = _n(
            "Tags of {name}", "Tags that all {runs} have", len(runs), runs=formats.runs(len(runs)), name=runs[0].name
        )
        hint = named(QLabel(_("Commas between them. The filter finds them as tag:baseline."), self), role="muted")
        _lay_out(self, plain_label(what, self), self._line, hint)

    def tags_for(self, run: RunRecord) -> tuple[str, ...]:
        """What ``run`` has afterwards."""
        wanted = parse_tags(self._line.text())
        own = tuple(tag for tag in run.tags if tag not in self._common)
        return tuple(dict.fromkeys((*own, *wanted)))


def _ask_save(parent: QWidget) -> QMessageBox.StandardButton:
    choice = QMessageBox.StandardButton
    return QMessageBox.question(
        parent,
        _("Note"),
        _("The note was changed. Save it?"),
        choice.Save | choice.Discard | choice.Cancel,
        choice.Save,
    )


def _lay_out(dialog: QDialog, *widgets: QWidget) -> None:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel, dialog)
    for button in buttons.buttons():
        button.setIcon(QIcon())  # the style's icons are for light ground
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    in_column(*widgets, buttons, of=dialog)


def swatch(colour: str) -> QIcon:
    pixmap = QPixmap(32, 32)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(1, 1, 14, 14, 4, 4)
    painter.end()
    return QIcon(pixmap)


def fill_colour_menu(menu: QMenu, choose: Callable[[str], None]) -> None:
    """The colours that colour-blind people can tell apart, then any other."""
    menu.clear()
    for name, colour in zip(_COLOUR_NAMES, OKABE_ITO, strict=True):
        action = menu.addAction(swatch(colour), name)
        action.setData(colour)
        action.triggered.connect(lambda _checked=False, colour=colour: choose(colour))
    menu.addSeparator()
    menu.addAction(_("Another…"), lambda: _ask_colour(menu, choose))


def _ask_colour(parent: QWidget, choose: Callable[[str], None]) -> None:
    chosen = QColorDialog.getColor(QColor(OKABE_ITO[0]), parent.window(), _("Colour of the run"))
    if chosen.isValid():
        choose(chosen.name())
