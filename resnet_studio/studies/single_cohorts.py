"""What one button starts: a question each and one cohort that shows something of it. The demo is the first.

The studies proper, with seeds, budgets and verdicts, stand in :mod:`resnet_studio.studies.catalog`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from resnet_studio.domain.data_sets import BUILTIN, CIFAR10
from resnet_studio.domain.enums import Block, Shortcut
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.presets import find_preset, preset_for
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.text import _

SHALLOW, DEEP = 20, 56  # Figure 1 of the paper shows these two depths

# A short run on a laptop: the deep plain net falls behind its residual twin; whether depth pays with shortcuts takes
# longer. The paper's learning rate of 0.1 separates nothing at this length: deep nets of either kind start slowly with
# it (the paper warms 110 layers up with 0.01 for the same reason).
DEMO = RecipeSpec(iterations=250, batch_size=64, learning_rate=0.02, milestones=(), test_every=50)

LONGER = DEMO.model_copy(update={"iterations": 2000, "test_every": 200})

DEMO_KEY, LONGER_KEY = "degradation", "degradation-long"

QUICK_SHARE = 10  # --quick trains for a tenth of the iterations


@dataclass(frozen=True, slots=True)
class SingleCohort:
    """A question and the runs that answer it; ``cohort`` makes them for one seed (initial weights and sample order)."""

    key: str
    title: str
    question: str
    cohort: Callable[[int], CohortSpec]


def plain(depth: int) -> NetworkSpec:
    return NetworkSpec(depth=depth, block=Block.PLAIN, shortcut=Shortcut.NONE)


def residual(depth: int, shortcut: Shortcut = Shortcut.A) -> NetworkSpec:
    return NetworkSpec(depth=depth, block=Block.BASIC, shortcut=shortcut)


def _cohort(key: str, title: str, networks: tuple[NetworkSpec, ...], recipe: RecipeSpec, data: str) -> CohortSpec:
    runs = tuple(RunSpec(network=network, recipe=recipe, data=DataSpec(source=data)) for network in networks)
    return CohortSpec(name=title, study=key, runs=runs)


def degradation(seed: int = 0) -> CohortSpec:
    """Plain and residual, shallow and deep, on the images that the program draws itself: Figures 1 and 6 in small."""
    networks = (plain(SHALLOW), residual(SHALLOW), plain(DEEP), residual(DEEP))
    return _cohort("degradation", _("Degradation"), networks, DEMO.with_seeds(seed, seed), BUILTIN.key)


def longer_degradation(seed: int = 0) -> CohortSpec:
    """The same, eight times as long: at the end of the short one the deep residual net is still behind."""
    networks = (plain(SHALLOW), residual(SHALLOW), plain(DEEP), residual(DEEP))
    title = _("Degradation, longer")
    return _cohort("degradation-long", title, networks, LONGER.with_seeds(seed, seed), BUILTIN.key)


def plain_against_residual(seed: int = 0) -> CohortSpec:
    """One twin at the deeper depth."""
    networks = (plain(DEEP), residual(DEEP))
    return _cohort("twin", _("Plain against residual"), networks, DEMO.with_seeds(seed, seed), BUILTIN.key)


def shortcuts(seed: int = 0) -> CohortSpec:
    """Options A, B and C of section 3.3 at one depth, beside the plain net."""
    networks = (plain(SHALLOW), *(residual(SHALLOW, option) for option in (Shortcut.A, Shortcut.B, Shortcut.C)))
    return _cohort("shortcuts", _("Shortcuts A, B and C"), networks, DEMO.with_seeds(seed, seed), BUILTIN.key)


def figure_6(seed: int = 0) -> CohortSpec:
    """Figure 6, left and middle: CIFAR-10, 64 000 iterations of the paper's recipe. Many hours, even on a GPU."""
    depths = (20, 32, 44, 56)
    networks = (*(plain(depth) for depth in depths), *(residual(depth) for depth in depths))
    recipe = RecipeSpec(**find_preset(preset_for(networks[0])).fields)
    return _cohort("figure-6", _("Figure 6"), networks, recipe.with_seeds(seed, seed), CIFAR10.key)


SINGLE_COHORTS = (
    SingleCohort(
        "degradation",
        _("Degradation"),
        _("Does a deeper plain net train worse than a shallower one, and do shortcuts mend it?"),
        degradation,
    ),
    SingleCohort(
        "degradation-long",
        _("Degradation, longer"),
        _("Where do {shallow} and {deep} layers stand after eight times as long?", shallow=SHALLOW, deep=DEEP),
        longer_degradation,
    ),
    SingleCohort(
        "twin",
        _("Plain against residual"),
        _("What do shortcuts alone change in a net of {deep} layers, everything else being equal?", deep=DEEP),
        plain_against_residual,
    ),
    SingleCohort(
        "shortcuts",
        _("Shortcuts A, B and C"),
        _("Do projections help more than zero-padding where the width changes?"),
        shortcuts,
    ),
    SingleCohort(
        "figure-6",
        _("Figure 6: plain and residual nets on CIFAR-10"),
        _("How do 20, 32, 44 and 56 layers train with the paper's full recipe?"),
        figure_6,
    ),
)


def find_single_cohort(key: str) -> SingleCohort:
    """Raises UserError, naming the studies, for a key that none has."""
    for study in SINGLE_COHORTS:
        if study.key == key:
            return study
    raise UserError(
        _(
            "No study is called {key!r}; choose {studies}.",
            key=key,
            studies=", ".join(study.key for study in SINGLE_COHORTS),
        )
    )


def quick(cohort: CohortSpec) -> CohortSpec:
    """The same cohort, trained for a tenth of the iterations: to see that all works, not to conclude anything."""

    def shorter(run: RunSpec) -> RunSpec:
        recipe = run.recipe
        return replace(
            run,
            recipe=replace(
                recipe,
                iterations=max(1, recipe.iterations // QUICK_SHARE),
                milestones=tuple(dict.fromkeys(max(1, m // QUICK_SHARE) for m in recipe.milestones)),
            ),
        )

    return replace(cohort, runs=tuple(shorter(run) for run in cohort.runs))
