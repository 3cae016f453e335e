"""Several plots beside each other, one for each value of a field, with one scale or each its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.run_fields import RunField, find_field
from resnet_studio.text import _
from resnet_studio.ui.plots.curve_data import CurveBook
from resnet_studio.ui.plots.curve_plot import CurvePlot
from resnet_studio.ui.plots.panels import Panel, PlotOptions, PlottedRun
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import in_column

FACET_FIELDS = ("kind", "depth", "block", "shortcut", "data", "learning_rate", "init_seed")
MOST = 6
_COLUMNS = 3


class Facets(QWidget):
    """All plots draw the same book; ``hidden_changed`` as of one plot."""

    hidden_changed = Signal(object)

    def __init__(self, theme: Theme, book: CurveBook) -> None:
        super().__init__()
        self._theme, self._book = theme, book
        self._state: object = None
        self.plots: list[CurvePlot] = []
        self.titles: list[str] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(6)

    def show_runs(
        self,
        plotted: Sequence[PlottedRun],
        records: Mapping[str, RunRecord],
        field_key: str,
        panel: Panel,
        options: PlotOptions,
        *,
        same_scale: bool,
        legend: bool,
    ) -> None:
        """A plot for each value of the field among the first members.

        Of more than six values the last plot has all that are left.
        """
        field = find_field(field_key)
        if field is None:
            return
        parts = split(plotted, records, field)
        state = (tuple(parts), panel)
        if state != self._state:
            self._state = state
            self._rebuild(list(parts), panel)
        for plot, runs in zip(self.plots, parts.values(), strict=True):
            plot.set_options(options)
            plot.set_runs(runs)
            plot.set_scale_runs(plotted if same_scale else ())
            plot.legend.setVisible(legend)

    def _rebuild(self, titles: list[str], panel: Panel) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.plots, self.titles = [], titles
        columns = min(_COLUMNS, len(titles)) if len(titles) != 4 else 2
        for place, title in enumerate(titles):
            box = QWidget()
            column = in_column(of=box, margins=0, spacing=0)
            label = named(QLabel(title), role="heading")
            plot = named(CurvePlot(self._theme, self._book, panel), f"facet_{place}")
            plot.hidden_changed.connect(self.hidden_changed)
            column.addWidget(label)
            column.addWidget(plot, 1)
            self._grid.addWidget(box, place // max(columns, 1), place % max(columns, 1))
            self.plots.append(plot)

    @Slot()
    def fit(self) -> None:
        for plot in self.plots:
            plot.fit()

    @Slot()
    def back(self) -> None:
        for plot in self.plots:
            plot.back()


def split(
    plotted: Sequence[PlottedRun], records: Mapping[str, RunRecord], field: RunField
) -> dict[str, list[PlottedRun]]:
    """By the field's value as text, numbers by size and words by alphabet."""
    found: dict[str, list[PlottedRun]] = {}
    order: dict[str, tuple[bool, float, str]] = {}
    for run in plotted:
        record = records.get(run.members[0] if run.members else run.run_id)
        if record is None:
            continue
        value = field.read(record)
        text = field.text(value) or _("none")
        title = text if isinstance(value, str) else f"{field.title} {text}"
        number = isinstance(value, int | float)
        order[title] = (not number, float(value) if isinstance(value, int | float) else 0.0, text)
        found.setdefault(title, []).append(run)
    titles = sorted(found, key=lambda title: order[title])
    parts = {title: found[title] for title in titles[:MOST]}
    for title in titles[MOST:]:  # the last plot takes the rest
        parts[titles[MOST - 1]] = [*parts[titles[MOST - 1]], *found[title]]
    if len(titles) > MOST:
        parts = {(_("{title} and more", title=key) if key == titles[MOST - 1] else key): v for key, v in parts.items()}
    return parts
