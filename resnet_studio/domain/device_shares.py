"""Whether a batch can be divided between devices so that each sees whole shares of it."""

from __future__ import annotations

from resnet_studio.domain.enums import Device, Engine, Family
from resnet_studio.domain.specs import RunSpec
from resnet_studio.text import _

MOST_DEVICES = 64


def device_fault(spec: RunSpec, devices: int) -> str:
    """Why ``spec`` cannot be trained on so many devices, as a sentence; empty if it can."""
    recipe = spec.recipe
    if devices == 1:
        return ""
    if recipe.batch_size % devices:
        return _(
            "a batch of {batch_size} cannot be divided between {devices} devices; choose another number",
            batch_size=recipe.batch_size,
            devices=devices,
        )
    if recipe.engine is Engine.GRAPHED:
        return _("the graphed engine trains on one device; choose engine auto")
    if recipe.device is Device.MPS:
        return _("this machine has one MPS device; leave the number of devices at 1")
    share = recipe.batch_size // devices
    if spec.network.family is Family.VGG or recipe.shares % devices == 0:
        return ""
    return _(
        "on {devices} devices batch norm sees {share} images at once, not {pass_size}; set bn_images to {share}, or to "
        "what divides it",
        devices=devices,
        share=share,
        pass_size=recipe.pass_size,
    )
