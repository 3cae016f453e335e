"""The analyses, one row each, in the order of menus and help. Whatever lists analyses walks these rows."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.domain.analyses.responses import Responses, ResponsesSettings
from resnet_studio.domain.analyses.result import AnalysisResult
from resnet_studio.domain.analyses.settings import AnalysisSettings
from resnet_studio.domain.analyses.shattered import Shattered, ShatteredSettings
from resnet_studio.domain.analyses.signal import SignalCheck
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
    """

    key: str
    title: str
    definition: str
    result: type[AnalysisResult]
    settings: type[AnalysisSettings] = AnalysisSettings
    trained: bool = False
    images: bool = True
    stored: bool = True


ANALYSES: tuple[AnalysisRow, ...] = (
    AnalysisRow(
        "signal",
        N_("Signal check"),
        N_(
            "Euclidean norm of the loss's gradient with respect to each block's output, over one batch, batch norm in "
            "training mode; a block's gain is the norm at its input over the norm at its output."
        ),
        SignalCheck,
    ),
    AnalysisRow(
        "shattered",
        N_("Shattered gradients"),
        N_(
            "Cosine of the input gradients at points of the straight line between two images that lie 1, 2 and 4 of "
            "47 steps apart, mean over points and lines."
        ),
        Shattered,
        ShatteredSettings,
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
)


def find_analysis(key: str) -> AnalysisRow:
    """Raises UserError for an analysis that there is not."""
    for row in ANALYSES:
        if row.key == key:
            return row
    raise UserError(
        _("There is no analysis {key!r}; choose {keys}.", key=key, keys=", ".join(row.key for row in ANALYSES))
    )
