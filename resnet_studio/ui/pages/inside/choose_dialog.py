"""Which networks are looked into: stored runs ticked in a list, designs by name, and the images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from resnet_studio.domain.analyses.settings import EVERY, NEWEST
from resnet_studio.domain.data_sets import DATA_SETS
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_names import EXAMPLES, network_named
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import DataSpec
from resnet_studio.domain.text_numbers import grouped
from resnet_studio.text import _
from resnet_studio.ui.analyses.subjects import Chosen
from resnet_studio.ui.run_picker import RunPicker
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.field_row import Choice
from resnet_studio.ui.widgets.layouts import in_row

OWN = _("The first run's own")


class ChooseDialog(QDialog):
    """After it was accepted, :attr:`chosen` is what is ticked and typed."""

    def __init__(
        self,
        theme: Theme,
        stored: Sequence[RunRecord],
        now: Chosen,
        parent: QWidget | None = None,
        kept: Callable[[str], Sequence[int]] = lambda _run_id: (),
    ) -> None:
        """Show the runs and designs that can be looked into, those of ``now`` ticked.

        ``kept`` gives, from a run's id, the iterations of its checkpoints.
        """
        super().__init__(parent)
        self.setObjectName("inside_choose")
        self.setWindowTitle(_("Networks to look into"))
        self._runs = {run.id: run for run in stored if run.weights_sha256}
        self._before = dict(now.designs)
        self._ticked = [run.id for run in now.runs if run.id in self._runs]
        self._data = now.data
        self._kept = kept
        self.checkpoints = named(Choice(), "inside_checkpoints", accessible=_("Checkpoints"))
        self._show_checkpoints(now.checkpoints)
        self.part = named(Choice(), "inside_part", accessible=_("Which images"))
        for text, training in ((_("test images"), False), (_("training images"), True)):
            self.part.addItem(text, training)
        self.part.setCurrentIndex(int(now.training))
        self.picker = RunPicker(theme)
        self.picker.show_runs(list(self._runs.values()), self._ticked, {})
        self.picker.chosen_changed.connect(self._on_ticked)
        self.designs = named(QLineEdit(", ".join(self._before)), "inside_designs", accessible=_("Designs by name"))
        self.designs.setPlaceholderText(_("such as plain-56, resnet-56"))
        self.data = named(Choice(), "inside_data", accessible=_("Images of"))
        self.data.addItem(now.data.label if now.data is not None else OWN, "")
        for row in DATA_SETS:
            self.data.addItem(row.title, row.key)
        self.error = named(QLabel(wordWrap=True), "inside_choose_error", role="error")
        self.error.hide()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.picker, 1)
        images = in_row((self.data, 1), self.part)
        for text, field, place in (
            (_("&Checkpoints of the runs"), self.checkpoints, self.checkpoints),
            (_("Designs without training, by &name"), self.designs, self.designs),
            (_("&Images of"), self.data, images),
        ):
            label = QLabel(text)
            label.setBuddy(field)
            column.addWidget(label)
            if isinstance(place, QWidget):
                column.addWidget(place)
            else:
                column.addLayout(place)
        column.addWidget(self.error)
        column.addWidget(self.buttons)
        self.resize(440, 520)

    @property
    def chosen(self) -> Chosen:
        """Raises UserError for a design that has no such name."""
        names = [name.strip() for name in self.designs.text().split(",") if name.strip()]
        designs = tuple((name, self._network(name)) for name in dict.fromkeys(names))
        key = self.data.currentData()
        data = DataSpec(source=key) if key else self._data
        runs = tuple(self._runs[run_id] for run_id in self._ticked)
        return Chosen(runs, designs, data, str(self.checkpoints.currentData()), bool(self.part.currentData()))

    def _show_checkpoints(self, now: str) -> None:
        """Those that every ticked run has."""
        kept = [set(self._kept(run_id)) for run_id in self._ticked]
        self.checkpoints.clear()
        self.checkpoints.addItem(_("The newest"), NEWEST)
        self.checkpoints.addItem(_("Every one that is kept"), EVERY)
        for iteration in sorted(set.intersection(*kept)) if kept else ():
            self.checkpoints.addItem(_("Iteration {iteration}", iteration=grouped(iteration)), str(iteration))
        self.checkpoints.setCurrentIndex(max(self.checkpoints.findData(now), 0))
        self.checkpoints.setEnabled(bool(self._ticked))

    def _network(self, name: str) -> NetworkSpec:
        return self._before[name] if name in self._before else network_named(name)

    @Slot(list)
    def _on_ticked(self, run_ids: list[str]) -> None:
        self._ticked = run_ids
        self._show_checkpoints(str(self.checkpoints.currentData()))

    def accept(self) -> None:
        try:
            fine = bool(self.chosen)
            sentence = "" if fine else _("Tick a run, or name a design: {examples}.", examples=EXAMPLES)
        except UserError as error:
            sentence = str(error)
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))
        if not sentence:
            super().accept()
