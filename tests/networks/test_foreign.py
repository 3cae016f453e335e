"""Other libraries' weights: torchvision's give torchvision's outputs, what cannot be built is refused by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Activation, Family, Shortcut, Stem, StridePlace
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.imported_weights import StructureHints
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.foreign.recognise import recognise
from resnet_studio.networks.foreign.rename import MismatchError
from resnet_studio.networks.foreign.torchvision_names import model_name, to_torchvision
from resnet_studio.networks.residual import PlannedNetwork, build
from resnet_studio.networks.weights import digest, state_of


def made(make: Callable[[], nn.Module]) -> nn.Module:
    """A network with He's scale of weights in each layer, quickly: the libraries' own initialisation takes seconds."""
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        network = make()
    network.to_empty(device="cpu")
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = (6.0 / module.weight[0].numel()) ** 0.5
            module.weight.data.uniform_(-bound, bound, generator=generator)
            if module.bias is not None:
                module.bias.data.uniform_(-0.1, 0.1, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            assert module.num_batches_tracked is not None
            module.num_batches_tracked.fill_(7)
    return stirred(network)


def stirred(network: nn.Module) -> nn.Module:
    """With batch-norm statistics and weights that are not all zero and one: every tensor counts."""
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight, 0.5, 1.0), (module.bias, -0.1, 0.1),
                (module.running_mean, -0.1, 0.1), (module.running_var, 0.8, 1.2),
            ):  # fmt: skip
                assert tensor is not None
                tensor.data.uniform_(low, high, generator=generator)
    return network.eval()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "images"),
    [
        ("resnet18", 224, 2), ("resnet34", 96, 2), ("resnet50", 224, 1), ("resnet101", 64, 2), ("resnet152", 64, 2),
        ("vgg16", 224, 1), ("vgg19", 224, 1),
    ],
)  # fmt: skip
@torch.no_grad()
def test_torchvision_s_weights_give_torchvision_s_outputs(name: str, size: int, images: int) -> None:
    theirs = made(lambda: getattr(torchvision.models, name)(weights=None))
    found = recognise(theirs.state_dict())
    assert (found.spec.depth, found.spec.classes) == (int(name.strip("abcdefghijklmnopqrstuvwxyz")), 1000)
    assert found.naming.startswith("torchvision")
    if found.spec.family is Family.IMAGENET:
        assert found.spec.shortcut is Shortcut.B
    with torch.device("meta"):
        ours = PlannedNetwork(blueprint(found.spec)).eval()
    ours.load_state_dict(found.tensors, assign=True)
    x = torch.rand(images, 3, size, size) - 0.5
    expected = theirs(x)
    assert float((ours(x) - expected).abs().max()) < 1e-5
    assert float(expected.std()) > 1e-3

    back = to_torchvision(found.spec, found.tensors)
    assert list(back) == list(theirs.state_dict())
    theirs.load_state_dict(back, strict=True)
    again = recognise(back).tensors
    assert all(torch.equal(again[layer], tensor) for layer, tensor in found.tensors.items())


def small(**changes: object) -> NetworkSpec:
    values: dict[str, object] = {"depth": 8, "width": 4, "classes": 3}
    return NetworkSpec.model_validate({**values, **changes})


@pytest.mark.parametrize(
    "spec",
    [
        small(), small(block="plain"), small(shortcut="B"), small(shortcut="C"), small(depth=14, image_size=16),
        small(depth=11, block="bottleneck", shortcut="B"), small(block="single", depth=8),
        small(family="imagenet", depth=18, stem="3x3"), small(stages=(1, 2, 3), width=5, widths=(5, 6, 9), depth=14),
        small(family="imagenet", depth=50), small(stages=(2, 1, 1, 1, 2), depth=16, shortcut="B"),
    ],
    ids=lambda spec: f"{spec.family}-{spec.label}",
)  # fmt: skip
def test_our_own_names_come_back_as_the_same_network(spec: NetworkSpec) -> None:
    state = state_of(build(blueprint(spec), 3))
    found = recognise(state, StructureHints(image_size=spec.image_size))
    assert digest(found.tensors) == digest(state)
    assert found.naming == "ResNet Studio"
    assert sum(_alike(other, spec) for other in found.alternatives) == 1


def _alike(one: NetworkSpec, other: NetworkSpec) -> bool:
    """The same network, whatever its family is called."""
    keep = ("block", "branch", "shortcut", "stride_place", "zero_padding", "classes", "stem", "stage_blocks")
    keep += ("stage_widths",)
    return all(getattr(one, name) == getattr(other, name) for name in keep)


class Nested(nn.Module):
    """Names and nesting as other scripts have them: a Sequential branch, biases, a stem in a Sequential."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        for stage, (before, after) in enumerate(((4, 4), (4, 8), (8, 16)), start=2):
            block = nn.Module()
            step = 1 if before == after else 2
            block.residual_function = nn.Sequential(
                nn.Conv2d(before, after, 3, step, 1), nn.BatchNorm2d(after), nn.ReLU(),
                nn.Conv2d(after, after, 3, 1, 1), nn.BatchNorm2d(after),
            )  # fmt: skip
            block.shortcut = nn.Sequential()
            if step == 2:
                block.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, step, bias=False), nn.BatchNorm2d(after))
            self.add_module(f"conv{stage}_x", nn.Sequential(block))
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for stage in (self.conv2_x, self.conv3_x, self.conv4_x):
            for block in stage:  # type: ignore[union-attr]
                x = torch.relu(block.residual_function(x) + block.shortcut(x))
        return self.fc(x.mean((2, 3)))


@torch.no_grad()
def test_nested_names_and_biases_are_understood() -> None:
    torch.manual_seed(0)
    theirs = stirred(Nested())
    found = recognise({f"module.{name}": tensor for name, tensor in theirs.state_dict().items()})
    assert (found.spec.label, found.spec.width, found.spec.classes) == ("ResNet-8 B", 4, 5)
    assert "running mean" in found.changes[0]
    ours = build(blueprint(found.spec), 0).eval()
    ours.load_state_dict(found.tensors)
    x = torch.rand(2, 3, 32, 32)
    assert float((ours(x) - theirs(x)).abs().max()) < 1e-5


@torch.no_grad()
def test_projections_everywhere_and_old_files_without_counters() -> None:
    torch.manual_seed(0)
    state = state_of(build(blueprint(small(shortcut="C")), 0))
    old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    found = recognise(old)
    assert found.spec.shortcut is Shortcut.C
    assert all(int(found.tensors[name]) == 0 for name in state if name.endswith("num_batches_tracked"))


def resnet(block: type = torchvision.models.resnet.BasicBlock, **more: object) -> dict[str, Tensor]:
    return torchvision.models.ResNet(block, [1, 1, 1, 1], num_classes=5, **more).state_dict()  # type: ignore[arg-type]


def deep_stem() -> dict[str, Tensor]:
    network = torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], num_classes=5)
    network.conv1 = nn.Sequential(nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 64, 3))  # type: ignore[assignment]
    return network.state_dict()


def gated() -> dict[str, Tensor]:
    state = resnet()
    for number in (1, 2):
        state[f"layer1.0.se.fc{number}.weight"] = torch.zeros(64, 64, 1, 1)
    return state


def without(state: dict[str, Tensor], *parts: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith(parts)}


_WIDE = torchvision.models.resnet.Bottleneck
REFUSED: dict[str, tuple[Callable[[], dict[str, Tensor]], str]] = {
    "deep stem": (deep_stem, "stem conv1 has 2 convolutions"),
    "squeeze and excitation": (gated, "squeeze-and-excitation"),
    "grouped": (lambda: resnet(_WIDE, groups=32, width_per_group=4), "grouped convolutions, as ResNeXt"),
    "wide": (lambda: resnet(_WIDE, width_per_group=128), "four times its width"),
    "no classifier": (lambda: without(resnet(), "fc."), "no fully connected layer"),
    "no batch norm": (
        lambda: {k: v for k, v in resnet().items() if "bn" not in k and "downsample.1" not in k},
        "no batch norm",
    ),
    "vgg with batch norm": (lambda: torchvision.models.vgg16_bn(num_classes=5).state_dict(), "VGG with batch norm"),
    "vgg 11": (lambda: torchvision.models.vgg11(num_classes=5).state_dict(), "VGG of 11 layers"),
    "mobile": (lambda: torchvision.models.mobilenet_v2(num_classes=5).state_dict(), "a block of the paper has"),
    "dense": (lambda: torchvision.models.densenet121(num_classes=5).state_dict(), "cannot be told from weights alone"),
    "transformer": (lambda: torchvision.models.vit_b_32(num_classes=5).state_dict(), "no network of the paper has"),
    "missing projection": (lambda: without(resnet(), "layer3.0.downsample"), "layer3.0 lacks a projection"),
    "nothing": (dict, "no fully connected layer"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_built_is_refused_in_a_sentence_that_names_it(case: str) -> None:
    make, sentence = REFUSED[case]
    with torch.device("meta"):
        state = make()
    with pytest.raises(UserError, match=sentence) as caught:
        recognise(state)
    assert str(caught.value).endswith(".")


def test_a_mismatch_lists_layer_wanted_and_came() -> None:
    state = torchvision.models.resnet18(num_classes=7).state_dict()
    state["layer2.1.bn2.running_var"] = torch.ones(64)
    state["layer3.0.bn1.weight"] = torch.ones(3)
    with pytest.raises(MismatchError) as caught:
        recognise(state)
    assert len(caught.value.lines) == 2
    assert "layer2.1.bn2.running_var should have shape (128,) and has (64,)" in caught.value.lines
    assert "layer3.0.bn1.weight should have shape (256,) and has (3,)" in str(caught.value)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_a_diverged_network_is_refused(number: str) -> None:
    state = resnet()
    state["fc.bias"][2] = float(number)
    with pytest.raises(UserError, match="not finite"):
        recognise(state)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"family": "cifar", "depth": 20}, "Table 1"),
        ({"depth": 50, "stride_place": StridePlace.FIRST}, "halve the image in the 3x3"),
        ({"depth": 34, "shortcut": Shortcut.A}, "option B"),
        ({"depth": 18, "shortcut": Shortcut.B, "activation": Activation.PRE}, "after the convolutions"),
        ({"depth": 18, "shortcut": Shortcut.B, "stem": Stem.SMALL}, "stem is 7x7"),
        ({"family": "vgg", "depth": 16, "image_size": 64}, "224 pixels"),
    ],
)
def test_networks_that_torchvision_lacks_are_not_exported_as_its(changes: dict[str, object], fault: str) -> None:
    spec = NetworkSpec.model_validate({"family": "imagenet", **changes})
    with pytest.raises(UserError, match=fault):
        model_name(spec)
