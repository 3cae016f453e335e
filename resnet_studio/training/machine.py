"""Where and how a cohort computes, chosen once and kept with its runs: what a resumed run used is used again."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision

from resnet_studio import __version__
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.specs import RecipeSpec
from resnet_studio.domain.terms import Device, Precision
from resnet_studio.training.devices import choose_device, cores, device_name, use_threads
from resnet_studio.training.precision import choose_precision


@dataclass(frozen=True, slots=True)
class Machine:
    """Device, precision and torch's threads; ``notice`` is a sentence for the user, empty if all is as before."""

    device: torch.device
    precision: Precision
    threads: int
    notice: str = ""

    @classmethod
    def choose(cls, recipe: RecipeSpec, before: Mapping[str, str], cache: Path) -> Machine:
        """For ``recipe``, or as ``before`` (the environment of a run that began earlier) says; sets torch's threads.

        Raises:
            UserError: If the recipe names a device that is not there.
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
        if "precision" in before:
            return cls(device, Precision(before["precision"]), threads, notice)
        return cls(device, choose_precision(recipe.precision, device, cache), threads, notice)

    def environment(self, engine: str) -> dict[str, str]:
        """What the bits of a run depend on besides its specification and its data."""
        return {
            "device": self.device.type,
            "device_name": device_name(self.device),
            "precision": str(self.precision),
            "threads": str(self.threads),
            "engine": engine,
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(terse=True),
            "resnet_studio": __version__,
        }
