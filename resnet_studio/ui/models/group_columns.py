"""The columns of a table of groups: how many runs, and the statistics of their results."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from PySide6.QtGui import QIcon

from resnet_studio.domain.grouping import LEVEL, RunGroup, Statistic
from resnet_studio.domain.run_fields import RunField, run_fields
from resnet_studio.text import _, _n
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.record_table import TableColumn
from resnet_studio.ui.plots.line_sample import sample_icon
from resnet_studio.ui.plots.run_colours import plain_tip
from resnet_studio.ui.theme import Theme

_RESULTS = ("training_error", "test_error", "evaluated_error", "best_test_error")


def group_key(group: RunGroup) -> Hashable:
    return group.key


def group_columns(theme: Theme) -> list[TableColumn[RunGroup]]:
    """Name, number of runs; of each result mean and deviation, of the test error its interval too."""

    def icon(group: RunGroup) -> QIcon:
        return sample_icon(theme.run_colour(group.first.colour), group.residual)

    columns: list[TableColumn[RunGroup]] = [
        TableColumn(
            _("Group"),
            lambda group: group.name,
            width=240,
            tip=_("What its runs share"),
            icon=icon,
            cell_tip=lambda group: plain_tip(", ".join(run.name for run in group.runs[:12])),
        ),
        TableColumn(
            _("Runs"),
            lambda group: len(group.runs),
            formats.count,
            number=True,
            width=60,
            tip=_("How many, whatever their state"),
            cell_tip=lambda group: group.left_out or None,
        ),
    ]
    for key in _RESULTS:
        field = run_fields()[key]
        columns.append(_statistic_column(field))
        if key in ("training_error", "test_error"):
            columns.append(_interval_column(field))
    return columns


def _statistic_column(field: RunField) -> TableColumn[RunGroup]:
    return TableColumn(
        field.title,
        lambda group: group.statistic(field),
        mean_text,
        number=True,
        width=170,
        tip=_("Mean ± sample standard deviation of the runs that have ended, and how many they are"),
        sort=partial(_mean, field),
        cell_tip=lambda group: statistic_tip(group, field),
    )


def _interval_column(field: RunField) -> TableColumn[RunGroup]:
    return TableColumn(
        _("{level:.0%} interval", level=LEVEL),
        partial(_interval, field),
        number=True,
        width=120,
        tip=_("Of the mean {title}, by Student's t; the seed is the unit", title=field.title.lower()),
        sort=lambda group: None if (found := group.statistic(field)) is None else found.low,
    )


def _mean(field: RunField, group: RunGroup) -> float | None:
    found = group.statistic(field)
    return None if found is None else found.mean


def _interval(field: RunField, group: RunGroup) -> str | None:
    found = group.statistic(field)
    return None if found is None or found.low is None else found.interval_text


def mean_text(found: Statistic) -> str:
    """``8.90 ± 0.20 % (n 3)``."""
    return _("{text} % (n {count})", text=found.text, count=found.count)


def statistic_tip(group: RunGroup, field: RunField) -> str | None:
    """What was averaged, and what was not."""
    found = group.statistic(field)
    if found is None:
        return None
    parts = [_n("One run that has ended", "{count} runs that have ended", found.count)]
    if found.low is not None:
        parts.append(_("{level:.0%} interval of the mean: {text} %", level=LEVEL, text=found.interval_text))
    if group.left_out:
        parts.append(_("not averaged: {left_out}", left_out=group.left_out))
    return "; ".join(parts)
