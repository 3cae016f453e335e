"""Figures of comparisons and analyses, drawn as the window's are; they need no display."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from resnet_studio.cli.output import hint
from resnet_studio.domain.analyses.charts import Figure
from resnet_studio.domain.diff import Diff
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.grouping import NO_GROUPS, Grouping
from resnet_studio.domain.records import Curve, RunRecord
from resnet_studio.domain.series import ERRORS, Series
from resnet_studio.text import _


def draw(
    runs: Sequence[RunRecord],
    curves: Mapping[tuple[str, Series], Curve],
    file: Path,
    ending: str,
    description: str = "",
    *,
    as_in_paper: bool = False,
    grouping: Grouping = NO_GROUPS,
) -> None:
    """Write the error curves to ``file``, whose name must end in ``ending``.

    Args:
        runs: In the legend's order.
        curves: As the store's ``curves`` hands them out.
        file: Where the figure goes.
        ending: The format, such as ``.png``.
        description: Goes with the figure, unseen.
        as_in_paper: With the axes and lines of Figure 6.
        grouping: Groups are drawn as their means, with a band.

    Raises:
        UserError: For another ending, a file that cannot be written, or Qt's libraries missing.
    """
    _prepare(file, ending)
    try:
        from resnet_studio.ui.plots.export import ABOVE_THE_PAPER, FigureStyle, above_the_paper, export_figure
        from resnet_studio.ui.plots.panels import grouped_runs
    except ImportError as error:
        raise _no_qt(error) from None
    style = FigureStyle.PAPER if as_in_paper else FigureStyle.OWN
    plotted = grouped_runs(runs, grouping) if grouping else ()
    export_figure(curves, runs, file, description=description, style=style, plotted=plotted)
    if as_in_paper and above_the_paper(curve.values for (_run, series), curve in curves.items() if series in ERRORS):
        hint(ABOVE_THE_PAPER)


def draw_diff(found: Diff, file: Path, ending: str, scale: int, *, folded: bool) -> None:
    """Write compared networks to ``file``, every block drawn or, if ``folded``, each stage as one box.

    ``scale``, 1 to 4, is the size of a PNG.

    Raises:
        UserError: As :func:`draw` does, and for a PNG that would be too large.
    """
    _prepare(file, ending)
    try:
        from resnet_studio.ui.diff.export import export_diff
    except ImportError as error:
        raise _no_qt(error) from None
    export_diff(found, file, is_open=[not folded] * len(found.sections), scale=scale)


def draw_found(found: Figure, file: Path, ending: str, definition: str) -> None:
    """Write what was found inside networks to ``file``; ``definition`` stands below the figure.

    Raises:
        UserError: As :func:`draw` does.
    """
    _prepare(file, ending)
    try:
        from resnet_studio.ui.charts.export import export_found
    except ImportError as error:
        raise _no_qt(error) from None
    export_found(found, file, definition)


def check_ending(file: Path, ending: str) -> None:
    """Raises UserError for a file of another ending, a folder among them."""
    if file.suffix.lower() != ending:
        raise UserError(
            _(
                "{file} does not end in {ending}; choose {with_suffix}.",
                file=file,
                ending=ending,
                with_suffix=file.with_suffix(ending) if file.name else file / f"figure{ending}",
            )
        )


def _prepare(file: Path, ending: str) -> None:
    check_ending(file, ending)
    if sys.platform == "linux":  # whatever DISPLAY says: it may name a screen that does not answer
        os.environ["QT_QPA_PLATFORM"] = "offscreen"


def _no_qt(error: ImportError) -> UserError:
    return UserError(_("Qt could not be loaded ({error}); `resnet-studio doctor` says what is missing.", error=error))
