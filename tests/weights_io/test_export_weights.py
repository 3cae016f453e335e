"""What goes out comes back the same, and other programs compute the same with it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import torchvision

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.imported_weights import ImportOptions, StructureHints
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.history.store import RunStore
from resnet_studio.inference.models import load
from resnet_studio.networks.residual import build
from resnet_studio.networks.weights import save_weights, state_of
from resnet_studio.weights_io.export_weights import export_weights
from resnet_studio.weights_io.import_weights import import_weights, inspect


@pytest.fixture
def run(trained, script: ModuleType, store: RunStore, class_file: Path) -> RunRecord:
    asked = ImportOptions(hints=StructureHints(image_size=16), mean=script.MEAN, std=script.STD, classes=class_file)
    return import_weights(store, inspect(trained("both")[0], asked), asked)


def test_safetensors_bring_everything_back(run: RunRecord, store: RunStore, tmp_path: Path) -> None:
    exported = export_weights(store, run, tmp_path / "net.safetensors")
    assert exported.weights_sha256 == run.weights_sha256
    found = inspect(tmp_path / "net.safetensors", ImportOptions())
    assert (found.found.question, found.found.assumed, found.found.naming) == ("", (), "ResNet Studio")
    again = import_weights(store, found, ImportOptions())
    assert (again.weights_sha256, again.class_names) == (run.weights_sha256, run.class_names)
    assert again.spec.network == run.spec.network
    x = torch.rand(2, 3, 16, 16)
    one, other = load(store, run), load(store, again)
    assert torch.equal(one.preprocessing.mean, other.preprocessing.mean)
    assert torch.equal(one.module(x), other.module(x))


def test_a_mean_image_travels_along(trained, store: RunStore, tmp_path: Path) -> None:
    np.save(tmp_path / "mean.npy", np.random.default_rng(0).random((3, 16, 16)))
    asked = ImportOptions(hints=StructureHints(image_size=16), pixel_mean=tmp_path / "mean.npy")
    run = import_weights(store, inspect(trained("end")[0], asked), asked)
    export_weights(store, run, tmp_path / "net.safetensors")
    again = import_weights(store, inspect(tmp_path / "net.safetensors", ImportOptions()), ImportOptions())
    assert torch.equal(load(store, run).preprocessing.mean, load(store, again).preprocessing.mean)
    other = ImportOptions(hints=StructureHints(image_size=32))
    inspected = inspect(tmp_path / "net.safetensors", other)
    with pytest.raises(UserError, match="for images of 16 pixels, not 32"):
        import_weights(store, inspected, other)


def test_torchvision_s_names_load_strictly_and_come_back(store: RunStore, tmp_path: Path) -> None:
    spec = NetworkSpec(family="imagenet", depth=18, classes=4, shortcut="B", image_size=64)
    file = tmp_path / "own.safetensors"
    save_weights(state_of(build(blueprint(spec), 5)), file)
    asked = ImportOptions(hints=StructureHints(image_size=64))
    said = ImportOptions(hints=asked.hints, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    run = import_weights(store, inspect(file, asked), said)
    exported = export_weights(store, run, tmp_path / "net.pth")
    assert [path.name for path in exported.files] == ["net.pth", "net.preprocessing.safetensors"]
    theirs = torchvision.models.resnet18(num_classes=4)
    theirs.load_state_dict(torch.load(tmp_path / "net.pth", weights_only=True), strict=True)
    ours = load(store, run)
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(theirs.eval()(x), ours.module(x), rtol=1e-5, atol=1e-5)
    again = import_weights(store, inspect(tmp_path / "net.pth", asked), asked)
    assert again.weights_sha256 == run.weights_sha256 == exported.weights_sha256
    assert "mean" not in again.environment["assumed"]  # it came with the file beside


def test_formats_that_do_not_fit_are_refused(run: RunRecord, store: RunStore, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"torchvision has no such network: .* as safetensors instead"):
        export_weights(store, run, tmp_path / "net.pth")
    with pytest.raises(UserError, match="does not say which format"):
        export_weights(store, run, tmp_path / "net.txt")
    with pytest.raises(UserError, match="is not there"):
        export_weights(store, run, tmp_path / "nowhere" / "net.safetensors")
    assert not list(tmp_path.glob("net*"))


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")),
    reason="the extra export is not installed",
)
def test_onnx_computes_the_same(run: RunRecord, store: RunStore, tmp_path: Path) -> None:
    import onnx
    import onnxruntime

    export_weights(store, run, tmp_path / "net.onnx")
    properties = {entry.key: entry.value for entry in onnx.load(tmp_path / "net.onnx").metadata_props}
    assert json.loads(properties["class_names"]) == list(run.class_names)
    assert "in 0..1" in properties["input"]
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    ours = load(store, run)
    for count in (1, 3):
        pixels = torch.randint(0, 256, (count, 3, 16, 16), dtype=torch.uint8)
        (logits,) = session.run(None, {"images": (pixels.float() / 255).numpy()})
        with torch.no_grad():
            expected = ours.module(ours.preprocessing.apply(pixels)).numpy()
        assert np.abs(logits - expected).max() < 1e-4


def test_without_the_extra_a_sentence_says_what_to_install(
    run: RunRecord, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"resnet-studio\[export\]"):
        export_weights(store, run, tmp_path / "net.onnx")
