"""What the steps share: sizes, the place, the race with its end, and which networks an analysis looks into."""

from __future__ import annotations

import logging
from contextlib import suppress

from PySide6.QtCore import QObject, Signal

from resnet_studio.domain.analyses.construct import Construction
from resnet_studio.domain.colours import colour_for_depth
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_spec import NetworkSpec, next_depth
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.spec import replace as spec_replace
from resnet_studio.studies.lessons.cohorts import ROLES, TAG, LessonSizes
from resnet_studio.studies.lessons.race_words import RaceEnd
from resnet_studio.studies.lessons.rows import Nets
from resnet_studio.studies.training_on import Pair
from resnet_studio.text import _
from resnet_studio.ui.analyses.subjects import Chosen
from resnet_studio.ui.pages.lessons.lesson_runs import LessonRuns
from resnet_studio.ui.pages.lessons.place import LessonPlace
from resnet_studio.ui.services import Services

log = logging.getLogger(__name__)


class Course(QObject):
    """``watch_requested`` when the learner wants to see the training on its own page."""

    watch_requested = Signal()

    def __init__(self, services: Services, sizes: LessonSizes, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.services, self.sizes = services, sizes
        self.place = LessonPlace(services.preferences)
        self.race = LessonRuns(services, self.place, "race", self)
        self.further = LessonRuns(services, self.place, "further", self)

    def watch(self) -> None:
        self.watch_requested.emit()

    def colour(self, network: NetworkSpec) -> str:
        return colour_for_depth(network.depth)

    @property
    def race_end(self) -> RaceEnd | None:
        """None until all three have ended with an error."""
        runs = self.race.runs
        if not self.race.over or len(runs) != len(ROLES):
            return None
        shallow, deep, residual = (self.race.stand(run) for run in runs)
        if shallow is None or deep is None or residual is None:
            return None
        first, second, third = (self.race.last_test(run) for run in runs)
        return RaceEnd(shallow, deep, residual, (first, second, third))

    @property
    def racing(self) -> bool:
        """A race was begun, and its end is still to come."""
        return bool(self.race.runs) and not self.race.over

    def _raced(self) -> tuple[RunRecord, ...]:
        """The runs of the race, once all have weights that trained to the end."""
        runs = self.race.runs
        whole = self.race.over and len(runs) == len(ROLES)
        return runs if whole and all(run.weights_sha256 for run in runs) else ()

    def _stored(self) -> tuple[RunRecord, ...]:
        """Of the newest cohort that ended with weights and has a plain and a residual net.

        Its shallowest and its deepest plain net and its deepest residual one, as in a race.
        """
        try:
            runs = [run for run in self.services.store.list_runs() if run.weights_sha256]
        except UserError:
            return ()
        cohorts: dict[str, list[RunRecord]] = {}
        for run in runs:
            if run.status is RunStatus.FINISHED:
                cohorts.setdefault(run.cohort_id, []).append(run)
        for found in cohorts.values():
            found.sort(key=lambda run: run.spec.network.depth)
            plain, residual = ([run for run in found if run.residual is kind] for kind in (False, True))
            if plain and residual:
                return (plain[0], *plain[1:][-1:], residual[-1])
        return ()

    @property
    def trained(self) -> tuple[RunRecord, ...]:
        """The raced nets, or stored ones in their place."""
        return self._raced() or self._stored()

    @property
    def are_raced(self) -> bool:
        return bool(self._raced())

    def chosen(self, nets: Nets) -> Chosen:
        """What an analysis looks into; empty where nothing is trained yet."""
        if nets is Nets.DESIGNS:
            networks = (self.sizes.deep, self.sizes.residual)
            return Chosen(designs=tuple((network.label, network) for network in networks), data=self.sizes.data)
        runs = self.trained
        if nets is Nets.RESIDUAL:
            runs = tuple(run for run in runs if run.residual)[-1:]
        elif nets is Nets.SHALLOW:
            runs = tuple(run for run in runs if not run.residual)[:1]
        return Chosen(runs)

    def whose(self, nets: Nets) -> str:
        """Which networks these are, in words."""
        if nets is Nets.DESIGNS:
            return _("Initial weights: neither net has been trained.")
        if not self.trained:
            return _("The race is not over yet.") if self.racing else _("Nothing is trained yet: run the race first.")
        return _("The nets of your race.") if self.are_raced else _("Stored nets; your own race has not ended yet.")

    def deeper(self, network: NetworkSpec) -> int:
        """Depth of the net that is built from a plain one: that of the race, else the next of its rule."""
        if self.sizes.deep.depth > network.depth:
            return self.sizes.deep.depth
        return next_depth(network.depth, network.family, network.branch)

    @property
    def fields(self) -> dict[str, object]:
        """What the lessons' texts may name, with the nets that are looked into."""
        fields = dict(self.sizes.fields)
        for run in self.chosen(Nets.SHALLOW).runs:
            network = run.spec.network
            fields["built_from"] = network.label
            with suppress(ValueError):  # no deeper one can be built: the experiment says why
                fields["built"] = spec_replace(network, depth=self.deeper(network), stages=()).label
        for run in self.chosen(Nets.RESIDUAL).runs:
            fields["looked_into"] = run.spec.network.label
        return fields

    @property
    def shallow_run(self) -> RunRecord | None:
        return next(iter(self.chosen(Nets.SHALLOW).runs), None)

    @property
    def built_run(self) -> RunRecord | None:
        """The newest net that was built from the shallow run as it is now."""
        shallow = self.shallow_run
        if shallow is None:
            return None
        try:
            found = self.services.store.analyses(shallow.id, "construct")
            for summary in sorted(found, key=lambda one: one.created_at, reverse=True):
                result = self.services.store.analysis(summary.id).result
                if isinstance(result, Construction) and result.new_run:
                    run = self.services.store.get(result.new_run)
                    with suppress(UserError):  # an earlier one may do
                        Pair.of(shallow, run)
                        return run
        except UserError:
            return None
        return None

    @property
    def pair(self) -> Pair:
        """The shallow net and what was built from it.

        Raises:
            UserError: If none was built yet.
        """
        shallow, built = self.shallow_run, self.built_run
        if shallow is None or built is None:
            raise UserError(_("The deeper net has not been built yet: that is the step before."))
        return Pair.of(shallow, built)

    def tag_built(self) -> None:
        """The net that was just built is one of the lessons' runs."""
        built = self.built_run
        if built is not None and TAG not in built.tags:
            try:
                self.services.store.set_tags(built.id, [*built.tags, TAG])
            except UserError as error:
                log.info("the built run cannot be tagged: %s", error)
