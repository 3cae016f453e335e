"""Classes matched by name: data and networks may list them in any order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from resnet_studio.domain.errors import UserError
from resnet_studio.inference.models import TrainedNetwork
from resnet_studio.text import _, _n


def outputs_of(network: TrainedNetwork, names: Sequence[str], where: str) -> Tensor:
    """For each of ``names``, the network's output of that name: int64 (classes,).

    ``where`` says whose names they are, for the sentence.

    Raises:
        UserError: Unless the network knows exactly these classes.
    """
    own = {name: output for output, name in enumerate(network.class_names)}
    unknown = [name for name in names if name not in own]
    missing = [name for name in network.class_names if name not in set(names)]
    if not unknown and not missing:
        return torch.tensor([own[name] for name in names])
    parts = []
    if unknown:
        parts.append(
            _n("{some} is unknown to the run", "{some} are unknown to the run", len(unknown), some=_some(unknown))
        )
    if missing:
        parts.append(
            _n("{some} is missing from the data", "{some} are missing from the data", len(missing), some=_some(missing))
        )
    raise UserError(
        _(
            "The classes of {where} are not those that {name} was trained on: {parts}; "
            "choose data with the same class names.",
            where=where,
            name=network.run.name,
            parts=_(" and ").join(parts),
        )
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else _("{shown} and {names} more", shown=shown, names=len(names) - 3)
