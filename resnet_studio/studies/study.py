"""A study as data: its question, what the paper has, budgets and comparisons; worked out as a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from resnet_studio.domain.data_sets import BUILTIN, FOLDER
from resnet_studio.domain.presets import apply, find_preset, preset_for
from resnet_studio.domain.protocols import SINGLE, Protocol
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.studies.plan import Arm, Comparison, StudyPlan
from resnet_studio.text import N_, _

IMAGENET_FOLDER = f"{FOLDER}ImageNet"  # stands for the folder that has to be given


class BudgetName(StrEnum):
    """How much training a study is given."""

    QUICK = "quick"
    STANDARD = "standard"
    PAPER = "paper"

    @property
    def words(self) -> str:
        return _(_BUDGET_TITLES[self])

    @property
    def effort(self) -> str:
        """A few words for a menu."""
        return _(_BUDGET_EFFORTS[self])


_BUDGET_TITLES = {
    BudgetName.QUICK: N_("quick"),
    BudgetName.STANDARD: N_("standard"),
    BudgetName.PAPER: N_("full recipe"),
}
_BUDGET_EFFORTS = {
    BudgetName.QUICK: N_("minutes on two cores"),
    BudgetName.STANDARD: N_("an evening on two cores"),
    BudgetName.PAPER: N_("the paper's full recipe; for GPUs"),
}


@dataclass(frozen=True, slots=True)
class Budget:
    """The nets of a study and how they are trained.

    Attributes:
        networks: By the keys that comparisons name.
        iterations: 0: the paper's own number.
        recipe: Of every net; None: the paper's, by net, shortened to ``iterations``.
        data: Key of a data set, or :data:`IMAGENET_FOLDER`.
        seeds: How many, unless another number is given.
    """

    networks: Mapping[str, NetworkSpec]
    iterations: int
    recipe: RecipeSpec | None = None
    data: str = BUILTIN.key
    seeds: int = 3

    @property
    def needs_folder(self) -> bool:
        """The images have to be given: no data set of that kind is known by name."""
        return self.data == IMAGENET_FOLDER


@dataclass(frozen=True, slots=True)
class Study:
    """A question of the paper.

    Attributes:
        number: Its place in the gallery, from 1.
        where: Figure or table.
        expects: What the paper says, with its numbers.
        comparisons: Those whose nets a budget lacks are left out of it.
        protocols: Of the evaluations, by budget, as a plan has them; only where a comparison is answered by them.
    """

    number: int
    key: str
    title: str
    question: str
    where: str
    expects: str
    budgets: Mapping[BudgetName, Budget]
    comparisons: tuple[Comparison, ...]
    protocols: Mapping[BudgetName, tuple[Protocol, ...]] = field(default_factory=dict)

    def plan(
        self, budget: BudgetName = BudgetName.QUICK, *, data: str | None = None, classes: int | None = None,
        seeds: int | None = None,
    ) -> StudyPlan:  # fmt: skip
        """The study worked out.

        Args:
            budget: Which of the study's budgets sets data, length and seeds.
            data: Other images than the budget's, as ``--data`` takes them.
            classes: Of those.
            seeds: How many instead of the budget's.
        """
        chosen = self.budgets[budget]
        arms = tuple(
            Arm(key, _run(network, chosen, data or chosen.data, classes)) for key, network in chosen.networks.items()
        )
        known = {*chosen.networks}
        return StudyPlan(
            key=self.key,
            title=self.title,
            question=self.question,
            arms=arms,
            comparisons=tuple(c for c in self.comparisons if c.measure.evaluated or {c.higher, c.lower} <= known),
            seeds=tuple(range(seeds if seeds is not None else chosen.seeds)),
            budget=str(budget),
            where=self.where,
            expects=self.expects,
            protocols=self.protocols.get(budget, (SINGLE,)),
        )


def _run(network: NetworkSpec, budget: Budget, source: str, classes: int | None) -> RunSpec:
    if classes is not None:
        network = replace(network, classes=classes)
    run = RunSpec(network=network, data=DataSpec(source=source))
    if budget.recipe is not None:
        return replace(run, recipe=replace(budget.recipe, iterations=budget.iterations))
    run = apply(find_preset(preset_for(network)), run)
    return shortened(run, budget.iterations) if budget.iterations else run


def shortened(run: RunSpec, iterations: int) -> RunSpec:
    """The paper's recipe in fewer iterations: the rate falls after the same halves and three quarters."""
    scale = iterations / run.recipe.iterations
    milestones = tuple(dict.fromkeys(max(1, round(scale * each)) for each in run.recipe.milestones))
    recipe = replace(run.recipe, iterations=iterations, milestones=milestones, test_every=max(1, iterations // 20))
    return replace(run, recipe=recipe)
