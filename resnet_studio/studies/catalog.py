"""The gallery of studies, one row each: question, what the paper has, budgets and comparisons.

Whatever lists studies walks the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from resnet_studio.domain.data_sets import CIFAR10
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.paper import CIFAR_10, TABLE_2, TABLE_3, TABLE_4, TABLE_5, ErrorRow
from resnet_studio.domain.presets import apply, find_preset, preset_for
from resnet_studio.domain.protocols import SINGLE, Protocol, ProtocolKind
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RunSpec, replace
from resnet_studio.domain.text_numbers import percent
from resnet_studio.studies.own_study import KEY_PREFIX
from resnet_studio.studies.plan import Arm, Comparison, Measure, StudyPlan
from resnet_studio.studies.rule import Outcome
from resnet_studio.studies.single_cohorts import DEMO, SINGLE_COHORTS, SingleCohort, plain, residual
from resnet_studio.studies.study import IMAGENET_FOLDER, Budget, BudgetName, Study, shortened
from resnet_studio.studies.study_nets import activations, bottlenecks, branches, kinds, options, table_2
from resnet_studio.text import _

_SMALL_SCALES = Protocol(kind=ProtocolKind.MULTI_SCALE, scales=(28, 32, 40))  # of images of 32 pixels
_STANDARD_ITERATIONS = 5_000

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
_EVENING = shortened(
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
    "The paper has no table of plain nets. In its figures, of 20, 32, 44 and 56 layers the deeper net always has the "
    "higher training and test error; plain-110, with an error above 60 %, is not drawn."
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
        _("Do plain nets train worse when they are made deeper?"),
        _("Figures 1 and 6, left"),
        _NO_PLAIN_TABLE,
        _budgets(
            kinds((20, 32, 44, 56), residual_nets=False), 250, kinds((20, 32, 44, 56), residual_nets=False),
            kinds((20, 32, 44, 56), residual_nets=False),
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
        _("Do residual nets train better when they are made deeper?"),
        _("Figure 6, middle"),
        _TABLE_6,
        _budgets(
            kinds((8, 14, 20, 32), plain_nets=False), 500, kinds((20, 32, 44, 56), plain_nets=False),
            kinds((20, 32, 44, 56, 110), plain_nets=False), paper_seeds=5,
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
        _("Can a residual net be so deep that it still trains well, but tests worse?"),
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
        _("What do shortcuts change in nets of 18 and 34 layers, all else being equal?"),
        _("Figure 4 and Table 2"),
        _(
            "Table 2, ImageNet, top-1, 10-crop: plain-18 {p18}, ResNet-18 {r18}, plain-34 {p34}, ResNet-34 {r34}. "
            "plain-34 has the higher training error throughout, even with three times the iterations; ResNet-18 "
            "converges faster than plain-18. {small}",
            p18=_error(TABLE_2, "plain-18"), r18=_error(TABLE_2, "ResNet-18"), p34=_error(TABLE_2, "plain-34"),
            r34=_error(TABLE_2, "ResNet-34"), small=_SMALL,
        ),
        _budgets(
            table_2(small=True), 250, table_2(small=True), table_2(small=False), imagenet=True
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
        _("Where a net gets wider, does a projection do better than zero-padding?"),
        _("Table 3"),
        _(
            "Table 3, ImageNet, top-1, 10-crop: plain-34 {p34}, ResNet-34 with option A {a}, B {b}, C {c}. All three "
            "are far better than the plain net; the differences between them are small. {small}",
            p34=_error(TABLE_3, "plain-34"), a=_error(TABLE_3, "ResNet-34 A"), b=_error(TABLE_3, "ResNet-34 B"),
            c=_error(TABLE_3, "ResNet-34 C"), small=_SMALL,
        ),
        _budgets(options(small=True), 250, options(small=True), options(small=False), imagenet=True),
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
        _("Do nets of bottleneck blocks keep getting better with depth?"),
        _("Table 3"),
        _(
            "Table 3, ImageNet, top-1, 10-crop, option B: ResNet-34 {r34}, -50 {r50}, -101 {r101}, -152 {r152}. "
            "{small}",
            r34=_error(TABLE_3, "ResNet-34 B"), r50=_error(TABLE_3, "ResNet-50"), r101=_error(TABLE_3, "ResNet-101"),
            r152=_error(TABLE_3, "ResNet-152"), small=_SMALL,
        ),
        _budgets(
            bottlenecks((34, 50, 101), small=True), 200, bottlenecks((34, 50, 101, 152), small=True),
            bottlenecks((34, 50, 101, 152), small=False), imagenet=True, standard_iterations=3_000,
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
        _("Does a shortcut around one layer help as much as one around two or three?"),
        _("Section 3.2"),
        _(
            "The paper's branches have two or three layers. Of a shortcut around a single layer it says that no "
            "advantage was seen; it prints no numbers."
        ),
        _budgets(branches(), 250, branches(), branches()),
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
        _("How do training and test error change with depth, with and without shortcuts?"),
        _("Figure 6 and Table 6"),
        _("{table} {plain}", table=_TABLE_6, plain=_NO_PLAIN_TABLE),
        _budgets(
            kinds((8, 20, 32, 56)), 250, kinds((20, 32, 44, 56)),
            kinds((20, 32, 44, 56)) | {"resnet-110": residual(110)}, standard_iterations=3_000, paper_seeds=5,
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
        _("How much lower is the error of several nets together than the best one's?"),
        _("Tables 4 and 5"),
        _(
            "Table 4, ImageNet, multi-scale, top-1: ResNet-34 B {r34}, -50 {r50}, -101 {r101}, -152 {r152}. Table 5, "
            "top-5 on the test set: six nets of different depth, two of them with 152 layers, {six} together.",
            r34=_error(TABLE_4, "ResNet-34 B"), r50=_error(TABLE_4, "ResNet-50"), r101=_error(TABLE_4, "ResNet-101"),
            r152=_error(TABLE_4, "ResNet-152"), six=_error(TABLE_5, "ResNet (ILSVRC'15)"),
        ),
        _budgets(
            kinds((8, 14, 20), plain_nets=False), 400, kinds((20, 32, 44, 56), plain_nets=False),
            bottlenecks((34, 50, 101, 152), small=False), imagenet=True,
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
        _("Do deep nets train better if batch norm and ReLU come before each convolution?"),
        _("arXiv:1603.05027, 2016"),
        _(
            "In the paper of 2015, batch norm follows each convolution and ReLU follows the addition. Its sequel of "
            "2016 puts both before the convolution (pre-activation). With that order, ResNet-1001 has a test error of "
            "4.92 % (mean of its runs 4.89 ± 0.14 %) with batches of 128."
        ),
        _budgets(
            activations((20, 56)), 250, activations((56, 110)), activations((110,)), standard_iterations=2_500
        ),
        (
            Comparison(
                _("Is the training error of 20 layers higher with the order of 2015 than with that of 2016?"),
                "post-20", "pre-20",
            ),
            Comparison(
                _("Is the training error of 56 layers higher with the order of 2015 than with that of 2016?"),
                "post-56", "pre-56",
            ),
            Comparison(
                _("Is the training error of 110 layers higher with the order of 2015 than with that of 2016?"),
                "post-110", "pre-110",
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
    sorts = [[arm for arm in arms if arm.spec.network.residual is kind] for kind in (False, True)]
    pairs = []
    for own in sorts:
        ordered = sorted(own, key=lambda arm: arm.spec.network.depth)
        if len({arm.spec.network.depth for arm in own}) > 1:
            shallow, deep = ordered[0], ordered[-1]
            pairs.append((shallow, deep) if deep.spec.network.residual else (deep, shallow))
    pairs += [
        (one, other)
        for one in sorts[0]
        for other in sorts[1]
        if one.spec.network.depth == other.spec.network.depth == max(arm.spec.network.depth for arm in sorts[0])
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
    if key.startswith(KEY_PREFIX):
        raise UserError(_("{key} is a study of one's own; give its file, FILE.toml.", key=key))
    raise UserError(
        _("No study is called {key!r}; choose {studies}.", key=key, studies=", ".join(study.key for study in STUDIES))
    )


def gallery_study(key: str) -> Study:
    """A row of the gallery; raises KeyError for a key that none has."""
    for study in STUDIES:
        if study.key == key:
            return study
    raise KeyError(key)
