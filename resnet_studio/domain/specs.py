"""The specifications of a run and of a cohort; every other specification can be imported from here too."""

from __future__ import annotations

import unicodedata
from typing import Self

from pydantic import Field, field_validator, model_validator

from resnet_studio.domain.data_sets import NO_DATA
from resnet_studio.domain.data_spec import MAX_SEED, DataSpec
from resnet_studio.domain.enums import Augmentation
from resnet_studio.domain.network_spec import MAX_DEPTH, NetworkSpec, counterpart, nearest_depths
from resnet_studio.domain.recipe_spec import SEEDS, SHARED, RecipeSpec
from resnet_studio.domain.spec import Spec, replace, replace_and_reset, spec_field
from resnet_studio.text import N_, _

__all__ = [
    "MAX_DEPTH",
    "MAX_SEED",
    "NO_DATA",
    "SCHEMA_VERSION",
    "SEEDS",
    "CohortSpec",
    "DataSpec",
    "NetworkSpec",
    "RecipeSpec",
    "RunSpec",
    "Spec",
    "beside",
    "counterpart",
    "nearest_depths",
    "replace",
    "twin",
]

SCHEMA_VERSION = 1


def beside(network: NetworkSpec) -> dict[str, object]:
    """The network's fields as a recipe in the same run names them."""
    return {f"network.{name}": value for name, value in network.own_values().items()}


class RunSpec(Spec):
    """One network, one recipe, one data set."""

    schema_version: int = Field(SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION, title=_("Schema version"))
    name: str = spec_field(
        N_("Name"), N_("A label of your own; empty for one made from the network."), default="", max_length=200
    )
    network: NetworkSpec = Field(default_factory=NetworkSpec, title=_("Network"))
    recipe: RecipeSpec = Field(default_factory=RecipeSpec, title=_("Recipe"))
    data: DataSpec = Field(default_factory=DataSpec, title=_("Data"))
    start_from: str = spec_field(
        N_("Start from"),
        N_("A stored run whose newest weights training begins with; empty: He initialisation."),
        default="",
        max_length=200,
    )

    @field_validator("name")
    @classmethod
    def _name_is_printable(cls, name: str) -> str:
        if any(unicodedata.category(character) == "Cc" for character in name):
            raise ValueError(_("a name holds no control characters, line breaks or tabs"))
        return name

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        recipe, network = self.recipe, self.network
        if recipe.augmentation is Augmentation.SCALE_CROP_FLIP and recipe.scale_min < network.image_size:
            raise ValueError(
                _(
                    "a crop of {image_size} pixels does not fit into a shorter side of {scale_min}; "
                    "set scale_min to at least {image_size}",
                    image_size=network.image_size,
                    scale_min=recipe.scale_min,
                )
            )
        if fault := recipe.unread_fault(beside(network)):
            raise ValueError(fault)
        return self

    @property
    def label(self) -> str:
        return self.name or self.network.label

    def with_seeds(self, init_seed: int, data_seed: int) -> Self:
        return replace(self, recipe=self.recipe.with_seeds(init_seed, data_seed))

    def without_seeds(self) -> Self:
        """What runs with other seeds have in common; the name is no part of it."""
        recipe = self.recipe.model_copy(update=dict.fromkeys(SEEDS, 0))
        return self.model_copy(update={"name": "", "recipe": recipe})


class CohortSpec(Spec):
    """Runs that train in lock-step on the very same batches; they share data, batches and length."""

    schema_version: int = Field(SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION, title=_("Schema version"))
    name: str = spec_field(N_("Name"), N_("A label for the whole cohort."), default="", max_length=200)
    study: str = spec_field(
        N_("Study"), N_("Key of the study these runs answer, or empty."), default="", max_length=100
    )
    runs: tuple[RunSpec, ...] = Field(title=_("Runs"), min_length=1, max_length=32)

    @model_validator(mode="after")
    def _runs_share_their_batches(self) -> Self:
        first = self.runs[0]
        for run in self.runs[1:]:
            if run.data != first.data:
                raise ValueError(_("runs of one cohort must use the same data"))
            if run.start_from != first.start_from:
                raise ValueError(_("runs of one cohort must start from the same weights"))
            for field in ("classes", "image_size"):
                if getattr(run.network, field) != getattr(first.network, field):
                    raise ValueError(_("runs of one cohort must have the same {field}", field=field))
            for field in SHARED:
                if getattr(run.recipe, field) != getattr(first.recipe, field):
                    raise ValueError(_("runs of one cohort must have the same {field}", field=field))
        return self

    @property
    def label(self) -> str:
        return self.name or " + ".join(run.label for run in self.runs)


def twin(spec: RunSpec) -> CohortSpec:
    """The plain and the residual net of one depth as a cohort of two, plain first; ``spec`` may be either of them."""
    network = counterpart(spec.network)
    other = replace(spec, network=network, name="", recipe=replace_and_reset(spec.recipe, beside(network)))
    if spec.name:
        other = replace(other, name=f"{spec.name} ({'plain' if spec.network.residual else 'residual'})")
    plain, residual = (other, spec) if spec.network.residual else (spec, other)
    return CohortSpec(name=f"Twin of depth {spec.network.depth}", runs=(plain, residual))
