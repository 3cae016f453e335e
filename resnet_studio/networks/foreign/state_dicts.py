"""Where the tensors lie in what a training script saved: under ``state_dict``, ``model``, ``net``, or at the top."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from resnet_studio.domain.errors import UserError

# First wins. An optimizer's state holds tensors too, but under numbers.
_KEYS = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "net_state_dict", "weights", "params",
    "module", "state_dict_ema", "model_ema", "ema_state_dict", "ema",
)  # fmt: skip
_MAX_NAMES = 100_000
_MAX_DEPTH = 6


def tensors_in(values: object, file_name: str) -> tuple[dict[str, Tensor], str, tuple[str, ...]]:
    """The network's tensors in what ``torch.load`` gave, float32, each with memory of its own.

    Returns:
        The tensors, the dotted key they lay under, and the keys of other sets of tensors that were not taken.

    Raises:
        UserError: If there are none, or one of them is no plain array of numbers.
    """
    found: dict[str, dict[str, Tensor]] = {}
    if isinstance(values, Tensor):
        found[""] = {"tensor": values}
    _search(values, "", found, 0)
    if not found:
        raise UserError(f"{file_name} holds no named tensors, so there are no weights in it; choose another file.")
    entry = min(found, key=lambda key: (_rank(key), key.count("."), -len(found[key])))
    others = tuple(key for key in found if key != entry and _rank(key) < len(_KEYS))
    return {name: _plain(name, tensor, file_name) for name, tensor in found[entry].items()}, entry, others


def _rank(key: str) -> int:
    """Place in the order of preference; the top of the file counts as the first key."""
    last = key.rpartition(".")[2]
    return 0 if not key else _KEYS.index(last) if last in _KEYS else len(_KEYS)


def _search(values: object, key: str, found: dict[str, dict[str, Tensor]], depth: int) -> None:
    if not isinstance(values, Mapping) or depth > _MAX_DEPTH or len(values) > _MAX_NAMES or len(found) > 100:
        return
    tensors = {name: value for name, value in values.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if any(tensor.dim() >= 2 for tensor in tensors.values()):  # a network has weights, not only counters
        found[key] = tensors
        return
    for name, value in values.items():
        if isinstance(name, str) and isinstance(value, Mapping) and not name.startswith("optim"):
            _search(value, f"{key}.{name}" if key else name, found, depth + 1)


def _plain(name: str, tensor: Tensor, file_name: str) -> Tensor:
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_complex() or tensor.device.type != "cpu":
        raise UserError(
            f"{name} in {file_name} is not a plain array of numbers (sparse, quantized or complex); save the network "
            "as it was trained, in float32."
        )
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise UserError(f"{name} in {file_name} claims more numbers than the file holds; get the file again.")
    tensor = tensor.detach()
    return (tensor.float() if tensor.is_floating_point() else tensor).clone(memory_format=torch.contiguous_format)
