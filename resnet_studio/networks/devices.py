"""Which device a network runs on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import UserError
from resnet_studio.platform.host import cpu_name
from resnet_studio.text import _


def choose_device(device: Device) -> torch.device:
    """CUDA, else Apple's MPS, else the CPU for ``auto``.

    Raises:
        UserError: If ``device`` is not there.
    """
    there = {
        Device.CUDA: torch.cuda.is_available(),
        Device.MPS: torch.backends.mps.is_available(),
        Device.CPU: True,
    }
    if device is Device.AUTO:
        return torch.device(next(str(kind) for kind, available in there.items() if available))
    if not there[device]:
        raise UserError(_("This machine has no {device} device that torch can use; choose auto or cpu.", device=device))
    return torch.device(str(device))


def kinds_here() -> tuple[str, ...]:
    """The kinds of devices that this process can train on, the one that ``auto`` takes first."""
    there = (torch.cuda.is_available(), torch.backends.mps.is_available(), True)
    return tuple(str(kind) for kind, found in zip((Device.CUDA, Device.MPS, Device.CPU), there, strict=True) if found)


def missing_device(name: str) -> UserError:
    """The error for a device that somebody named and that is not here."""
    return UserError(_("This machine has no {name} that torch can use.", name=name))


@dataclass(frozen=True, slots=True)
class DevicesHere:
    """What this process can train on.

    Attributes:
        kinds: As :func:`kinds_here` gives them.
        gpus: ``cuda:N`` and what people call it, of each GPU that CUDA shows.
    """

    kinds: tuple[str, ...]
    gpus: tuple[tuple[str, str], ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Each device of the kind that ``auto`` takes first."""
        return tuple(name for name, _called in self.gpus) or self.kinds[:1]


def devices_here() -> DevicesHere:
    """Looked up anew."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    gpus = ((f"cuda:{number}", device_name(torch.device("cuda", number))) for number in range(count))
    return DevicesHere(kinds_here(), tuple(gpus))


def device_name(device: torch.device) -> str:
    """What people call it, for the status bar and the record."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    if device.type == "mps":
        return "Apple GPU"
    return cpu_name()
