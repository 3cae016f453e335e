"""Budget, seeds and data of the chosen study, what they take, and the buttons that start it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton

from resnet_studio.domain.specs import DataSpec
from resnet_studio.domain.visible_text import visible
from resnet_studio.studies.own_study import SEED, OwnStudy
from resnet_studio.studies.plan import StudyPlan
from resnet_studio.studies.study import BudgetName, Study
from resnet_studio.text import _, _n
from resnet_studio.ui.measure_speed import show_measuring
from resnet_studio.ui.pages.studies.answers import text_label
from resnet_studio.ui.pages.studies.progress import StudyProgress
from resnet_studio.ui.pages.studies.work import Card, Look, Setup
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.data_field import DataField
from resnet_studio.ui.widgets.field_row import TITLE_WIDTH, Choice
from resnet_studio.ui.widgets.flow import FlowLayout
from resnet_studio.ui.widgets.layouts import in_column, in_row
from resnet_studio.ui.widgets.number_box import NumberBox
from resnet_studio.ui.widgets.plain_tip import set_tip

_MOST_SEEDS = 100
_MEASURE = _("Train some of the nets for a moment on random images; nothing is stored but how fast they were")
_LEFT_OUT_SHOWN = 4


class SetupPanel(QFrame):
    """``changed`` when another setup was chosen; :attr:`setup` is it. The page connects the buttons."""

    changed = Signal()

    def __init__(self, services: Services) -> None:
        super().__init__()
        named(self, "study_setup", role="panel")
        self._card: Card | None = None
        self._own_source = ""
        self._quiet = False
        self.touched = False  # somebody chose something since the card was shown
        self.budget = named(Choice(), "budget_choice", tip=_("How much training the study is given"))
        self.budget.setAccessibleName(_("Budget"))
        self.seeds = named(NumberBox(), "seeds_field", tip=_("How many; 3, 5 and 10 give verdicts"))
        self.seeds.setRange(1, _MOST_SEEDS)
        self.seeds.setAccessibleName(_("Seeds"))
        self.seeds.setFixedWidth(56)
        self.data = DataField(services)
        self.preview = text_label("", "preview_label")
        self.left_out = text_label("", "left_out_label", role="muted")
        self.progress = StudyProgress()
        self.fault = text_label("", "study_fault_label", role="error")
        self.measure = named(QPushButton(), "measure_study_button")
        self.train = named(QPushButton(_("Train now")), "train_study_button", role="primary")
        self.queue = named(QPushButton(_("Add to queue")), "queue_study_button")
        self.more = named(QPushButton(_("More seeds")), "more_seeds_button")
        self.compare = named(QPushButton(_("Compare")), "compare_study_button")
        self.report = named(QPushButton(_("Report…")), "report_study_button")
        set_tip(self.train, _("Train what is missing, now or after what trains"))
        set_tip(self.queue, _("What is missing waits at the end of the queue"))
        set_tip(self.compare, _("The study's runs side by side"))
        set_tip(self.report, _("One HTML file that opens without a network"))
        self._lay_out()
        self.budget.activated.connect(self._on_budget)
        self.seeds.valueChanged.connect(self._on_changed)
        self.data.edited.connect(self._on_changed)
        self.data.facts_known.connect(self._on_facts)

    def _lay_out(self) -> None:
        column = in_column(of=self, margins=(12, 10, 12, 10), spacing=8)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        self._budget_title = QLabel(_("Budget"))
        self._budget_title.setBuddy(self.budget)
        self._budget_title.setFixedWidth(TITLE_WIDTH)
        seeds = QLabel(_("Seeds"))
        seeds.setBuddy(self.seeds)
        grid.addWidget(self._budget_title, 0, 0)
        grid.addWidget(self.budget, 0, 1)
        grid.addWidget(seeds, 0, 2)
        grid.addWidget(self.seeds, 0, 3)
        grid.setColumnStretch(1, 1)
        column.addLayout(grid)
        column.addWidget(self.data)
        column.addLayout(in_row((self.preview, 1), self.measure))
        for widget in (self.left_out, self.progress, self.fault):
            column.addWidget(widget)
        buttons = FlowLayout()
        for button in (self.train, self.queue, self.more, self.compare, self.report):
            buttons.addWidget(button)
        column.addLayout(buttons)

    @property
    def setup(self) -> Setup | None:
        """None without a study, or while its data cannot be used or is not known yet."""
        card = self._card
        if card is None or card.study is None or self.data.fault:
            return None
        budget = self._budget if isinstance(card.study, Study) else None
        own = self.data.text == self._own_source
        counted = not own or (isinstance(card.study, OwnStudy) and self._own_source != DataSpec().source)
        if counted and self.data.facts is None:
            return None
        source = None if own else self.data.text
        classes = len(self.data.facts.class_names) if counted and self.data.facts is not None else None
        return Setup(card, budget, self.seeds.value(), source, classes)

    @property
    def _budget(self) -> BudgetName:
        return BudgetName(self.budget.currentData())  # Qt hands out plain text

    def show_card(self, card: Card) -> None:
        """The setup of what is stored of it, else its first budget's own."""
        self._quiet, self.touched = True, False
        self._card = card
        gallery = isinstance(card.study, Study)
        self.budget.setVisible(gallery)
        self._budget_title.setVisible(gallery)
        self.budget.clear()
        if isinstance(card.study, Study):
            for budget in card.study.budgets:
                self.budget.addItem(_("{budget}: {effort}", budget=budget.words, effort=budget.effort), budget)
        if card.study is not None:
            if gallery and card.best is not None:
                self.budget.setCurrentIndex(self.budget.findData(BudgetName(card.best.budget)))
            self._show_own_data()
            self.seeds.setValue(len(card.best.seeds) if card.best is not None else self._own_seeds(card.study))
            if card.best is not None and card.best.arms[0].spec.data.source != self._own_source:
                self.data.set_source(card.best.arms[0].spec.data)
        self._quiet = False
        self.changed.emit()

    def _own_seeds(self, study: Study | OwnStudy) -> int:
        if isinstance(study, Study):
            return study.budgets[self._budget].seeds
        return len(study.grid.get(SEED, ())) or study.seeds

    def _show_own_data(self) -> None:
        """The data that the study or its budget has of itself."""
        card = self._card
        assert card is not None
        assert card.study is not None
        if isinstance(card.study, Study):
            budget = card.study.budgets[self._budget]
            self._own_source = budget.data
            if budget.needs_folder:
                self.data.ask_for_folder()
                return
        else:
            self._own_source = _source_of(card.study)
        self.data.set_source(DataSpec(source=self._own_source))

    def show_look(self, view: Look) -> None:
        plan = view.plan
        for index in range(self.budget.count()):
            budget = BudgetName(self.budget.itemData(index))
            time = view.times.get(budget)
            words = budget.effort if time is None else time.words
            self.budget.setItemText(index, _("{budget}: {effort}", budget=budget.words, effort=words))
        text = view.preview.words
        if view.found.done and view.left is not None and view.found.work:
            text = "\n".join((text, _("Left to train: {time}", time=view.left.words)))
        self.preview.setText(text)
        self._show_left_out(plan)
        wanted = len(plan.more_seeds().seeds) - len(plan.seeds)
        self.more.setText(_n("{count} more seed", "{count} more seeds", wanted))
        set_tip(self.more,
            _("Train {count} runs more, for {seeds} seeds in all", count=wanted * len(plan.arms),
              seeds=wanted + len(plan.seeds))
        )  # fmt: skip

    def _show_left_out(self, plan: StudyPlan) -> None:
        self.left_out.setText(left_out_text(plan))
        self.left_out.setVisible(bool(plan.left_out))

    def show_measuring(self, *, known: bool, running: bool, possible: bool) -> None:
        """The button is there while the study's time is not ``known``, and stops what is ``running``."""
        self.measure.setVisible(running or not known)
        show_measuring(self.measure, _MEASURE, running=running, possible=possible)

    def allow(self, view: Look | None) -> None:
        """Enable the buttons that need a study that was looked at; None: there is none now."""
        work = view is not None and bool(view.found.work)
        self.train.setEnabled(work)
        self.queue.setEnabled(work)
        self.more.setEnabled(view is not None)
        for button in (self.compare, self.report):
            button.setEnabled(view is not None and bool(view.found.runs))

    def show_fault(self, sentence: str) -> None:
        self.fault.setText(visible(sentence))
        self.fault.setVisible(bool(sentence))

    @Slot()
    def _on_budget(self) -> None:
        self._quiet = self.touched = True
        card = self._card
        if card is not None and isinstance(card.study, Study):
            self.seeds.setValue(card.study.budgets[self._budget].seeds)
            self._show_own_data()
        self._quiet = False
        self.changed.emit()

    @Slot()
    def _on_facts(self) -> None:
        self.data.show_error("")
        if not self._quiet:
            self.changed.emit()

    @Slot()
    def _on_changed(self) -> None:
        if not self._quiet:
            self.touched = True
            self.changed.emit()


def left_out_text(plan: StudyPlan) -> str:
    """How many combinations are no runs, the first of them with the reason."""
    lines = list(plan.left_out[:_LEFT_OUT_SHOWN])
    if count := len(plan.left_out):
        lines.insert(0, _n("{count} combination is left out:", "{count} combinations are left out:", count))
    if len(plan.left_out) > _LEFT_OUT_SHOWN:
        lines.append("…")
    return "\n".join(lines)


def _source_of(study: OwnStudy) -> str:
    """The data that its file names, the first of several; a grid may be too large to be worked out here."""
    for name in ("data", "data.source"):
        if name in study.fixed:
            return str(study.fixed[name])
        if name in study.grid:
            return str(study.grid[name][0])
    return DataSpec().source
