"""The gallery of studies, one row each: question, what the paper has, budgets and comparisons. Whatever lists studies
walks the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from resnet_studio.domain.data_sets import BUILTIN, CIFAR10, FOLDER
from resnet_studio.domain.enums import Activation, Block, Branch, Family, Shortcut, Stem
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.paper import CIFAR_10, TABLE_2, TABLE_3, TABLE_4, TABLE_5, ErrorRow
from resnet_studio.domain.presets import apply, find_preset, preset_for
from resnet_studio.domain.protocols import SINGLE, Protocol, ProtocolKind
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.domain.text_numbers import percent
from resnet_studio.studies.plan import Arm, Comparison, Measure, StudyPlan
from resnet_studio.studies.rule import Outcome
from resnet_studio.studies.single_cohorts import DEMO, SINGLE_COHORTS, SingleCohort, plain, residual
from resnet_studio.text import N_, _

_SMALL_SCALES = Protocol(kind=ProtocolKind.MULTI_SCALE, scales=(28, 32, 40))  # of images of 32 pixels
IMAGENET_FOLDER = f"{FOLDER}ImageNet"  # stands for the folder that has to be given
_STANDARD_ITERATIONS = 5_000


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
    return _shortened(run, budget.iterations) if budget.iterations else run


def _shortened(run: RunSpec, iterations: int) -> RunSpec:
    """The paper's recipe in fewer iterations: the rate falls after the same halves and three quarters."""
    scale = iterations / run.recipe.iterations
    milestones = tuple(dict.fromkeys(max(1, round(scale * each)) for each in run.recipe.milestones))
    recipe = replace(run.recipe, iterations=iterations, milestones=milestones, test_every=max(1, iterations // 20))
    return replace(run, recipe=recipe)


# Networks


def _kinds(depths: tuple[int, ...], *, plain_nets: bool = True, residual_nets: bool = True) -> dict[str, NetworkSpec]:
    """``plain-20``, ``resnet-20``: of section 4.2."""
    nets = {f"plain-{depth}": plain(depth) for depth in depths} if plain_nets else {}
    return nets | ({f"resnet-{depth}": residual(depth) for depth in depths} if residual_nets else {})


def _imagenet(depth: int, block: Block, shortcut: Shortcut, *, small: bool) -> NetworkSpec:
    """Of Table 1; small: with a quarter of the filters and a stem for images of 32 pixels."""
    if not small:
        return NetworkSpec(family=Family.IMAGENET, depth=depth, block=block, shortcut=shortcut)
    return NetworkSpec(
        family=Family.IMAGENET, depth=depth, block=block, shortcut=shortcut, stem=Stem.SMALL, image_size=32, width=16,
        classes=10,
    )  # fmt: skip


def _table_2(*, small: bool) -> dict[str, NetworkSpec]:
    kinds = (("plain", Block.PLAIN, Shortcut.NONE), ("resnet", Block.BASIC, Shortcut.A))
    return {
        f"{name}-{depth}": _imagenet(depth, block, s, small=small) for name, block, s in kinds for depth in (18, 34)
    }


def _options(*, small: bool) -> dict[str, NetworkSpec]:
    nets = {"plain": _imagenet(34, Block.PLAIN, Shortcut.NONE, small=small)}
    return nets | {
        str(option): _imagenet(34, Block.BASIC, option, small=small) for option in (Shortcut.A, Shortcut.B, Shortcut.C)
    }


def _bottlenecks(depths: tuple[int, ...], *, small: bool) -> dict[str, NetworkSpec]:
    return {
        str(depth): _imagenet(depth, Block.BASIC if depth < 50 else Block.BOTTLENECK, Shortcut.B, small=small)
        for depth in depths
    }


def _branches() -> dict[str, NetworkSpec]:
    """Nets of 20 layers whose shortcuts go around one, two or three of them, and the plain net of single layers."""
    return {
        "plain": NetworkSpec(depth=20, block=Block.PLAIN, branch=Branch.SINGLE, shortcut=Shortcut.NONE),
        "one": NetworkSpec(depth=20, block=Block.SINGLE, shortcut=Shortcut.A),
        "two": residual(20),
        "three": NetworkSpec(depth=20, block=Block.BOTTLENECK, shortcut=Shortcut.A),
    }


def _activations(depths: tuple[int, ...]) -> dict[str, NetworkSpec]:
    pre = {f"pre-{depth}": NetworkSpec(depth=depth, activation=Activation.PRE) for depth in depths}
    return {f"post-{depth}": residual(depth) for depth in depths} | pre


# Budgets


def _budgets(
    quick: Mapping[str, NetworkSpec], iterations: int, standard: Mapping[str, NetworkSpec],
    paper: Mapping[str, NetworkSpec], *, imagenet: bool = False, standard_iterations: int = _STANDARD_ITERATIONS,
    paper_seeds: int = 3,
) -> dict[BudgetName, Budget]:  # fmt: skip
    return {
        BudgetName.QUICK: Budget(quick, iterations, DEMO),
        BudgetName.STANDARD: Budget(standard, standard_iterations, None if not imagenet else _EVENING, CIFAR10.key),
        BudgetName.PAPER: Budget(paper, 0, None, IMAGENET_FOLDER if imagenet else CIFAR10.key, paper_seeds),
    }


# The recipe of section 4.2 in fewer iterations, for small nets of Table 1's shape on CIFAR-10's images.
_EVENING = _shortened(
    apply(find_preset(preset_for(plain(20))), RunSpec(network=plain(20))), _STANDARD_ITERATIONS
).recipe  # fmt: skip


# What the paper has


def _error(rows: tuple[ErrorRow, ...], name: str) -> str:
    """Top-1, or top-5 where there is no other."""
    row = next(row for row in rows if row.name == name)
    return percent(row.top1 if row.top1 is not None else row.top5)


def _cifar(depth: int) -> str:
    return next(row.error_text for row in CIFAR_10 if row.depth == depth)


_NO_PLAIN_TABLE = _(
    "Plain nets have no table: deeper ones (20, 32, 44, 56 layers) have the higher training and test error, and "
    "plain-110 exceeds 60 % and is not drawn."
)
_TABLE_6 = _(
    "Table 6, test error: ResNet-20 {r20}, -32 {r32}, -44 {r44}, -56 {r56}, -110 {r110}.",
    r20=_cifar(20), r32=_cifar(32), r44=_cifar(44), r56=_cifar(56), r110=_cifar(110),
)  # fmt: skip
_SMALL = _("On CIFAR-10, with less than the full recipe, nets of this shape have a quarter of the filters.")

STUDIES: tuple[Study, ...] = (
    Study(
        1,
        "degradation",
        _("Degradation"),
        _("Does a deeper plain net train worse than a shallower one?"),
        _("Figures 1 and 6, left"),
        _NO_PLAIN_TABLE,
        _budgets(
            _kinds((20, 32, 44, 56), residual_nets=False), 250, _kinds((20, 32, 44, 56), residual_nets=False),
            _kinds((20, 32, 44, 56), residual_nets=False),
        ),
        (
            Comparison(
                _("Is the training error of 56 plain layers higher than that of 20?"), "plain-56", "plain-20",
                expected=Outcome.SHOWN, paper=_("The deeper plain net has the higher training error throughout."),
            ),
        ),
    ),
    Study(
        2,
        "depth-pays",
        _("Depth pays with shortcuts"),
        _("Does a deeper residual net train better than a shallower one?"),
        _("Figure 6, middle"),
        _TABLE_6,
        _budgets(
            _kinds((8, 14, 20, 32), plain_nets=False), 500, _kinds((20, 32, 44, 56), plain_nets=False),
            _kinds((20, 32, 44, 56, 110), plain_nets=False), paper_seeds=5,
        ),
        (
            Comparison(
                _("Is the training error of 8 residual layers higher than that of 20?"), "resnet-8", "resnet-20"
            ),
            Comparison(
                _("Is the training error of 20 residual layers higher than that of 56?"), "resnet-20", "resnet-56",
                expected=Outcome.SHOWN, paper=_("{r20} against {r56}, test error.", r20=_cifar(20), r56=_cifar(56)),
            ),
            Comparison(
                _("Is the training error of 56 residual layers higher than that of 110?"), "resnet-56", "resnet-110",
                paper=_("{r56} against {r110}, test error.", r56=_cifar(56), r110=_cifar(110)),
            ),
        ),
    ),
    Study(
        3,
        "too-deep",
        _("Too deep?"),
        _("Is there a depth from which a residual net no longer gains, although it still trains?"),
        _("Figure 6, right"),
        _("Table 6, test error: ResNet-110 {r110}, ResNet-1202 {r1202}.", r110=_cifar(110), r1202=_cifar(1202)),
        _budgets(
            {"deep": residual(56), "deeper": residual(218)}, 120, {"deep": residual(110), "deeper": residual(326)},
            {"deep": residual(110), "deeper": residual(1202)}, standard_iterations=1_500,
        ),
        (
            Comparison(
                _("Is the training error of the much deeper net higher?"), "deeper", "deep",
                expected=Outcome.NO_DIFFERENCE, paper=_("ResNet-1202 has a training error below 0.1 %."),
            ),
            Comparison(
                _("Is the test error of the much deeper net higher?"), "deeper", "deep", Measure.TEST,
                expected=Outcome.SHOWN,
                paper=_("{r1202} against {r110}.", r1202=percent(CIFAR_10[-1].error), r110=percent(CIFAR_10[-2].error)),
            ),
        ),
    ),
    Study(
        4,
        "plain-residual",
        _("Plain against residual"),
        _("What do shortcuts alone change in nets of 18 and 34 layers?"),
        _("Figure 4 and Table 2"),
        _(
            "Table 2, ImageNet, top-1, 10-crop: plain-18 {p18}, ResNet-18 {r18}, plain-34 {p34}, ResNet-34 {r34}. "
            "plain-34 has the higher training error throughout, even with three times the iterations; ResNet-18 "
            "converges faster than plain-18. {small}",
            p18=_error(TABLE_2, "plain-18"), r18=_error(TABLE_2, "ResNet-18"), p34=_error(TABLE_2, "plain-34"),
            r34=_error(TABLE_2, "ResNet-34"), small=_SMALL,
        ),
        _budgets(
            _table_2(small=True), 250, _table_2(small=True), _table_2(small=False), imagenet=True
        ),
        (
            Comparison(
                _("Is the training error of 34 plain layers higher than that of 18?"), "plain-34", "plain-18",
                expected=Outcome.SHOWN, paper=_("Higher throughout."),
            ),
            Comparison(
                _("Is the training error of 18 residual layers higher than that of 34?"), "resnet-18", "resnet-34",
                expected=Outcome.SHOWN,
            ),
            Comparison(
                _("Is the training error of 34 plain layers higher than that of 34 residual ones?"), "plain-34",
                "resnet-34", expected=Outcome.SHOWN,
            ),
        ),
    ),
    Study(
        5,
        "shortcuts",
        _("Which shortcut?"),
        _("Do projections help more than zero-padding where the width changes?"),
        _("Table 3"),
        _(
            "Table 3, ImageNet, top-1, 10-crop: plain-34 {p34}, ResNet-34 with option A {a}, B {b}, C {c}. All three "
            "are far better than the plain net; the differences between them are small. {small}",
            p34=_error(TABLE_3, "plain-34"), a=_error(TABLE_3, "ResNet-34 A"), b=_error(TABLE_3, "ResNet-34 B"),
            c=_error(TABLE_3, "ResNet-34 C"), small=_SMALL,
        ),
        _budgets(_options(small=True), 250, _options(small=True), _options(small=False), imagenet=True),
        (
            Comparison(
                _("Is the test error of the plain net higher than with zero-padding (A)?"), "plain", "A", Measure.TEST,
                expected=Outcome.SHOWN,
            ),
            Comparison(
                _("Is the test error with zero-padding (A) higher than with projections where needed (B)?"), "A", "B",
                Measure.TEST, expected=Outcome.NO_DIFFERENCE, paper=_("Half a point."),
            ),
            Comparison(
                _("Is the test error with projections where needed (B) higher than with projections everywhere (C)?"),
                "B", "C", Measure.TEST, expected=Outcome.NO_DIFFERENCE, paper=_("A third of a point."),
            ),
        ),
    ),
    Study(
        6,
        "bottlenecks",
        _("Bottlenecks"),
        _("Does depth go on to pay where blocks are bottlenecks?"),
        _("Table 3"),
        _(
            "Table 3, ImageNet, top-1, 10-crop, option B: ResNet-34 {r34}, -50 {r50}, -101 {r101}, -152 {r152}. "
            "{small}",
            r34=_error(TABLE_3, "ResNet-34 B"), r50=_error(TABLE_3, "ResNet-50"), r101=_error(TABLE_3, "ResNet-101"),
            r152=_error(TABLE_3, "ResNet-152"), small=_SMALL,
        ),
        _budgets(
            _bottlenecks((34, 50, 101), small=True), 200, _bottlenecks((34, 50, 101, 152), small=True),
            _bottlenecks((34, 50, 101, 152), small=False), imagenet=True, standard_iterations=3_000,
        ),
        (
            Comparison(
                _("Is the test error of 34 layers of basic blocks higher than of 50 layers of bottlenecks?"), "34",
                "50", Measure.TEST, expected=Outcome.SHOWN,
            ),
            Comparison(
                _("Is the test error of 50 layers of bottlenecks higher than of 101?"), "50", "101", Measure.TEST,
                expected=Outcome.SHOWN,
            ),
            Comparison(
                _("Is the test error of 101 layers of bottlenecks higher than of 152?"), "101", "152", Measure.TEST,
                expected=Outcome.NO_DIFFERENCE,
            ),
        ),
    ),
    Study(
        7,
        "branch-length",
        _("How long a branch?"),
        _("Does a shortcut help around a single layer as around two or three?"),
        _("Section 3.2"),
        _(
            "Of a shortcut around a single layer the paper saw no advantage; its branches have two or three layers. It "
            "prints no numbers on it."
        ),
        _budgets(_branches(), 250, _branches(), _branches()),
        (
            Comparison(
                _("Is the training error without shortcuts higher than with one around every layer?"), "plain", "one",
                expected=Outcome.NO_DIFFERENCE, paper=_("No advantage was seen."),
            ),
            Comparison(
                _("Is the training error with a shortcut around every layer higher than around every two?"), "one",
                "two",
            ),
            Comparison(
                _("Is the training error with branches of two layers higher than of three?"), "two", "three",
            ),
        ),
    ),
    Study(
        8,
        "error-depth",
        _("Error against depth"),
        _("How do training and test error go with depth, with and without shortcuts?"),
        _("Figure 6 and Table 6"),
        _("{table} {plain}", table=_TABLE_6, plain=_NO_PLAIN_TABLE),
        _budgets(
            _kinds((8, 20, 32, 56)), 250, _kinds((20, 32, 44, 56)),
            _kinds((20, 32, 44, 56)) | {"resnet-110": residual(110)}, standard_iterations=3_000, paper_seeds=5,
        ),
        (
            Comparison(
                _("Is the training error of 56 plain layers higher than that of 20?"), "plain-56", "plain-20",
                expected=Outcome.SHOWN,
            ),
            Comparison(
                _("Is the training error of 20 residual layers higher than that of 56?"), "resnet-20", "resnet-56",
                expected=Outcome.SHOWN,
            ),
            Comparison(
                _("Is the training error of 56 plain layers higher than that of 56 residual ones?"), "plain-56",
                "resnet-56", expected=Outcome.SHOWN,
            ),
        ),
    ),
    Study(
        9,
        "together",
        _("Many together"),
        _("How much better than the best single net are nets of several depths together?"),
        _("Tables 4 and 5"),
        _(
            "Table 4, ImageNet, multi-scale, top-1: ResNet-34 B {r34}, -50 {r50}, -101 {r101}, -152 {r152}. Table 5, "
            "top-5 on the test set: six nets of different depth, two of them with 152 layers, {six} together.",
            r34=_error(TABLE_4, "ResNet-34 B"), r50=_error(TABLE_4, "ResNet-50"), r101=_error(TABLE_4, "ResNet-101"),
            r152=_error(TABLE_4, "ResNet-152"), six=_error(TABLE_5, "ResNet (ILSVRC'15)"),
        ),
        _budgets(
            _kinds((8, 14, 20), plain_nets=False), 400, _kinds((20, 32, 44, 56), plain_nets=False),
            _bottlenecks((34, 50, 101, 152), small=False), imagenet=True,
        ),
        (
            Comparison(
                _("Is the test error of the best single net higher than that of all together?"), "best", "together",
                Measure.TOGETHER, expected=Outcome.SHOWN,
            ),
            Comparison(
                _("Is the test error of the best net higher from a single view than from several sizes?"), "single",
                "several", Measure.SCALES, expected=Outcome.SHOWN,
            ),
        ),
        dict.fromkeys((BudgetName.QUICK, BudgetName.STANDARD), (SINGLE, _SMALL_SCALES))
        | {BudgetName.PAPER: (Protocol(kind=ProtocolKind.MULTI_SCALE), SINGLE)},
    ),
    Study(
        10,
        "pre-activation",
        _("Pre-activation"),
        _("Do deep nets train better with batch norm and ReLU before each convolution?"),
        _("arXiv:1603.05027, 2016"),
        _(
            "The paper of 2015 has batch norm after each convolution and ReLU after the addition. Its sequel puts both "
            "before: ResNet-1001 of that kind has a test error of 4.92 % (4.89 ± 0.14 %) with batches of 128."
        ),
        _budgets(
            _activations((20, 56)), 250, _activations((56, 110)), _activations((110,)), standard_iterations=2_500
        ),
        (
            Comparison(
                _("Is the training error of 20 layers higher with the order of 2015?"), "post-20", "pre-20",
            ),
            Comparison(
                _("Is the training error of 56 layers higher with the order of 2015?"), "post-56", "pre-56",
            ),
            Comparison(
                _("Is the training error of 110 layers higher with the order of 2015?"), "post-110", "pre-110",
                expected=Outcome.SHOWN,
            ),
        ),
    ),
)  # fmt: skip

OLD_KEYS: dict[str, tuple[str, BudgetName]] = {"figure-6": ("error-depth", BudgetName.PAPER)}
"""Names that studies had before, with the study and budget that took their place. Runs stored under them stay."""


@dataclass(frozen=True, slots=True)
class CohortStudy:
    """One of :data:`SINGLE_COHORTS` with seeds and verdicts, under its own name."""

    single: SingleCohort

    def plan(self, *, data: str | None = None, classes: int | None = None, seeds: int | None = None) -> StudyPlan:
        """Its nets compared as the conclusion of one cohort compares them."""
        arms = []
        for run in self.single.cohort(0).runs:
            network = run.network if classes is None else replace(run.network, classes=classes)
            source = run.data if data is None else DataSpec(source=data)
            arms.append(Arm(network.label.lower(), replace(run, network=network, data=source)))
        return StudyPlan(
            key=self.single.key,
            title=self.single.title,
            question=self.single.question,
            arms=tuple(arms),
            comparisons=tuple(_usual(arms)),
            seeds=tuple(range(seeds or 3)),
        )


def _usual(arms: Sequence[Arm]) -> Iterator[Comparison]:
    """Deepest against shallowest of each kind, then plain against residual at the deepest."""
    kinds = [[arm for arm in arms if arm.spec.network.residual is kind] for kind in (False, True)]
    pairs = []
    for own in kinds:
        ordered = sorted(own, key=lambda arm: arm.spec.network.depth)
        if len({arm.spec.network.depth for arm in own}) > 1:
            shallow, deep = ordered[0], ordered[-1]
            pairs.append((shallow, deep) if deep.spec.network.residual else (deep, shallow))
    pairs += [
        (one, other)
        for one in kinds[0]
        for other in kinds[1]
        if one.spec.network.depth == other.spec.network.depth == max(arm.spec.network.depth for arm in kinds[0])
    ]
    for higher, lower in pairs:
        question = _("Is the training error of {higher} higher than that of {lower}?",
                     higher=higher.label, lower=lower.label)  # fmt: skip
        yield Comparison(question, higher.key, lower.key)


def find_study(key: str) -> Study | CohortStudy:
    """A study of the gallery, or one that a single cohort is of.

    Raises:
        UserError: Naming the gallery's studies, for a key that none has.
    """
    wanted = OLD_KEYS[key][0] if key in OLD_KEYS else key
    for study in STUDIES:
        if study.key == wanted:
            return study
    for single in SINGLE_COHORTS:
        if single.key == key:
            return CohortStudy(single)
    raise UserError(
        _("No study is called {key!r}; choose {studies}.", key=key, studies=", ".join(study.key for study in STUDIES))
    )


def gallery_study(key: str) -> Study:
    """A row of the gallery; raises KeyError for a key that none has."""
    for study in STUDIES:
        if study.key == key:
            return study
    raise KeyError(key)
