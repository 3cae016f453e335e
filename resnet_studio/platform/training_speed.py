"""How fast networks were found to train on this machine, and how long a training will take by that."""

from __future__ import annotations

import math
import platform
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from resnet_studio.domain import specs
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Device, Engine, Precision
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, RecipeSpec, RunSpec
from resnet_studio.platform.host import compiler, cpu_name

LONG_ENOUGH = 5000  # iterations; shorter runs would not win back what compiling costs
WORTH_IT = 1.05  # compiled steps that are less than so many times as fast are not taken
FARTHEST = 100.0  # a figure of a network with so many times more or less multiply-adds says nothing
KEPT_FIGURES = 9  # of one network, batch size, device, engine and precision: the newest
UNKNOWN_SPREAD = 0.25  # of a single measurement: how much another one may be away
LEAST_SPREAD = 0.08  # of several
SCALED_SPREAD = (
    0.25  # more, where figures are of another network with twice or half the multiply-adds, or other batches
)
ENOUGH_ITERATIONS = 30  # of a stored run; the first ones are slow
ENOUGH_SECONDS, LEAST_ITERATIONS = 30.0, 5  # or so much time: large networks take long to so many iterations
_SWITCH = re.compile(r"compiled after (\d+)")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: ``seconds`` a training step takes, of one network and one batch.

    The batch has ``batch_size`` images, of which ``bn_images`` pass together, 0 for all.
    """

    network: NetworkSpec
    batch_size: int
    seconds: float
    device: Device
    engine: Engine
    precision: Precision
    bn_images: int = 0

    @property
    def images_per_second(self) -> float:
        return self.batch_size / self.seconds

    @property
    def shares(self) -> int:
        """Into how many the batch is divided for batch norm."""
        return self.batch_size // (self.bn_images or self.batch_size)


@dataclass(frozen=True, slots=True)
class KnownSpeeds:
    """What was found out about this machine.

    ``device`` and ``precision`` are what ``auto`` means here, None while nothing was measured.
    """

    device: Device | None = None
    precision: Precision | None = None
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a training will take, tests and checkpoints left out.

    Attributes:
        step_seconds: Of one step of every member, who step in turn.
        engine: That of the figures; training itself may find a faster one.
        exact: Each network was itself measured, with batches of this size. Else ``sources`` names what the figures are
            scaled from.
        low_step_seconds, high_step_seconds: Between which half of all measurements lie, or more: a step measured beside
            another program's work takes up to several times as long, and one such figure among others moves neither
            much. Zero where only ``step_seconds`` is known.
    """

    step_seconds: float
    iterations: int
    batch_size: int
    engine: Engine
    exact: bool
    sources: tuple[str, ...]
    low_step_seconds: float = 0.0
    high_step_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        return self.step_seconds * self.iterations

    @property
    def low_seconds(self) -> float:
        return (self.low_step_seconds or self.step_seconds) * self.iterations

    @property
    def high_seconds(self) -> float:
        return (self.high_step_seconds or self.step_seconds) * self.iterations

    @property
    def images_per_second(self) -> float:
        """Images that every member has learned from."""
        return self.batch_size / self.step_seconds


def likely_engine(recipe: RecipeSpec, device: Device) -> Engine:
    """The engine that most of a run's steps will take, unless it is found not to pay; said without torch."""
    if recipe.engine is not Engine.AUTO:
        return recipe.engine
    if device is Device.CUDA:
        return Engine.GRAPHED
    compiles = device is Device.CPU and recipe.iterations >= LONG_ENOUGH and compiler() is not None
    return Engine.COMPILED if compiles else Engine.EAGER


def quickly(spec: RunSpec) -> RunSpec:
    """``spec`` with an engine whose steps can be measured at once: nothing has to be compiled first."""
    recipe = spec.recipe
    if recipe.engine is Engine.COMPILED:
        return specs.replace(spec, recipe=specs.replace(recipe, engine=Engine.EAGER))
    return specs.replace(spec, recipe=specs.replace(recipe, iterations=min(recipe.iterations, LONG_ENOUGH - 1)))


@lru_cache(maxsize=4096)
def multiply_adds(network: NetworkSpec) -> int:
    """Of one image's forward pass."""
    return blueprint(network).multiply_adds


def with_runs(known: KnownSpeeds, runs: Iterable[RunRecord]) -> KnownSpeeds:
    """What stored runs of this machine, the newest first, tell beside what was measured; that counts as newer."""
    device, precision = known.device, known.precision
    figures: list[Figure] = []
    for run in runs:
        figure = figure_of(run)
        if figure is None:
            continue
        figures.insert(0, figure)
        if run.spec.recipe.device is Device.AUTO:
            device = device or figure.device
            if run.spec.recipe.precision is Precision.AUTO and device is figure.device:
                precision = precision or figure.precision
    return replace(known, device=device, precision=precision, figures=with_figures(tuple(figures), known.figures))


def figure_of(run: RunRecord) -> Figure | None:
    """How fast a stored run was; None if it says nothing: hardly begun, imported, or of another machine."""
    facts = run.environment
    hardly_begun = run.seconds < ENOUGH_SECONDS or run.iteration < LEAST_ITERATIONS
    if (run.iteration < ENOUGH_ITERATIONS and hardly_begun) or not 0 < run.seconds < math.inf:
        return None
    try:
        device = Device(facts.get("device", run.spec.recipe.device))
        precision = Precision(facts.get("precision", run.spec.recipe.precision))
    except ValueError:  # written by a newer program
        return None
    if device is Device.AUTO or precision is Precision.AUTO:
        return None
    if device is Device.CPU and facts.get("device_name", cpu_name()) != cpu_name():
        return None
    if (
        device is not Device.CPU and facts.get("platform", _system()) != _system()
    ):  # only torch knows which GPUs are here
        return None
    seconds = run.seconds / run.iteration
    recipe = run.spec.recipe
    return Figure(
        run.spec.network, recipe.batch_size, seconds, device, _engine_of(run), precision, recipe.bn_images
    )  # fmt: skip


def own_step(run: RunRecord) -> tuple[float, float, float] | None:
    """Seconds of a step of a run that goes on, lower, middle and upper, as it was itself measured before it stopped.

    That says more of the run than any other figure. None if it says nothing, as of :func:`figure_of`.
    """
    figure = figure_of(run)
    return None if figure is None else spread([figure.seconds])


@lru_cache(maxsize=1)
def _system() -> str:
    return platform.platform(terse=True)


def _engine_of(run: RunRecord) -> Engine:
    """The engine of most of a run's steps so far."""
    name = run.environment.get("engine", str(Engine.EAGER))
    if switch := _SWITCH.fullmatch(name):
        return Engine.COMPILED if run.iteration > 2 * int(switch[1]) else Engine.EAGER
    return Engine.GRAPHED if name.startswith(Engine.GRAPHED) else Engine.EAGER


def expected(cohort: CohortSpec, known: KnownSpeeds) -> Expectation | None:
    """What the cohort's training is expected to take; None if nothing comparable was measured."""
    steps = [_step(run.network, run.recipe, known) for run in cohort.runs]
    found = [step for step in steps if step is not None]
    if len(found) < len(steps):
        return None
    recipe = cohort.runs[0].recipe
    return Expectation(
        step_seconds=sum(step.seconds for step in found),
        iterations=recipe.iterations,
        batch_size=recipe.batch_size,
        engine=found[0].engine,
        exact=all(step.exact for step in found),
        sources=tuple(dict.fromkeys(step.source for step in found if not step.exact)),
        low_step_seconds=sum(step.low for step in found),
        high_step_seconds=sum(step.high for step in found),
    )


@dataclass(frozen=True, slots=True)
class _Step:
    seconds: float
    low: float
    high: float
    engine: Engine
    exact: bool
    source: str


def _step(network: NetworkSpec, recipe: RecipeSpec, known: KnownSpeeds) -> _Step | None:
    """One step of one network, by the nearest figure.

    That is one of the network itself, else of its family, scaled by multiply-adds (small networks take longer for each
    of them).
    """
    device = known.device if recipe.device is Device.AUTO else recipe.device
    if device is None:
        return None
    here = [figure for figure in known.figures if figure.device is device]
    precision = recipe.precision
    if precision is Precision.AUTO and device is known.device and known.precision is not None:
        precision = known.precision
    if precision is not Precision.AUTO:
        here = [figure for figure in here if figure.precision is precision]
    if not here:
        return None
    engine, own = likely_engine(recipe, device), multiply_adds(network)

    def distance(figure: Figure) -> float:
        return abs(math.log(own / multiply_adds(figure.network)))

    def rank(figure: Figure) -> tuple[bool, float, bool, bool, float, float]:
        other = figure.network.family is not network.family
        away = 0.0 if figure.network == network else 1.0 + round(distance(figure), 3)
        unlike = figure.network.residual is not network.residual
        shares = abs(math.log(figure.shares / recipe.shares))
        batches = abs(math.log(figure.batch_size / recipe.batch_size))
        return (other, away, unlike, figure.engine is not engine, shares, batches)

    best = min(here, key=rank)
    if distance(best) > math.log(FARTHEST):
        return None
    scale = own / multiply_adds(best.network) * recipe.batch_size / best.batch_size
    exact = best.network == network and (best.batch_size, best.shares) == (recipe.batch_size, recipe.shares)
    times = [figure.seconds for figure in here if _kind(figure) == _kind(best)]
    low, middle, high = spread(times)
    doubt = 1.0 if exact else 1.0 + SCALED_SPREAD * max(1.0, abs(math.log2(scale)))
    return _Step(scale * middle, scale * low / doubt, scale * high * doubt, best.engine, exact, best.network.label)


def spread(times: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile of measured times, never closer than ``LEAST_SPREAD``.

    Of one or two times, the doubt of a single measurement around them.

    Raises:
        ValueError: Without a time.
    """
    if not times:
        raise ValueError("at least one time is needed")
    middle = statistics.median(times)
    if len(times) < 3:
        return min(times) / (1 + UNKNOWN_SPREAD), middle, max(times) * (1 + UNKNOWN_SPREAD)
    low, _middle, high = statistics.quantiles(times, n=4, method="inclusive")
    return min(low, middle / (1 + LEAST_SPREAD)), middle, max(high, middle * (1 + LEAST_SPREAD))


def _kind(figure: Figure) -> tuple[object, ...]:
    """What figures of the same thing have in common."""
    return (figure.network, figure.batch_size, figure.device, figure.engine, figure.precision, figure.shares)


def with_figures(known: Sequence[Figure], new: Sequence[Figure]) -> tuple[Figure, ...]:
    """Known and new figures, the newest last; of figures of the same thing the newest ``KEPT_FIGURES``.

    So one that was taken beside another program's work is outvoted and in time forgotten.
    """
    kept: dict[tuple[object, ...], list[Figure]] = {}
    for figure in (*known, *new):
        kept.setdefault(_kind(figure), []).append(figure)
    return tuple(figure for figures in kept.values() for figure in figures[-KEPT_FIGURES:])
