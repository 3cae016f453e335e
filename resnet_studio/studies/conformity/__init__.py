"""How near a run is to the paper: every point that the paper fixes, leaves open, or that others do otherwise."""

from resnet_studio.studies.conformity.checks import Check, Part, State, Yardstick
from resnet_studio.studies.conformity.figures import PaperFigure, paper_figures
from resnet_studio.studies.conformity.report import Conformity, of_run, of_spec, yardstick_of

__all__ = [
    "Check",
    "Conformity",
    "PaperFigure",
    "Part",
    "State",
    "Yardstick",
    "of_run",
    "of_spec",
    "paper_figures",
    "yardstick_of",
]
