"""Images by networks: what each network saw in each image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum

from PySide6.QtCore import QObject, Qt

from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.records import Classification, RunRecord
from resnet_studio.text import _
from resnet_studio.ui.images.image_row import ImageRow
from resnet_studio.ui.models.record_table import RecordTableModel, TableColumn
from resnet_studio.ui.pages.classify.cells import Cell, Score
from resnet_studio.ui.widgets.plain_tip import plain_tip
from resnet_studio.ui.widgets.protocol_choice import ProtocolChoice


class HeadingRole(IntEnum):
    """Of the headings; a cell's value is a :class:`Cell`."""

    IMAGE = Qt.ItemDataRole.UserRole + 1
    RUN = Qt.ItemDataRole.UserRole + 2


_Results = dict[str, dict[str, Classification]]  # run id -> image key -> answer


class ResultsModel(RecordTableModel[ImageRow]):
    """A row per image, a column per chosen network; the headers hold the images and the runs."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(key=lambda image: image.key, parent=parent)
        self._runs: tuple[RunRecord, ...] = ()
        self._names: Mapping[str, str] = {}
        self._asked = ProtocolChoice()
        self._by_protocol: dict[str, _Results] = {}  # answers under different protocols are never mixed
        self._protocols: dict[str, Protocol] = {}  # run id -> what it is tested under now, those that were here too
        self._sizes: dict[str, int] = {}  # run id -> image size
        self._classes: dict[str, dict[str, str]] = {}  # run id -> class name in lower case -> class name
        self._scores: dict[str, Score] = {}
        self._notes: dict[str, str] = {}  # by image key

    @property
    def images(self) -> tuple[ImageRow, ...]:
        return self.records

    @property
    def runs(self) -> tuple[RunRecord, ...]:
        return self._runs

    def set_names(self, names: Mapping[str, str]) -> None:
        """Names by run id that tell the columns apart; a run without one has its own."""
        if names != self._names:
            self._names = dict(names)
            self._headings_changed()

    def name_of(self, run: RunRecord) -> str:
        return self._names.get(run.id, run.name)

    @property
    def asked(self) -> ProtocolChoice:
        return self._asked

    def set_protocol(self, asked: ProtocolChoice) -> None:
        """Show the answers under what is ``asked``; those under others are kept for when it comes back."""
        self._asked = asked
        self._protocols = {run_id: asked.of(size) for run_id, size in self._sizes.items()}
        self._scores.clear()
        self._answers_changed(0, self.rowCount() - 1)

    @property
    def image_notes(self) -> list[str]:
        """What was done to pixels that a person may not expect: a line for each such thing, with the images' names."""
        names: dict[str, list[str]] = {}
        for image in self.records:
            if note := self._notes.get(image.key, ""):
                names.setdefault(note, []).append(image.name)
        return [
            _("{names}: {note}", names=", ".join(own[:3]) + (", ..." if len(own) > 3 else ""), note=note)
            for note, own in names.items()
        ]

    def missing(self, image: ImageRow) -> tuple[str, ...]:
        """Ids of the chosen networks that have no whole answer for ``image`` yet."""
        return tuple(run.id for run in self._runs if not self._whole(run.id, image.key))

    def _answers(self, run_id: str) -> dict[str, Classification]:
        """Of a network that is or was here, under its protocol, by image key."""
        return self._by_protocol.setdefault(self._protocols[run_id].key, {}).setdefault(run_id, {})

    def _whole(self, run_id: str, key: str) -> bool:
        answer = self._answers(run_id).get(key)
        return answer is not None and answer.final

    def cell(self, row: int, column: int) -> Cell:
        return self._cell(self._runs[column], self.record_at(row))

    def _cell(self, run: RunRecord, image: ImageRow) -> Cell:
        classes = self._classes[run.id]
        truth = image.truth(classes)
        answer, protocol = self._answers(run.id).get(image.key), self._protocols[run.id]
        if answer is None:
            return Cell(run, truth=truth, protocol=protocol)
        return Cell(run, answer.predictions, truth, answer.views, answer.of, protocol, answer.note)

    def score(self, column: int) -> Score:
        run_id = self._runs[column].id
        if run_id not in self._scores:
            self._scores[run_id] = Score.of(self.cell(row, column) for row in range(self.rowCount()))
        return self._scores[run_id]

    def remove_images(self, keys: Iterable[str]) -> None:
        gone = {key for key in keys if self.row_of(key) is not None}
        if not gone:
            return
        for results in self._by_protocol.values():
            for seen in results.values():
                for key in gone:
                    seen.pop(key, None)
        self._scores.clear()
        self.set_records([image for image in self.records if image.key not in gone])

    def clear(self) -> None:
        """Without images and results; the networks stay."""
        self._forget()
        self._scores.clear()
        self.set_records([])

    def _forget(self) -> None:
        for results in self._by_protocol.values():
            results.clear()

    def forget_results(self) -> None:
        """Under every protocol."""
        self._forget()
        self._scores.clear()
        self._answers_changed(0, self.rowCount() - 1)

    def set_runs(self, runs: Sequence[RunRecord]) -> None:
        """Show these networks, in this order; what one saw before is kept for when it comes back."""
        if tuple(runs) == self._runs:
            return
        same = [run.id for run in runs] == [run.id for run in self._runs]
        self._sizes.update({run.id: run.spec.network.image_size for run in runs})
        self._protocols = {run_id: self._asked.of(size) for run_id, size in self._sizes.items()}
        self._classes |= {run.id: {name.casefold(): name for name in run.class_names} for run in runs}
        self._scores.clear()
        self._runs = tuple(runs)
        columns = [self._network_column(run) for run in runs]
        if same:
            self._columns = tuple(columns)
            self._headings_changed()
        else:
            self.set_table(columns, self.records)

    def _network_column(self, run: RunRecord) -> TableColumn[ImageRow]:
        def text(image: ImageRow) -> str:
            return _answer_text(self._cell(run, image))

        def tip(image: ImageRow) -> str | None:
            return _tip(self._cell(run, image), self.name_of(run))

        return TableColumn(run.name, lambda image: self._cell(run, image), _answer_text, cell_tip=tip, accessible=text)

    def add_results(self, results: Iterable[Classification]) -> None:
        """Keep predictions; those of images or networks that have gone meanwhile too, as long as the image is here."""
        rows = []
        for result in results:
            row = self.row_of(result.path)
            if row is not None and result.run_id in self._protocols:
                self._answers(result.run_id)[result.path] = result
                self._notes[result.path] = result.note
                self._scores.pop(result.run_id, None)
                rows.append(row)
        if rows:
            self._answers_changed(min(rows), max(rows))

    def _answers_changed(self, first: int, last: int) -> None:
        if self._runs and first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(self._runs) - 1))
            self._headings_changed()

    def _headings_changed(self) -> None:
        if self._runs:
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self._runs) - 1)

    def _heading_tip(self, column: int) -> str:
        run, score = self._runs[column], self.score(column)
        lines = [f"{self.name_of(run)}: {self._protocols[run.id].label}"]
        if score.sentence:
            lines.append(_("{sentence}, where the true class is known", sentence=score.sentence))
        if score.unfinished:
            lines.append(
                _("{unfinished} of which only some views are seen are not counted", unfinished=score.unfinished)
            )
        lines.append(_("It knows only its own classes: {class_names}.", class_names=", ".join(run.class_names)))
        return "\n".join(lines)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if orientation is Qt.Orientation.Vertical and 0 <= section < self.rowCount():
            image = self.record_at(section)
            if role == HeadingRole.IMAGE:
                return image
            if role == Qt.ItemDataRole.DisplayRole:
                return image.name
            if role == Qt.ItemDataRole.ToolTipRole:
                return plain_tip(f"{image.key}\n{note}" if (note := self._notes.get(image.key, "")) else image.key)
        elif orientation is Qt.Orientation.Horizontal and 0 <= section < len(self._runs):
            run = self._runs[section]
            if role == HeadingRole.RUN:
                return run
            if role == Qt.ItemDataRole.DisplayRole:
                return self.name_of(run)
            if role == Qt.ItemDataRole.ToolTipRole:
                return plain_tip(self._heading_tip(section))
        return None


def _answer_text(cell: Cell) -> str:
    return f"{cell.predictions[0].label} {cell.predictions[0].probability:.0%}" if cell.predictions else ""


def _tip(cell: Cell, name: str) -> str | None:
    if not cell.predictions:
        return None
    lines = [f"{prediction.label}: {prediction.probability:.2%}" for prediction in cell.predictions]
    if cell.truth:
        lines.append(_("True class, by the name of the folder or the file: {truth}", truth=cell.truth))
    if cell.sign:
        to_come = _("The answer of the single view; {label} is to come", label=cell.protocol.label)
        lines.append(
            to_come
            if cell.first_look
            else _("Mean of {sign} so far, {label}", sign=cell.sign, label=cell.protocol.label)
        )
    if cell.note:
        lines.append(cell.note)
    return "\n".join([name, *lines])
