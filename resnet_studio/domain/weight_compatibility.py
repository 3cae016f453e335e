"""Whether one network can begin with another's weights: the same layers, the number of classes alone may be another.

Option A's shortcuts have no weights, so a plain net and its residual twin of option A can begin with the same ones.
"""

from __future__ import annotations

from functools import lru_cache

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.text import _

LAST_LAYER = "head.fc"


@lru_cache(maxsize=64)
def _weighted(spec: NetworkSpec) -> frozenset[tuple[object, ...]]:
    """Everything that sets the shapes of the weights, for each layer that has some but the last one."""
    return frozenset(
        (layer.name, layer.kind, layer.kernel, layer.input[0], layer.output[0], layer.bias, layer.weights)
        for layer in blueprint(spec).layers
        if layer.parameters and layer.name != LAST_LAYER
    )


def weights_fit(own: NetworkSpec, theirs: NetworkSpec) -> bool:
    """Whether ``own`` can take over the weights of ``theirs``, the last layer's aside."""
    if own == theirs:
        return True
    return own.image_size == theirs.image_size and _weighted(own) == _weighted(theirs)


def misfit(own: NetworkSpec, parent: RunRecord) -> str:
    """Why ``own`` cannot begin with the newest weights of ``parent``, as a sentence; empty if it can."""
    if parent.deleted or not parent.weights_sha256:
        return _("{name} has no weights to start from; choose a run that has.", name=parent.name)
    theirs = parent.spec.network
    if weights_fit(own, theirs):
        return ""
    if _weighted(own) == _weighted(theirs):
        return _(
            "{name} sees images of {image_size} pixels and {label} of {own_image_size}; choose "
            "“Image size” {image_size}, or another run to start from.",
            name=parent.name,
            image_size=theirs.image_size,
            label=own.label,
            own_image_size=own.image_size,
        )
    shape = f", a {theirs.label}" if theirs.label != own.label else _(", which has another shape")
    return _(
        "{label} cannot begin with the weights of {name}{shape}; start from a run of the same network, "
        "or from fresh weights.",
        label=own.label,
        name=parent.name,
        shape=shape,
    )


def twin_misfit(own: NetworkSpec, other: NetworkSpec, parent: RunRecord) -> str:
    """Why ``own`` can begin with those weights while its twin ``other`` cannot, as a sentence; empty if both can."""
    if misfit(own, parent) or not misfit(other, parent):
        return ""
    return _(
        "The weights of {name} fit {label} but not its twin {other_label}; train {label} alone.",
        name=parent.name,
        label=own.label,
        other_label=other.label,
    )
