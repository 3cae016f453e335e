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
from resnet_studio.text import _
from resnet_studio.weights_io.normalisation import colour_fault, fault, not_used

_SPEC, _CLASSES, _MEAN, _STD = "network", "class_names", "preprocessing.mean", "preprocessing.std"
MEAN_AND_STD = f"{_MEAN}, {_STD}"
COMPANION = ".preprocessing.safetensors"


@dataclass(frozen=True, eq=False)
class Sidecar:
    """What lay beside the weights in a file: None or empty where there was none.

    Attributes:
        ignored: A sentence where there was a network that cannot be read.
        images_ignored: The same for mean and std.
        classes_ignored: The same for class names.
    """

    spec: NetworkSpec | None = None
    preprocessing: Preprocessing | None = None
    class_names: tuple[str, ...] = ()
    ignored: str = ""
    images_ignored: str = ""
    classes_ignored: str = ""


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
    """The weights of ``file`` without what is no weight, and that; what makes no sense is named as ignored."""
    left = dict(file.tensors)
    mean, std = left.pop(_MEAN, None), left.pop(_STD, None)
    spec: NetworkSpec | None = None
    ignored = ""
    if text := file.metadata.get(_SPEC, ""):
        try:
            spec = from_json(NetworkSpec, text)
        except SpecError:
            ignored = _("What the file says of its network cannot be read and was ignored; its shapes were looked at.")
    names, classes_ignored = _names(file.metadata.get(_CLASSES, ""))
    images, images_ignored = _images(mean, std)
    return left, Sidecar(spec, images, names, ignored, images_ignored, classes_ignored)


def _images(mean: Tensor | None, std: Tensor | None) -> tuple[Preprocessing | None, str]:
    """Mean and std as they lay in a file, else a sentence on why they are of no use; nothing where there were none."""
    if mean is None and std is None:
        return None, ""
    if mean is None or std is None:
        return None, not_used(_MEAN if std is None else _STD, _("the other one is missing"))
    return usable(mean, std, MEAN_AND_STD)


def usable(mean: Tensor, std: Tensor, names: str) -> tuple[Preprocessing | None, str]:
    """The preprocessing of these, else a sentence that names them ``names`` and says why there is none."""
    if why := fault(mean, std):
        return None, not_used(names, why)
    return Preprocessing(mean.shape[1], mean.float(), std.float()), ""


def names_ignored(why: str) -> str:
    """A sentence on class names that came with a file."""
    return _("The file's own class names were ignored, because {why}.", why=why)


def _names(text: str) -> tuple[tuple[str, ...], str]:
    try:
        values = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return (), names_ignored(_("they cannot be read"))
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return (), names_ignored(_("they are no list of names"))
    if len(set(values)) < len(values):
        return (), names_ignored(_("a name comes twice"))
    return tuple(values), ""


def companion(path: Path) -> Path:
    """The file for preprocessing beside one that cannot hold it."""
    return path.with_name(path.stem + COMPANION)


def beside(path: Path) -> tuple[Preprocessing | None, str]:
    """What lies in the companion of ``path``, if there is one; else a sentence on why it is of no use."""
    file = companion(path)
    if not file.is_file() or file == path:
        return None, ""
    try:
        images = Preprocessing.load(file)
    except CheckpointError:
        return None, not_used(file.name, _("the file is damaged"))
    if why := colour_fault(images):
        return None, not_used(file.name, why)
    return images, ""
