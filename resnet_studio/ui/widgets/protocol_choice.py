"""A test protocol as it is asked for: by itself, or with scales in proportion to each network's image size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from resnet_studio.domain.protocols import PAPER_SCALES, SINGLE, Protocol
from resnet_studio.domain.specs import replace
from resnet_studio.text import _

PAPER_SIZE = 224  # what the paper's scales are made for (section 3.4)


def scales_for(image_size: int) -> tuple[int, ...]:
    """The paper's scales, in proportion to the image size of a network."""
    return tuple(round(scale * image_size / PAPER_SIZE) for scale in PAPER_SCALES)


@dataclass(frozen=True, slots=True)
class ProtocolChoice:
    """``proportional``: nobody typed scales, so each network has those for its own image size. Multi-scale only."""

    protocol: Protocol = SINGLE
    proportional: bool = False

    def of(self, image_size: int) -> Protocol:
        """What a network whose input is ``image_size`` wide is tested under."""
        return replace(self.protocol, scales=scales_for(image_size)) if self.proportional else self.protocol


def sizes_sentence(image_sizes: Iterable[int]) -> str:
    """Which network has which scales; empty where all have the same."""
    sizes = sorted(set(image_sizes))
    if len(sizes) < 2:
        return ""
    parts = [
        _("{scales_for} for networks of {size} px", scales_for=", ".join(map(str, scales_for(size))), size=size)
        for size in sizes
    ]
    return _("In proportion to the image size: {parts}.", parts="; ".join(parts))
