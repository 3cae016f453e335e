"""The window's own small dialogs: help, about, and the question before leaving a training."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QTabWidget,
    QWidget,
)

from resnet_studio import __version__
from resnet_studio.text import N_, _
from resnet_studio.ui.actions import Action
from resnet_studio.ui.explain.words import Words
from resnet_studio.ui.pages.base import PageRow
from resnet_studio.ui.pages.runs.actions import ENTRIES
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column

SECTION_GAP = 14  # pixels above a section of keys

_MOVING = (
    ("Tab, Shift+Tab", _("Next and previous field")),
    (_("Up, Down"), _("Between the buttons of the rail")),
    ("Esc", _("Close a dialog")),
    ("F1", _("On a field of Design: what it means")),
)
_DRAWING = (
    (_("Up, Down"), _("Mark the next or previous block")),
    (_("Left, Right"), _("Choose the network whose facts are shown")),
    ("Return", _("Open or fold the marked stage")),
    ("+, −, 0", _("Zoom in, out, fit the width")),
    (_("Page Up, Page Down, Home, End"), _("Scroll")),
    ("F1, ?", _("Explain the marked block, with its own formulas and prices")),
)
_COMPARED = (
    ("F3, Shift+F3", _("Mark the next or previous difference")),
    ("Ctrl+Shift+O, Ctrl+Shift+F", _("Open or fold every stage")),
    ("Ctrl+0, Ctrl+E", _("Show all of it at once, export the drawing")),
)
_PLOTS = (
    ("X", _("Iterations, epochs or time")),
    ("M", _("Smoothing")),
    ("W, L, G", _("Raw curves, logarithmic values, legend")),
    ("F", _("Show everything again")),
    ("Ctrl+Shift+C, Ctrl+Shift+L", _("Train: compare or classify with these runs")),
    ("Ctrl+Shift+R", _("Train and Runs: resume")),
    ("Alt+Up, Alt+Down, Delete", _("Train: move or remove the chosen entry of the queue")),
    ("Ctrl+E, Ctrl+Shift+E", _("Compare: save the figure as PNG or SVG")),
)

ABOUT = N_("""<h3>ResNet Studio {version}</h3>
<p>A laboratory for one question: why do deeper networks train worse, and what does a shortcut change?</p>
<p>After Kaiming He, Xiangyu Zhang, Shaoqing Ren and Jian Sun, <i>Deep Residual Learning for Image Recognition</i>,
2015, <a href="https://arxiv.org/abs/1512.03385">arXiv:1512.03385</a>.</p>
<p>Nothing leaves this machine: no account, no telemetry. MIT licence.</p>""")


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)


def all_keys(pages: Sequence[PageRow]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every key there is, by place: pages, menus and the Runs page from their tables, the rest from here."""
    leading = [(_native(page.shortcut), page.title) for page in pages]
    menus = [(_native(a.row.shortcut), a.row.text.replace("&", "")) for a in Action if a.row.shortcut]
    runs = [(_native(entry.shortcut), entry.text) for entry in ENTRIES.values() if entry.shortcut]
    return [
        ("Everywhere", [*leading, *menus, *_MOVING]),
        ("Design: the drawing", list(_DRAWING)),
        ("Compare networks", list(_COMPARED)),
        ("Train and Compare", list(_PLOTS)),
        ("Runs", runs),
    ]


class HelpDialog(QDialog):
    """The words of the field, and every key there is."""

    def __init__(self, pages: Sequence[PageRow], theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("help_dialog")
        self.setWindowTitle(_("Help"))
        self.words = Words(theme)
        self.tabs = named(QTabWidget(documentMode=True), "help_tabs")
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.words, _("Words"))
        self.tabs.addTab(_keys(pages), _("Keys"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        in_column((self.tabs, 1), buttons, of=self)
        self.resize(720, 640)

    def show_term(self, key: str) -> None:
        """Explain this word; the keys where ``key`` is empty."""
        if key:
            self.words.show_term(key)
        self.tabs.setCurrentIndex(0 if key else 1)


def _keys(pages: Sequence[PageRow]) -> QWidget:
    """A scrolling sheet of keys, in sections."""
    sheet = named(QFrame(), role="panel")
    grid = QGridLayout(sheet)
    grid.setContentsMargins(20, 14, 20, 16)
    grid.setHorizontalSpacing(28)
    grid.setVerticalSpacing(7)
    grid.setColumnStretch(1, 1)
    for number, (title, keys) in enumerate(all_keys(pages)):
        if number:
            grid.setRowMinimumHeight(grid.rowCount(), SECTION_GAP)
        heading = named(QLabel(title), role="heading")
        heading.setContentsMargins(0, 0, 0, 4)
        grid.addWidget(heading, grid.rowCount(), 0, 1, 2)
        for key, text in keys:
            line = grid.rowCount()
            label = QLabel(key)
            bold = label.font()
            bold.setWeight(bold.Weight.DemiBold)
            label.setFont(bold)
            grid.addWidget(label, line, 0, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(named(QLabel(text), role="muted"), line, 1)
    area = QScrollArea(widgetResizable=True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(sheet)
    return area


def about_box(parent: QWidget) -> QMessageBox:
    box = named(QMessageBox(parent, textFormat=Qt.TextFormat.RichText), "about_box")
    box.setWindowTitle(_("About ResNet Studio"))
    box.setText(_(ABOUT, version=__version__))
    box.setStandardButtons(QMessageBox.StandardButton.Close)
    return box


def ask_to_stop(parent: QWidget, waiting: int) -> bool:
    """Whether to stop the training that runs and close. Queued cohorts are kept for later."""
    later = "" if not waiting else _(" What waits in the queue ({waiting}) is kept as well.", waiting=waiting)
    box = _question(parent, "close_question", _("Training has not ended"), _("Stop the training and close?"))
    box.setInformativeText(_("A checkpoint is saved first, so that you can resume exactly there.{later}", later=later))
    stop = box.addButton(_("Stop and save"), QMessageBox.ButtonRole.AcceptRole)
    stop.setObjectName("stop_and_save_button")
    keep = box.addButton(_("Keep training"), QMessageBox.ButtonRole.RejectRole)
    keep.setObjectName("keep_training_button")
    return _answer(box, usual=keep) is stop


def ask_to_leave_work(parent: QWidget, works: Sequence[str]) -> bool:
    """Whether to stop what pages do in the background, in their words, and close."""
    words = _("{works}\nStop and close?", works="\n".join(works))
    box = _question(parent, "work_question", _("Something is still being measured"), words)
    box.setInformativeText(_("What is stored already is kept; what is being measured is lost."))
    stop = box.addButton(_("Stop and close"), QMessageBox.ButtonRole.AcceptRole)
    stop.setObjectName("stop_and_close_button")
    keep = box.addButton(_("Keep going"), QMessageBox.ButtonRole.RejectRole)
    keep.setObjectName("keep_going_button")
    return _answer(box, usual=keep) is stop


def ask_to_wait(parent: QWidget) -> bool:
    """Whether to wait longer for a training that has not stopped yet; else the program ends without it."""
    box = _question(parent, "wait_question", _("Still saving"), _("The training has not stopped yet."))
    box.setIcon(QMessageBox.Icon.Warning)
    box.setInformativeText(_("Closing now keeps the last whole checkpoint and loses the iterations after it."))
    wait = box.addButton(_("Wait longer"), QMessageBox.ButtonRole.RejectRole)
    box.addButton(_("Close now"), QMessageBox.ButtonRole.DestructiveRole)
    return _answer(box, usual=wait) is wait


def _question(parent: QWidget, name: str, title: str, text: str) -> QMessageBox:
    box = named(QMessageBox(parent, textFormat=Qt.TextFormat.PlainText), name)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setText(text)
    return box


def _answer(box: QMessageBox, usual: QPushButton) -> QAbstractButton:
    """The button that was pressed; Enter and Escape press the ``usual`` one."""
    box.setDefaultButton(usual)
    box.setEscapeButton(usual)
    box.exec()
    return box.clickedButton()
