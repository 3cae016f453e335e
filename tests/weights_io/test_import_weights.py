"""Checkpoints of a script that is not ours: imported without a word on their structure, they make the same errors."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.enums import Block, RunStatus, Shortcut, ZeroPadding
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.imported_weights import ImportOptions, StructureHints
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.specs import DataSpec
from resnet_studio.history.store import RunStore
from resnet_studio.inference.evaluate import evaluate
from resnet_studio.inference.models import load
from resnet_studio.platform.home import Home
from resnet_studio.weights_io.import_weights import import_weights, inspect

Expected = tuple[Block, Shortcut, ZeroPadding]
KINDS: dict[str, Expected] = {
    "end": (Block.BASIC, Shortcut.A, ZeroPadding.END),
    "both": (Block.BASIC, Shortcut.A, ZeroPadding.BOTH),
    "plain": (Block.PLAIN, Shortcut.NONE, ZeroPadding.END),
    "projection": (Block.BASIC, Shortcut.B, ZeroPadding.END),
}


def options(script: ModuleType, class_file: Path, size: int | None = 16) -> ImportOptions:
    return ImportOptions(hints=StructureHints(image_size=size), mean=script.MEAN, std=script.STD, classes=class_file)


@pytest.mark.parametrize("kind", KINDS)
def test_a_script_s_checkpoint_makes_the_script_s_own_errors(
    kind: str, trained, script: ModuleType, pictures: Path, class_file: Path, store: RunStore, home: Home
) -> None:
    file, wrong, images = trained(kind)
    asked = options(script, class_file)
    run = import_weights(store, inspect(file, asked), asked)

    network = run.spec.network
    assert (network.block, network.shortcut, network.zero_padding) == KINDS[kind]
    assert (network.depth, network.width, network.classes, network.image_size) == (8, 8, 10, 16)
    assert (run.status, run.spec.data.source, run.iteration) == (RunStatus.IMPORTED, "none", 0)
    assert store.get(run.id) == run
    found = evaluate([load(store, run)], DataSpec(source=f"folder:{pictures}"), Protocol(), home)
    assert (found.images, round(found.top1_error * images / 100, 6)) == (images, wrong)
    assert 0 < wrong < images  # it learned something, and not everything


def some_of(folder: Path, into: Path, counts: dict[str, int]) -> Path:
    """Links to the first images of each class."""
    for part, count in counts.items():
        for of_class in (folder / part).iterdir():
            (into / part / of_class.name).mkdir(parents=True)
            for name in sorted(os.listdir(of_class))[:count]:  # noqa: PTH208 - strings: there are fifty thousand
                (into / part / of_class.name / name).symlink_to(of_class / name)
    return into


@pytest.mark.slow
@pytest.mark.real_cifar10
def test_on_the_real_test_images_too(
    script: ModuleType, cifar10_folder: Path, store: RunStore, home: Home, tmp_path: Path
) -> None:
    some = some_of(cifar10_folder, tmp_path / "some", {"train": 200, "test": 100})
    for padding in ("end", "both"):  # in one test: the images are decoded once
        torch.manual_seed(0)
        network = script.ResNet(2, padding)
        training, testing = script.loaders(some, 32, 32)
        script.train(network, training, 60, 0.05)  # one epoch
        file = tmp_path / f"{padding}.th"
        script.save(network, file, 60)
        wrong, images = script.wrong(network, testing)
        asked = ImportOptions(mean=script.MEAN, std=script.STD)
        run = import_weights(store, inspect(file, asked), asked)
        found = evaluate([load(store, run)], DataSpec(source=f"folder:{some}"), Protocol(), home)
        assert run.spec.network.zero_padding == padding
        assert images == 1000
        assert (found.images, round(found.top1_error * images / 100, 6)) == (images, wrong)


def test_the_run_remembers_where_it_came_from_and_what_was_assumed(
    trained, script: ModuleType, store: RunStore
) -> None:
    file, _, _ = trained("both")
    asked = ImportOptions(hints=StructureHints(image_size=16), name="from a friend")
    run = import_weights(store, inspect(file, asked), asked)
    told = run.environment
    assert (run.name, told["source_file"], len(told["source_sha256"])) == ("from a friend", "both.th", 64)
    assert "on both sides" in told["recognised"]
    assert "--mean" in told["assumed"]
    assert "--classes" in told["assumed"]
    assert run.class_names == tuple(f"class {number}" for number in range(10))


def test_without_statistics_the_place_of_the_zeros_is_asked_for(script: ModuleType, store: RunStore, tmp_path) -> None:
    file = tmp_path / "untrained.pth"
    torch.save(script.ResNet(1, "both").state_dict(), file)
    asked = inspect(file, ImportOptions())
    assert "--zero-padding both" in asked.found.question
    with pytest.raises(UserError, match="--zero-padding end or"):
        import_weights(store, asked, ImportOptions())
    assert store.list_runs() == []

    for padding in ZeroPadding:
        said = ImportOptions(hints=StructureHints(zero_padding=padding))
        found = inspect(file, said).found
        assert (found.question, found.spec.zero_padding, found.spec.residual) == ("", padding, True)
        assert "said when it was imported" in found.notes[-1]
    said = ImportOptions(hints=StructureHints(block=Block.PLAIN))
    assert not inspect(file, said).found.spec.residual
    chosen = asked.as_network(asked.found.alternatives[1])
    assert import_weights(store, chosen, ImportOptions()).spec.network == asked.found.alternatives[1]


@pytest.mark.parametrize("batches", [1, 3, 6, 10, 20])
@pytest.mark.parametrize("padding", ["end", "both"])
def test_a_few_batches_are_enough(padding: str, batches: int, script: ModuleType, tmp_path: Path) -> None:
    """After them most of the stored statistics are what batch norm starts with: like a net without shortcuts."""
    network = _shown(script.ResNet(3, padding), batches, 0.1)
    torch.save(network.state_dict(), tmp_path / "early.pth")
    found = inspect(tmp_path / "early.pth", ImportOptions()).found
    assert (found.question, found.spec.shortcut, found.spec.zero_padding) == ("", Shortcut.A, padding)
    assert f"Only {batches} batch" in " ".join(found.notes)


@pytest.mark.parametrize("batches", [5, 43])
def test_statistics_that_are_kept_longer_than_usual_never_make_another_network_sure(
    batches: int, script: ModuleType, tmp_path: Path
) -> None:
    network = _shown(script.ResNet(9, "both"), batches, 0.01)
    torch.save(network.state_dict(), tmp_path / "slow.pth")
    found = inspect(tmp_path / "slow.pth", ImportOptions()).found
    assert found.question or found.spec.zero_padding is ZeroPadding.BOTH


def _shown(network: torch.nn.Module, batches: int, share: float) -> torch.nn.Module:
    """In training mode, ``share`` of each batch going into the statistics; smooth images, other than the probe's."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = share
    generator = torch.Generator().manual_seed(1)
    network.train()
    with torch.no_grad():
        for _ in range(batches):
            coarse = torch.randn(8, 3, 8, 8, generator=generator)
            network(torch.nn.functional.interpolate(coarse, size=32, mode="bilinear"))
    return network


def test_what_is_said_is_never_told_as_evidence(trained) -> None:
    file, _, _ = trained("both")
    wrong = inspect(file, ImportOptions(hints=StructureHints(zero_padding=ZeroPadding.END))).found
    assert wrong.spec.zero_padding is ZeroPadding.END
    assert "statistics" not in " ".join(wrong.notes)


def test_wishes_that_the_shapes_exclude_are_refused(trained) -> None:
    file, _, _ = trained("projection")
    with pytest.raises(UserError, match="their shortcut is option B"):
        inspect(file, ImportOptions(hints=StructureHints(shortcut=Shortcut.A)))


@pytest.mark.parametrize("kind", ["npy", "npy255", "safetensors", "pth"])
def test_a_mean_image_comes_from_a_file(kind: str, trained, class_file: Path, store: RunStore, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    mean = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    file = tmp_path / f"mean.{kind.removesuffix('255')}"
    if kind == "npy":
        np.save(file, mean.permute(1, 2, 0).numpy())
    elif kind == "npy255":
        np.save(file, 255 * mean.numpy())
    elif kind == "safetensors":
        save_file({"mean": mean}, file)
    else:
        torch.save(mean, file)
    asked = ImportOptions(hints=StructureHints(image_size=16), pixel_mean=file, classes=class_file)
    run = import_weights(store, inspect(trained("end")[0], asked), asked)
    stored = Preprocessing.load(store.home.run(run.id).path / "preprocessing.safetensors")
    assert torch.allclose(stored.mean, mean, atol=1e-6)
    assert stored.std.tolist() == [[[1.0]]] * 3


def test_the_mean_image_of_a_data_set_is_measured(trained, pictures: Path, store: RunStore) -> None:
    asked = ImportOptions(hints=StructureHints(image_size=16), mean_of=DataSpec(source=f"folder:{pictures}"))
    run = import_weights(store, inspect(trained("end")[0], asked), asked)
    stored = Preprocessing.load(store.home.run(run.id).path / "preprocessing.safetensors")
    assert tuple(stored.mean.shape) == (3, 16, 16)
    assert 0.4 < float(stored.mean.mean()) < 0.6


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mean": (0.5, 0.5, 0.5)}, "give both, or neither"),
        ({"mean": (120.0, 120.0, 120.0), "std": (60.0, 60.0, 60.0)}, "divide them by 255"),
        ({"mean": (0.5,) * 3, "std": (0.2,) * 3, "pixel_mean": Path("mean.npy")}, "exclude each other"),
        ({"pixel_mean": Path("nowhere.npy")}, "cannot be read"),
        ({"pixel_mean": Path("mean.txt")}, "is no mean image"),
        ({"classes": Path("nowhere.txt")}, "cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_stored(
    changes: dict[str, object], sentence: str, trained, store: RunStore
) -> None:
    asked = ImportOptions(hints=StructureHints(image_size=16), **changes)  # type: ignore[arg-type]
    inspected = inspect(trained("end")[0], asked)
    with pytest.raises(UserError, match=sentence):
        import_weights(store, inspected, asked)
    assert store.list_runs() == []
    assert list(store.home.runs.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("one\ntwo\n", "names 2 classes, but the network has 10"),
        ("a\n" * 10, "names a twice"),
        ("[1,", "not valid JSON"),
    ],
)
def test_class_files_are_checked(text: str, sentence: str, trained, store: RunStore, tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text(text, encoding="utf-8")
    asked = ImportOptions(hints=StructureHints(image_size=16), classes=file)
    with pytest.raises(UserError, match=sentence):
        import_weights(store, inspect(trained("end")[0], asked), asked)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipes_and_endless_files_beside_the_weights_are_refused_at_once(trained, store: RunStore, tmp_path) -> None:
    inspected = inspect(trained("end")[0], ImportOptions(hints=StructureHints(image_size=16)))
    pipe = tmp_path / "pipe.npy"
    os.mkfifo(pipe)
    for changes in ({"classes": pipe}, {"classes": Path("/dev/zero")}, {"pixel_mean": pipe}):
        asked = ImportOptions(hints=StructureHints(image_size=16), **changes)  # type: ignore[arg-type]
        with pytest.raises(UserError, match="pipe or a device"):
            import_weights(store, inspected, asked)


def test_class_names_may_be_a_json_list(trained, store: RunStore, tmp_path: Path) -> None:
    file = tmp_path / "names.json"
    file.write_text(json.dumps([f"ö{number}" for number in range(10)]), encoding="utf-8")
    asked = ImportOptions(hints=StructureHints(image_size=16), classes=file)
    assert import_weights(store, inspect(trained("end")[0], asked), asked).class_names[3] == "ö3"


def test_a_reader_is_told_why_it_cannot_import(trained, home: Home) -> None:
    inspected = inspect(trained("end")[0], ImportOptions())
    with RunStore.open(home), RunStore.open(home) as second, pytest.raises(StoreError, match="in use"):
        import_weights(second, inspected, ImportOptions())


def test_a_full_disk_leaves_nothing_behind(trained, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from resnet_studio.training import checkpoints

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "_write", full)
    inspected = inspect(trained("end")[0], ImportOptions())
    with pytest.raises(StoreError, match="No space left"):
        import_weights(store, inspected, ImportOptions())
    assert store.list_runs() == []
    assert list(store.home.runs.iterdir()) == []


def our_own(trained, script: ModuleType, store: RunStore, folder: Path) -> tuple[dict[str, torch.Tensor], dict]:  # type: ignore[type-arg]
    """The tensors and the metadata of an exported file with a mean and a std of its own."""
    from safetensors import safe_open

    from resnet_studio.weights_io.export_weights import export_weights

    asked = ImportOptions(hints=StructureHints(image_size=16), mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    run = import_weights(store, inspect(trained("projection")[0], asked), asked)
    export_weights(store, run, folder / "own.safetensors")
    with safe_open(folder / "own.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata())  # noqa: SIM118


MEAN, STD = "preprocessing.mean", "preprocessing.std"
NAN = float("nan")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({STD: torch.zeros(3, 1, 1)}, "above zero"),
        ({STD: -torch.ones(3, 1, 1)}, "above zero"),
        ({STD: torch.full((3, 1, 1), NAN)}, "not finite"),
        ({MEAN: torch.full((3, 1, 1), NAN)}, "not finite"),
        ({MEAN: torch.full((3, 1, 1), 120.0)}, "no numbers for colours in 0..1"),
        ({MEAN: torch.ones(3)}, "shapes (3,)"),
        ({MEAN: torch.ones(3, 8, 8)}, "an image of 8 pixels a side"),
        ({STD: None}, "the other one is missing"),
    ],
)
def test_a_mean_and_a_std_of_our_own_file_that_no_image_can_have_are_named_as_not_used(
    changes: dict[str, torch.Tensor | None], why: str, trained, script: ModuleType, store: RunStore, tmp_path: Path
) -> None:
    from safetensors.torch import save_file

    tensors, metadata = our_own(trained, script, store, tmp_path)
    kept = {name: tensor for name, tensor in (tensors | changes).items() if tensor is not None}
    save_file(kept, tmp_path / "damaged.safetensors", metadata)
    inspected = inspect(tmp_path / "damaged.safetensors", ImportOptions())
    assert not inspected.found.carries_preprocessing
    run = import_weights(store, inspected, ImportOptions())
    assumed = run.environment["assumed"]
    assert "The file's own mean and std (preprocessing." in assumed
    assert why in assumed
    assert "with --mean and --std" in assumed
    stored = Preprocessing.load(store.home.run(run.id).preprocessing)
    assert bool(torch.isfinite(stored.mean).all())
    assert float(stored.std.min()) > 0.1
    said = ImportOptions(mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
    assert "not used" not in import_weights(store, inspected, said).environment["assumed"]


@pytest.mark.parametrize(
    ("changes", "ignored"),
    [
        ({"network": '{"x":', "class_names": "[3]"}, ("of its network", "class names were ignored, because they are")),
        ({"class_names": '{"x":'}, ("class names were ignored, because they cannot be read",)),
        ({"class_names": '["a", "b"]'}, ("there are 2 of them for 10 outputs",)),
        ({"class_names": json.dumps(["a"] * 10)}, ("a name comes twice",)),
        ({"network": None, "class_names": None, "format": None}, ()),
    ],
)
def test_a_mean_and_a_std_are_used_whatever_the_rest_of_our_own_file_says(
    changes: dict[str, str | None], ignored: tuple[str, ...], trained, script: ModuleType, store: RunStore, tmp_path
) -> None:
    from safetensors.torch import save_file

    tensors, metadata = our_own(trained, script, store, tmp_path)
    tensors[MEAN] = tensors[MEAN].expand(3, 16, 16).contiguous()  # tells the size of the images too
    kept = {name: text for name, text in (metadata | changes).items() if text is not None}
    save_file(tensors, tmp_path / "changed.safetensors", kept)
    inspected = inspect(tmp_path / "changed.safetensors", ImportOptions())
    assert (inspected.found.carries_preprocessing, inspected.found.spec.image_size) == (True, 16)
    run = import_weights(store, inspected, ImportOptions())
    stored = Preprocessing.load(store.home.run(run.id).preprocessing)
    assert torch.equal(stored.mean, tensors[MEAN])
    assert torch.equal(stored.std, tensors[STD])
    assumed = run.environment["assumed"]
    assert "normalised with" not in assumed
    assert assumed.count("ignored") == len(ignored)
    for words in ignored:
        assert words in assumed


def test_a_damaged_companion_is_named_as_not_used(trained, store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "net.th").write_bytes(trained("projection")[0].read_bytes())
    beside = tmp_path / "net.preprocessing.safetensors"
    asked = ImportOptions(hints=StructureHints(image_size=16))
    for images, why in (
        (Preprocessing(16, torch.zeros(3, 1, 1), torch.zeros(3, 1, 1)), "above zero"),
        (
            Preprocessing(16, torch.zeros(3, 1, 1), torch.ones(3, 1, 1), torch.full((3,), NAN), torch.eye(3)),
            "principal components",
        ),
        (None, "the file is damaged"),
    ):
        beside.write_bytes(b"?") if images is None else images.save(beside)
        run = import_weights(store, inspect(tmp_path / "net.th", asked), asked)
        assert f"(net.preprocessing.safetensors) were not used, because {why}" in run.environment["assumed"].replace(
            "a standard deviation must be ", ""
        ).replace("their ", "")


def test_a_mean_among_foreign_weights_that_cannot_be_used_is_named(trained, store: RunStore, tmp_path: Path) -> None:
    weights = torch.load(trained("projection")[0], weights_only=True)["state_dict"]
    for mean, std, why in (
        (torch.full((3,), 0.5), torch.zeros(3), "above zero"),
        (torch.full((3, 8, 8), 0.5), torch.ones(3), "8 pixels a side"),
    ):
        torch.save({"normalize.mean": mean, "normalize.std": std, **weights}, tmp_path / "normalised.pth")
        inspected = inspect(tmp_path / "normalised.pth", ImportOptions())
        assert "file's own" not in " ".join(inspected.found.notes)
        run = import_weights(store, inspected, ImportOptions())
        assert "(normalize.mean and normalize.std) were not used" in run.environment["assumed"]
        assert why in run.environment["assumed"]
