"""What is plotted: which series, of which runs, and how it is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtGui import QColor

from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.grouping import Grouping, RunGroup, group_runs
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import CURVES, LAYERED, Per, Series
from resnet_studio.text import _
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.run_colours import group_lightness_steps, lightness_steps, line_colour
from resnet_studio.ui.theme import Theme

ITERATIONS_BY_AXIS = {
    XAxis.ITERATION: "iteration",
    XAxis.EPOCH: "epoch",
    XAxis.TIME: _("training time"),
    XAxis.IMAGES: _("training images seen"),
}


_OF_A_LAYER = {Series.GRADIENT_NORM: _("gradient norm (nats)"), Series.UPDATE_RATIO: _("update / weights (ratio)")}
_FLOORS = {"%": 0.01, "nats": 1e-6}  # by unit; one image in 10 000
_LEAST_FLOOR = 1e-9
_POSITIONS = frozenset({Series.SECONDS})  # drawn along the axis below, not as curves


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot, of the series of one quantity: thin lines for those of each iteration, bold ones for tests."""

    series: tuple[Series, ...]

    @property
    def title(self) -> str:
        return self.series[0].quantity

    @property
    def key(self) -> str:
        return self.title.lower().replace(" ", "_")

    @property
    def unit(self) -> str:
        return self.series[0].unit

    @property
    def floor(self) -> float:
        """Where a logarithmic axis ends."""
        return _FLOORS.get(self.unit, _LEAST_FLOOR)

    @property
    def highest(self) -> float | None:
        """The largest value that there can be."""
        return 100.0 if self.unit == "%" else None

    @property
    def thin(self) -> Series | None:
        return self._measured(Per.ITERATION)

    @property
    def bold(self) -> Series | None:
        return self._measured(Per.TEST)

    def _measured(self, per: Per) -> Series | None:
        return next((series for series in self.series if series.per is per), None)

    @property
    def axis_title(self) -> str:
        if self.series[0] in _OF_A_LAYER:
            return _OF_A_LAYER[self.series[0]]
        return f"{self.title.lower()} ({self.unit})" if self.unit else self.title.lower()


def _panels() -> tuple[Panel, ...]:
    quantities = dict.fromkeys(series.quantity for series in CURVES if series not in _POSITIONS)
    return tuple(Panel(tuple(series for series in CURVES if series.quantity == quantity)) for quantity in quantities)


PANELS = _panels()
LAYER_PANELS = tuple(Panel((series,)) for series in LAYERED)
"""Maps of depth and iteration, a series each."""
ERROR = PANELS[0]


@dataclass(frozen=True, slots=True)
class PlottedRun:
    """What a plot must know of a run. ``iterations`` is how long it is meant to train.

    ``lightness_step`` counts the runs of the same colour and kind before it in the plot. Twins have one cohort and one
    seed.
    """

    run_id: str
    name: str
    colour: str
    residual: bool | None  # None: a mean of both kinds
    depth: int
    iterations: int
    lightness_step: int = 0
    cohort: str = ""
    seed: int = 0
    imported: bool = False
    members: tuple[str, ...] = ()  # ids of the runs of a group, whose mean this is; empty for a run

    @classmethod
    def of_group(cls, group: RunGroup, lightness_step: int) -> PlottedRun:
        """The mean of a group's runs; twins are the only plain and the only residual group of a depth.

        A group of several depths, or of both kinds, has no twin.
        """
        first = group.first
        alike = len({(run.spec.network.depth, run.residual) for run in group.counted}) == 1
        count = len(group.counted)
        name = _("{name} (n {count})", name=group.name, count=count)
        return cls(
            group.id,
            name,
            first.colour,
            group.residual,
            first.spec.network.depth,
            max(run.iterations for run in group.counted),
            lightness_step,
            cohort="groups" if alike else group.id,
            members=tuple(run.id for run in group.counted),
        )

    @classmethod
    def of(cls, run: RunRecord) -> PlottedRun:
        return cls(
            run.id,
            run.name,
            run.colour,
            run.residual,
            run.spec.network.depth,
            run.iterations,
            cohort=run.cohort_id,
            seed=run.spec.recipe.init_seed,
            imported=run.imported,
        )

    @classmethod
    def of_all(cls, runs: Sequence[RunRecord], steps: Mapping[str, int] | None = None) -> list[PlottedRun]:
        """Runs that share a plot, with names that differ; ``steps`` in lightness by run id, counted where None."""
        names, steps = display_names(runs), lightness_steps(runs) if steps is None else steps
        return [replace(cls.of(run), name=names[run.id], lightness_step=steps[run.id]) for run in runs]

    @property
    def twin(self) -> tuple[str, int]:
        """Twins have the same: their cohort, and the seed of their weights."""
        return self.cohort, self.seed

    def paint(self, theme: Theme) -> QColor:
        """The colour of its lines on a panel."""
        return line_colour(theme, self.colour, self.lightness_step)


@dataclass(frozen=True, slots=True)
class PlotOptions:
    """How curves are looked at.

    Attributes:
        axis: What they are drawn over.
        window: Points in the exponential mean of what is measured at each iteration; 1 for none.
        raw: Draw the raw training curves under the smoothed ones; without smoothing they are always drawn.
        log: Logarithmic values.
        outliers: The values' axis reaches to the farthest value; else it leaves out the outermost hundredths.
        lightness_steps: Of an export, by run id, so that its lines look as on the page; empty: counted anew.
    """

    axis: XAxis = XAxis.ITERATION
    window: int = 50
    raw: bool = False
    log: bool = False
    outliers: bool = True
    lightness_steps: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def smooth(self) -> bool:
        return self.window > 1

    def window_of(self, series: Series) -> int:
        """Points in the mean of one series: tests are drawn as they were measured."""
        return self.window if series.per is Per.ITERATION else 1

    @property
    def draws_raw(self) -> bool:
        return self.raw or not self.smooth


def grouped_runs(runs: Sequence[RunRecord], grouping: Grouping) -> list[PlottedRun]:
    """The means of groups of two runs and more; a group of one is its run under the group's name."""
    groups = group_runs(runs, grouping)
    steps = group_lightness_steps(groups)
    return [
        replace(PlottedRun.of(group.counted[0]), name=group.name, lightness_step=steps[group.key])
        if len(group.counted) == 1
        else PlottedRun.of_group(group, steps[group.key])
        for group in groups
    ]


def batches_per_epoch(run: RunRecord) -> float | None:
    """Batches in one pass over the training images, from the stored environment; None for a run that never started."""
    try:
        images = int(run.environment["training_images"])
    except (KeyError, ValueError):
        return None
    return images / run.spec.recipe.batch_size if images > 0 else None


def set_epoch_lengths(book: CurveBook, runs: Iterable[RunRecord]) -> None:
    """Let ``book`` know how long each run's epochs are, and how many images each iteration sees."""
    for run in runs:
        if not run.imported:
            book.set_batch_size(run.id, run.spec.recipe.batch_size)
        book.set_batches_per_epoch(run.id, batches_per_epoch(run))
