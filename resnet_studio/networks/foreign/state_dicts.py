"""Sets of weights in what a training script saved: under ``state_dict``, ``model``, any other key, or at the top."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_studio.domain.errors import UserError
from resnet_studio.networks.foreign.layers import without_wrappers
from resnet_studio.networks.foreign.pickles import PickleError, StandIn
from resnet_studio.networks.foreign.torch_files import Array, Described, Odd
from resnet_studio.text import _, _n

# First wins. An optimizer's state holds tensors too, but under numbers.
_KEYS = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "net_state_dict", "weights", "params",
    "module",
)  # fmt: skip
_AVERAGED = re.compile(r"ema|(^|_)(avg|averaged?|swa|shadow|teacher|momentum)(_|$)", re.IGNORECASE)
_NO_WEIGHTS = re.compile(r"optim|^opt(_|$)|sched|scaler|^amp$|^grad", re.IGNORECASE)
_MAX_NAMES = 100_000
_MAX_DEPTH = 6
_MAX_CONTAINERS = 20_000
_MAX_SETS = 100
_SHOWN = 8
_SAME = _("the same values")
_CONTENT = ("_content", "data", "_data", "_store")  # under which containers that are no dictionaries keep their own

Raw = Tensor | Described | Array | Odd


class ManySetsError(UserError):
    """Several sets of weights, none of them the usual one; ``choices``: the key of each, and how it differs."""

    def __init__(self, file_name: str, sets: tuple[WeightsSet, ...]) -> None:
        self.choices = tuple((each.key, each.about) for each in sets)
        super().__init__(
            _(
                "{file_name} holds {sets} sets of weights ({listed}); say which is meant with --weights-key.",
                file_name=file_name,
                sets=len(sets),
                listed=listed(sets),
            )
        )


@dataclass(frozen=True, slots=True)
class WeightsSet:
    """One of the sets of tensors in a file: its dotted key, empty for the top, and what tells it from the others."""

    key: str
    about: str

    @property
    def title(self) -> str:
        return self.key or _("the top")


@dataclass(frozen=True, eq=False)
class Found:
    """The tensors of one set, float32, each with memory of its own.

    Attributes:
        entry: The dotted key that they lay under, empty for the top of the file.
        sets: Every set of the file, this one first; a single one where there was no choice.
        passed_over: Names of tensors beside the sets, such as a loss's.
    """

    tensors: dict[str, Tensor]
    entry: str
    sets: tuple[WeightsSet, ...]
    passed_over: tuple[str, ...] = ()


def listed(sets: tuple[WeightsSet, ...]) -> str:
    shown = [f"{each.title}: {each.about}" for each in sets[:_SHOWN]]
    return "; ".join(shown) + (_("; and {sets} more", sets=len(sets) - _SHOWN) if len(sets) > _SHOWN else "")


def tensors_in(values: object, file_name: str, key: str | None = None) -> Found:
    """The network's tensors in ``values``, what a file holds.

    ``key`` is the set that is meant; None for the usual one.

    Raises:
        ManySetsError: If there are several and none is the usual one.
        UserError: If there are none, none of that key, or one of them is no plain array of numbers.
    """
    raw = _search(values)
    if not raw:
        raise UserError(
            _(
                "{file_name} holds no named tensors, so there are no weights in it; choose another file.",
                file_name=file_name,
            )
        )
    networks = {name: tensors for name, tensors in raw.items() if any(_dimensions(t) == 4 for t in tensors.values())}
    parts, beside = _parts(networks or raw)
    entry = _usual(parts) if key is None else key
    if key is not None and key not in parts:
        known = ", ".join(name or _("the top") for name in parts)
        raise UserError(
            _(
                "{file_name} has no weights under {key}; they lie under {known}.",
                file_name=file_name,
                key=key or _("the top"),
                known=known,
            )
        )
    if entry is None:
        entry = next(iter(parts))
        sets = _described(parts, entry, file_name)
        if any(not each.about.endswith(_SAME) for each in sets[1:]):
            raise ManySetsError(file_name, sets)
    tensors = {name: _plain(name, tensor, file_name) for name, tensor in parts[entry].items()}
    passed = [name for name, owner in beside.items() if entry.startswith(owner)]
    return Found(tensors, entry, _described(parts, entry, file_name), tuple(passed))


def _usual(parts: Mapping[str, object]) -> str | None:
    """The key of the set that is meant where nobody says; None if there is no telling."""
    ranks = {key: _rank(key) for key in parts}
    best = min(ranks.values())
    first = [key for key, rank in ranks.items() if rank == best]
    return first[0] if len(first) == 1 else None


def _rank(key: str) -> tuple[int, int]:
    """Averages after what they are averages of, well-known keys before others; the top of the file is one of them."""
    last = key.rpartition(".")[2]
    averaged = any(_AVERAGED.search(part) for part in key.split("."))
    known = 0 if not key else _KEYS.index(last) + 1 if last in _KEYS else len(_KEYS) + 1
    return int(averaged), known


# Where tensors lie


def _search(values: object) -> dict[str, dict[str, Raw]]:
    """Dictionaries of tensors by their dotted keys, those nearer to the top first; each is listed once."""
    found: dict[str, dict[str, Raw]] = {}
    waiting, seen = [(values, "", 0)], {id(values): True}  # and whether it has tensors of its own
    for value, key, depth in waiting:  # grows
        if isinstance(value, Raw):
            found[key] = {key.rpartition(".")[2] or "tensor": value}
            continue
        names = dict(_module_tensors(value)) if _is_module(value) else _children(value)
        if len(names) > _MAX_NAMES or len(found) >= _MAX_SETS or len(waiting) > _MAX_CONTAINERS:
            break
        tensors = {name: child for name, child in names.items() if isinstance(child, Raw)}
        if any(_dimensions(tensor) >= 2 for tensor in tensors.values()):  # a network has weights, not only counters
            found[key] = tensors
        for name, child in names.items():
            if depth >= _MAX_DEPTH or isinstance(child, Raw) or _NO_WEIGHTS.search(name):
                continue
            first = id(child) not in seen
            if first:
                inner = _children(child)
                seen[id(child)] = any(isinstance(each, Raw) for each in inner.values())
            if (first and inner) or (not first and seen[id(child)]):  # one set may lie under two keys
                waiting.append((child, f"{key}.{name}" if key else name, depth + 1))
    return found


def _children(value: object) -> dict[str, object]:
    """What a container holds under names: a dictionary, an object's attributes, or numbered items."""
    if isinstance(value, StandIn):
        state = value.state[0] if isinstance(value.state, tuple) and value.state else value.state
        if value.pairs or not isinstance(state, dict):
            return _children(value.pairs or value.items)
        inner = next((state[name] for name in _CONTENT if isinstance(state.get(name), dict)), state)
        return {name: child for name, child in inner.items() if isinstance(name, str)}
    if isinstance(value, Mapping):
        return {name: child for name, child in value.items() if isinstance(name, str)}
    if isinstance(value, list | tuple) and len(value) <= _MAX_SETS and any(not isinstance(v, Raw) for v in value):
        return {str(number): child for number, child in enumerate(value)}
    return {}


def _is_module(value: object) -> bool:
    return isinstance(value, StandIn) and isinstance(value.state, dict) and "_modules" in value.state


def _module_tensors(module: object) -> Iterator[tuple[str, Raw]]:
    """Of a network that was saved whole, as objects: its tensors under the names that its state_dict would have."""
    waiting, seen = [("", module)], set[int]()
    while waiting:
        prefix, value = waiting.pop()
        if not isinstance(value, StandIn) or not isinstance(value.state, dict) or id(value) in seen:
            continue
        seen.add(id(value))
        hidden = value.state.get("_non_persistent_buffers_set")
        left_out = set(map(str, hidden)) if isinstance(hidden, list | tuple) else set()
        for kind in ("_parameters", "_buffers"):
            for name, tensor in _children(value.state.get(kind)).items():
                if isinstance(tensor, Raw) and name not in left_out:
                    yield f"{prefix}{name}", tensor
        inner = _children(value.state.get("_modules"))
        waiting += [(f"{prefix}{name}.", child) for name, child in reversed(inner.items())]


def _dimensions(tensor: Raw) -> int:
    if isinstance(tensor, Described):
        return len(tensor.shape)
    if isinstance(tensor, Array):
        return tensor.tensor.dim() if tensor.tensor is not None else 0
    return tensor.dim() if isinstance(tensor, Tensor) else 4


# Several networks under one key


def _parts(found: Mapping[str, dict[str, Raw]]) -> tuple[dict[str, dict[str, Raw]], dict[str, str]]:
    """Each whole network of ``found`` by its key, and names of tensors beside them with the key they lay under."""
    parts: dict[str, dict[str, Raw]] = {}
    beside: dict[str, str] = {}
    for key, tensors in found.items():
        networks = _networks(tensors)
        if len(networks) < 2:
            parts[key] = tensors
            continue
        for prefix, own in networks.items():
            parts[f"{key}.{prefix}" if key else prefix] = own
        taken = {name for prefix in networks for name in tensors if name.startswith(f"{prefix}.")}
        beside |= {name: key for name in tensors if name not in taken}
    return parts, beside


def _networks(tensors: Mapping[str, Raw]) -> dict[str, dict[str, Raw]]:
    """By its prefix each part of the names that is a whole network of its own: from three colours to classes."""
    shortened = without_wrappers(tensors)
    wrapper = next(iter(tensors)).removesuffix(next(iter(shortened), ""))
    groups: dict[str, dict[str, Raw]] = {}
    for name, tensor in shortened.items():
        first, _unused, rest = name.partition(".")
        if rest:
            groups.setdefault(f"{wrapper}{first}", {})[rest] = tensor
    return {prefix: own for prefix, own in groups.items() if _whole(own)}


def _whole(tensors: Mapping[str, Raw]) -> bool:
    shapes = [_shape(tensor) for tensor in tensors.values()]
    return any(len(s) == 4 and s[1] == 3 for s in shapes) and any(len(s) == 2 for s in shapes)


def _shape(tensor: Raw) -> tuple[int, ...]:
    if isinstance(tensor, Array):
        return tuple(tensor.tensor.shape) if tensor.tensor is not None else ()
    return () if isinstance(tensor, Odd) else tuple(tensor.shape)


def _described(parts: Mapping[str, dict[str, Raw]], entry: str, file_name: str) -> tuple[WeightsSet, ...]:
    """Every set, ``entry`` first, with its size and how it differs from that."""
    first = parts[entry]
    keys = [entry, *(key for key in parts if key != entry)]
    return tuple(WeightsSet(key, _about(parts[key], None if key == entry else first, file_name)) for key in keys)


def _about(tensors: Mapping[str, Raw], other: Mapping[str, Raw] | None, file_name: str) -> str:
    size = _n("{count} tensor", "{count} tensors", len(tensors))
    if other is None:
        return size
    if set(tensors) != set(other):
        more, fewer = len(set(tensors) - set(other)), len(set(other) - set(tensors))
        return _("{size}, {more} of other names", size=size, more=more) + (
            _(", {fewer} fewer", fewer=fewer) if fewer else ""
        )
    if any(_shape(tensors[name]) != _shape(other[name]) for name in tensors):
        return _("{size} of the same names, but other shapes", size=size)
    for name in tensors:
        if not torch.equal(_plain(name, tensors[name], file_name), _plain(name, other[name], file_name)):
            return _("{size} of the same names and shapes, with other values", size=size)
    return f"{size}, {_SAME}"


def _plain(name: str, raw: Raw, file_name: str) -> Tensor:
    try:
        tensor = raw.tensor() if isinstance(raw, Described) else raw.tensor if isinstance(raw, Array) else raw
    except PickleError as error:
        raise UserError(
            _(
                "{name} in {file_name} cannot be read: {error}; get the file again.",
                name=name,
                file_name=file_name,
                error=error,
            )
        ) from None
    if (
        not isinstance(tensor, Tensor) or tensor.layout is not torch.strided or tensor.is_quantized
        or tensor.is_complex() or tensor.device.type != "cpu"
    ):  # fmt: skip
        raise UserError(
            _(
                "{name} in {file_name} is not a plain array of numbers (sparse, quantized or complex); save the "
                "network "
                "as it was trained, in float32.",
                name=name,
                file_name=file_name,
            )
        )
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise UserError(
            _(
                "{name} in {file_name} claims more numbers than the file holds; get the file again.",
                name=name,
                file_name=file_name,
            )
        )
    tensor = tensor.detach()
    return (tensor.float() if tensor.is_floating_point() else tensor).clone(memory_format=torch.contiguous_format)
