"""Which data sets fit into memory, said before the system starts to kill programs."""

from __future__ import annotations

from resnet_studio.domain.errors import DataError
from resnet_studio.platform.memory import physical_bytes
from resnet_studio.text import _

_SHARE = 0.6  # of the machine's memory: never more
_MODEST_SHARE = 0.3  # unasked no more than this, as networks and other programs need room too


def fits(images: int, image_size: int, device_bytes: int | None) -> bool:
    """Whether so many decoded RGB images take a modest share of memory.

    Args:
        images: How many.
        image_size: Height and width, in pixels; three bytes each.
        device_bytes: The training device's own memory, None where it has none or that is not known.
    """
    smallest = min(physical_bytes(), device_bytes or physical_bytes())
    return images * 3 * image_size**2 <= _MODEST_SHARE * smallest


def refuse_oversize(images: int, image_size: int) -> None:
    """Raises DataError if so many decoded RGB images exceed 60 % of the memory."""
    needed = images * 3 * image_size**2
    there = physical_bytes()
    if needed > _SHARE * there:
        raise DataError(
            _(
                "{images} images of {image_size} x {image_size} pixels need {needed:.1f} GB, but this machine has "
                "{there:.1f} GB of memory; choose streamed loading, a smaller image size or fewer images.",
                images=images,
                image_size=image_size,
                needed=needed / 1e9,
                there=there / 1e9,
            )
        )
