"""How fast a cohort trains here: real steps of the real engine on random images, for some seconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from resnet_studio.data.batches import ResidentBatches
from resnet_studio.data.image_set import ImageSet
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain import specs as domain
from resnet_studio.domain.enums import Augmentation, Colour, Device, Engine, Phase, Precision
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.spec import replace_and_reset
from resnet_studio.domain.specs import RecipeSpec, RunSpec
from resnet_studio.platform.training_speed import Figure
from resnet_studio.text import _
from resnet_studio.training.engines.choose import EnginePlan
from resnet_studio.training.engines.eager import StepEngine
from resnet_studio.training.malloc import freed_memory_kept
from resnet_studio.training.member import Member
from resnet_studio.training.out_of_memory import is_out_of_memory
from resnet_studio.training.setup import Machine

_POOL_BYTES = 32 * 2**20  # of random images; enough that no batch finds its images in a processor's cache
_WARM_UP_STEPS = 2
_WARM_UP_SECONDS = {"cuda": 1.0}  # clocks rise, kernels are chosen, graphs are captured
_ROUNDS = 3
_ROUND_SECONDS = 0.1  # steps between two looks at the clock: a device works ahead of the host
_FOREVER = 10_000_000  # iterations


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured: ``seconds`` is the median time of a step of the whole cohort, batch and flush included.

    ``preparing`` is what came before: building, warming up, compiling or capturing. ``failure`` says why another
    engine than the wanted one was measured, empty if none was.
    """

    specs: tuple[RunSpec, ...]
    seconds: float
    steps: int
    device: Device
    engine: Engine
    precision: Precision
    preparing: float
    failure: str = ""

    @property
    def batch_size(self) -> int:
        return self.specs[0].recipe.batch_size

    @property
    def images_per_second(self) -> float:
        """Images a second that every member of the cohort has learned from."""
        return self.batch_size / self.seconds

    @property
    def figure(self) -> Figure:
        """For one network; what a member of a cohort takes alone cannot be told from the cohort's time."""
        (spec,) = self.specs
        return Figure(
            spec.network, self.batch_size, self.seconds, self.device, self.engine, self.precision,
            spec.recipe.bn_images,
        )  # fmt: skip


def measure(
    specs: Sequence[RunSpec],
    cache: Path,
    *,
    seconds: float = 3.0,
    should_stop: StopCheck = never_stop,
    report: Report = no_report,
    plan: EnginePlan | None = None,
) -> Speed:
    """Train the cohort on random images for about ``seconds`` after the warm-up.

    With the engine, precision and device of the recipe, or the engine of ``plan``: a recipe cannot ask for a graphed
    and compiled one. At least three rounds of at least one step are measured, one if it takes longer than ``seconds``.

    Raises:
        UserError: If the recipe asks for what this machine has not, or the memory is not enough.
        Stopped: If asked to stop, within a second.
    """
    hungry = False
    try:
        with freed_memory_kept():
            return _measure(specs, cache, seconds, should_stop, report, plan)
    except (MemoryError, RuntimeError) as error:  # told outside: the exception's frames hold the tensors
        if not is_out_of_memory(error):
            raise
        hungry = True
    assert hungry
    names = ", ".join(spec.network.label for spec in specs)
    batch = specs[0].recipe.batch_size
    raise UserError(
        _(
            "The memory was not enough to measure {names} with batches of {batch}; choose a smaller batch.",
            names=names,
            batch=batch,
        )
    )


def _measure(
    specs: Sequence[RunSpec], cache: Path, seconds: float, should_stop: StopCheck, report: Report,
    wanted: EnginePlan | None,
) -> Speed:  # fmt: skip
    began = time.perf_counter()
    requested = specs[0].recipe
    report(str(Phase.PROBING), None)
    machine = Machine.choose(requested, cache, [spec.network for spec in specs])
    plan = wanted or machine.plan
    machine = replace(machine, plan=plan, fused=frozenset() if wanted else machine.fused)
    if plan.switch_at:
        machine = replace(machine, plan=EnginePlan(plan.engine, 1))  # the first step sets the compiler going
    told: list[str] = []
    engine = machine.engine(requested, cache, should_stop, lambda: report(str(Phase.AWAITING), None), told.append)
    try:
        report(str(Phase.BUILDING), None)
        members = [
            Member(str(number), domain.replace(spec, recipe=_endless(spec.recipe)), machine.device, machine.layout)
            for number, spec in enumerate(specs)
        ]
        for member in members:
            engine.adopt(member)
        batches = _random_batches(specs[0], machine.device)
        steps = _Steps(engine, members, batches, machine.device, should_stop)
        steps.warm_up()
        preparing = time.perf_counter() - began
        rounds = steps.take(seconds, lambda done: report(str(Phase.TRAINING), done))
    finally:
        engine.close()
    return Speed(
        specs=tuple(specs),
        seconds=statistics.median(each for each, _unused in rounds),
        steps=sum(count for _unused, count in rounds),
        device=Device(machine.device.type),
        engine=Engine.EAGER if told else plan.engine,
        precision=machine.precision,
        preparing=preparing,
        failure=" ".join(told),
    )


class _Steps:
    """Takes steps of a cohort and the time of them."""

    def __init__(
        self, engine: StepEngine, members: list[Member], batches: ResidentBatches, device: torch.device,
        should_stop: StopCheck,
    ) -> None:  # fmt: skip
        self._engine, self._members, self._batches, self._device = engine, members, batches, device
        self._should_stop = should_stop

    def warm_up(self) -> None:
        """At least two steps: the first one is eager in any case, the second may have to wait for a compiler."""
        until = time.perf_counter() + _WARM_UP_SECONDS.get(self._device.type, 0.0)
        while self._members[0].iteration < _WARM_UP_STEPS or time.perf_counter() < until:
            self._advance()
        self._settle()

    def take(self, seconds: float, report: Callable[[float], None]) -> list[tuple[float, int]]:
        """Seconds a step and how many steps, round by round."""
        rounds: list[tuple[float, int]] = []
        began, slow = time.perf_counter(), False
        while (spent := time.perf_counter() - began) < seconds or not (slow or len(rounds) >= _ROUNDS):
            report(min(spent / seconds, 1.0) if seconds > 0 else 0.0)
            first, start = self._members[0].iteration, time.perf_counter()
            while time.perf_counter() - start < _ROUND_SECONDS:
                self._advance()
            self._settle()
            count, taken = self._members[0].iteration - first, time.perf_counter() - start
            rounds.append((taken / count, count))
            slow = taken / count > seconds > 0
        return rounds

    def _advance(self) -> None:
        if self._should_stop():
            raise Stopped
        self._engine.advance(self._members, self._batches, min(m.undecided_after() for m in self._members))

    def _settle(self) -> None:
        """Fetch the curves, as training does every second, which waits for the device."""
        for member in self._members:
            member.take_curves()
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def _endless(recipe: RecipeSpec) -> RecipeSpec:
    """The same step, with no test and no end in sight.

    Images lie ready, whatever their size: decoding, resizing and colours are done by other cores, ahead of the step,
    and are not part of it.
    """
    changes: dict[str, Any] = {"iterations": _FOREVER, "test_every": _FOREVER}
    if recipe.augmentation is Augmentation.SCALE_CROP_FLIP:
        changes["augmentation"] = Augmentation.PAD_CROP_FLIP
    return replace_and_reset(recipe, colour=Colour.NONE, **changes)


def _random_batches(spec: RunSpec, device: torch.device) -> ResidentBatches:
    size, recipe = spec.network.image_size, _endless(spec.recipe)
    count = max(recipe.batch_size, min(50_000, _POOL_BYTES // (3 * size * size)))
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, spec.network.classes, (count,), generator=generator)
    preprocessing = Preprocessing.measure(pixels, recipe.normalisation)
    return ResidentBatches(ImageSet(pixels, labels), preprocessing.to(device), recipe, device=device)
