"""Where and how a cohort computes, chosen once and kept with its runs: what a resumed run used is used again."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torchvision

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.host import cores
from resnet_studio.domain.specs import NetworkSpec, RecipeSpec
from resnet_studio.domain.speeds import WORTH_IT
from resnet_studio.domain.terms import Device, Engine, Precision
from resnet_studio.training.choosing import (
    EnginePlan,
    choose_engine,
    gain_subject,
    known_gain,
    make_engine,
    remember_gain,
)
from resnet_studio.training.devices import choose_device, device_name, use_threads
from resnet_studio.training.engines import StepEngine
from resnet_studio.training.precision import choose_precision, set_products
from resnet_studio.training.provenance import program


@dataclass(frozen=True, slots=True)
class Machine:
    """Device, precision, torch's threads and the engine, which is ``settled`` for a run that began earlier; ``notice``
    is a sentence for the user, empty if all is as before. ``subject`` says what compiling is measured with."""

    device: torch.device
    precision: Precision
    threads: int
    plan: EnginePlan = field(default=EnginePlan(Engine.EAGER))
    settled: bool = False
    notice: str = ""
    subject: str = ""

    @classmethod
    def choose(
        cls, recipe: RecipeSpec, before: Mapping[str, str], cache: Path, networks: Sequence[NetworkSpec] = ()
    ) -> Machine:
        """For ``networks`` trained by ``recipe``, or as ``before`` (the environment of a run that began earlier) says;
        sets torch's threads.

        Raises:
            UserError: If the recipe names a device or an engine that is not there.
        """
        wish, notice = Device(before.get("device", recipe.device)), ""
        try:
            device = choose_device(wish)
        except UserError:
            if recipe.device is not Device.AUTO:
                raise
            device = choose_device(Device.AUTO)
            notice = f"This run began on {wish}, which is not there now; it goes on on {device.type}."
        threads = int(before.get("threads", cores()))
        use_threads(threads)
        plan = choose_engine(recipe, device, before, cache, networks)
        if "precision" in before:
            precision = Precision(before["precision"])
        else:
            exact = recipe.exact and device.type == "cuda"
            precision = choose_precision(Precision.FLOAT32 if exact else recipe.precision, device, cache)
        if device.type == "cuda":
            set_products(precision, exact=recipe.exact)
        subject = gain_subject(networks, recipe.batch_size)
        return cls(device, precision, threads, plan, "engine" in before, notice, subject)

    def engine(
        self, recipe: RecipeSpec, cache: Path, should_stop: StopCheck, waiting: Callable[[], None],
        failed: Callable[[str], None],
    ) -> StepEngine:  # fmt: skip
        """The planned engine; what is found out about compiling here is kept in ``cache``."""

        def faster(gain: float) -> bool:
            remember_gain(self.device, recipe.precision, cache, gain, self.subject)
            return gain >= WORTH_IT

        open_yet = recipe.engine is Engine.AUTO and not self.settled
        measure = open_yet and known_gain(self.device, recipe.precision, cache, self.subject) is None
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache / "compiled"))
        return make_engine(
            self.plan, self.precision, self.threads, should_stop,
            waiting=waiting, failed=failed, faster=faster if measure else None,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """What the bits of a run depend on besides its specification and its data."""
        return {
            "device": self.device.type,
            "device_name": device_name(self.device),
            "precision": str(self.precision),
            "threads": str(self.threads),
            "engine": self.plan.name,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(terse=True),
            **program(),
        }
