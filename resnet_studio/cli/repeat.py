"""``train --like RUN``: the same specification and the same choices again, and what is not the same is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from resnet_studio.cli.options import GivenOptions, changed
from resnet_studio.cli.output import hint
from resnet_studio.domain.comparison import Difference
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import CohortStarted, Event, EventSink, NoticeGiven
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.reproducibility import choices, could_differ, environment_differences, in_words
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.text import _


@dataclass
class Repetition:
    """A stored run that is trained again, with the options that were given besides."""

    original: RunRecord
    differences: list[Difference] = field(default_factory=list)

    def cohort(self, given: GivenOptions) -> CohortSpec:
        """Alone: a run gives the same bits alone and in any cohort."""
        return CohortSpec(runs=(changed(self.original.spec, given),))

    @property
    def environment(self) -> dict[str, str]:
        """What training chose then and is to choose again."""
        return choices(self.original)

    def watching(self, emit: EventSink) -> EventSink:
        """``emit``, with a notice once training has begun if it is not in the environment of the original."""

        def emit_and_compare(event: Event) -> None:
            emit(event)
            if isinstance(event, CohortStarted):
                self.differences = environment_differences(self.original.environment, event.environment)
                if self.differences:
                    emit(
                        NoticeGiven(
                            event.run_ids,
                            _(
                                "Not as when {name} was trained: {in_words}.",
                                name=self._name,
                                in_words=in_words(self.differences),
                            ),
                        )
                    )

        return emit_and_compare

    def verdict(self, again: RunRecord) -> str:
        """A sentence on how ``again`` ended beside the original; empty where one of them has not finished."""
        if not self.original.weights_sha256 or again.status is not RunStatus.FINISHED:
            return ""
        if self.original.status is not RunStatus.FINISHED:
            return _(
                "{name} is {status}, so its weights are not compared.", name=self._name, status=self.original.status
            )
        if again.weights_sha256 == self.original.weights_sha256:
            return _("The weights are those of {name}, bit for bit.", name=self._name)
        rows = could_differ(self.original, again)
        why = _("what differs: {in_words}", in_words=in_words(rows)) if rows else _("nothing that is on record differs")
        return _("The weights are not those of {name}; {why}.", name=self._name, why=why)

    def as_json(self, again: RunRecord) -> dict[str, Any]:
        rows = could_differ(self.original, again)
        both = self.original.status is RunStatus.FINISHED and again.status is RunStatus.FINISHED
        return {
            "run": self.original.id,
            "differences": [{"field": row.field, "then": row.values[0], "now": row.values[1]} for row in rows],
            "same_weights": self.original.weights_sha256 == again.weights_sha256 if both else None,
        }

    def print_verdict(self, again: RunRecord) -> None:
        if sentence := self.verdict(again):
            hint(sentence)

    @property
    def _name(self) -> str:
        return f"{self.original.name} ({self.original.short_id})"


def repetition(find: Callable[[str], RunRecord], name: str, *, others: bool) -> Repetition:
    """The run that ``name`` means, found by ``find``.

    ``others`` says whether other options that describe runs were given as well.

    Raises:
        UserError: If so, if there is no such run, or if it was never trained here.
    """
    if others:
        raise UserError(
            _("--like says which run to repeat; leave out the run file, --recipe, --twin and --start-from.")
        )
    original = find(name)
    if original.status is RunStatus.IMPORTED:
        raise UserError(
            _("{name} was imported: how it was trained is not on record, so it cannot be repeated.", name=original.name)
        )
    return Repetition(original)
