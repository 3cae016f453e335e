"""Which engine a cohort trains with: asked for, recorded earlier, or chosen for this machine."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from resnet_studio.domain.enums import Engine, Precision
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.specs import NetworkSpec, RecipeSpec
from resnet_studio.networks.devices import device_name
from resnet_studio.platform.host import compiler
from resnet_studio.platform.measured_cache import MeasuredCache
from resnet_studio.platform.training_speed import LONG_ENOUGH, WORTH_IT, multiply_adds
from resnet_studio.text import _
from resnet_studio.training.engines.background_compiler import BackgroundCompiler, Faster
from resnet_studio.training.engines.compiled import CompiledEngine
from resnet_studio.training.engines.eager import EagerEngine, StepEngine, Team
from resnet_studio.training.engines.fused import FUSED
from resnet_studio.training.engines.graphed import GraphedEngine

_GAINS = "compiled.json"
SWITCH_AT = 1000  # iterations before compiled steps take over: compiling takes less on any machine seen so far
_RECORDED = re.compile(r"(graphed, )?compiled after (\d+)")


@dataclass(frozen=True, slots=True)
class EnginePlan:
    """An engine, and the iteration after which compiled networks take over: 0 for the graphed one without them."""

    engine: Engine
    switch_at: int = 0

    @property
    def name(self) -> str:
        """As it stands in a run's record."""
        compiled = f"compiled after {self.switch_at}"
        if self.engine is Engine.GRAPHED and self.switch_at:
            return f"{self.engine}, {compiled}"
        return compiled if self.engine is Engine.COMPILED else str(self.engine)

    @property
    def on_several_devices(self) -> EnginePlan:
        """The same without CUDA graphs, in which processes do not wait for one another."""
        if self.engine is not Engine.GRAPHED:
            return self
        return EnginePlan(Engine.COMPILED, self.switch_at) if self.switch_at else EnginePlan(Engine.EAGER)

    @property
    def uncompiled(self) -> EnginePlan:
        """Of members whose networks are not compiled."""
        return EnginePlan(Engine.GRAPHED if self.engine is Engine.GRAPHED else Engine.EAGER)

    @classmethod
    def recorded(cls, name: str) -> EnginePlan:
        """The plan of that name; eager for one that this program does not know."""
        if found := _RECORDED.fullmatch(name):
            return cls(Engine.GRAPHED if found[1] else Engine.COMPILED, int(found[2]))
        return cls(Engine.GRAPHED if name in (Engine.GRAPHED, FUSED) else Engine.EAGER)


def choose_engine(
    recipe: RecipeSpec,
    device: torch.device,
    before: Mapping[str, str],
    cache: Path,
    networks: Sequence[NetworkSpec] = (),
    devices: int = 1,
) -> EnginePlan:
    """As ``before`` (the record of a run that began earlier) says, else as ``recipe`` asks.

    Several ``devices`` take no graphed steps, and compiled ones only where they are asked for: the processes would have
    to agree on what pays.

    auto is graphed on CUDA and eager elsewhere. Runs of at least :data:`LONG_ENOUGH` iterations are compiled besides,
    unless there is no compiler here, it is known not to gain for these ``networks``, or the run must be exact on CUDA.

    Raises:
        UserError: If the recipe names an engine that this machine does not have.
    """
    requested = recipe.engine
    if "engine" in before and device.type == before.get("device", device.type):
        found = EnginePlan.recorded(before["engine"])
        return found if devices == 1 else found.on_several_devices
    if requested is Engine.GRAPHED and device.type != "cuda":
        raise UserError(
            _("The graphed engine needs CUDA, and this run trains on {type}; choose engine auto.", type=device.type)
        )
    if requested is Engine.GRAPHED and devices > 1:
        raise UserError(
            _(
                "The graphed engine trains on one device, and {devices} were asked for; choose engine auto.",
                devices=devices,
            )
        )
    if requested is Engine.COMPILED and device.type != "cuda" and compiler() is None:
        raise UserError(_("There is no C++ compiler on this machine, so nothing can be compiled; choose engine auto."))
    if requested is Engine.COMPILED:
        return EnginePlan(Engine.COMPILED, min(SWITCH_AT, recipe.iterations))
    if requested is not Engine.AUTO:
        return EnginePlan(requested)
    if devices > 1:
        return EnginePlan(Engine.EAGER)
    slower, faster = EnginePlan(Engine.EAGER), EnginePlan(Engine.COMPILED, SWITCH_AT)
    if device.type == "cuda":
        slower, faster = EnginePlan(Engine.GRAPHED), EnginePlan(Engine.GRAPHED, SWITCH_AT)
    exact = recipe.exact and device.type == "cuda"
    if exact or recipe.iterations < LONG_ENOUGH or not can_compile(device):
        return slower
    return slower if networks and set(networks) == slow_networks(recipe, device, cache, networks) else faster


def slow_networks(
    recipe: RecipeSpec, device: torch.device, cache: Path, networks: Sequence[NetworkSpec]
) -> set[NetworkSpec]:
    """Those of ``networks`` that compiling is known to bring less than :data:`WORTH_IT` here.

    Each is judged alone: a run takes the same steps in every cohort.
    """
    gains = known_gains(device, recipe.precision, cache)
    return {spec for spec in networks if gains.get(gain_subject(spec, recipe.pass_size), WORTH_IT) < WORTH_IT}


def can_compile(device: torch.device) -> bool:
    """Whether torch's compiler has what it needs: a C++ compiler for the CPU, Triton for CUDA."""
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    return device.type == "cpu" and compiler() is not None


def gain_subject(network: NetworkSpec, batch_size: int) -> str:
    """What a gain was measured of, in words: a small network may lose by what a large one gains by."""
    return f"{network.label} of {multiply_adds(network)} multiply-adds | batches of {batch_size}"


def _key(device: torch.device, precision: Precision) -> str:
    return f"{device_name(device)} | torch {torch.__version__} | {precision} | "


def known_gains(device: torch.device, precision: Precision, cache: Path) -> dict[str, float]:
    """How many times faster compiled steps were found to be on this machine, by :func:`gain_subject`."""
    key = _key(device, precision)
    try:
        known = MeasuredCache(cache / _GAINS).entries()
        return {name.removeprefix(key): float(gain) for name, gain in known.items() if name.startswith(key)}
    except (ValueError, TypeError):
        return {}


def known_gain(device: torch.device, precision: Precision, cache: Path, subject: str) -> float | None:
    """The gain of one :func:`gain_subject`; None if that was never measured here."""
    return known_gains(device, precision, cache).get(subject)


def remember_gain(device: torch.device, precision: Precision, cache: Path, subject: str, gain: float) -> None:
    """Keep a measured gain for :func:`known_gain`; a cache that cannot be written only costs another measurement."""
    MeasuredCache(cache / _GAINS).keep(_key(device, precision) + subject, round(gain, 3))


def forget_gains(cache: Path) -> None:
    """Let the next run that may compile find out anew whether that pays."""
    MeasuredCache(cache / _GAINS).clear()


def make_engine(
    plan: EnginePlan,
    precision: Precision,
    threads: int,
    should_stop: StopCheck,
    *,
    waiting: Callable[[], None] = lambda: None,
    failed: Callable[[str], None] = lambda _reason: None,
    faster: Faster | None = None,
    slow: Collection[NetworkSpec] = (),
    fused: Collection[NetworkSpec] = (),
    on_members_left_eager: Callable[[Sequence[str], str], None] = lambda _run_ids, _reason: None,
    team: Team | None = None,
) -> StepEngine:
    """The engine of ``plan``; a ``team`` takes no graphed steps.

    ``waiting`` is called when training waits for the compiler; ``failed`` with a sentence when it goes on more slowly
    than planned, ``on_members_left_eager`` when these members do; ``faster`` is asked whether a network's measured gain
    is worth the switch; ``slow`` networks are not compiled, nor are ``fused`` ones, for which graphed steps take the
    kernels for whole networks.
    """
    if plan.engine is Engine.COMPILED:
        return CompiledEngine(
            precision, should_stop, switch_at=plan.switch_at, threads=threads, waiting=waiting, failed=failed,
            faster=faster, slow=slow, on_members_left_eager=on_members_left_eager, team=team,
        )  # fmt: skip
    eager = EagerEngine(precision, should_stop, team=team)
    if plan.engine is Engine.EAGER:
        return eager
    if not plan.switch_at:
        return GraphedEngine(precision, eager, failed, fused=fused, on_members_left_eager=on_members_left_eager)
    beside = BackgroundCompiler(precision, should_stop, switch_at=plan.switch_at, threads=threads, waiting=waiting)
    return GraphedEngine(
        precision, eager, failed, compiler=beside, faster=faster, slow=slow, fused=fused,
        on_members_left_eager=on_members_left_eager,
    )  # fmt: skip
