"""The paper's construction, trained: a shallow net and the deeper one built from it, both from where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.spec import replace
from resnet_studio.domain.specs import CohortSpec, DataSpec, RecipeSpec, RunSpec
from resnet_studio.text import N_, _

LESSON_TITLE = N_("Lesson: {network} trained on")
TITLE = N_("{network} trained on")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two stored runs with weights: a plain net, and the deeper one that identity layers made of it."""

    shallow: NetworkSpec
    shallow_run: str
    built: NetworkSpec
    built_run: str


def training_on(
    pair: Pair, recipe: RecipeSpec, data: DataSpec, iterations: int, title: str = TITLE
) -> tuple[CohortSpec, ...]:
    """Each on from its own weights and on the same batches, at the recipe's first rate throughout.

    Two cohorts, for the runs of one begin with the same weights. ``title`` names the network.
    """
    recipe = replace(recipe, iterations=iterations, milestones=())
    return tuple(
        CohortSpec(
            name=_(title, network=network.label),
            runs=(
                RunSpec(
                    name=_(TITLE, network=name), network=network, recipe=recipe, data=data, start_from=run_id,
                ),
            ),
        )
        for network, name, run_id in (
            (pair.shallow, pair.shallow.label, pair.shallow_run),
            (pair.built, _("built {network}", network=pair.built.label), pair.built_run),
        )
    )  # fmt: skip


def trained_on(pair: Pair, runs: Iterable[RunRecord]) -> tuple[RunRecord, RunRecord] | None:
    """The newest two of ``runs`` that trained on from the pair, alike, and have both ended; None where none have."""
    ended = [run for run in runs if run.status.ended]
    ended.sort(key=lambda run: run.created_at, reverse=True)
    for built in ended:
        if built.spec.start_from == pair.built_run:
            for shallow in ended:
                alike = (shallow.spec.recipe, shallow.spec.data) == (built.spec.recipe, built.spec.data)
                if shallow.spec.start_from == pair.shallow_run and alike:
                    return shallow, built
    return None
