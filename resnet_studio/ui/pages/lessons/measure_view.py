"""An analysis as an experiment: measured on the spot, its figure, and what its values say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QLabel, QWidget

from resnet_studio.domain.analyses.block_axis import block_place
from resnet_studio.domain.analyses.construct import ConstructSettings
from resnet_studio.domain.analyses.lesion import Altered, Change, Lesion
from resnet_studio.domain.analyses.records import AnalysisRecord, how_measured
from resnet_studio.domain.analyses.responses import BlockResponse, Responses
from resnet_studio.domain.analyses.result import AnalysisResult, Net
from resnet_studio.domain.analyses.rows import find_analysis
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.spec import replace as spec_replace
from resnet_studio.domain.text_numbers import moment
from resnet_studio.studies.lessons.inside_words import block_formula, block_words
from resnet_studio.studies.lessons.rows import Measure, Nets, StepRow
from resnet_studio.text import _
from resnet_studio.ui.analyses.network_map import NetworkMap
from resnet_studio.ui.analyses.results import together
from resnet_studio.ui.analyses.session import AnalysisSession
from resnet_studio.ui.analyses.subjects import Chosen
from resnet_studio.ui.analyses.work import BlockTaken, Inquiry
from resnet_studio.ui.charts.canvas import FigureCanvas
from resnet_studio.ui.pages.lessons.course import Course
from resnet_studio.ui.pages.lessons.experiment import ExperimentView
from resnet_studio.ui.widgets.accessible_names import named, set_role
from resnet_studio.ui.widgets.empty_state import EmptyState
from resnet_studio.ui.widgets.field_row import Choice
from resnet_studio.ui.widgets.formula import FormulaView
from resnet_studio.ui.widgets.layouts import in_row, in_splitter, in_stack

_DRAW_MS = 120


class MeasureView(ExperimentView):
    """What was measured in this window stays; else what is stored with the runs is shown again."""

    def __init__(self, course: Course, step: StepRow, what: Measure, parent: QWidget | None = None) -> None:
        super().__init__(step.key, parent)
        self.course, self.what = course, what
        self.row = find_analysis(what.analysis)
        self.session = AnalysisSession(course.services, self)
        self.results: tuple[AnalysisResult, ...] = ()
        self.records: tuple[AnalysisRecord, ...] = ()
        self._chosen = Chosen()
        self._of: object = None  # the key of the networks whose results are shown
        self._altered: dict[Net, dict[str, Altered]] = {}
        self._build()
        self._drawer = QTimer(self, singleShot=True, interval=_DRAW_MS)
        self._drawer.timeout.connect(self._draw_lesion)
        self.session.changed.connect(self._on_changed)
        self.session.found.connect(self._on_found)
        self.session.taken.connect(self._on_taken)
        self.session.failed.connect(self.show_error)
        if self.map is not None:
            self.map.block_chosen.connect(self._on_block_chosen)
            self.map.block_pointed.connect(self._on_pointed)
        self.blocks.activated.connect(self._on_block)

    def _build(self) -> None:
        self.nets = named(QLabel(wordWrap=True), f"lesson_nets_{self.key}", role="muted")
        self.canvas = FigureCanvas(self.course.services.theme)
        self.answer = named(QLabel(wordWrap=True), f"lesson_answer_{self.key}")
        self.answer.hide()
        self.map = NetworkMap(self.course.services.theme) if self.what.drawing else None
        self.blocks = named(Choice(), "lesson_block", accessible=_("Block"))
        self.blocks.setMinimumContentsLength(15)  # stage1.block10
        self.numbers = named(FormulaView(self.course.services.theme), "lesson_numbers")
        self.block_said = named(QLabel(wordWrap=True), "lesson_block_words")
        self.empty = EmptyState(_("Nothing measured yet"), "", _("Measure"))
        self.empty.button.setObjectName(f"lesson_first_{self.key}")
        self.empty.pressed.connect(self._on_empty)
        self.stack = in_stack(self.empty, self.canvas)
        self.body.addWidget(self.nets)
        if self.map is not None:
            width = 376 if self.what.blocks else 250  # three nets side by side, or fewer
            self.body.addWidget(in_splitter((self.map, 0), (self.stack, 1), sizes=(width, 330)), 1)
        else:
            self.body.addWidget(self.stack, 1)
        self.body.addWidget(self.answer)
        own = in_row(self.blocks, (self.numbers, 1), spacing=14)
        self.body.addLayout(own)
        self.body.addWidget(self.block_said)
        for widget in (self.blocks, self.numbers, self.block_said):
            widget.hide()

    # What is asked for

    def activate(self) -> None:
        """The networks may be others than before: the race has ended meanwhile, or runs were deleted."""
        if self.session.running:
            return
        self._chosen = self.course.chosen(self.what.nets)
        self.nets.setText(self.course.whose(self.what.nets))
        if self._chosen.key != self._of:
            self._of = self._chosen.key
            self.results, self.records, self._altered = (), (), {}
            if self.map is not None:
                self.map.show_plans(self._plans())
            self._show_stored()
            self._show()
        self._on_changed()

    @Slot()
    def on_button(self) -> None:
        """Measure; while that is under way, stop it."""
        if self.session.running:
            self.session.stop()
            return
        inquiry = self._inquiry()
        if inquiry is not None:
            self._altered = {}
            self.session.start(inquiry)

    def _plans(self) -> tuple[Blueprint, ...]:
        """What is drawn: the networks, and the one that is to be built."""
        plans, settings = self._chosen.plans, self.settings() if self._chosen else None
        if isinstance(settings, ConstructSettings) and settings.depth:
            deeper = spec_replace(plans[0].spec, depth=settings.depth, stages=())
            return (*plans, blueprint(deeper))
        return plans

    @Slot(str)
    def _on_block_chosen(self, block: str) -> None:
        if self.what.blocks:
            self.take_out(block)
            return
        self.canvas.mark(block)
        place = self.blocks.findText(block)
        if self.what.numbers and place >= 0:
            self.blocks.setCurrentIndex(place)
            self._on_block(place)

    @Slot(str)
    def take_out(self, block: str) -> None:
        """Of a lesion: this block next."""
        inquiry = self._inquiry()
        self.canvas.mark(block)
        if inquiry is not None and not self._answers(block):
            self.session.change(inquiry, Change((block,)))
        self._answer()

    def _inquiry(self) -> Inquiry | None:
        self.show_error("")
        if not self._chosen:
            return None
        return Inquiry(self.row, self.settings(), self._chosen, self.course.services.controller.training)

    def settings(self) -> AnalysisSettings:
        found = self.row.settings(**self.course.sizes.settings.get(self.row.key, {}))
        if isinstance(found, ConstructSettings):
            found = found.model_copy(update={"depth": self.course.deeper(self._chosen.runs[0].spec.network)})
        return found

    # What is found

    def _show_stored(self) -> None:
        """Of these runs, measured in this way before; designs have no record."""
        store, run_ids = self.course.services.store, [run.id for run in self._chosen.runs]
        if not run_ids:
            return
        try:
            groups = together(store.analyses(None, self.row.key), self._chosen)
            for group in groups:
                if {run_id for one in group for run_id in one.run_ids} == set(run_ids):
                    self.records = tuple(store.analysis(one.id) for one in group)
                    self.results = tuple(record.result for record in self.records)
                    return
        except UserError as error:
            self.show_error(str(error))

    @Slot(object, object)
    def _on_found(self, inquiry: Inquiry, records: tuple[AnalysisRecord, ...]) -> None:
        if inquiry.chosen.key != self._of:
            return
        self._drawer.stop()
        self.records = records
        self.results = tuple(record.result for record in records)
        if self.row.builds:
            self.course.tag_built()
            self.course.services.controller.refresh()
        self._show()
        self.done.emit()

    def _show(self) -> None:
        results = self.results
        figure = self.row.result.figure(results) if results else None
        if figure is not None and self.what.panels:
            panels = tuple(figure.panels[place] for place in self.what.panels if place < len(figure.panels))
            figure = replace(figure, panels=panels, columns=min(figure.columns, len(panels)))
        self.canvas.show_figure(figure)
        self.say(self.what.words(results, self.course.race_end) if results else ())
        if results and isinstance(results[0], Lesion):
            self._altered = {
                one.net: {each.name: each for each in one.blocks} for one in results if isinstance(one, Lesion)
            }
            self._show_strip()
        elif self.map is not None:
            self.map.show_lesion(())
        self._fill_blocks()

    # Lesion

    @Slot(object, object)
    def _on_taken(self, inquiry: Inquiry, taken: BlockTaken) -> None:
        if inquiry.chosen.key != self._of:
            return
        own = self._altered.setdefault(taken.net, {})
        before = own.get(taken.altered.name)
        if before is None or before.images <= taken.altered.images:
            own[taken.altered.name] = taken.altered
        if not self._drawer.isActive():
            self._drawer.start()

    @Slot()
    def _draw_lesion(self) -> None:
        if self.results or not self._altered:  # the whole of it stands already
            self._show_strip()
            return
        found = []
        for net, altered in self._altered.items():
            blocks = tuple(sorted(altered.values(), key=lambda one: block_place(one.name)))
            found.append(Lesion(net, blocks[-1].whole, blocks[-1].images, blocks))
        self.canvas.show_figure(Lesion.figure(found))
        self._show_strip()

    def _show_strip(self) -> None:
        if self.map is None or not self.what.blocks:
            return
        by_run = {net.run_id: altered for net, altered in self._altered.items()}
        columns = []
        for plan in self._chosen.plans:
            run = next(run for run in self._chosen.runs if run.spec.network == plan.spec)
            columns.append(by_run.get(run.id, {}))
        self.map.show_lesion(columns)
        self._answer()

    def _answers(self, block: str) -> list[str]:
        return [
            _("{points:+.1f} points in {network}", points=altered[block].difference, network=net.label)
            for net, altered in self._altered.items()
            if block in altered
        ]

    def _answer(self) -> None:
        block = self.map.chosen if self.map is not None and self.what.blocks else ""
        answers = self._answers(block) if block else []
        if answers:
            self.answer.setText(_("Without {block}: {answers}.", block=block, answers=", ".join(answers)))
        elif block:
            self.answer.setText(_("Taking out {block}…", block=block))
        self.answer.setVisible(bool(block))

    @Slot(str)
    def _on_pointed(self, block: str) -> None:
        self.canvas.mark(block or (self.map.chosen if self.map is not None else ""))

    # One block's own numbers

    def _fill_blocks(self) -> None:
        blocks = self._responses()
        shown = bool(blocks) and self.what.numbers
        names = [block.name for block in blocks]
        if shown and [self.blocks.itemText(place) for place in range(self.blocks.count())] != names:
            self.blocks.clear()
            self.blocks.addItems(names)
            middle = int(np.argsort([block.ratio for block in blocks])[len(blocks) // 2])
            self.blocks.setCurrentIndex(middle)
        for widget in (self.blocks, self.block_said):
            widget.setVisible(shown)
        self.numbers.setVisible(shown)
        if shown:
            self._on_block(self.blocks.currentIndex())

    def _responses(self) -> Sequence[BlockResponse]:
        return next((one.blocks for one in self.results if isinstance(one, Responses)), ())

    @Slot(int)
    def _on_block(self, place: int) -> None:
        blocks = self._responses()
        if 0 <= place < len(blocks):
            block = blocks[place]
            self.numbers.show_formula(block_formula(block))
            self.block_said.setText(block_words(block))
            self.canvas.mark(block.name)
            if self.map is not None:
                self.map.choose(block.name)

    # State

    @Slot()
    def _on_changed(self) -> None:
        running = self.session.running
        ready = bool(self._chosen)
        started = running or bool(self.results)
        verb, again = (_("Build"), _("Build again")) if self.row.builds else (_("Measure"), _("Measure again"))
        self.button.setText(_("Stop") if running else again)
        self.button.setVisible(started)
        set_role(self.button, "primary" if running else "")
        self.stack.setCurrentWidget(self.canvas if started else self.empty)
        self.nets.setVisible(ready)
        if ready and self.what.nets is Nets.DESIGNS and self.key in self.course.place.done:
            self.empty.set_words(
                _("Measured before"),
                _("What untrained nets show is not stored. It takes some seconds to see it again."),
            )
            self.empty.button.setText(again)
        elif ready:
            self.empty.set_words(
                _("Nothing built yet") if self.row.builds else _("Nothing measured yet"),
                _("The figure will stand here, and above it what its numbers say."),
            )
            self.empty.button.setText(verb)
        elif self.course.racing:
            self.empty.set_words(
                _("The race is not over yet"), _("This lesson looks into its nets once all three have ended.")
            )
            self.empty.button.setText(_("To the race"))
        else:
            self.empty.set_words(_("Nothing is trained yet"), _("This lesson looks into the nets of your race."))
            self.empty.button.setText(_("To the race"))
        if self.map is not None:
            self.map.setVisible(ready)
        self.show_progress(self.session.fraction, running=running)
        if running:
            self.state.show_text(self.session.sentence)
        elif self.records:
            when = moment(max(record.created_at for record in self.records))
            self.state.show_text(_("Measured {when}. {words}", when=when, words=how_measured(self.records)))
        else:
            self.state.show_text("")

    @Slot()
    def _on_empty(self) -> None:
        if self._chosen:
            self.on_button()
        else:
            self.step_requested.emit("race")
