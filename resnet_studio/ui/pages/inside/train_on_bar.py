"""Under a construction: train the shallow net and the one that was built from it on, and see whether SGD keeps it."""

from __future__ import annotations

import logging

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from resnet_studio.domain.analyses.construct import Construction
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.studies.learning import stand_of
from resnet_studio.studies.run_results import run_result
from resnet_studio.studies.training_on import Pair, trained_on, training_on, training_on_words
from resnet_studio.text import _
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_row
from resnet_studio.ui.widgets.number_box import NumberBox

log = logging.getLogger(__name__)

_ITERATIONS, _AT_MOST = 300, 1_000_000


class TrainOnBar(QWidget):
    """Hidden unless a construction is shown. ``started(run ids)`` once both are in the queue, ``failed(sentence)``."""

    started = Signal(tuple)
    failed = Signal(str)

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._shallow: RunRecord | None = None
        self._pair: Pair | None = None
        self.button = named(
            QPushButton(_("Train both &on")), "inside_train_on",
            tip=_(
                "The shallow net and the one that was built from it, each on from its own weights, with the same "
                "batches and the recipe of the shallow net at its first learning rate: does SGD keep what was built?"
            ),
        )  # fmt: skip
        self.iterations = named(NumberBox(), "inside_train_on_iterations", accessible=_("Iterations"))
        self.iterations.setSingleStep(100)
        self.iterations.setRange(1, _AT_MOST)
        self.iterations.setValue(_ITERATIONS)
        self.iterations.setSuffix(_(" iterations"))
        self.why = named(QLabel(wordWrap=True), "inside_train_on_why", role="muted")
        in_row(
            self.button, self.iterations, (self.why, 1, Qt.AlignmentFlag.AlignVCenter), of=self, margins=0, spacing=8
        )
        self.button.clicked.connect(self._on_clicked)
        services.controller.runs_changed.connect(self._on_runs_changed)
        self.hide()

    def show_results(self, results: tuple[object, ...]) -> None:
        """Of the figure that is shown; none that are constructions hide this."""
        built = [one for one in results if isinstance(one, Construction) and one.new_run]
        self.setVisible(bool(built))
        self._pair = None
        if not built:
            return
        try:
            self._shallow = self._services.store.get(built[0].net.run_id)
            self._pair = Pair.of(self._shallow, self._services.store.get(built[0].new_run))
        except UserError as error:
            self._refuse(str(error))
        else:
            self._refuse("")
            self._show_what_came_of_it()

    def _refuse(self, sentence: str) -> None:
        self.why.setText(sentence)
        self.button.setEnabled(not sentence)
        self.iterations.setEnabled(not sentence)

    def _show_what_came_of_it(self) -> None:
        """Of the newest two that were trained on."""
        pair, store = self._pair, self._services.store
        if pair is None:
            return
        try:
            found = trained_on(pair, store.list_runs())
            if found is None:
                return
            curves = store.curves([run.id for run in found], [Series.TRAINING_ERROR])
        except UserError as error:
            log.info("what was trained on cannot be read: %s", error)
            return
        stands = [stand_of(run_result(run, curves.get((run.id, Series.TRAINING_ERROR)), None)) for run in found]
        shallow, built = stands
        if shallow is not None and built is not None:
            (kept,) = training_on_words(shallow, built, None)
            self.why.setText(kept)

    @Slot()
    def _on_runs_changed(self) -> None:
        if self.isVisible():
            self._show_what_came_of_it()

    @Slot()
    def _on_clicked(self) -> None:
        pair, shallow = self._pair, self._shallow
        if pair is None or shallow is None:
            return
        run_ids: list[str] = []
        try:
            for cohort in training_on(pair, shallow.spec.recipe, shallow.spec.data, self.iterations.value()):
                run_ids += self._services.controller.train(cohort)
        except UserError as error:
            self.failed.emit(str(error))
            return
        self.started.emit(tuple(run_ids))
