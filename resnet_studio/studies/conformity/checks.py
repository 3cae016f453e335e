"""A conformity check: one point of the paper, and whether a run conforms to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import EvaluationSummary
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec
from resnet_studio.text import N_, _


class State(StrEnum):
    """Whether a run conforms to one point; each has a sign of its own, so that no colour is needed."""

    CONFORMS = N_("conforms")
    DIFFERS = N_("differs")
    OPEN = N_("the paper does not say")
    UNKNOWN = N_("not known")
    NOT_APPLICABLE = N_("does not apply")

    @property
    def sign(self) -> str:
        """One character: a tick, an unequal sign, a ring, a question mark, a dash."""
        return {
            State.CONFORMS: "\N{CHECK MARK}",
            State.DIFFERS: "\N{NOT EQUAL TO}",
            State.OPEN: "\N{WHITE CIRCLE}",
            State.UNKNOWN: "?",
            State.NOT_APPLICABLE: "\N{EN DASH}",
        }[self]


class Part(StrEnum):
    """What a point belongs to, in the order in which they are shown."""

    NETWORK = N_("Network")
    DATA = N_("Data")
    RECIPE = N_("Recipe")
    RESULT = N_("Results")


class Yardstick(StrEnum):
    """Which of the paper's two experiments a run is held against."""

    CIFAR = N_("CIFAR-10, section 4.2")
    IMAGENET = N_("ImageNet, sections 3.3, 3.4 and 4.1")


AUTHORS = _("authors' read-me")  # where the published models came with words that the paper does not have


@dataclass(frozen=True, slots=True)
class Check:
    """One point.

    Attributes:
        key: A name that stays the same, for files and tests.
        part: Network, data, recipe or results.
        topic: What it is about, for people.
        state: Whether the run conforms to it.
        paper: What the paper has, in our words.
        where: Section, table or figure of arXiv:1512.03385v1, or the authors' read-me.
        run: What this run has.
    """

    key: str
    part: Part
    topic: str
    state: State
    paper: str
    where: str
    run: str

    @property
    def in_paper(self) -> bool:
        """Whether the point stands in the paper itself; some stand in the authors' read-me alone."""
        return self.where != AUTHORS


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of a run. ``status`` is None before training.

    Counts of images are None where the data was not looked at, and do not hold those that are held out.

    ``seeds`` is how many finished runs differ from it in their seeds alone, itself included.
    """

    network: NetworkSpec
    recipe: RecipeSpec
    data: DataSpec
    yardstick: Yardstick
    start_from: str = ""
    status: RunStatus | None = None
    iteration: int = 0
    seeds: int = 1
    training_images: int | None = None
    test_images: int | None = None
    class_names: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    evaluations: tuple[EvaluationSummary, ...] = ()

    @property
    def cifar(self) -> bool:
        return self.yardstick is Yardstick.CIFAR

    @property
    def imported(self) -> bool:
        """Weights of another program: how they were trained is not on record here."""
        return self.status is RunStatus.IMPORTED

    def unless_imported(self, check: Check) -> Check:
        """``check``, or that it is not known of weights from elsewhere."""
        if not self.imported:
            return check
        file = self.environment.get("source_file", "")
        run = _("imported{file}: nobody wrote it down here", file=_(" from {file}", file=file) if file else "")
        return replace(check, state=State.UNKNOWN, run=run)


@dataclass(frozen=True, slots=True)
class Point:
    """What the paper has; :meth:`compare` and the other methods make the check."""

    key: str
    part: Part
    topic: str
    paper: str
    where: str

    def compare(self, same: bool, run: str) -> Check:
        return self._check(State.CONFORMS if same else State.DIFFERS, run)

    def not_said(self, run: str) -> Check:
        return self._check(State.OPEN, run)

    def not_known(self, run: str) -> Check:
        return self._check(State.UNKNOWN, run)

    def not_applicable(self, run: str) -> Check:
        """The run has nothing that this applies to."""
        return self._check(State.NOT_APPLICABLE, run)

    def _check(self, state: State, run: str) -> Check:
        return Check(self.key, self.part, self.topic, state, self.paper, self.where, run)
