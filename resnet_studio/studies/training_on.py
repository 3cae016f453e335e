"""The paper's construction, trained: a shallow net and the deeper one built from it, and whether SGD keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace as with_changes

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.spec import replace
from resnet_studio.domain.specs import CohortSpec, DataSpec, RecipeSpec, RunSpec
from resnet_studio.studies.learning import Stand, differ, numbers_of
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

    @classmethod
    def of(cls, shallow: RunRecord, built: RunRecord) -> Pair:
        """Two that can be trained on from the same answers.

        Raises:
            UserError: If one of them was deleted, ``shallow`` has other weights by now, or its data are not known.
        """
        for run in (shallow, built):
            if run.deleted:
                raise UserError(_("{name} was deleted; build it again.", name=run.name))
        if built.constructed_from_weights != shallow.weights_sha256:
            raise UserError(
                _("{name} has other weights by now than those it was built from; build it again.", name=shallow.name)
            )
        if not shallow.knows("data"):
            raise UserError(_("The data of {name} are not known, so it cannot be trained on here.", name=shallow.name))
        return cls(shallow.spec.network, shallow.id, built.spec.network, built.id)


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


def training_on_words(shallow: Stand, built: Stand, raced_deep: Stand | None) -> tuple[str, ...]:
    """Whether SGD keeps what was built.

    Args:
        shallow: At the end of training on.
        built: Likewise, on the same batches.
        raced_deep: The net of the built one's depth that was trained from random weights, or None.
    """
    shallow = with_changes(shallow, name=shallow.run.spec.network.label)
    built = with_changes(built, name=_("the built {network}", network=built.run.spec.network.label))
    numbers = numbers_of(built, shallow)
    if not differ(shallow, built):
        kept = _(
            "SGD kept it: trained on, {one} stands at {one_error} and {other} at {other_error}, without a clear "
            "difference. A deeper plain net this good exists, and training stays near it.", **numbers
        )  # fmt: skip
    elif built.error > shallow.error:
        kept = _(
            "SGD did not keep it: trained on with the same batches, {one} stands at {one_error}, {points} points above "
            "{other} ({other_error}), although it began with the very same answers.", **numbers
        )  # fmt: skip
    else:
        kept = _(
            "SGD made more of it: trained on with the same batches, {one} stands at {one_error}, {points} points below "
            "{other} ({other_error}). From a good start the added layers are of use.", **numbers
        )  # fmt: skip
    if raced_deep is None:
        return (kept,)
    beside = numbers_of(built, raced_deep)
    if built.error < raced_deep.error and differ(built, raced_deep):
        more = _(
            "{other}, as deep and trained from random weights, ended at {other_error}: what it lacks is not capacity "
            "but a way there.", **beside
        )  # fmt: skip
    else:
        more = _("{other}, trained from random weights, ended at {other_error}.", **beside)
    return kept, more
