"""The words of the field, explained once: forms, drawings, tables and help read them here.

Sections are those of He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385. Formulas
have the markup of :mod:`resnet_studio.domain.formula`. ``a^{[l]}`` is what the l-th weighted layer passes on,
``z^{[l]}`` its output before the activation g, which is ReLU.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from resnet_studio.domain.formula import in_line
from resnet_studio.text import _


@dataclass(frozen=True, slots=True)
class Term:
    """One word.

    Attributes:
        key: Stays the same; other modules name the term by it.
        name: As it heads its explanation.
        text: One or two sentences.
        short: A few words, as they stand in a list of choices; often empty.
        formulas: One a line.
        where: In the paper, or whose it is.
        also: Other names of the same thing.
        see: Keys of terms that belong to it.
    """

    key: str
    name: str
    text: str
    short: str = ""
    formulas: tuple[str, ...] = ()
    where: str = ""
    also: tuple[str, ...] = ()
    see: tuple[str, ...] = ()

    @property
    def formula(self) -> str:
        """The first one on one line, for sentences."""
        return in_line(self.formulas[0])


_PROGRAM = _("this program's word")
_FIELD = _("a word of the field")
_2016 = "arXiv:1603.05027"

TERMS: tuple[Term, ...] = (
    Term(
        "plain-net",
        _("Plain net"),
        _(
            "Weighted layers one after another, without shortcuts: each layer sees nothing but the output of the one "
            "before it."
        ),
        short=_("no shortcuts"),
        formulas=("a^{[l+1]} = g(z^{[l+1]})",),
        where=_("section 3.3"),
        see=("residual-net", "degradation", "twin"),
    ),
    Term(
        "residual-net",
        _("Residual net"),
        _("The layers of a plain net with a shortcut around every two or three of them."),
        where=_("section 3.3"),
        also=("ResNet",),
        see=("residual-block", "plain-net", "twin"),
    ),
    Term(
        "residual-block",
        _("Residual block"),
        _(
            "Some layers, which compute F(x), and a shortcut past them: both are added, then comes the activation. The "
            "layers learn what is to change in x, not the whole of what is passed on."
        ),
        formulas=("H(x) = F(x) + x", "a^{[l+2]} = g(z^{[l+2]} + a^{[l]})"),
        where=_("sections 3.1 and 3.2, Figure 2"),
        also=(_("building block"),),
        see=("main-path", "shortcut", "identity-mapping"),
    ),
    Term(
        "main-path",
        _("Main path"),
        _("The weighted layers of a block, in their order. What they compute is the residual mapping F(x)."),
        formulas=("F(x) = H(x) − x",),
        where=_("section 3.1"),
        also=(_("residual branch"),),
        see=("residual-block", "shortcut"),
    ),
    Term(
        "shortcut",
        _("Shortcut"),
        _(
            "Carries the input x of a block past its layers to the addition. Where x can be added as it is, a shortcut "
            "has no parameters and costs no multiply-adds."
        ),
        formulas=("H(x) = F(x) + x",),
        where=_("section 3.2"),
        also=(_("skip connection"), _("identity shortcut")),
        see=("option-a", "option-b", "option-c", "identity-mapping"),
    ),
    Term(
        "identity-mapping",
        _("Identity mapping"),
        _(
            "The output equals the input. A residual block is one as soon as F(x) is 0; the layers of a plain net "
            "would have to learn it with their weights."
        ),
        short=_("the input itself"),
        formulas=("F(x) = 0  ⇒  H(x) = x", "a^{[l+2]} = g(a^{[l]}) = a^{[l]}"),
        where=_("section 3.1"),
        see=("residual-block", "degradation"),
    ),
    Term(
        "degradation",
        _("Degradation"),
        _(
            "With more layers a plain net has a higher error, also on the images it is trained on: it does not "
            "overfit, it trains worse. A deeper net could do as well, with identity mappings as its further layers; "
            "the paper leaves open why training does not find them."
        ),
        where=_("sections 1 and 4.1, Figures 1 and 6"),
        see=("identity-mapping", "vanishing-gradients", "plain-net"),
    ),
    Term(
        "vanishing-gradients",
        _("Vanishing gradients"),
        _(
            "Gradients that shrink from layer to layer on their way back. Popular texts say that shortcuts cure this; "
            "the paper does not, for with batch norm it found the gradients of its plain nets healthy. Before any "
            "training those of this program's nets grow towards the input, those of plain nets the most."
        ),
        formulas=("∂H/∂x = ∂F/∂x + 1",),
        where=_("section 4.1"),
        see=("degradation", "batch-norm"),
    ),
    Term(
        "basic-block",
        _("Basic block"),
        _("Two 3x3 convolutions with as many filters as the stage has."),
        short=_("a shortcut around every two 3x3 layers"),
        formulas=("a^{[l+2]} = g(z^{[l+2]} + a^{[l]})",),
        where=_("section 3.3, Figure 5 left"),
        see=("residual-block", "bottleneck"),
    ),
    Term(
        "bottleneck",
        _("Bottleneck"),
        _(
            "Three layers: 1x1 to fewer channels, 3x3 on those, 1x1 to four times as many. It has about the weights of "
            "a basic block, with four times the channels between blocks."
        ),
        short=_("a shortcut around 1x1, 3x3, 1x1"),
        formulas=(
            "a^{[l+3]} = g(z^{[l+3]} + a^{[l]})",
            "256·64 + 9·64^{2} + 64·256 = 69 632,   2·9·64^{2} = 73 728",
        ),
        where=_("section 4.1, Figure 5 right"),
        see=("basic-block", "option-b"),
    ),
    Term(
        "single-block",
        _("Block of one layer"),
        _("A shortcut around a single 3x3 layer, an experiment: the paper saw no advantage in it."),
        short=_("a shortcut around every layer, an experiment (the paper saw no advantage in it)"),
        formulas=("a^{[l+1]} = g(z^{[l+1]} + a^{[l]})",),
        where=_("section 3.2"),
        see=("residual-block",),
    ),
    Term(
        "option-a",
        _("Option A"),
        _(
            "Identity shortcuts alone. Where dimensions change, every second row and column of x is taken and zero "
            "channels are added: no parameters, no multiply-adds."
        ),
        short=_("identity, zero-padding where dimensions change"),
        formulas=("H(x) = F(x) + x", "H(x) = F(x) + pad(x)"),
        where=_("sections 3.3 and 4.1, Table 3"),
        see=("shortcut", "option-b", "option-c"),
    ),
    Term(
        "option-b",
        _("Option B"),
        _("A projection where dimensions change, identity shortcuts elsewhere."),
        short=_("projection where dimensions change"),
        formulas=("H(x) = F(x) + x", "H(x) = F(x) + W_{s} x"),
        where=_("sections 3.3 and 4.1, Table 3"),
        see=("projection", "option-a", "option-c"),
    ),
    Term(
        "option-c",
        _("Option C"),
        _(
            "A projection around every block. Of 34 layers the paper has a top-1 error of 25.03 % with A, 24.52 % with "
            "B, 24.19 % with C: projections are not what makes the difference."
        ),
        short=_("projection everywhere"),
        formulas=("H(x) = F(x) + W_{s} x",),
        where=_("section 4.1, Table 3"),
        see=("projection", "option-a", "option-b"),
    ),
    Term(
        "projection",
        _("Projection shortcut"),
        _(
            "A 1x1 convolution on the shortcut that gives x the channels and the size of F(x). It has weights of its "
            "own, so that F(x) = 0 no longer means that x is passed on."
        ),
        short=_("a 1×1 convolution of the input"),
        formulas=("H(x) = F(x) + W_{s} x",),
        where=_("section 3.2, equation 2"),
        see=("option-b", "option-c"),
    ),
    Term(
        "zero-padding",
        _("Zero-padding shortcut"),
        _(
            "Makes x fit without weights: every second row and column, and channels of zeros for those that F(x) has "
            "more."
        ),
        short=_("every second row and column, and zero channels (option A)"),
        formulas=("H(x) = F(x) + pad(x)",),
        where=_("section 3.3"),
        see=("option-a",),
    ),
    Term(
        "depth",
        _("Depth"),
        _(
            "The number of weighted layers on the longest path: convolutions and fully connected layers. Projections, "
            "batch norm and pooling do not count."
        ),
        short=_("weighted layers"),
        formulas=("6n + 2",),
        where=_("section 4.2, Table 1"),
        see=("stage",),
    ),
    Term(
        "stage",
        _("Stage"),
        _("The blocks of one image size. Where the size halves, the number of filters doubles."),
        where=_("section 3.3"),
        see=("depth",),
    ),
    Term(
        "batch-norm",
        _("Batch norm"),
        _(
            "Takes each channel to mean 0 and variance 1 over the batch, then to a scale γ and a shift β that are "
            "learned. In tests averages kept while training stand in for the batch's."
        ),
        short=_("batch norm"),
        formulas=("y = γ (x − μ) / √(σ^{2} + ε) + β",),
        where=_("section 3.4: after each convolution, before the activation"),
        also=("BN",),
        see=("activation",),
    ),
    Term(
        "activation",
        _("Activation"),
        _(
            "ReLU: what is negative becomes 0. The block of 2015 ends with it, after the addition; with pre-activation "
            "(2016) batch norm and ReLU come before each convolution, and nothing after the addition."
        ),
        formulas=("g(z) = max(0, z)", "x_{l+1} = x_{l} + F(x_{l})"),
        where=_("Figure 2; pre-activation: {source}", source=_2016),
        also=("ReLU", _("pre-activation")),
        see=("batch-norm", "residual-block"),
    ),
    Term(
        "convolution",
        _("Convolution"),
        _(
            "Each filter weighs a k x k neighbourhood in all input channels, everywhere with the same weights. A "
            "stride of 2 halves the size."
        ),
        formulas=("k^{2} C_{in} C_{out}",),
        where=_("section 3.3"),
        see=("multiply-adds", "batch-norm"),
    ),
    Term(
        "multiply-adds",
        _("Multiply-adds"),
        _(
            "One multiplication and one addition each: what the weights do for one image. The paper calls them FLOPs. "
            "Additions, batch norm, ReLU and pooling are not counted."
        ),
        formulas=("k^{2} C_{in} C_{out} H W",),
        where=_("Table 1"),
        also=("FLOPs",),
        see=("convolution",),
    ),
    Term(
        "head",
        _("Global pooling and classes"),
        _("The mean of each last feature map, then one fully connected layer with an output for each class."),
        where=_("section 3.3"),
        see=("stage",),
    ),
    Term(
        "stem",
        _("Stem"),
        _("The first convolution, before the blocks; on ImageNet with a max pool, to a quarter of the size."),
        where=_("section 4.2, Table 1"),
        see=("stage",),
    ),
    Term(
        "twin",
        _("Twin"),
        _(
            "The plain and the residual net of one depth: the same initial weights where shapes agree, the same "
            "batches in the same order. Nothing but the shortcuts differs."
        ),
        where=_PROGRAM,
        see=("plain-net", "residual-net"),
    ),
    Term(
        "iteration",
        _("Iteration"),
        _("One update of the weights, from one batch of images. All training images once are an epoch."),
        where=_("section 4.2"),
        also=(_("epoch"), _("batch")),
        see=("learning-rate",),
    ),
    Term(
        "training-error",
        _("Training error and test error"),
        _(
            "The share of images that are taken for another class: of those the net is trained on, and of those it has "
            "never seen. A higher training error is not overfitting."
        ),
        where=_("Figures 1 and 6"),
        also=(_("top-1 error"),),
        see=("degradation",),
    ),
    Term(
        "loss",
        _("Loss"),
        _(
            "How wrong the answers are, as one number that training makes smaller: minus the logarithm of the share p "
            "that the net gives the right class, mean over a batch."
        ),
        formulas=("L = − log(p)",),
        where=_FIELD,
        also=(_("cross-entropy"),),
        see=("gradient", "training-error"),
    ),
    Term(
        "gradient",
        _("Gradient"),
        _(
            "How the loss changes with each number in a net: with its weights, or with what a layer puts out. It is "
            "computed from the last layer back to the first, and SGD moves the weights a step against it."
        ),
        where=_FIELD,
        see=("loss", "learning-rate", "vanishing-gradients"),
    ),
    Term(
        "learning-rate",
        _("Learning rate"),
        _("How far the weights w go along the step v; it falls in the course of training."),
        formulas=("w = w − lr v",),
        where=_("sections 3.4 and 4.2"),
        also=("lr",),
        see=("schedule", "warm-up", "momentum"),
    ),
    Term(
        "schedule",
        _("Schedule"),
        _("When the learning rate falls, and how far. The paper divides it by ten."),
        where=_("sections 3.4 and 4.2"),
        see=("learning-rate", "warm-up"),
    ),
    Term(
        "warm-up",
        _("Warm-up"),
        _("A lower learning rate to begin with, until the net has begun to learn."),
        where=_("section 4.2"),
        see=("learning-rate",),
    ),
    Term(
        "momentum",
        _("Momentum"),
        _("Each step goes on a share m of the step before it, beside the new gradient g."),
        formulas=("v = m v + g,  w = w − lr v",),
        where=_("sections 3.4 and 4.2"),
        also=("SGD",),
        see=("momentum-authors", "learning-rate"),
    ),
    Term(
        "momentum-authors",
        _("Momentum of the authors"),
        _("The rate is in the step: when the rate falls, old steps keep the rate they were made with."),
        formulas=("v = m v + lr g,  w = w − v",),
        where=_("the authors' code"),
        see=("momentum",),
    ),
    Term(
        "weight-decay",
        _("Weight decay"),
        _("A pull of every weight towards 0, which grows with the weight."),
        formulas=("g = g + λ w",),
        where=_("sections 3.4 and 4.2"),
        also=(_("L2 penalty"),),
        see=("momentum",),
    ),
    Term(
        "augmentation",
        _("Augmentation"),
        _("Each time an image is trained on it is cut out and mirrored at random, so that no two views are alike."),
        where=_("sections 3.4 and 4.2"),
        see=("normalisation",),
    ),
    Term(
        "normalisation",
        _("Normalisation of images"),
        _("What is subtracted from an image, and by what it is divided, before it enters the net."),
        where=_("sections 3.4 and 4.2"),
        see=("augmentation",),
    ),
    Term(
        "initial-weights",
        _("Initial weights"),
        _(
            "Drawn at random by a seed: normal numbers whose variance is 2 over the inputs of a filter (He "
            "initialisation), so that ReLU layers neither blow the signal up nor let it fade."
        ),
        formulas=("Var(w) = 2 / (k^{2} C_{in})",),
        where=_("sections 3.4 and 4.2"),
        also=(_("He initialisation"), _("seed")),
        see=("twin",),
    ),
    Term(
        "label-smoothing",
        _("Label smoothing"),
        _("The right class is asked for with a little less than certainty, all others with the rest."),
        formulas=("(1 − ε) y + ε / K",),
        where=_("not in the paper"),
    ),
    Term(
        "zero-gamma",
        _("Zero last gamma"),
        _("The scale γ of each main path's last batch norm begins at 0, so that every block begins as its shortcut."),
        formulas=("γ = 0  ⇒  F(x) = 0",),
        where=_("not in the paper"),
        see=("batch-norm", "identity-mapping"),
    ),
)

_BY_KEY: Mapping[str, Term] = {term.key: term for term in TERMS}

# The terms that explain a field of a design, by its dotted name, the nearest one first.
FIELD_TERMS: Mapping[str, tuple[str, ...]] = {
    "network.block": ("residual-block", "basic-block", "bottleneck"),
    "network.branch": ("main-path",),
    "network.depth": ("depth",),
    "network.shortcut": ("shortcut",),
    "network.stages": ("stage",),
    "network.width": ("stage",),
    "network.widths": ("stage",),
    "network.stem": ("stem",),
    "network.classes": ("head",),
    "network.stride_place": ("bottleneck",),
    "network.zero_padding": ("zero-padding",),
    "network.activation": ("activation",),
    "recipe.iterations": ("iteration",),
    "recipe.batch_size": ("iteration", "batch-norm"),
    "recipe.bn_images": ("batch-norm",),
    "recipe.learning_rate": ("learning-rate",),
    "recipe.schedule": ("schedule",),
    "recipe.milestones": ("schedule",),
    "recipe.plateau_patience": ("schedule",),
    "recipe.plateau_margin": ("schedule",),
    "recipe.warmup_rate": ("warm-up",),
    "recipe.warmup_error": ("warm-up",),
    "recipe.momentum": ("momentum",),
    "recipe.momentum_form": ("momentum-authors", "momentum"),
    "recipe.weight_decay": ("weight-decay",),
    "recipe.decay": ("weight-decay",),
    "recipe.label_smoothing": ("label-smoothing",),
    "recipe.zero_last_gamma": ("zero-gamma",),
    "recipe.bn_statistics": ("batch-norm",),
    "recipe.augmentation": ("augmentation",),
    "recipe.pad_with": ("augmentation",),
    "recipe.scale_min": ("augmentation",),
    "recipe.scale_max": ("augmentation",),
    "recipe.colour": ("augmentation",),
    "recipe.colour_std": ("augmentation",),
    "recipe.normalisation": ("normalisation",),
    "recipe.test_every": ("training-error",),
    "recipe.init_seed": ("initial-weights",),
    "recipe.data_seed": ("iteration",),
}


def find_term(key: str) -> Term:
    """Raises KeyError for a key that no term has."""
    return _BY_KEY[key]


def short(key: str) -> str:
    """A term in a few words. Raises KeyError for a key that no term has."""
    return _BY_KEY[key].short


def choices(**terms: str) -> str:
    """``A: identity, .... B: projection ....``: values of a field, each with its term in a few words."""
    return " ".join(f"{value}: {short(key)}." for value, key in terms.items())


def terms_in(text: str) -> tuple[Term, ...]:
    """The terms whose name or other name stands in ``text`` as words of its own, in the glossary's order.

    The longer name counts: of ``batch norm`` the word ``batch`` is none.
    """
    names = [(name.casefold(), term) for term in TERMS for name in (term.name, *term.also)]
    left, found = text.casefold(), set()
    for name, term in sorted(names, key=lambda pair: -len(pair[0])):
        left, count = re.subn(rf"\b{re.escape(name)}s?\b", "|", left)
        if count:
            found.add(term.key)
    return tuple(term for term in TERMS if term.key in found)


def matching(text: str) -> tuple[Term, ...]:
    """The terms in which all words of ``text`` occur, hits in names first; every term where it is empty."""
    words = text.casefold().split()
    found = [term for term in TERMS if all(word in _everything(term) for word in words)]
    return tuple(sorted(found, key=lambda term: not all(word in _names(term) for word in words)))


def _names(term: Term) -> str:
    return " ".join((term.name, *term.also)).casefold()


def _everything(term: Term) -> str:
    return " ".join((term.name, *term.also, term.text, term.short)).casefold()
