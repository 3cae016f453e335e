"""Which networks a test protocol cannot be used with, and why. Free of torch, so that a form can ask."""

from __future__ import annotations

from resnet_studio.domain.enums import Family
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.text import _


def refusal(network: NetworkSpec, protocol: Protocol, name: str = "") -> str:
    """A sentence if ``network`` (shown as ``name``) cannot be tested under ``protocol``, else empty."""
    name = name or network.label
    if protocol.kind is ProtocolKind.MULTI_SCALE and network.family is Family.VGG:
        return _(
            "{name} ends in fully connected layers for images of {image_size} pixels alone, so it cannot see "
            "whole images at several scales; choose 10-crop.",
            name=name,
            image_size=network.image_size,
        )
    if 0 < protocol.resize < network.image_size:
        return _(
            "Images with a shorter side of {resize} pixels cannot hold the crops of {image_size} "
            "that {name} sees; choose a resize of at least {image_size}.",
            resize=protocol.resize,
            image_size=network.image_size,
            name=name,
        )
    return ""
