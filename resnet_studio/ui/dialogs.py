"""The window's own small dialogs: keys, about, and the question before leaving a training."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QLabel,
    QMessageBox,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from resnet_studio import __version__
from resnet_studio.ui.actions import Action
from resnet_studio.ui.widgets.naming import named

_EVERYWHERE = (
    ("Tab, Shift+Tab", "Next and previous field"),
    ("Up, Down", "Between the buttons of the rail"),
    ("Arrows, + and −", "Move and zoom the drawing"),
    ("Return", "Open or fold the stage in the drawing that has the mark"),
    ("Esc", "Close a dialog"),
)

ABOUT = """<h3>ResNet Studio {version}</h3>
<p>A laboratory for one question: why do deeper networks train worse, and what does a shortcut change?</p>
<p>After Kaiming He, Xiangyu Zhang, Shaoqing Ren and Jian Sun, <i>Deep Residual Learning for Image Recognition</i>,
2015, <a href="https://arxiv.org/abs/1512.03385">arXiv:1512.03385</a>.</p>
<p>Nothing leaves this machine: no account, no telemetry. MIT licence.</p>"""


class ShortcutsDialog(QDialog):
    """Every key there is, from the table of actions."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcuts_dialog")
        self.setWindowTitle("Keyboard shortcuts")
        sheet = QFrame()
        sheet.setProperty("role", "panel")
        grid = QGridLayout(sheet)
        grid.setContentsMargins(18, 14, 18, 14)
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(7)
        grid.setColumnStretch(1, 1)
        rows = [
            (QKeySequence(a.row.shortcut).toString(QKeySequence.SequenceFormat.NativeText), a.row.text.replace("&", ""))
            for a in Action
            if a.row.shortcut
        ]
        for line, (keys, text) in enumerate((*rows, *_EVERYWHERE)):
            label = QLabel(keys)
            label.setProperty("role", "heading")
            grid.addWidget(label, line, 0, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(QLabel(text), line, 1)
        area = QScrollArea(widgetResizable=True)
        area.setWidget(sheet)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(area, 1)
        column.addWidget(buttons)
        self.resize(560, 620)


def about_box(parent: QWidget) -> QMessageBox:
    box = named(QMessageBox(parent), "about_box")
    box.setWindowTitle("About ResNet Studio")
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(ABOUT.format(version=__version__))
    box.setStandardButtons(QMessageBox.StandardButton.Close)
    return box


def ask_to_stop(parent: QWidget, waiting: int) -> bool:
    """Whether to stop the training that runs and close. Queued cohorts are kept for later."""
    box = named(QMessageBox(parent), "close_question")
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Training is running")
    box.setText("Stop the training and close?")
    later = "" if not waiting else f" What waits in the queue ({waiting}) is kept as well."
    box.setInformativeText(f"A checkpoint is saved first, so that you can resume exactly there.{later}")
    stop = box.addButton("Stop and save", QMessageBox.ButtonRole.AcceptRole)
    stop.setObjectName("stop_and_save_button")
    keep = box.addButton("Keep training", QMessageBox.ButtonRole.RejectRole)
    keep.setObjectName("keep_training_button")
    box.setDefaultButton(keep)
    box.setEscapeButton(keep)
    box.exec()
    return box.clickedButton() is stop


def ask_to_wait(parent: QWidget) -> bool:
    """Whether to wait longer for a training that has not stopped yet; else the program ends without it."""
    box = named(QMessageBox(parent), "wait_question")
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle("Still saving")
    box.setText("The training has not stopped yet.")
    box.setInformativeText("Closing now keeps the last whole checkpoint and loses the iterations after it.")
    wait = box.addButton("Wait longer", QMessageBox.ButtonRole.RejectRole)
    box.addButton("Close now", QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(wait)
    box.setEscapeButton(wait)
    box.exec()
    return box.clickedButton() is wait
