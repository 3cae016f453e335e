"""What can be chosen of an analysis; the command line's options and a form are made of these fields."""

from __future__ import annotations

from resnet_studio.domain.data_spec import MAX_SEED
from resnet_studio.domain.spec import Spec, spec_field
from resnet_studio.text import N_

NEWEST, EVERY = "", "all"
"""Which checkpoints of a run are looked into, where it is not that of an iteration."""


class AnalysisSettings(Spec):
    """Every analysis has these; one with a field more, or another default, has a class of its own."""

    images: int = spec_field(
        N_("Images"),
        N_("How many images are looked at, drawn by the seed."),
        unit=N_("images"),
        simple=True,
        default=128,
        ge=2,
        le=1_000_000,
    )
    seed: int = spec_field(
        N_("Seed"),
        N_("Draws the images, and an untrained design's initial weights."),
        default=0,
        ge=0,
        le=MAX_SEED,
    )
