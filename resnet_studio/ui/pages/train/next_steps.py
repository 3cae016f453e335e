"""What can be done once the demo has ended: why, break it, more seeds for a verdict, the longer study, its page."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.studies.catalog import STUDIES
from resnet_studio.studies.plan import setting
from resnet_studio.studies.rule import LEAST_SEEDS
from resnet_studio.studies.single_cohorts import DEMO_KEY, LONGER_KEY, find_single_cohort
from resnet_studio.text import _
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.flow import FlowLayout
from resnet_studio.ui.widgets.plain_tip import plain_tip, set_tip


def is_demo(runs: Sequence[RunRecord]) -> bool:
    """Whether these are runs of the demo's cohort, whatever their seed."""
    demo = {setting(run) for run in find_single_cohort(DEMO_KEY).cohort(0).runs}
    return bool(runs) and {setting(run.spec) for run in runs} == demo


def lacking_seeds(runs: Sequence[RunRecord]) -> list[CohortSpec]:
    """Cohorts of the demo with the next seeds, for as many as a verdict takes."""
    seed = min(run.spec.recipe.init_seed for run in runs)
    return [find_single_cohort(DEMO_KEY).cohort(seed + more) for more in range(1, LEAST_SEEDS)]


class NextSteps(QWidget):
    """Buttons for what can follow a cohort.

    ``why_requested``, ``break_requested``, ``seeds_requested``, ``longer_requested`` and ``study_requested(key)`` when
    a button is pressed.
    """

    why_requested, break_requested = Signal(), Signal()
    seeds_requested, longer_requested, study_requested = Signal(), Signal(), Signal(str)

    def __init__(self) -> None:
        super().__init__()
        named(self, "next_steps")
        self._key = ""
        self.why = named(QPushButton(_("Why?")), "why_button")
        set_tip(self.why, _("Look inside the deepest twin before any training: how its gradients come back"))
        self.breaks = named(QPushButton(_("Break it")), "break_button")
        self.seeds = named(QPushButton(_("Three seeds, for a verdict")), "three_seeds_button")
        self.longer = named(QPushButton(_("Train longer")), "longer_study_button")
        self.study = named(QPushButton(_("Open its study")), "open_its_study_button")
        set_tip(self.seeds, _("Train the same nets with two other seeds"))
        set_tip(self.longer, find_single_cohort(LONGER_KEY).question)
        set_tip(self.study, _("Verdicts with their rule, the paper's numbers, more seeds"))
        row = FlowLayout()
        self.setLayout(row)
        for button in (self.why, self.breaks, self.seeds, self.longer, self.study):
            row.addWidget(button)
        self.why.clicked.connect(self.why_requested)
        self.breaks.clicked.connect(self.break_requested)
        self.seeds.clicked.connect(self.seeds_requested)
        self.longer.clicked.connect(self.longer_requested)
        self.study.clicked.connect(lambda: self.study_requested.emit(self._key))
        self.hide()

    def show_end(self, runs: Sequence[RunRecord], study: str, *, seeds_there: bool, able: Sequence[str] = ()) -> None:
        """Of a cohort that has ended, with the study that it is of.

        Args:
            runs: The cohort's, each of them ended.
            study: Key of the study, or empty.
            seeds_there: A verdict's seeds are trained.
            able: Names of the runs that have learned something that taking out a block can break.
        """
        demo = is_demo(runs)
        self.why.setVisible(demo)
        self.breaks.setVisible(demo)
        self.breaks.setEnabled(bool(able))
        set_tip(self.breaks,
            plain_tip(_("Take one block after another out of {names}, and see what the others make of it",
                        names=", ".join(able)))
            if able
            else _("These nets still guess: there is nothing to break")
        )  # fmt: skip
        self._key = study if any(row.key == study for row in STUDIES) else ""
        self.seeds.setVisible(demo and not seeds_there)
        self.longer.setVisible(demo)
        self.study.setVisible(bool(self._key))
        self.setVisible(demo or bool(self._key))
