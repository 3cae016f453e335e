"""What ResNet Studio writes beside the weights it exports, so that they come back as they went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.documents import from_json, to_json
from resnet_studio.domain.errors import CheckpointError, SpecError
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.foreign.files import WeightsFile

_SPEC, _CLASSES, _MEAN, _STD = "network", "class_names", "preprocessing.mean", "preprocessing.std"
COMPANION = ".preprocessing.safetensors"


@dataclass(frozen=True, eq=False)
class Sidecar:
    """What lay beside the weights in a file: None or empty where there was none."""

    spec: NetworkSpec | None = None
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] = ()


def metadata(spec: NetworkSpec, class_names: tuple[str, ...]) -> dict[str, str]:
    """Text for safetensors' header and ONNX's properties."""
    return {
        "format": "ResNet Studio 1",
        _SPEC: to_json(spec),
        _CLASSES: json.dumps(list(class_names), ensure_ascii=False),
    }


def tensors(preprocessing: Preprocessing) -> dict[str, Tensor]:
    """Mean and std under names that no layer has."""
    return {_MEAN: preprocessing.mean.cpu().contiguous(), _STD: preprocessing.std.cpu().contiguous()}


def take(file: WeightsFile) -> tuple[dict[str, Tensor], Sidecar]:
    """The weights of ``file`` without what is no weight, and that; text that makes no sense counts as none."""
    left = dict(file.tensors)
    mean, std = left.pop(_MEAN, None), left.pop(_STD, None)
    spec: NetworkSpec | None = None
    if text := file.metadata.get(_SPEC, ""):
        try:
            spec = from_json(NetworkSpec, text)
        except SpecError:
            spec = None
    names = _names(file.metadata.get(_CLASSES, ""))
    prepared: Preprocessing | None = None
    if spec is not None and mean is not None and std is not None:
        try:
            prepared = Preprocessing(spec.image_size, mean, std)
        except ValueError:
            prepared = None
    return left, Sidecar(spec, prepared, names)


def _names(text: str) -> tuple[str, ...]:
    try:
        values = json.loads(text) if text else []
    except ValueError:
        return ()
    good = isinstance(values, list) and all(isinstance(value, str) for value in values)
    return tuple(values) if good and len(set(values)) == len(values) else ()


def companion(path: Path) -> Path:
    """The file for preprocessing beside one that cannot hold it."""
    return path.with_name(path.stem + COMPANION)


def beside(path: Path) -> Preprocessing | None:
    """What lies in the companion of ``path``, if there is a whole one."""
    file = companion(path)
    if not file.is_file() or file == path:
        return None
    try:
        return Preprocessing.load(file)
    except CheckpointError:
        return None
