"""Grants what pages ask of the window: it starts training and leads to the page that shows what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, RunSpec
from resnet_studio.text import _
from resnet_studio.ui.dialogs import HelpDialog
from resnet_studio.ui.dropped_files import sort_files
from resnet_studio.ui.images.image_row import Source
from resnet_studio.ui.images.open_images import NO_IMAGE, NOT_HERE, DroppedImages, pasted_images
from resnet_studio.ui.navigator import Navigator
from resnet_studio.ui.page_stack import PageStack
from resnet_studio.ui.pages.base import PageRow
from resnet_studio.ui.services import Services
from resnet_studio.ui.status import StatusBar
from resnet_studio.ui.study_evaluations import StudyEvaluations
from resnet_studio.ui.weights.import_weights import WeightsFiles
from resnet_studio.ui.widgets.banner import Banner

if TYPE_CHECKING:
    from resnet_studio.studies.plan import StudyPlan
    from resnet_studio.ui.pages.classify.page import ClassifyPage
    from resnet_studio.ui.pages.compare.page import ComparePage
    from resnet_studio.ui.pages.design.page import DesignPage
    from resnet_studio.ui.pages.inside.page import InsidePage
    from resnet_studio.ui.pages.runs.page import RunsPage
    from resnet_studio.ui.pages.studies.page import StudiesPage
    from resnet_studio.ui.pages.train.page import TrainPage

FINE_TUNING = _("Training will begin with that run's weights; choose data and recipe, then train.")


class WindowNavigator(Navigator):
    """Errors stand in the banner, lesser sentences in the status bar. ``pages`` are handed :attr:`services`."""

    def __init__(
        self, services: Services, rows: Sequence[PageRow], banner: Banner, status: StatusBar, window: QWidget
    ) -> None:
        self.services = replace(services, navigator=self)
        self.pages = PageStack(self.services, rows)
        self._banner, self._status, self._window = banner, status, window
        self._help: HelpDialog | None = None
        self._evaluations = StudyEvaluations(self.services, window)
        self._evaluations.working.connect(partial(status.show_work, "study-evaluations"))
        self._evaluations.failed.connect(self.show_error)
        self._weights = WeightsFiles(self.services, window)
        self._weights.imported.connect(self._on_imported)
        self._weights.status_message.connect(status.show_message)
        self._weights.failed.connect(self.show_error)

    # Pages by their types

    @property
    def design_page(self) -> DesignPage:
        from resnet_studio.ui.pages.design.page import DesignPage

        return self.pages.page_of("design", DesignPage)

    @property
    def runs_page(self) -> RunsPage:
        from resnet_studio.ui.pages.runs.page import RunsPage

        return self.pages.page_of("runs", RunsPage)

    @property
    def compare_page(self) -> ComparePage:
        from resnet_studio.ui.pages.compare.page import ComparePage

        return self.pages.page_of("compare", ComparePage)

    @property
    def classify_page(self) -> ClassifyPage:
        from resnet_studio.ui.pages.classify.page import ClassifyPage

        return self.pages.page_of("classify", ClassifyPage)

    @property
    def inside_page(self) -> InsidePage:
        from resnet_studio.ui.pages.inside.page import InsidePage

        return self.pages.page_of("inside", InsidePage)

    @property
    def train_page(self) -> TrainPage:
        from resnet_studio.ui.pages.train.page import TrainPage

        return self.pages.page_of("train", TrainPage)

    @property
    def studies_page(self) -> StudiesPage:
        from resnet_studio.ui.pages.studies.page import StudiesPage

        return self.pages.page_of("studies", StudiesPage)

    # What pages ask for

    def design(self, spec: RunSpec | None = None) -> None:
        self.pages.show_page("design")
        if spec is not None:
            self.design_page.show_spec(spec)
            if spec.start_from:
                self._status.show_message(FINE_TUNING)

    def train(self, cohort: CohortSpec) -> None:
        if self.services.store.held_elsewhere:
            if self._start_training(lambda: self.services.controller.ask_to_train(cohort)):
                self._status.show_message(_("The program that holds the history is asked to train it with what waits."))
        else:
            self._start_training(lambda: self.services.controller.train(cohort))

    def demonstrate(self, cohort: CohortSpec) -> None:
        if self.services.controller.trained or self.services.store.held_elsewhere:
            self.train(cohort)
            return
        self.pages.show_page("train")
        if not self.train_page.checking:
            self.train_page.check_first(cohort)

    def show_training(self) -> None:
        self.pages.show_page("train")

    def resume(self, run_ids: Sequence[str]) -> None:
        self._start_training(lambda: self.services.controller.resume(run_ids))

    def go_on(self) -> None:
        """With the queue."""
        self._start_training(self.services.controller.go_on)

    def show_runs(self, run_ids: Sequence[str]) -> None:
        self.pages.show_page("runs")
        self.runs_page.choose_runs(run_ids)

    def compare(self, run_ids: Sequence[str]) -> None:
        self.pages.show_page("compare")
        self.compare_page.show_runs(run_ids)

    def studies(self, key: str = "") -> None:
        self.pages.show_page("studies")
        if key:
            self.studies_page.choose(key)

    def evaluate_study(self, plan: StudyPlan) -> None:
        self._evaluations.evaluate(plan)

    def open_study(self, path: Path) -> None:
        self.pages.show_page("studies")
        self.studies_page.open_file(path)

    def classify(self, run_ids: Sequence[str], images: Sequence[Source] = ()) -> None:
        self.pages.show_page("classify")
        self.classify_page.choose_runs(run_ids)
        if images:
            self.classify_page.classify_images(images)

    def look_inside(self, run_ids: Sequence[str] = (), design: RunSpec | None = None, analysis: str = "") -> None:
        self.pages.show_page("inside")
        if design is not None:
            self.inside_page.show_design(design, analysis or "signal")
        elif run_ids:
            self.inside_page.show_runs(run_ids, analysis)

    def check_signal(self) -> None:
        design = self.design_page.form.spec
        if design is None:
            self.pages.show_page("design")
            self._status.show_message(_("A field of the design is at fault."))
        else:
            self.look_inside(design=design)

    def explain(self, term: str = "") -> None:
        if self._help is None:
            self._help = HelpDialog(self.pages.rows, self.services.theme, self._window)
        self._help.show_term(term)
        if self._help.isVisible():
            self._help.raise_()
        self._help.show()
        self._help.activateWindow()

    def import_weights(self, paths: Sequence[Path] = ()) -> None:
        if paths:
            self._weights.import_files(paths)
        else:
            self._weights.choose()

    def export_weights(self, run: RunRecord) -> None:
        self._weights.export(run)

    # What the window asks for

    def show_error(self, sentence: str) -> None:
        """A sentence the user should not miss."""
        self._banner.show_notice("error", sentence, kind="error")

    def open_images(self, dropped: DroppedImages) -> None:
        """Classify what was dropped, pasted or chosen; weights among it are imported, a study's file is opened."""
        if dropped.only_remote:
            self.show_error(NOT_HERE)
            return
        files = sort_files(dropped.paths)
        if files.weights:
            self.import_weights(files.weights)
        if rest := replace(dropped, paths=files.others):
            self._classify_dropped(rest)
        for path in files.studies:
            self.open_study(path)

    def _classify_dropped(self, dropped: DroppedImages) -> None:
        self.pages.show_page("classify")
        if dropped.paths:
            self.classify_page.classify_paths(list(dropped.paths))
        if dropped.images:
            self.classify_page.classify_images(list(dropped.images))

    def paste_images(self) -> None:
        pasted = pasted_images()
        if not pasted:
            self._status.show_message(NO_IMAGE)
        self.open_images(pasted)

    def _start_training(self, start: Callable[[], object]) -> bool:
        """Whether it could be started; why not is said."""
        self.pages.page("train")  # it must be there before the first event
        try:
            start()
        except UserError as error:
            self.show_error(str(error))
            return False
        self._banner.withdraw("error")
        self.pages.show_page("train")
        return True

    def _on_imported(self, run: RunRecord) -> None:
        self.services.controller.refresh()
        self.show_runs([run.id])
        self._status.show_message(_("{name} was imported: {label}.", name=run.name, label=run.spec.network.label))
