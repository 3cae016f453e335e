"""The lessons, one row each, in their order. Whatever lists lessons walks these rows.

A lesson is a few steps; a step is text, formulas and at most one experiment of this program. Texts are translated when
they are shown, with the fields of :attr:`~resnet_studio.studies.lessons.cohorts.LessonSizes.fields`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from resnet_studio.domain.series import Series
from resnet_studio.studies.lessons import inside_words
from resnet_studio.studies.lessons.inside_words import Results
from resnet_studio.studies.lessons.race_words import RaceEnd
from resnet_studio.text import N_

Words = Callable[[Results, RaceEnd | None], tuple[str, ...]]


class Nets(Enum):
    """Which networks an analysis looks into: the twin before training, all that were raced, or one of those."""

    DESIGNS = "designs"
    RACED = "raced"
    SHALLOW = "shallow"
    RESIDUAL = "residual"


@dataclass(frozen=True, slots=True)
class Predict:
    """The learner drags the ends of the curves."""


@dataclass(frozen=True, slots=True)
class Race:
    """The nets are trained, and the curves of one series drawn over the predicted ones."""

    series: Series = Series.TRAINING_ERROR


@dataclass(frozen=True, slots=True)
class TrainOn:
    """The shallow net and the one that was built from it are trained further."""


@dataclass(frozen=True, slots=True)
class Measure:
    """An analysis, and what its results say.

    Attributes:
        analysis: Key of its row.
        panels: Of the figure, by their places; empty: all.
        drawing: The networks are drawn beside the figure; of a construction the deeper one too.
        blocks: A block can be chosen in the drawing, and is taken out.
        numbers: A block can be chosen whose own numbers stand in the formula.
    """

    analysis: str
    nets: Nets
    words: Words
    panels: tuple[int, ...] = ()
    drawing: bool = False
    blocks: bool = False
    numbers: bool = False


@dataclass(frozen=True, slots=True)
class Prices:
    """Tables counted from blueprints."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The learner says who claims what."""


Experiment = Predict | Race | TrainOn | Measure | Prices | Claims


@dataclass(frozen=True, slots=True)
class FormulaRow:
    """A formula in the markup of :mod:`resnet_studio.domain.formula`, and what its letters mean."""

    markup: str
    words: str


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of a lesson.

    Attributes:
        key: Of this step alone; the place is kept under it.
        text: Paragraphs.
        todo: What the learner does now, in one sentence.
    """

    key: str
    title: str
    text: tuple[str, ...]
    formulas: tuple[FormulaRow, ...]
    experiment: Experiment
    todo: str


@dataclass(frozen=True, slots=True)
class LessonRow:
    """One lesson; ``title`` is its button's."""

    key: str
    title: str
    question: str
    steps: tuple[StepRow, ...]


LESSONS: tuple[LessonRow, ...] = (
    LessonRow(
        "predict",
        N_("Before training"),
        N_("Which net will learn better, and what can be seen before the first step?"),
        (
            StepRow(
                "predict",
                N_("Which curve will lie lower?"),
                (
                    N_(
                        "Three nets will learn the same {classes} classes from the same images in the same order. "
                        "{shallow} has {shallow_depth} layers with weights, one after another, and {deep} has "
                        "{deep_depth}: such nets are called plain."
                    ),
                    N_(
                        "{residual} has the very layers and initial weights of {deep}. Around every two layers, a "
                        "block, a shortcut (or skip connection) carries the block's input x past them and adds it to "
                        "what they make."
                    ),
                    N_(
                        "Training error: the share of the training images, those that a net learns from, that it gets "
                        "wrong. A guess is wrong {chance} times in 100. Where will the three stand after {iterations} "
                        "steps of training?"
                    ),
                ),
                (
                    FormulaRow(r"H(x) = F(x)", N_("a block of a plain net: what its layers F make of x")),
                    FormulaRow(r"H(x) = F(x) + x", N_("a residual block: the same layers, and x added")),
                ),
                Predict(),
                N_("Drag the end of each curve, or its name, to where you expect it."),
            ),
            StepRow(
                "signal",
                N_("Signal check"),
                (
                    N_(
                        "A net learns by making its loss L smaller, a number that says how wrong its answers are. For "
                        "that each layer needs the gradient: how L changes with what the layer puts out. It is "
                        "computed from the last block back to the first, and each block of two layers changes its size "
                        "by a factor, the block's gain."
                    ),
                    N_(
                        "Many texts say: in a deep plain net gradients vanish on their way back, and a shortcut keeps "
                        "the derivative at 1 or more. Look for yourself, in nets that have their initial weights."
                    ),
                ),
                (
                    FormulaRow(
                        r"\frac{\norm{\partial L / \partial x}}{\norm{\partial L / \partial y}}",
                        N_("gain of a block: size of the gradient at its input x over that at its output y"),
                    ),
                ),
                Measure("signal", Nets.DESIGNS, inside_words.signal_words),
                N_("Measure {deep} and {residual} before any training; it takes some seconds."),
            ),
            StepRow(
                "shattered",
                N_("Shattered gradients"),
                (
                    N_(
                        "Walk from one test image to another in 47 equal steps, and at each take the gradient, with "
                        "respect to the image, of the score of the first image's class. Are the gradients of "
                        "neighbouring points alike?"
                    ),
                    N_(
                        "Cosine 1: they point the same way, and what raises the score here raises it next door. Cosine "
                        "0: they have nothing to do with each other (Balduzzi and others, 2017)."
                    ),
                ),
                (
                    FormulaRow(
                        r"\text{cos}(g_{i}, g_{i+1}) = \frac{g_{i} \cdot g_{i+1}}{\norm{g_{i}} \norm{g_{i+1}}}",
                        N_("cosine of the gradients at point i and at the next"),
                    ),
                ),
                Measure("shattered", Nets.DESIGNS, inside_words.shattered_words, panels=(0, 1)),
                N_(
                    "Measure this too, still before any training. Until the race begins, your prediction can be "
                    "changed: go back to it if you like."
                ),
            ),
        ),
    ),
    LessonRow(
        "race",
        N_("The race"),
        N_("Does more depth help, and what do shortcuts change?"),
        (
            StepRow(
                "race",
                N_("The race"),
                (
                    N_(
                        "All three nets now learn together: batches of {batch} images, learning rate {rate}, "
                        "{iterations} steps. Each batch is seen by all three before the next."
                    ),
                    N_(
                        "The faint curves are your prediction; once the race has begun they stay as they are. The "
                        "true ones are means over recent batches. For a while all three may only guess and lie on one "
                        "another: so each is drawn narrower than the one before it, and carries its name."
                    ),
                ),
                (FormulaRow(r"E = \frac{k}{n}", N_("training error: k of n training images are wrong")),),
                Race(),
                N_("Start the race; it goes on while you read on, or stop it and take it up later."),
            ),
            StepRow(
                "overfitting",
                N_("Is it overfitting?"),
                (
                    N_(
                        "Test error: the share wrong of other images, which no net ever learned from. A net that "
                        "overfits knows its training images by heart and fails on new ones: low training error, high "
                        "test error. {deep} has more weights to do that with: is that what happens to it? The training "
                        "errors of the race are drawn here too, faint."
                    ),
                    N_(
                        "Degradation, in the paper: the deeper plain net has the higher training error. Whoever is "
                        "worse on what was practised has not learned it by heart."
                    ),
                ),
                (
                    FormulaRow(
                        r"E_{DEEP} > E_{SHALLOW}",
                        N_("degradation: the training error of the deeper plain net is the higher one"),
                    ),
                ),
                Race(Series.TEST_ERROR),
                N_("Once the race is over, compare the errors on new images with those on the training images."),
            ),
        ),
    ),
    LessonRow(
        "lesion",
        N_("Break it"),
        N_("What happens to a trained net that loses a block?"),
        (
            StepRow(
                "lesion",
                N_("Take a block out"),
                (
                    N_(
                        "Take one block out of a trained net, train nothing again, and count the errors. In a "
                        "residual net the shortcut stays, so that x goes on by itself. In a plain net the same layers "
                        "are taken out, and x is passed on in their place."
                    ),
                    N_(
                        "Other images would give somewhat other numbers. The thin bar says how far off chance may "
                        "have put one: of 100 bars drawn from such sets of images, about 95 would hold the true value."
                    ),
                ),
                (FormulaRow(r"F(x) + x \to x", N_("what is left of a residual block without its branch F")),),
                Measure("lesion", Nets.RACED, inside_words.lesion_words, drawing=True, blocks=True),
                N_("Measure takes out one block after another. Click a block in the drawing, and it is the next."),
            ),
            StepRow(
                "paths",
                N_("Many paths"),
                (
                    N_(
                        "Follow the input through two residual blocks: it reaches the output in four ways, through "
                        "both branches, through the first alone, through the second alone, or past both. With n blocks "
                        "there are 2 to the power n ways. A plain net has one."
                    ),
                    N_(
                        "Without a block half of the paths are gone and half are left (Veit, Wilber and Belongie, "
                        "2016). Which of them matter to training?"
                    ),
                ),
                (
                    FormulaRow(
                        r"x_{2} = x_{0} + F_{1}(x_{0}) + F_{2}(x_{0} + F_{1}(x_{0}))",
                        N_("two blocks, unravelled: the second branch sees what the first one added"),
                    ),
                ),
                Measure("paths", Nets.RESIDUAL, inside_words.paths_words, panels=(0, 2)),
                N_("Measure how much of the gradient goes through paths of each length."),
            ),
        ),
    ),
    LessonRow(
        "argument",
        N_("The argument"),
        N_("Can a deeper plain net be as good as a shallower one?"),
        (
            StepRow(
                "construct",
                N_("Build the deeper net"),
                (
                    N_(
                        "The paper's argument: take a trained net, put further layers behind its own, and let each of "
                        "them do nothing, the identity mapping. The deeper net then answers as the shallower one did. "
                        "So its best training error cannot be higher."
                    ),
                    N_(
                        "Here {built} is built from the trained {built_from}: a kernel of zeros with a single 1 "
                        "passes each channel on, and batch norm gets the gamma and beta that undo what it does."
                    ),
                ),
                (
                    FormulaRow(
                        r"\gamma \frac{x - \mu}{\sqrt{\sigma^{2} + \epsilon}} + \beta = x",
                        N_("batch norm that does nothing, by the next line"),
                    ),
                    FormulaRow(
                        r"\gamma = \sqrt{\sigma^{2} + \epsilon}, \beta = \mu",
                        N_("mean and variance of what flows there"),
                    ),
                ),
                Measure("construct", Nets.SHALLOW, inside_words.construction_words, drawing=True),
                N_("Build it and compare all outputs; it is stored as a run."),
            ),
            StepRow(
                "train_on",
                N_("Train on from it"),
                (
                    N_(
                        "A net exists; does training stay there? Both are trained on with the same batches, {further} "
                        "steps: {built_from} and the {built} that began with the same answers."
                    ),
                    N_(
                        "All nets here are trained by SGD, stochastic gradient descent. If it does not keep what was "
                        "built, that fits what the paper supposes: plain layers find the identity hard to learn. A "
                        "residual block has it where its branch does nothing: F(x) = 0."
                    ),
                ),
                (FormulaRow(r"F(x) = 0 \to H(x) = x", N_("the identity mapping in a residual block")),),
                TrainOn(),
                N_("Train both on, one after the other."),
            ),
        ),
    ),
    LessonRow(
        "say",
        N_("Say it"),
        N_("What is a residual block, what does it cost, and what is claimed of it?"),
        (
            StepRow(
                "block",
                N_("Main path and shortcut"),
                (
                    N_(
                        "In a residual block the main path is the way through its layers: convolution, batch norm, "
                        "ReLU, convolution, batch norm. The shortcut is the way around them. Both meet in the "
                        "addition, and the last ReLU, g, comes after it."
                    ),
                    N_(
                        "So the layers learn only F, what is to be added to x: the residual. How large F is beside x "
                        "can be measured in every block of the trained {looked_into}."
                    ),
                ),
                (
                    FormulaRow(
                        r"a^{[l+2]} = g(z^{[l+2]} + a^{[l]})",
                        N_("by layers: z is layer l+2 before its activation g, a after it"),
                    ),
                    FormulaRow(
                        r"H(x) = F(x) + x", N_("what g is applied to, with x for what enters the block: y = g(H(x))")
                    ),
                ),
                Measure(
                    "responses", Nets.RESIDUAL, inside_words.responses_words, panels=(2,), drawing=True, numbers=True
                ),
                N_("Measure, then choose a block, in the drawing or the list: its own numbers stand below."),
            ),
            StepRow(
                "prices",
                N_("What it costs"),
                (
                    N_(
                        "Where a stage begins, F(x) has half the height and width of x and twice its channels, so they "
                        "cannot be added. Option A leaves out every second pixel and fills up with zeros; B projects "
                        "x there with weights; C does that at every block, to see whether more weights help."
                    ),
                    N_(
                        "Deeper nets use bottlenecks: a 1x1 layer narrows, a 3x3 layer works on few channels, a 1x1 "
                        "layer widens again."
                    ),
                ),
                (FormulaRow(r"H(x) = F(x) + W_{s} x", N_("options B and C: a 1x1 convolution on the shortcut")),),
                Prices(),
                N_("Choose a depth: parameters and multiply-adds are counted from the nets' blueprints."),
            ),
            StepRow(
                "claims",
                N_("What is claimed"),
                (
                    N_(
                        "The paper (He, Zhang, Ren, Sun, 2015) shows that plain nets degrade and that residual nets "
                        "do not, on CIFAR-10 and ImageNet. Much more is said of it than it says."
                    ),
                    N_("Then say it yourself, in two sentences: what is degradation, and what does a shortcut change?"),
                ),
                (),
                Claims(),
                N_("Does the paper say so? Your own sentences are kept."),
            ),
        ),
    ),
)


def find_step(key: str) -> tuple[LessonRow, int]:
    """Its lesson, and its place there.

    Raises:
        KeyError: If there is no such step.
    """
    for lesson in LESSONS:
        for place, step in enumerate(lesson.steps):
            if step.key == key:
                return lesson, place
    raise KeyError(key)
