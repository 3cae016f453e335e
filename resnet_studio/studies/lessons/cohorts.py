"""What the lessons train: three nets raced on the same batches, and two that train on from one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.spec import replace
from resnet_studio.domain.specs import CohortSpec, DataSpec, RecipeSpec, RunSpec
from resnet_studio.studies.single_cohorts import DEEP, DEMO, SHALLOW, plain, residual
from resnet_studio.text import _

TAG = "lesson"  # of every run that a lesson leaves in the history
ROLES = ("shallow", "deep", "residual")  # of the nets of a race, in its order


@dataclass(frozen=True, slots=True)
class LessonSizes:
    """How large the experiments are: so that each takes a minute or two on two processor cores.

    Attributes:
        shallow, deep, residual: The nets of the race: plain, plain and deeper, and the deeper one's residual twin.
        further: Iterations of training on.
        settings: By analysis, where they are not the analysis' own defaults.
    """

    shallow: NetworkSpec = field(default_factory=lambda: plain(SHALLOW))
    deep: NetworkSpec = field(default_factory=lambda: plain(DEEP))
    residual: NetworkSpec = field(default_factory=lambda: residual(DEEP))
    recipe: RecipeSpec = DEMO
    further: int = 100
    data: DataSpec = field(default_factory=DataSpec)
    settings: Mapping[str, Mapping[str, int]] = field(
        default_factory=lambda: {
            "shattered": {"lines": 2},
            "lesion": {"images": 500},
            "responses": {"images": 256},
            "paths": {"images": 8, "paths": 3},
        }
    )

    @property
    def networks(self) -> tuple[NetworkSpec, NetworkSpec, NetworkSpec]:
        """As :data:`ROLES` names them."""
        return self.shallow, self.deep, self.residual

    @property
    def fields(self) -> dict[str, object]:
        """What the lessons' texts may name."""
        recipe = self.recipe
        return {
            "shallow": self.shallow.label, "deep": self.deep.label, "residual": self.residual.label,
            "shallow_depth": self.shallow.depth, "deep_depth": self.deep.depth, "iterations": recipe.iterations,
            "batch": recipe.batch_size, "rate": recipe.learning_rate, "further": self.further,
            "classes": self.deep.classes, "chance": round(100 - 100 / self.deep.classes),
            "blocks": sum(self.residual.stage_blocks),
        }  # fmt: skip


def race(sizes: LessonSizes, seed: int = 0) -> CohortSpec:
    """The three nets, on the same batches."""
    recipe = sizes.recipe.with_seeds(seed, seed)
    runs = tuple(RunSpec(network=network, recipe=recipe, data=sizes.data) for network in sizes.networks)
    return CohortSpec(name=_("Lesson: the race"), runs=runs)


def training_on(sizes: LessonSizes, shallow_run: str, built_run: str, built: NetworkSpec) -> tuple[CohortSpec, ...]:
    """The raced shallow net and the deeper one that was built from it, each on from its own weights and on the same
    batches; two cohorts, for the runs of one begin with the same weights."""
    recipe = replace(sizes.recipe, iterations=sizes.further, milestones=())
    return tuple(
        CohortSpec(
            name=_("Lesson: {network} trained on", network=network.label),
            runs=(
                RunSpec(
                    name=_("{network} trained on", network=name),
                    network=network,
                    recipe=recipe,
                    data=sizes.data,
                    start_from=run_id,
                ),
            ),
        )
        for network, name, run_id in (
            (sizes.shallow, sizes.shallow.label, shallow_run),
            (built, _("built {network}", network=built.label), built_run),
        )
    )
