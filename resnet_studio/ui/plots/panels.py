"""What is plotted: which series, of which runs, and how it is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtGui import QColor

from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.enums import Series
from resnet_studio.domain.records import RunRecord
from resnet_studio.ui.plots.curve_data import CurveBook, XAxis
from resnet_studio.ui.plots.run_colours import shaded, shades
from resnet_studio.ui.theme import Role, Theme

ITERATIONS_BY_AXIS = {XAxis.ITERATION: "iteration", XAxis.EPOCH: "epoch", XAxis.TIME: "training time"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot: ``thin`` has a point per iteration, ``bold`` one per test; a logarithmic axis ends at ``floor``."""

    key: str
    title: str
    unit: str
    thin: Series
    bold: Series | None
    floor: float

    @property
    def series(self) -> tuple[Series, ...]:
        return (self.thin,) if self.bold is None else (self.thin, self.bold)


ERROR = Panel("error", "Error", "%", Series.TRAINING_ERROR, Series.TEST_ERROR, 0.01)  # one image in 10 000
LOSS = Panel("loss", "Loss", "nats", Series.TRAINING_LOSS, Series.TEST_LOSS, 1e-6)
RATE = Panel("rate", "Learning rate", "", Series.LEARNING_RATE, None, 1e-9)


@dataclass(frozen=True, slots=True)
class PlottedRun:
    """What a plot must know of a run. ``iterations`` is how long it is meant to train.

    ``shade`` counts the runs of the same colour and kind before it in the plot; twins have one cohort and one seed.
    """

    run_id: str
    name: str
    colour: str
    residual: bool
    depth: int
    iterations: int
    shade: int = 0
    cohort: str = ""
    seed: int = 0

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
        )

    @classmethod
    def of_all(cls, runs: Sequence[RunRecord], steps: Mapping[str, int] | None = None) -> list[PlottedRun]:
        """Runs that share a plot: their names and their shades tell them apart, by run id those given or new ones."""
        names, steps = display_names(runs), shades(runs) if steps is None else steps
        return [replace(cls.of(run), name=names[run.id], shade=steps[run.id]) for run in runs]

    @property
    def twin(self) -> tuple[str, int]:
        """Twins have the same: their cohort, and the seed of their weights."""
        return self.cohort, self.seed

    def paint(self, theme: Theme) -> QColor:
        """The colour of its lines on a panel."""
        return shaded(theme.run_colour(self.colour), self.shade, theme.colour(Role.PANEL))


@dataclass(frozen=True, slots=True)
class PlotOptions:
    """How curves are looked at.

    Attributes:
        axis: What they are drawn over.
        window: Batches in the running mean of the training curves; 1 for none.
        raw: Draw the raw training curves under the smoothed ones; without smoothing they are always drawn.
        log: Logarithmic values.
        shades: Of an export, by run id, so that its lines look as on the page; empty: counted anew.
    """

    axis: XAxis = XAxis.ITERATION
    window: int = 50
    raw: bool = True
    log: bool = False
    shades: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def smooth(self) -> bool:
        return self.window > 1

    @property
    def draws_raw(self) -> bool:
        return self.raw or not self.smooth


def batches_per_epoch(run: RunRecord) -> float | None:
    """Batches in one pass over the training images, from the stored environment; None for a run that never started."""
    try:
        images = int(run.environment["training_images"])
    except (KeyError, ValueError):
        return None
    return images / run.spec.recipe.batch_size if images > 0 else None


def tell_epochs(book: CurveBook, runs: Iterable[RunRecord]) -> None:
    """Let ``book`` know how long each run's epochs are."""
    for run in runs:
        book.set_batches_per_epoch(run.id, batches_per_epoch(run))
