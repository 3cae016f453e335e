"""Where the history and the runs of this home lie, if not in it; it counts from the next start on."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QWidget

from resnet_studio.domain.errors import UserError
from resnet_studio.history.storage import storage_at
from resnet_studio.platform.home import Home
from resnet_studio.platform.shared_places import SharedPlaces, read_places, write_places
from resnet_studio.text import _
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column


class PlacesDialog(QDialog):
    """Two fields, empty for the home itself, and a sentence where one cannot be used."""

    def __init__(self, home: Home, where: str, parent: QWidget | None = None) -> None:
        """``where`` is the history that this window shows, as people know it."""
        super().__init__(parent)
        self._home = home
        self.setObjectName("places_dialog")
        self.setWindowTitle(_("History and runs"))
        kept = read_places(home.root)
        self.history = named(QLineEdit(kept.history), "history_field")
        self.history.setPlaceholderText(_("postgresql://USER@SERVER/DATABASE"))
        self.history.setMinimumWidth(420)
        self.runs = named(QLineEdit(kept.runs, placeholderText=str(home.root / "runs")), "runs_field")
        self.problem = named(QLabel("", wordWrap=True), "places_problem")
        self.problem.hide()
        now = QLabel(
            _(
                "This window shows {where}. Other places count from the next start on; empty fields mean the folder "
                "{root}. Several machines that name the same history and the same folder of runs share both.",
                where=where,
                root=home.root,
            )
        )
        now.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        fields = QFormLayout()
        fields.addRow(_("&History"), self.history)
        fields.addRow(_("&Runs"), self.runs)
        layout = in_column(now, self.problem, of=self)
        layout.insertLayout(1, fields)
        layout.addWidget(buttons)

    @Slot()
    def accept(self) -> None:
        """A URL that names nothing is refused here, and not at the next start; whether it answers shows then."""
        history = self.history.text().strip()
        try:
            if history:
                storage_at(history).close()
            write_places(self._home.root, SharedPlaces(history, self.runs.text().strip()))
        except UserError as error:
            self.problem.setText(error.sentence)
            self.problem.show()
            return
        super().accept()
