"""What stands behind an evaluation, or behind two: matrices, errors by class, confusions, the images of a cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableView,
    QTabWidget,
    QWidget,
)

from resnet_studio.domain.records import Evaluation, NamedImage, RunRecord
from resnet_studio.text import _
from resnet_studio.ui.images.image_row import ImageRow, Source
from resnet_studio.ui.images.thumbnails import Thumbnails
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import RecordRole
from resnet_studio.ui.pages.compare.evaluate.classes import (
    ClassesModel,
    ClassRow,
    PairRow,
    PairsModel,
)
from resnet_studio.ui.pages.compare.evaluate.export import Titled
from resnet_studio.ui.pages.compare.evaluate.images import CellImage, CellImages
from resnet_studio.ui.pages.compare.evaluate.matrices import Matrices
from resnet_studio.ui.pages.compare.evaluate.matrix_drawing import ALL, Matrix, Place
from resnet_studio.ui.pages.compare.evaluate.work import TestSets, data_of, loading_images
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Job
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column, in_splitter
from resnet_studio.ui.widgets.plain_tip import set_tip

_ERROR_COLUMN, _COUNT_COLUMN = 1, 2  # of the tables of classes and of pairs
_WIDEST, _LEAST_TABS = 150, 280  # pixels of a column, of the tables
_ONE_SHARE, _TWO_SHARE = 0.56, 0.66  # of the width, for one matrix and for two
MOST_SHOWN = 300  # images of a cell at once


class Detail(QWidget):
    """``looked_into`` when a person asks for the images of a cell, a row or a heading."""

    looked_into = Signal()

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._evaluations: tuple[Evaluation, ...] = ()
        self._runs: dict[str, RunRecord] = {}
        self._names: dict[str, str] = {}
        self._sets = TestSets()
        self._job: Job | None = None
        self._waiting: tuple[Evaluation, Place, list[int], int] | None = None
        self._shown_of: Evaluation | None = None
        self.thumbnails = Thumbnails(services.jobs, self)
        self.matrices = Matrices(services.theme)
        self.classes, self.pairs = ClassesModel(self), PairsModel(self)
        self.classes_view = self._table("classes_table", _("Errors by class"), self.classes)
        self.pairs_view = self._table("pairs_table", _("What is taken for what"), self.pairs)
        self.images = CellImages(self.thumbnails, services.theme)
        self.tabs = named(QTabWidget(documentMode=True), "evaluation_tabs")
        self.tabs.setMinimumWidth(_LEAST_TABS)
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self.classes_view, _("Classes"))
        self.tabs.addTab(self.pairs_view, _("Confusions"))
        self.tabs.addTab(self.images, _("Images"))
        self._moved = False  # by a person: then its place is hers
        splitter = self._splitter = in_splitter((self.matrices, 3), (self.tabs, 2), handle=10)
        self.notes = named(QLabel(wordWrap=True, textFormat=Qt.TextFormat.PlainText), "evaluation_notes", role="muted")
        in_column((splitter, 1), self.notes, of=self, margins=0, spacing=4)
        splitter.splitterMoved.connect(self._on_moved)
        self.matrices.chosen.connect(self.show_cell)
        self.matrices.chosen.connect(self.looked_into)
        self.images.classify_wanted.connect(self._on_classify)
        for view in (self.classes_view, self.pairs_view):
            view.clicked.connect(self._on_row)
            view.activated.connect(self._on_row)
        self.show_evaluations((), (), {})

    def _table(self, name: str, title: str, model: ClassesModel | PairsModel) -> QTableView:
        view = named(QTableView(sortingEnabled=True), name, accessible=title)
        view.setModel(model)
        view.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.DescendingOrder)
        view.horizontalHeader().setSortIndicatorClearable(True)
        view.horizontalHeader().setHighlightSections(False)
        view.horizontalHeader().setMinimumSectionSize(52)
        view.horizontalHeader().setMaximumSectionSize(_WIDEST)
        view.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideMiddle)
        view.verticalHeader().hide()
        view.verticalHeader().setDefaultSectionSize(26)
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        view.setTabKeyNavigation(False)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        set_tip(view, _("Click a row for its images"))
        return view

    @property
    def loading(self) -> bool:
        return self._job is not None

    def show_evaluations(
        self, evaluations: Sequence[Evaluation], runs: Sequence[RunRecord], names: Mapping[str, str]
    ) -> None:
        """At most two; ``runs`` are all that are stored, ``names`` those under which they are shown, by id."""
        same = [one.id for one in evaluations] == [one.id for one in self._evaluations] and names == self._names
        self._runs = {run.id: run for run in runs}
        self._names = dict(names)
        if same and evaluations:
            return
        self._evaluations = tuple(evaluations)
        titles = [self._title(evaluation) for evaluation in evaluations]
        matrices = [Matrix(evaluation.class_names, evaluation.confusion) for evaluation in evaluations]
        self.matrices.show_matrices([Titled(t, m) for t, m in zip(titles, matrices, strict=True)])
        self.classes.set_matrices(matrices, [self._name(evaluation) for evaluation in evaluations])
        self.pairs.set_matrix(matrices[0] if matrices else None)
        notes = dict.fromkeys(note for evaluation in evaluations for note in evaluation.notes)
        self.notes.setText(" ".join(notes))
        self.notes.setVisible(bool(notes))
        for view in (self.classes_view, self.pairs_view):
            header, words = view.horizontalHeader(), (self.pairs if view is self.pairs_view else self.classes).words
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            for section in range(min(words, header.count())):  # words give way, numbers never
                header.setSectionResizeMode(section, QHeaderView.ResizeMode.Stretch)
        if self.classes.columnCount():
            self.classes_view.sortByColumn(_ERROR_COLUMN, Qt.SortOrder.DescendingOrder)
            self.pairs_view.sortByColumn(_COUNT_COLUMN, Qt.SortOrder.DescendingOrder)
        if evaluations and not self._moved:
            share = _ONE_SHARE if len(evaluations) < 2 else _TWO_SHARE
            self._splitter.setSizes([round(share * self.width()), round((1 - share) * self.width())])
        self.setVisible(bool(evaluations))
        self._drop_images()

    def _name(self, evaluation: Evaluation) -> str:
        if evaluation.is_ensemble:
            return _("Ensemble of {run_ids}", run_ids=len(evaluation.run_ids))
        run_id = evaluation.run_ids[0]
        return self._names.get(run_id, run_id[:6])

    def _title(self, evaluation: Evaluation) -> str:
        return _(
            "{name}: {percent} wrong, {label}",
            name=self._name(evaluation),
            percent=formats.percent(evaluation.top1_error),
            label=evaluation.protocol.label,
        )

    def _drop_images(self) -> None:
        self._waiting = None
        if self._job is not None:
            self._job.stop()
        self._shown_of = None
        self.images.show_images(
            "", [], _("Click a cell of the matrix for its images, or a heading for all its errors.")
        )

    @Slot(int, int, int)
    def show_cell(self, which: int, true: int, answer: int) -> None:
        """The images of a cell; of a heading, those of its row or column that were taken for another class."""
        if which >= len(self._evaluations):
            return
        evaluation, place = self._evaluations[which], (true, answer)
        found = places_of(evaluation, place)
        shown = found[:MOST_SHOWN].tolist()
        self.tabs.setCurrentWidget(self.images)
        self._shown_of = evaluation
        title = Matrix(evaluation.class_names, evaluation.confusion).sentence(place)
        if len(self._evaluations) > 1:
            title = f"{self._name(evaluation)}, {title}"
        self.images.show_images(title, [], _("Looking for the images…") if shown else _("There are none."))
        self._waiting = (evaluation, place, shown, len(found)) if shown else None
        if self._job is not None:
            self._job.stop()
        else:
            self._load()

    def _load(self) -> None:
        if self._waiting is None:
            return
        evaluation, _unused, shown, _unused_2 = self._waiting
        known = [self._runs[run_id].spec.data for run_id in evaluation.run_ids if run_id in self._runs]
        work = loading_images(evaluation, shown, data_of(evaluation, known), self._services.home, self._sets)
        self._job = self._services.jobs.start(
            work, on_done=self._on_images, on_failed=self._on_failed, on_end=self._on_end
        )

    def _on_images(self, result: object) -> None:
        if self._waiting is None:
            return
        (evaluation, place, shown, total), self._waiting = self._waiting, None
        names = evaluation.class_names
        images = [
            CellImage(
                _row(source, evaluation.names[position]),
                names[int(evaluation.labels[position])],
                names[int(evaluation.predicted[position])],
                float(evaluation.confidence[position]),
            )
            for position, source in cast("list[tuple[int, Source]]", result)
        ]
        note = _("the surest first")
        if total > len(shown):
            note = _("the {count} surest of {count_2}", count=formats.count(len(shown)), count_2=formats.count(total))
        title = Matrix(names, evaluation.confusion).sentence(place)
        if len(self._evaluations) > 1:
            title = f"{self._name(evaluation)}, {title}"
        self.images.show_images(title, images, note)

    def _on_failed(self, sentence: str) -> None:
        self._waiting = None
        self.images.show_images("", [], sentence)

    def _on_end(self) -> None:
        self._job = None
        self._load()

    @Slot(QModelIndex)
    def _on_row(self, index: QModelIndex) -> None:
        row = index.data(RecordRole.RECORD)
        if isinstance(row, ClassRow | PairRow):
            self.matrices.mark(row.place)
            self.show_cell(0, *row.place)
            self.looked_into.emit()

    @Slot()
    def _on_moved(self) -> None:
        self._moved = True

    @Slot(list)
    def _on_classify(self, images: list[CellImage]) -> None:
        if self._shown_of is not None:
            self._services.navigator.classify(self._shown_of.run_ids, [image.row.source for image in images])


def places_of(evaluation: Evaluation, place: Place) -> np.ndarray:
    """Positions of a cell's images, the surest answers first; of a heading, of the wrong ones alone."""
    true, answer = place
    if ALL not in place:
        return evaluation.cell(true, answer)
    wrong = evaluation.labels != evaluation.predicted
    found = np.flatnonzero(wrong & ((evaluation.labels == true) if answer == ALL else (evaluation.predicted == answer)))
    return found[np.argsort(-evaluation.confidence[found], kind="stable")]


def _row(source: Source, name: str) -> ImageRow:
    """Pictures are kept by key; arrays of two data sets may have the same names."""
    row = ImageRow.of(source)
    if isinstance(source, NamedImage):
        return ImageRow(f"{name} {hash(source.content):x}", source, row.name, row.folder, row.hints)
    return row
