"""What the lessons train: three nets raced on the same batches, and how large everything is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from resnet_studio.domain.network_spec import NetworkSpec
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
            "built_from": self.shallow.label, "built": self.deep.label, "looked_into": self.residual.label,
        }  # fmt: skip


def race(sizes: LessonSizes, seed: int = 0) -> CohortSpec:
    """The three nets, on the same batches."""
    recipe = sizes.recipe.with_seeds(seed, seed)
    runs = tuple(RunSpec(network=network, recipe=recipe, data=sizes.data) for network in sizes.networks)
    return CohortSpec(name=_("Lesson: the race"), runs=runs)
