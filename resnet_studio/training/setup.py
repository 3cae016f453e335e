"""Where and how a cohort computes, chosen once and kept with its runs: what a resumed run used is used again."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from resnet_studio.domain.enums import Device, Engine, MemoryLayout, Precision
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.specs import NetworkSpec, RecipeSpec
from resnet_studio.networks.devices import choose_device, device_name
from resnet_studio.platform.compile_cache import use_compile_cache
from resnet_studio.platform.host import cores
from resnet_studio.platform.training_speed import WORTH_IT
from resnet_studio.text import _, _n
from resnet_studio.training.devices import use_threads
from resnet_studio.training.engines.choose import (
    EnginePlan,
    choose_engine,
    gain_subject,
    known_gain,
    make_engine,
    remember_gain,
    slow_networks,
)
from resnet_studio.training.engines.eager import StepEngine, Team
from resnet_studio.training.engines.fused import FUSED, fused_networks
from resnet_studio.training.memory_format import choose_layout
from resnet_studio.training.precision import choose_precision, set_products
from resnet_studio.training.provenance import program, version


@dataclass(frozen=True, slots=True)
class Machine:
    """Device, precision, memory layout, torch's threads and the engine.

    The engine is ``settled`` for a run that began earlier; ``notice`` is a sentence for the user, empty if all is as
    before. ``slow`` networks are not compiled when others are, ``fused`` ones are run by kernels for whole networks.
    ``threads`` are those of each of so many ``devices``.
    """

    device: torch.device
    precision: Precision
    threads: int
    plan: EnginePlan = field(default=EnginePlan(Engine.EAGER))
    layout: MemoryLayout = MemoryLayout.CHANNELS_LAST
    settled: bool = False
    notice: str = ""
    slow: frozenset[NetworkSpec] = frozenset()
    fused: frozenset[NetworkSpec] = frozenset()
    devices: int = 1

    @classmethod
    def choose(
        cls,
        recipe: RecipeSpec,
        cache: Path,
        networks: Sequence[NetworkSpec] = (),
        environments: Sequence[Mapping[str, str]] = (),
        devices: int = 1,
        beside: int = 0,
    ) -> Machine:
        """For ``networks`` trained by ``recipe``, or as their ``environments`` say if they began earlier.

        Sets torch's threads. With another number of devices than before, threads and engine are chosen anew.
        ``beside`` so many other processes of this machine train something else.

        Raises:
            UserError: If the recipe names a device or an engine that is not there.
        """
        before = environments[0] if environments else {}
        moved = _moved(recipe, before, devices)
        if moved:
            environments = [_without(one, ("engine", "threads")) for one in environments]
        plans = [EnginePlan.recorded(one.get("engine", "")) for one in environments]
        compiled = next((place for place, one in enumerate(plans) if one.switch_at), 0)
        before = environments[compiled] if environments else {}
        requested, notice = Device(before.get("device", recipe.device)), moved
        try:
            device = choose_device(requested)
        except UserError:
            if recipe.device is not Device.AUTO:
                raise
            device = choose_device(Device.AUTO)
            elsewhere = _(
                "This run began on {requested}, which is not there now; it goes on on {type}.",
                requested=requested,
                type=device.type,
            )
            notice = " ".join(filter(None, (elsewhere, moved)))
        threads = int(before.get("threads", max(1, cores() // (devices + beside))))
        use_threads(threads)
        plan = choose_engine(recipe, device, before, cache, networks, devices)
        if "precision" in before:
            precision = Precision(before["precision"])
        else:
            exact = recipe.exact and device.type == "cuda"
            if device.type == "cuda":
                set_products(Precision.FLOAT32, exact=recipe.exact)
            precision = choose_precision(Precision.FLOAT32 if exact else recipe.precision, device, cache)
        if device.type == "cuda":
            set_products(precision, exact=recipe.exact)
        if "precision" in before:  # before the layout was recorded there was only one
            layout = MemoryLayout(before.get("layout", MemoryLayout.CHANNELS_LAST))
        else:
            layout = choose_layout(recipe.layout, device, precision, cache)
        slow: set[NetworkSpec] = set()
        fused: set[NetworkSpec] = set()
        if settled := "engine" in before and before.get("device", device.type) == device.type:
            slow = {network for network, one in zip(networks, plans, strict=True) if one.switch_at < plan.switch_at}
            recorded = zip(networks, environments, strict=True)
            fused = {network for network, one in recorded if one.get("engine") == FUSED}
        else:
            if plan.engine is Engine.GRAPHED:
                fused = fused_networks(device, precision, layout, networks)
            if plan.switch_at and recipe.engine is Engine.AUTO:
                slow = slow_networks(recipe, device, cache, networks)
            if fused and fused | slow == set(networks):
                plan = plan.uncompiled
        return cls(
            device, precision, threads, plan, layout, settled, notice, slow=frozenset(slow - fused),
            fused=frozenset(fused), devices=devices,
        )  # fmt: skip

    def another_engine(self, network: NetworkSpec) -> str:
        """The engine of a run whose network is not trained as the plan says, empty if it is."""
        if network in self.fused:
            return FUSED
        return self.plan.uncompiled.name if network in self.slow else ""

    def here(self, recipe: RecipeSpec) -> None:
        """Set torch up in another process than the one that chose."""
        use_threads(self.threads)
        if self.device.type == "cuda":
            set_products(self.precision, exact=recipe.exact)

    def engine(
        self, recipe: RecipeSpec, cache: Path, should_stop: StopCheck, waiting: Callable[[], None],
        failed: Callable[[str], None],
        on_members_left_eager: Callable[[Sequence[str], str], None] = lambda _run_ids, _reason: None,
        team: Team | None = None,
    ) -> StepEngine:  # fmt: skip
        """The planned engine; what is found out about compiling here is kept in ``cache``. See :func:`make_engine`."""

        def faster(network: NetworkSpec, measure: Callable[[], float]) -> bool:
            subject = gain_subject(network, recipe.pass_size)
            gain = known_gain(self.device, recipe.precision, cache, subject)
            if gain is None:
                gain = measure()
                remember_gain(self.device, recipe.precision, cache, subject, gain)
            return gain >= WORTH_IT

        measure = recipe.engine is Engine.AUTO and not self.settled
        use_compile_cache(cache)
        return make_engine(
            self.plan, self.precision, self.threads, should_stop,
            waiting=waiting, failed=failed, faster=faster if measure else None, slow=self.slow, fused=self.fused,
            on_members_left_eager=on_members_left_eager, team=team,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """What the bits of a run depend on besides its specification and its data."""
        return {
            "device": self.device.type,
            "device_name": device_name(self.device),
            "precision": str(self.precision),
            "layout": str(self.layout),
            "threads": str(self.threads),
            "engine": self.plan.name,
            "torch": torch.__version__,
            "torchvision": version("torchvision"),
            "python": platform.python_version(),
            "platform": platform.platform(terse=True),
            **program(),
            **({"devices": str(self.devices)} if self.devices > 1 else {}),
        }


def _moved(recipe: RecipeSpec, before: Mapping[str, str], devices: int) -> str:
    """What differs where a run goes on with another number of devices, as a sentence.

    Empty if it does not or begins here.
    """
    used = int(before.get("devices", 1))
    if "device" not in before or used == devices:
        return ""
    same = (
        _("batch norm sees {images} images as before", images=recipe.pass_size)
        if recipe.shares > 1
        else _("every batch is the same")
    )
    return _(
        "This run was trained on {used} until now and goes on on {now}. Samples, crops and learning rates stay as they "
        "are and {same}; sums are rounded in another order, so the last bits differ from those of a run that stays.",
        used=_n("{count} device", "{count} devices", used),
        now=_n("{count} device", "{count} devices", devices),
        same=same,
    )


def _without(values: Mapping[str, str], keys: Sequence[str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if key not in keys}
