"""A network as an ONNX file: images in 0..1 go in, logits come out, the preprocessing is part of the graph."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet_studio.domain.errors import UserError
from resnet_studio.inference.models import TrainedNetwork
from resnet_studio.platform.files import replacing
from resnet_studio.text import _
from resnet_studio.weights_io import sidecar

_OPSET = 18
NEEDED = _('ONNX needs packages that are not installed; install them with: pip install "resnet-studio[export]"')


class _Whole(nn.Module):
    """Preprocessing and network: (N, 3, S, S) in 0..1 -> logits (N, classes)."""

    def __init__(self, network: TrainedNetwork) -> None:
        super().__init__()
        self.network = network.module
        self.register_buffer("mean", network.preprocessing.mean.clone())
        self.register_buffer("std", network.preprocessing.std.clone())

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network((images - self.get_buffer("mean")) / self.get_buffer("std"))
        return logits


def write_onnx(network: TrainedNetwork, path: Path) -> str:
    """Write ``path`` in one file and check it; returns a sentence on its input and output.

    Raises:
        UserError: If the extra ``export`` is not installed.
        OSError: If the file cannot be written.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError:
        raise UserError(NEEDED) from None
    size = network.preprocessing.image_size
    whole = _Whole(network).eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            whole,
            (torch.zeros(2, 3, size, size),),
            dynamo=True,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned nothing")
    model = program.model_proto
    note = _(
        "Input images: float32 (N, 3, {size}, {size}), RGB in 0..1, the centre square of each resized to {size}; "
        "mean and std are part of the graph. Output logits: (N, classes).",
        size=size,
    )
    properties = sidecar.metadata(network.run.spec.network, network.class_names) | {
        "input": note,
        "run": network.run.id,
        "mean": _numbers(network.preprocessing.mean),
        "std": _numbers(network.preprocessing.std),
    }
    for key, value in properties.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    with replacing(path) as part:
        part.write_bytes(model.SerializeToString())
    return note


def _numbers(values: Tensor) -> str:
    """One number a colour, or that the mean is an image."""
    if values.shape[1] > 1:
        return _("one for each pixel, in the graph")
    return json.dumps([round(value, 6) for value in values.flatten().tolist()])
