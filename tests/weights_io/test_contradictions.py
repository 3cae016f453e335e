"""Weights whose network differs where there are no tensors: doubted by batch norm's statistics, never told as sure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.imported_weights import ImportOptions, StructureHints
from resnet_studio.history.store import RunStore
from resnet_studio.weights_io.import_weights import import_weights, inspect

SIZE = ImportOptions(hints=StructureHints(image_size=16))


def pooled(network: nn.Module) -> None:
    network.bn1 = nn.Sequential(network.bn1, nn.ReLU(), nn.MaxPool2d(3, 2, 1))


def averaged(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(getattr(module, "shortcut", None), nn.Sequential) and len(module.shortcut):
            module.shortcut[0].stride = (1, 1)
            module.shortcut.insert(0, nn.AvgPool2d(2))


class Blur(nn.Module):
    """A binomial filter of 3 x 3, every second pixel kept: no tensor of it is in the file."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        line = torch.tensor([0.25, 0.5, 0.25])
        kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=x.shape[1])


def blurred(network: nn.Module) -> None:
    """The usual network strides in its first convolution; this one blurs behind it and keeps every second pixel."""
    for module in network.modules():
        if isinstance(getattr(module, "shortcut", None), nn.Sequential) and len(module.shortcut):
            module.conv1.stride = (1, 1)
            module.conv2 = nn.Sequential(Blur(), module.conv2)


def blurred_on_both(network: nn.Module) -> None:
    blurred(network)
    for module in network.modules():
        if isinstance(getattr(module, "shortcut", None), nn.Sequential) and len(module.shortcut):
            module.shortcut[0].stride = (1, 1)
            module.shortcut.insert(0, Blur())


@pytest.fixture(scope="session")
def trained_with(script: ModuleType, pictures: Path, tmp_path_factory: pytest.TempPathFactory):
    """A checkpoint of the usual script whose network was changed first, its names as if it had not been."""

    def train(change: Callable[[nn.Module], None]) -> Path:
        torch.manual_seed(1)
        network = script.ResNet(1, "projection", width=8)
        wanted = list(network.state_dict())
        change(network)
        training, _ = script.loaders(pictures, 16, 32)
        script.train(network, training, 120, 0.05)
        file = tmp_path_factory.mktemp("changed") / "changed.pth"
        torch.save(dict(zip(wanted, network.state_dict().values(), strict=True)), file)
        return file

    return train


@pytest.mark.parametrize("kind", ["end", "both", "plain", "projection"])
def test_the_right_network_is_not_doubted(kind: str, trained) -> None:
    found = inspect(trained(kind)[0], SIZE).found
    assert "Doubtful" not in " ".join(found.assumed)


def test_a_pool_behind_the_stem_is_doubted_by_name(trained_with, store: RunStore) -> None:
    file = trained_with(pooled)
    inspected = inspect(file, SIZE)
    (doubt,) = [text for text in inspected.found.assumed if text.startswith("Doubtful")]
    assert "max pool" in doubt
    assert "behind the stem" in doubt
    run = import_weights(store, inspected, SIZE)
    assert doubt in run.environment["assumed"]


def unchanged(_: nn.Module) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (averaged, "average pool before the projections"),
        (blurred, "a blur where it halves the image were"),
        (blurred_on_both, "a blur where it halves the image, on both paths"),
        (unchanged, ""),
    ],
)
def test_what_smooths_where_the_image_is_halved_is_doubted_by_name(
    change: Callable[[nn.Module], None], named: str, script: ModuleType, tmp_path: Path
) -> None:
    """Shown images with more grain than the noise of the check has, as photographs do."""
    torch.manual_seed(0)
    network = script.ResNet(1, "projection")
    wanted = list(network.state_dict())
    change(network)
    with torch.no_grad():
        for _ in range(60):
            coarse = F.interpolate(torch.randn(8, 3, 6, 6), size=32, mode="bicubic")
            network(coarse + 0.5 * torch.randn(8, 3, 32, 32) + 0.4 * torch.randn(8, 3, 1, 1))
    state = dict(zip(wanted, network.state_dict().values(), strict=True))
    torch.save(state, tmp_path / "shown.pth")
    assumed = " ".join(inspect(tmp_path / "shown.pth", ImportOptions()).found.assumed)
    assert ("Doubtful" in assumed) is bool(named)
    assert named in assumed


def test_few_batches_and_no_statistics_are_no_contradiction(script: ModuleType, tmp_path: Path) -> None:
    network = script.ResNet(1, "projection")
    torch.save(network.state_dict(), tmp_path / "new.pth")
    assert "Doubtful" not in " ".join(inspect(tmp_path / "new.pth", SIZE).found.assumed)
    network.train()
    for _ in range(3):
        network(torch.randn(4, 3, 16, 16))
    torch.save(network.state_dict(), tmp_path / "early.pth")
    assert "Doubtful" not in " ".join(inspect(tmp_path / "early.pth", SIZE).found.assumed)


def test_normalisation_in_the_file_is_the_run_s(trained, store: RunStore, tmp_path: Path) -> None:
    weights = torch.load(trained("projection")[0], weights_only=True)["state_dict"]
    torch.save(
        {"normalize.mean": torch.tensor([0.4, 0.5, 0.6]), "normalize.std": torch.tensor([0.2, 0.3, 0.4]), **weights},
        tmp_path / "normalised.pth",
    )
    inspected = inspect(tmp_path / "normalised.pth", SIZE)
    assert inspected.found.carries_preprocessing
    run = import_weights(store, inspected, SIZE)
    from resnet_studio.data.preprocessing import Preprocessing

    stored = Preprocessing.load(store.home.run(run.id).preprocessing)
    assert [round(value, 6) for value in stored.mean.flatten().tolist()] == [0.4, 0.5, 0.6]
    assert "--mean" not in run.environment["assumed"]
    assert "are the file's own, normalize.mean and normalize.std." in run.environment["recognised"]
    said = ImportOptions(hints=SIZE.hints, mean=(0.1, 0.1, 0.1), std=(1.0, 1.0, 1.0))
    assert import_weights(store, inspected, said).environment["assumed"].count("normalised") == 0


def test_the_set_that_was_chosen_is_the_run_s(trained, store: RunStore, tmp_path: Path) -> None:
    weights = torch.load(trained("projection")[0], weights_only=True)["state_dict"]
    other = {name: tensor * 1.5 if name.endswith("linear.weight") else tensor for name, tensor in weights.items()}
    torch.save({"state_dict": weights, "state_dict_ema": other}, tmp_path / "two.pth.tar")
    found = {}
    for key in (None, "state_dict", "state_dict_ema"):
        asked = ImportOptions(hints=SIZE.hints, weights_key=key)
        inspected = inspect(tmp_path / "two.pth.tar", asked)
        run = import_weights(store, inspected, asked)
        found[key] = run.weights_sha256
        told, assumed = run.environment["recognised"], run.environment["assumed"]
        assert ("--weights-key" in assumed) is (key is None)
        assert f"under {key or 'state_dict'} are meant, not those under" in (assumed if key is None else told)
        assert {key for key, _ in inspected.found.sets} == {"state_dict", "state_dict_ema"}
    assert found[None] == found["state_dict"] != found["state_dict_ema"]


def test_another_image_size_is_named_where_it_fits(tmp_path: Path) -> None:
    """A 7x7 stem and five halvings: at 32 pixels most of what the last layers see is padding."""
    import torchvision

    torch.manual_seed(0)
    network = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=3)
    with torch.no_grad():
        for _ in range(60):
            network(F.interpolate(torch.randn(8, 3, 6, 6), size=32, mode="bicubic") + 0.4 * torch.randn(8, 3, 32, 32))
    torch.save(network.state_dict(), tmp_path / "small.pth")
    assumed = " ".join(
        inspect(tmp_path / "small.pth", ImportOptions(hints=StructureHints(image_size=32))).found.assumed
    )
    assert "Doubtful" not in assumed
    doubted = " ".join(inspect(tmp_path / "small.pth", ImportOptions()).found.assumed)
    assert "images of 32 pixels a side, give that size" in doubted


def test_a_mean_that_the_first_batch_norm_contradicts_is_doubted(
    script: ModuleType, store: RunStore, tmp_path: Path
) -> None:
    """The deviation fits, the mean does not: no image in 0..1 has mean 0 and varies."""
    torch.manual_seed(0)
    network = script.ResNet(1, "projection")
    with torch.no_grad():
        for _unused in range(50):
            network(F.interpolate(torch.randn(8, 1, 6, 6), size=32, mode="bicubic").expand(-1, 3, -1, -1))
    torch.save(network.state_dict(), tmp_path / "shown.pth")
    inspected = inspect(tmp_path / "shown.pth", ImportOptions())
    for mean, doubted in ((0.0, True), (0.5, False)):
        asked = ImportOptions(mean=(mean,) * 3, std=(0.25,) * 3)
        assumed = import_weights(store, inspected, asked).environment["assumed"]
        assert ("mean and std do not fit" in assumed) is doubted
        assert ("would fit (CIFAR-10)" in assumed) is doubted


def test_biases_that_the_statistics_contradict_are_named_in_the_question(trained, tmp_path: Path) -> None:
    weights = torch.load(trained("end")[0], weights_only=True)["state_dict"]
    convolutions = {name: tensor for name, tensor in weights.items() if tensor.dim() == 4}
    generator = torch.Generator().manual_seed(0)
    for size, named in ((3.0, True), (0.0, False)):
        biases = {
            f"{name.removesuffix('weight')}bias": size * torch.randn(len(tensor), generator=generator)
            for name, tensor in convolutions.items()
        }
        torch.save({**weights, **biases}, tmp_path / "biases.pth")
        question = inspect(tmp_path / "biases.pth", SIZE).found.question
        assert question.startswith("Its convolutions have biases, which no network of the paper has") is named
        assert bool(question) is named
