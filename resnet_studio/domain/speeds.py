"""How fast networks were found to train on this machine, and how long a training will take by that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.planning import blueprint
from resnet_studio.domain.specs import CohortSpec, RecipeSpec
from resnet_studio.domain.terms import Device, Engine, Precision

LONG_ENOUGH = 5000  # iterations; shorter runs would not win back what compiling costs
FARTHEST = 100.0  # a figure of a network with so many times more or less multiply-adds says nothing


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: ``seconds`` a training step takes, of one network and a batch of ``batch_size`` images."""

    network: NetworkSpec
    batch_size: int
    seconds: float
    device: Device
    engine: Engine
    precision: Precision

    @property
    def seconds_per_image(self) -> float:
        return self.seconds / self.batch_size

    @property
    def images_per_second(self) -> float:
        return self.batch_size / self.seconds


@dataclass(frozen=True, slots=True)
class KnownSpeeds:
    """What was found out about this machine.

    Attributes:
        device, precision: What ``auto`` means here; None while nothing was measured.
        gains: How many times faster a step is, by name: ``bfloat16`` than float32, ``compiled`` than eager.
    """

    device: Device | None = None
    precision: Precision | None = None
    figures: tuple[Figure, ...] = ()
    gains: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expectation:
    """``exact``: each network was itself measured, with batches of this size; else scaled from ``source``."""

    seconds: float
    exact: bool
    source: str


def likely_engine(recipe: RecipeSpec, device: Device) -> Engine:
    """The engine that most of a run's steps will take, where everything it needs is there."""
    if recipe.engine is not Engine.AUTO:
        return recipe.engine
    if device is Device.CUDA:
        return Engine.GRAPHED
    return Engine.COMPILED if device is Device.CPU and recipe.iterations >= LONG_ENOUGH else Engine.EAGER


@lru_cache(maxsize=256)
def multiply_adds(network: NetworkSpec) -> int:
    """Of one image's forward pass."""
    return blueprint(network).multiply_adds


def step_seconds(network: NetworkSpec, recipe: RecipeSpec, known: KnownSpeeds) -> Expectation | None:
    """What one step of one network is expected to take; None if nothing comparable was measured.

    A figure of another network is scaled by multiply-adds. The nearest one counts, of the same family if there is one:
    small networks take longer for each multiply-add.
    """
    device = known.device if recipe.device is Device.AUTO else recipe.device
    precision = known.precision if recipe.precision is Precision.AUTO else recipe.precision
    here = [figure for figure in known.figures if figure.device is device and figure.precision is precision]
    if device is None or not here:
        return None
    engine = likely_engine(recipe, device)
    fitting = [figure for figure in here if figure.engine is engine] or here
    own = multiply_adds(network)

    def distance(figure: Figure) -> float:
        return abs(math.log(own / multiply_adds(figure.network)))

    def rank(figure: Figure) -> tuple[bool, bool, float, float]:
        batches = abs(math.log(figure.batch_size / recipe.batch_size))
        return (figure.network != network, figure.network.family is not network.family, distance(figure), batches)

    best = min(fitting, key=rank)
    if distance(best) > math.log(FARTHEST):
        return None
    scale = own / multiply_adds(best.network)
    exact = best.network == network and best.batch_size == recipe.batch_size and best.engine is engine
    return Expectation(best.seconds_per_image * recipe.batch_size * scale, exact, best.network.label)


def training_seconds(cohort: CohortSpec, known: KnownSpeeds) -> Expectation | None:
    """What the whole cohort is expected to take, tests and checkpoints left out: its members step in turn."""
    steps = [step_seconds(run.network, run.recipe, known) for run in cohort.runs]
    found = [step for step in steps if step is not None]
    if len(found) < len(steps):
        return None
    seconds = sum(step.seconds for step in found) * cohort.runs[0].recipe.iterations
    sources = dict.fromkeys(step.source for step in found)
    return Expectation(seconds, all(step.exact for step in found), ", ".join(sources))


def with_figures(known: Sequence[Figure], new: Sequence[Figure]) -> tuple[Figure, ...]:
    """A newer figure replaces that of the same network, batch size, device, engine and precision."""

    def key(figure: Figure) -> tuple[object, ...]:
        return (figure.network, figure.batch_size, figure.device, figure.engine, figure.precision)

    return tuple({key(figure): figure for figure in (*known, *new)}.values())
