"""A network's weights as a safetensors file, and their digest. Loading never unpickles."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from resnet_studio.domain.errors import CheckpointError
from resnet_studio.platform.outside_files import regular_file
from resnet_studio.text import _


def state_of(network: nn.Module) -> dict[str, Tensor]:
    """Parameters and batch-norm statistics on the CPU, contiguous, detached copies."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in sorted(network.state_dict().items())
    }


def digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes, in the order of the names."""
    found = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def save_weights(state: Mapping[str, Tensor], path: Path) -> None:
    save_file(dict(state), path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file.

    Raises:
        CheckpointError: If the file is missing or damaged.
    """
    try:
        return load_file(regular_file(path))
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(
            _("The weights file {path} cannot be read ({error}); use an earlier checkpoint.", path=path, error=error)
        ) from None


def load_weights(network: nn.Module, path: Path) -> None:
    """Copy the file's tensors into ``network``.

    Raises:
        CheckpointError: If the file is missing, damaged, or of another network; names the first layer that differs.
    """
    found, wanted = load_tensors(path), network.state_dict()
    for name, tensor in wanted.items():
        if name not in found:
            raise CheckpointError(
                _("The weights file {path} lacks layer {name}; it belongs to another network.", path=path, name=name)
            )
        if found[name].shape != tensor.shape:
            raise CheckpointError(
                _(
                    "Layer {name} in {path} has shape {shape} where {tensor_shape} is wanted; "
                    "it belongs to another network.",
                    name=name,
                    path=path,
                    shape=tuple(found[name].shape),
                    tensor_shape=tuple(tensor.shape),
                )
            )
    if extra := sorted(found.keys() - wanted.keys()):
        raise CheckpointError(
            _("The weights file {path} holds {extra}, which this network lacks.", path=path, extra=extra[0])
        )
    network.load_state_dict(found)
