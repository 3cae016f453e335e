"""A stored run's weights as a file for other programs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.history.store import RunStore
from resnet_studio.inference.models import TrainedNetwork, load
from resnet_studio.networks.foreign.torchvision_names import model_name, to_torchvision
from resnet_studio.networks.weights import digest, state_of
from resnet_studio.platform.files import replacing
from resnet_studio.text import _
from resnet_studio.weights_io import sidecar


class Format(StrEnum):
    """safetensors: our own names, with everything needed to import it. torchvision: a state_dict with its names."""

    SAFETENSORS = "safetensors"
    TORCHVISION = "torchvision"
    ONNX = "onnx"


_SUFFIXES = {
    ".safetensors": Format.SAFETENSORS,
    ".pth": Format.TORCHVISION,
    ".pt": Format.TORCHVISION,
    ".onnx": Format.ONNX,
}


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that were written, how to use them in a sentence, and the digest of the weights inside."""

    files: tuple[Path, ...]
    note: str
    weights_sha256: str


def format_of(path: Path) -> Format:
    """By the suffix; raises UserError for one that says nothing."""
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise UserError(
            _(
                "{name} does not say which format is meant; end it in {suffixes}.",
                name=path.name or path,
                suffixes=", ".join(_SUFFIXES),
            )
        )
    return found


def export_weights(store: RunStore, run: RunRecord, path: Path, kind: Format | None = None) -> Exported:
    """Write the newest weights of ``run`` to ``path``, whole or not at all.

    Raises:
        UserError: If the run has no weights, the format cannot hold its network, or the file cannot be written.
    """
    kind = kind or format_of(path)
    network = load(store, run)
    if not path.parent.is_dir():
        raise UserError(
            _("The folder {parent} is not there; choose another place for {name}.", parent=path.parent, name=path.name)
        )
    try:
        exported = _written(network, path, kind)
    except (OSError, SafetensorError) as error:
        raise UserError(
            _("{path} cannot be written ({error}); choose another place.", path=path, error=error)
        ) from None
    return replace(exported, note=f"{network.notice} {exported.note}".strip())


def _written(network: TrainedNetwork, path: Path, kind: Format) -> Exported:
    if kind is Format.SAFETENSORS:
        return _safetensors(network, path)
    if kind is Format.TORCHVISION:
        return _torchvision(network, path)
    from resnet_studio.weights_io.onnx_file import write_onnx

    return Exported((path,), write_onnx(network, path), digest(state_of(network.module)))


def _safetensors(network: TrainedNetwork, path: Path) -> Exported:
    state = state_of(network.module)
    text = sidecar.metadata(network.run.spec.network, network.class_names) | {
        "run": network.run.id,
        "name": network.run.name,
        "iteration": str(network.iteration),
    }
    with replacing(path) as part:
        save_file(state | sidecar.tensors(network.preprocessing), part, metadata=text)
    return Exported((path,), _("It holds network, preprocessing and class names beside the weights."), digest(state))


def _torchvision(network: TrainedNetwork, path: Path) -> Exported:
    spec, state = network.run.spec.network, state_of(network.module)
    named = to_torchvision(spec, state)
    with replacing(path) as part:
        torch.save(named, part)
    beside = sidecar.companion(path)
    network.preprocessing.to("cpu").save(beside)
    note = _(
        "torchvision.models.{model_name}(num_classes={classes}).load_state_dict(torch.load({name!r})) "
        "takes it; mean and std of the images are in {beside_name}.",
        model_name=model_name(spec),
        classes=spec.classes,
        name=path.name,
        beside_name=beside.name,
    )
    return Exported((path, beside), note, digest(state))
