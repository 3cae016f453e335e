"""Design: choose a study or draw a network of your own, see its twin, and train."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QSplitter, QWidget

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Layer
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.data_sets import DataSetRow
from resnet_studio.domain.documents import from_json, to_json
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.spec_as_command import command_line
from resnet_studio.domain.specs import CohortSpec, RunSpec, counterpart, twin
from resnet_studio.studies.conformity import Conformity
from resnet_studio.studies.expectation import expectations
from resnet_studio.studies.single_cohorts import DEMO_KEY, SINGLE_COHORTS, SingleCohort
from resnet_studio.text import _
from resnet_studio.ui.conformity.line import ConformityLine
from resnet_studio.ui.diagram.view import BlueprintView
from resnet_studio.ui.diff.window import DiffWindow
from resnet_studio.ui.explain.window import ExplainWindow
from resnet_studio.ui.measure_speed import Measuring
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.design.buttons import NO_TWIN, DesignButtons, has_twin, missing_data
from resnet_studio.ui.pages.design.facts_panel import FactsPanel, network_facts
from resnet_studio.ui.pages.design.form import DesignForm
from resnet_studio.ui.pages.design.gallery import Gallery
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column, in_splitter
from resnet_studio.ui.widgets.plain_tip import set_tip
from resnet_studio.ui.widgets.text import unbroken

SAVE_AFTER_MS = 800


def shown_of(study: SingleCohort, seed: int = 0) -> RunSpec:
    """The run of a study that stands for it in the form: the last residual one, which is the deepest."""
    cohort = study.cohort(seed)
    return next((run for run in reversed(cohort.runs) if run.network.residual), cohort.runs[-1])


def _expected_html(spec: RunSpec, found: Conformity) -> str:
    """A paragraph for each statement, with whose it is."""
    said = ((escape(each.source), unbroken(escape(each.text))) for each in expectations(spec, found))
    return "".join(f'<p style="margin-top: 0; margin-bottom: 6px"><b>{source}.</b> {text}</p>' for source, text in said)


class DesignPage(Page):
    """A study chosen or a network designed, its twin drawn, and the buttons that train it."""

    def __init__(self, services: Services, row: PageRow, parent: QWidget | None = None) -> None:
        super().__init__(services, row, parent)
        self.study: SingleCohort = SINGLE_COHORTS[0]
        self._cohort: CohortSpec | None = None  # the designed one
        # Parents first: what has hundreds of widgets in it is styled anew each time it gets another parent.
        self._splitter = named(QSplitter(Qt.Orientation.Horizontal, self), "design_splitter")
        self.gallery = Gallery(SINGLE_COHORTS, services.theme)
        self.form = DesignForm(services, self._splitter)
        self.view = BlueprintView(services.theme)
        self.facts = FactsPanel(self._splitter)
        self.measuring = Measuring(services, self)
        self.conformity = ConformityLine(services.theme)
        self._expected = named(QLabel(wordWrap=True), "expectation_label")
        self._expected.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.facts.add_section(_("What to expect"), self._expected)
        self.facts.add_section(_("Against the paper"), self.conformity)
        self.buttons = DesignButtons(services.theme)
        self.view.explains = True
        self._comparison: DiffWindow | None = None
        self._explanation: ExplainWindow | None = None
        self._pointed = named(QLabel(), "pointed_label", role="muted")
        self._question = named(QPushButton("?"), "explain_button")
        self._question.setFixedWidth(34)
        set_tip(self._question, _("Explain the marked block: figure, formulas and prices (F1 in the drawing)"))
        self._question.setAccessibleName(_("Explain a block"))
        self._lay_out()
        self._connect()
        self._restore()

    # What is asked for

    def train_twin(self) -> None:
        """The designed network and its counterpart, in lock-step."""
        spec = self._usable()
        if spec is not None and not has_twin(spec):
            self.message.emit(NO_TWIN)
        elif spec is not None and self.form.twin_obstacle:
            self.message.emit(self.form.twin_obstacle)
        elif spec is not None:
            self.services.navigator.train(twin(spec))

    def train_this(self) -> None:
        """The designed network alone."""
        spec = self._usable()
        if spec is not None:
            self.services.navigator.train(CohortSpec(name=spec.label, runs=(spec,)))

    def run_study(self) -> None:
        """Every run of the chosen study, with the form's seed; the demo begins with the signal check."""
        if lacking := self._study_lacks():
            self.message.emit(missing_data(lacking))
            return
        cohort, navigator = self.study.cohort(self._seed()), self.services.navigator
        if self.study.key == DEMO_KEY:
            navigator.demonstrate(cohort)
        else:
            navigator.train(cohort)

    @Slot(bool)
    def copy_command(self, as_twin: bool) -> None:
        """The command line that trains the same, on the clipboard."""
        if self.form.spec is not None:
            QGuiApplication.clipboard().setText(command_line(self.form.spec, as_twin, self.services.home.as_option))
            self.message.emit(_("The command line is on the clipboard."))

    @Slot()
    def compare_networks(self) -> None:
        """Open the window in which networks are compared; at first it has the designed one and its twin."""
        first = self._comparison is None
        if self._comparison is None:
            self._comparison = DiffWindow(self.services, self.window())
        self._comparison.offer_design(self.form.spec.network if self.form.spec else None)
        if first:
            self._comparison.show_design()
        self._comparison.show()
        self._comparison.raise_()
        self._comparison.activateWindow()

    @Slot()
    def look_inside(self) -> None:
        """The signal check of the designed network and its counterpart, which needs no training."""
        if self.form.spec is not None:
            self.services.navigator.look_inside((), self.form.spec)

    @Slot(object, object)
    def explain(self, plan: Blueprint, what: BlockPlan | Layer) -> None:
        """Show what a block of the drawing is, with its own formulas and prices; the window stays for the next."""
        if self._explanation is None:
            self._explanation = ExplainWindow(self.services.theme, self.window())
            self._explanation.term_requested.connect(self.services.navigator.explain)
        self._explanation.explain(plan, what)
        self._explanation.show_beside(self.view)

    @Slot()
    def _on_question(self) -> None:
        """What is marked in the drawing, else the first block of the designed network that changes dimensions."""
        if self.view.has_mark:
            self.view.explain_mark()
        elif self.form.spec is not None:
            plan = blueprint(self.form.spec.network)
            blocks = [block for stage in plan.stages for block in stage.blocks]
            self.explain(plan, next((block for block in blocks[1:] if block.changes_dimensions), blocks[0]))

    @property
    def explanation(self) -> ExplainWindow | None:
        """The window of an explained block, None before it was first opened."""
        return self._explanation

    @property
    def comparison(self) -> DiffWindow | None:
        """The window of compared networks, None before it was first opened."""
        return self._comparison

    def show_spec(self, spec: RunSpec) -> None:
        """Fill the form; a study whose networks these are is marked."""
        self.form.show_spec(spec)

    def show_study(self, study: SingleCohort) -> None:
        """Fill the form with what stands for a study; the seed stays."""
        self.study = study
        self.form.show_spec(shown_of(study, self._seed()))

    def activate(self) -> None:
        self._read_runs()  # at the start the window is not on screen yet

    def _usable(self) -> RunSpec | None:
        """The designed run, or None, and a message that says why there is none."""
        if self.form.spec is not None and self.form.ready:
            return self.form.spec
        if missing := self.form.data.missing:
            self.message.emit(missing_data(missing))
            return None
        sentence = self.form.obstacle or next(iter(self.form.errors.values()), _("A field is not filled in."))
        self.message.emit(sentence[:1].upper() + sentence[1:])
        return None

    def _study_lacks(self) -> DataSetRow | None:
        """The data set that the study's runs use and that was never downloaded."""
        from resnet_studio.data.datasets.paths import is_missing

        row = self.study.cohort(0).runs[0].data.row
        return row if row and is_missing(self.services.home, row) else None

    def _seed(self) -> int:
        return self.form.spec.recipe.init_seed if self.form.spec else 0

    # What is shown

    @Slot()
    def _on_form_changed(self) -> None:
        spec = self.form.spec
        self.view.setEnabled(spec is not None)
        self.facts.setEnabled(spec is not None)
        if spec is not None:
            self._show_drawing(spec)
            self._find_study(spec)
            self._saver.start()
            if self._comparison is not None and self._comparison.isVisible():
                self._comparison.offer_design(spec.network)
        self._show_buttons(spec)

    def _show_drawing(self, spec: RunSpec) -> None:
        own = blueprint(spec.network)
        if has_twin(spec):
            other = blueprint(counterpart(spec.network))
            plain, residual = (other, own) if spec.network.residual else (own, other)
            self.view.show_twin(plain, residual, designed=int(spec.network.residual))
            plans = [plain, residual]
            self._cohort = twin(spec)
        else:
            self.view.show_alone(own)
            plans = [own]
            self._cohort = CohortSpec(runs=(spec,))
        facts = self.form.data.facts
        lines = network_facts(spec, plans, facts.training_images if facts else None)
        self.facts.show_facts(spec, lines)
        self._show_time()
        known = (facts.training_images, facts.test_images, facts.class_names) if facts else ()
        self.conformity.show_spec(spec, *known)
        if self.conformity.found is not None:
            self._expected.setText(_expected_html(spec, self.conformity.found))

    def _find_study(self, spec: RunSpec) -> None:
        """Seeds aside, the form may show a study's network again after a detour."""
        bare = spec.with_seeds(0, 0)
        if bare != shown_of(self.study):
            self.study = next((study for study in SINGLE_COHORTS if bare == shown_of(study)), self.study)

    def _show_buttons(self, spec: RunSpec | None) -> None:
        """The one obvious button: the study while the form shows it untouched, else the twin."""
        untouched = spec is not None and spec.with_seeds(0, 0) == shown_of(self.study)
        self.gallery.mark(self.study.key if untouched else "")
        self.buttons.show_state(
            self.form,
            self.study,
            untouched=untouched,
            lacking=self._study_lacks(),
            writable=self.services.store.writable,
            held_elsewhere=self.services.store.held_elsewhere,
        )

    @Slot(str)
    def _on_pointed(self, text: str) -> None:
        self._pointed.setText(
            text
            or _(
                "Point at a layer for its shape and cost; press a block for its figure and formulas, a stage to open "
                "or fold it."
            )
        )

    @Slot()
    def _on_runs_changed(self) -> None:
        """Earlier runs tell how long the next one takes."""
        if self.isVisible():
            self._read_runs()

    def _read_runs(self) -> None:
        try:
            runs = self.services.store.list_runs()
        except UserError as error:
            self.message.emit(str(error))
            return
        self.form.show_runs(runs)
        self.measuring.show_runs(runs)
        if self.form.spec is not None:
            self._show_drawing(self.form.spec)

    @Slot()
    def _show_time(self) -> None:
        """What is known of the designed training's duration, and whether it can be measured now."""
        time, measuring = self.facts.time, self.measuring
        time.show_state(running=measuring.running, possible=measuring.possible)
        if self._cohort is not None:
            what = "twin" if len(self._cohort.runs) > 1 else "network"
            time.show_expectation(measuring.expected(self._cohort), what, measuring.failure(self._cohort.runs))

    @Slot()
    def measure(self) -> None:
        """How fast the designed networks train here."""
        if self.form.spec is None:
            self._usable()  # says which field is at fault
        elif self._cohort is not None:
            self.measuring.start(self._cohort.runs)

    @Slot()
    def _on_state_changed(self) -> None:
        self._on_form_changed()

    # Building

    def _connect(self) -> None:
        self._saver = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._saver.timeout.connect(self._save)
        self.gallery.chosen.connect(self.show_study)
        self.gallery.all_requested.connect(lambda: self.services.navigator.studies())
        self.form.changed.connect(self._on_form_changed)
        self.view.pointed.connect(self._on_pointed)
        self.view.explain_requested.connect(self.explain)
        self._question.clicked.connect(self._on_question)
        self.buttons.run_study.clicked.connect(self.run_study)
        self.buttons.train_twin.clicked.connect(self.train_twin)
        self.buttons.train_this.clicked.connect(self.train_this)
        self.buttons.compare.clicked.connect(self.compare_networks)
        self.facts.time.measure_requested.connect(self.measure)
        self.facts.time.stop_requested.connect(self.measuring.stop)
        self.measuring.changed.connect(self._show_time)
        self.measuring.progressed.connect(self.facts.time.show_progress)
        self.services.controller.runs_changed.connect(self._on_runs_changed)
        self.services.controller.state_changed.connect(self._on_state_changed)
        self.buttons.inside.clicked.connect(self.look_inside)
        self.buttons.copy_requested.connect(self.copy_command)

    def _lay_out(self) -> None:
        drawing = named(QFrame(), "drawing_panel", role="panel")
        column = in_column(of=drawing, margins=(8, 6, 8, 6), spacing=4)
        over = QGridLayout()  # the question mark lies over the drawing's corner, which is empty
        over.addWidget(self.view, 0, 0)
        over.addWidget(self._question, 0, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        column.addLayout(over, 1)
        column.addWidget(self._pointed)
        self._pointed.setWordWrap(True)
        self._pointed.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._pointed.setFixedHeight(2 * self._pointed.fontMetrics().lineSpacing() + 4)
        self.form.setMinimumWidth(310)
        self.facts.setMinimumWidth(290)
        sizes = (345, 525, 300)
        parts = ((self.form, 0), (drawing, 1), (self.facts, 0))
        splitter = in_splitter(*parts, of=self._splitter, sizes=sizes, name="design_splitter", handle=10)
        for (widget, _stretch), width in zip(parts, sizes, strict=True):
            widget.resize(width, 400)
        in_column(self.gallery, (splitter, 1), self.buttons, of=self, margins=(16, 12, 16, 12), spacing=12)
        self._on_pointed("")

    def _restore(self) -> None:
        """The last design, else the first study; a design that is no longer valid is forgotten."""
        text = self.services.preferences.value("design/spec", "", str)
        try:
            self.form.show_spec(from_json(RunSpec, text) if text else shown_of(self.study))
        except UserError:
            self.form.show_spec(shown_of(self.study))

    @Slot()
    def _save(self) -> None:
        if self.form.spec is not None:
            self.services.preferences.set_value("design/spec", to_json(self.form.spec))
