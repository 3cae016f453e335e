"""The analyses, one row each, in the order of menus and help. Whatever lists analyses walks these rows."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.domain.analyses.activations import Activations, ActivationsSettings
from resnet_studio.domain.analyses.cam import CHECK_SAYS, Cam, CamSettings
from resnet_studio.domain.analyses.construct import Construction, ConstructSettings
from resnet_studio.domain.analyses.lesion import Lesion, LesionSettings
from resnet_studio.domain.analyses.paths import Paths, PathsSettings
from resnet_studio.domain.analyses.responses import Responses, ResponsesSettings
from resnet_studio.domain.analyses.result import AnalysisResult
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.analyses.sharpness import CAUTION, Sharpness, SharpnessSettings
from resnet_studio.domain.analyses.shattered import Shattered, ShatteredSettings
from resnet_studio.domain.analyses.signal import SignalCheck
from resnet_studio.domain.analyses.similarity import CAUTIONS, Similarity, SimilaritySettings
from resnet_studio.domain.analyses.surface import Surface, SurfaceSettings
from resnet_studio.domain.errors import UserError
from resnet_studio.text import N_, _


@dataclass(frozen=True, slots=True)
class AnalysisRow:
    """One analysis.

    Attributes:
        key: Its command, its stored name, and the module of ``resnet_studio.analysis`` that measures it.
        title: As it heads a figure or an entry.
        definition: What is measured, in one sentence; translated when shown, stored as it is.
        result: What comes back for each network.
        settings: What can be chosen.
        trained: Needs trained weights, so that an untrained design cannot be looked at.
        images: Looks at images of a data set.
        stored: Kept in the history with the runs that it is about.
        builds: Builds a network out of a run's, which is stored as a run of its own; looks at training images alone.
        cautions: What it does not say, a sentence each; translated when shown.
        terms: What words of its figure mean, a sentence each; translated when shown.
        parts: Settings that choose parts of one whole: results that differ in these alone go into one figure.
    """

    key: str
    title: str
    definition: str
    result: type[AnalysisResult]
    settings: type[AnalysisSettings] = AnalysisSettings
    trained: bool = False
    images: bool = True
    stored: bool = True
    builds: bool = False
    cautions: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


_OPTION_A = N_(
    "Option A: a shortcut without weights, which takes every second pixel and fills the new channels with zeros."
)

ANALYSES: tuple[AnalysisRow, ...] = (
    AnalysisRow(
        "signal",
        N_("Signal check"),
        N_(
            "Euclidean norm of the loss's gradient with respect to each block's output, over one batch, batch norm in "
            "training mode; a block's gain is the norm at its input over the norm at its output."
        ),
        SignalCheck,
        cautions=(
            N_(
                "It is no proof of a cause: the paper leaves open why deeper plain nets train worse, and a norm says "
                "nothing of the gradient's direction."
            ),
        ),
        terms=(
            N_("Gain: above 1 the gradient grows on its way back through the block, below 1 it shrinks."),
            N_(
                "Where a residual block halves the image, option A's shortcut hands back the gradient of the old "
                "channels alone, half of all: there the gain may be below 1 in an untrained net too."
            ),
        ),
    ),
    AnalysisRow(
        "shattered",
        N_("Shattered gradients"),
        N_(
            "Cosine of two input gradients, each of the class score (before softmax) of the first image's class, in "
            "test mode, at points of the straight line from that image to another that lie 1, 2 and 4 of 47 steps "
            "apart, mean over points and lines; by depth, the same of the gradients with respect to each block's input."
        ),
        Shattered,
        ShatteredSettings,
        terms=(
            N_("Trace: the part of the gradient along the line, point by point: how steeply the score rises there."),
            N_(
                "Rms 1: each trace is divided by its root mean square, so that nets with steep and with flat scores "
                "share one scale."
            ),
            N_("Test mode: an untrained net goes by the statistics of all drawn images, a trained one by its own."),
        ),
    ),
    AnalysisRow(
        "responses",
        N_("Responses"),
        N_(
            "Standard deviation of each 3x3 layer's output after batch norm, before ReLU or addition, over images, "
            "channels and positions (Figure 7); for each block also the norm of F(x) over the norm of x."
        ),
        Responses,
        ResponsesSettings,
    ),
    AnalysisRow(
        "lesion",
        N_("Lesion"),
        N_(
            "Top-1 error with a block's branch taken out, its shortcut left (in a plain net the identity or option A "
            "in its place), nothing trained again; with the 95 % interval of the paired difference on the same images."
        ),
        Lesion,
        LesionSettings,
        trained=True,
        parts=("blocks", "together", "order"),
        terms=(
            N_(
                "p: how often a difference at least as large comes by chance where both networks err equally often "
                "(McNemar's exact test)."
            ),
            _OPTION_A,
        ),
    ),
    AnalysisRow(
        "construct",
        N_("The paper's construction"),
        N_(
            "A deeper plain net built from a trained one by identity layers behind the last block of each stage; the "
            "largest absolute difference of two outputs in test mode, in float32."
        ),
        Construction,
        ConstructSettings,
        trained=True,
        builds=True,
    ),
    AnalysisRow(
        "paths",
        N_("Paths"),
        N_(
            "Number of paths by the branches on them, and their share of the loss's gradient with respect to the "
            "images, over one batch, batch norm in training mode: mean norm of drawn paths times their number."
        ),
        Paths,
        PathsSettings,
        terms=(
            N_(
                "Share of the gradient: mean norm of the drawn paths of a length times their number, in all lengths; "
                "directions do not count, and few drawn paths scatter: the bar is a 95 % interval."
            ),
            N_(
                "Share by direction, exact: what all paths of a length add to the whole gradient; below 0 where they "
                "go against it, and 1 in all."
            ),
        ),
    ),
    AnalysisRow(
        "cam",
        N_("Class activation maps"),
        N_(
            "Where a class is seen: the last feature maps weighted by the fully connected layer's weights of the class "
            "at every position; Grad-CAM at other blocks; and the maps' rank correlation with those of random weights."
        ),
        Cam,
        CamSettings,
        trained=True,
        cautions=(CHECK_SAYS,),
        terms=(
            N_(
                "Colours: from dark blue, where nothing speaks for the class, to yellow, the largest value of that "
                "picture, which its title names; each picture has a scale of its own."
            ),
        ),
    ),
    AnalysisRow(
        "activations",
        N_("Activations and filters"),
        N_(
            "What each block makes of an image, and norm(H(x) - x) / norm(x): how far the block's output H(x) is from "
            "its input x, option A's subsampling where dimensions change; 0 is the identity mapping."
        ),
        Activations,
        ActivationsSettings,
        terms=(_OPTION_A,),
    ),
    AnalysisRow(
        "similarity",
        N_("Similarity of layers"),
        N_(
            "Linear centred kernel alignment (CKA) of what each layer passes on with what each other one does, without "
            "bias, over batches: 1 where two layers order the images alike, whatever the basis of their features."
        ),
        Similarity,
        SimilaritySettings,
        cautions=CAUTIONS,
        terms=(
            N_(
                "CKA: from each layer the similarity of every image to every other one, then how far two layers agree "
                "in it: 1 fully, 0 not at all."
            ),
        ),
    ),
    AnalysisRow(
        "surface",
        N_("Loss surface"),
        N_(
            "Mean cross-entropy with the weights moved along two random directions, each filter of them scaled to the "
            "norm of the filter that it moves; batch norm and biases are not moved."
        ),
        Surface,
        SurfaceSettings,
    ),
    AnalysisRow(
        "sharpness",
        N_("Sharpness"),
        N_(
            "The largest eigenvalue of the Hessian of the mean cross-entropy: the curvature of the steepest direction "
            "from the network's weights."
        ),
        Sharpness,
        SharpnessSettings,
        cautions=(CAUTION,),
        terms=(
            N_("Hessian: the matrix of the second derivatives of the loss with respect to the weights."),
            N_("Eigenvalue: the curvature in one direction of the weights; the largest is that of the steepest one."),
        ),
    ),
)


def find_analysis(key: str) -> AnalysisRow:
    """Raises UserError for an analysis that there is not."""
    for row in ANALYSES:
        if row.key == key:
            return row
    raise UserError(
        _("There is no analysis {key!r}; choose {keys}.", key=key, keys=", ".join(row.key for row in ANALYSES))
    )
